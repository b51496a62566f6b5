import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createNameTurns } from '../../appliance/automation/name-turns.ts'
import { openSiteVault, type VaultPlace } from '../../appliance/automation/open-vault.ts'
import { changeVaultSource, vaultState } from '../../appliance/automation/vault-functions.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from './inventory-world.ts'
import { device, moment } from './vault-world.ts'

const script = fileURLToPath(new URL('./vault-mover.ts', import.meta.url))

interface Home {
  readonly state: string
  readonly config: string
  readonly settings: string
}

/** State and settings in folders of their own, and a file with two passphrases beside them. */
function homeFor(t: Test): Home & { readonly from: (name: 'FIRST' | 'SECOND') => string } {
  const folder = directoryFor(t)
  const [state, config] = [join(folder, 'state'), join(folder, 'config')]
  mkdirSync(join(folder, 'keys'))
  const file = join(folder, 'keys', 'passphrases')
  writeFileSync(file, 'FIRST="a first long passphrase"\nSECOND="a second long passphrase"\n', { mode: 0o600 })
  const settings = join(config, 'settings.json')
  return { state, config, settings, from: (name) => `env-file:${file}#${name}` }
}

/** Opens the vault as a command does, in what is left on the disk. */
async function opened(t: Test, { state, config }: Home, change: Partial<VaultPlace> = {}) {
  const store = openStore({ directory: state, busyMs: 5_000 })
  t.teardown(() => store.close())
  const where = { state, config }
  const asked = { credentialsDirectory: undefined, askPassphrase: async () => null }
  const parts = { store, where, clock: { now: () => moment }, random: systemRandom, ...asked, ...change }
  const { vault, openedBy } = await openSiteVault(parts)
  return { ...parts, vault, vaultSource: { openedBy }, vaultTurns: createNameTurns() }
}

/** Runs the mover, and kills it where it stands still; gives what it said last. */
async function move({ state, config }: Home, source: object, call?: string): Promise<string> {
  const args = [script, state, config, JSON.stringify(source), ...(call === undefined ? [] : [call])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let last = ''
  for await (const line of createInterface(child.stdout)) {
    last = line
    if (line === 'inside') child.kill('SIGKILL')
  }
  await ended
  return last
}

const settingsOf = ({ settings }: Home) =>
  JSON.parse(readFileSync(settings, 'utf8')) as Record<string, unknown>

// the settings name both sources before the first of these calls, and the vault is sealed anew before the last
const moments = [
  { what: 'before the vault is touched', call: 'durably' },
  { what: 'inside its transaction', call: 'rewrap' },
  { what: 'once it is sealed anew, and before the settings say so', call: 'settle' }
] as const

for (const { what, call } of moments) {
  t.test(`a move of the vault that is killed ${what} can be made again`, async (t) => {
    const home = homeFor(t)
    const first = await opened(t, home)
    first.vault.put(device('1'), 'password', new Secret('kept through it all'))
    const moves = [
      { source: 'passphrase', from: home.from('FIRST') },
      { source: 'passphrase', from: home.from('SECOND') },
      { source: 'file', path: join(home.config, 'other.key') },
      { source: 'file', path: join(home.config, 'third.key') }
    ]
    for (const source of moves) {
      t.equal(await move(home, source, call), 'inside')
      t.same(settingsOf(home)['vaultNext'], source)
      const cut = await opened(t, home)
      t.equal(cut.vault.get(device('1'), 'password').reveal(), 'kept through it all')
      t.match(vaultState(cut).warnings, [/a change was cut\. Repeat it: tlsward vault source/])
      t.equal(await move(home, source), 'moved')
      t.same(settingsOf(home), { outgoing: 'no', vault: source }, 'and no other source')
      const moved = await opened(t, home)
      t.equal(moved.vault.get(device('1'), 'password').reveal(), 'kept through it all')
    }
  })
}

t.test('after a move that was cut another one can be made, and the key file of before may go', async (t) => {
  const home = homeFor(t)
  const first = await opened(t, home)
  first.vault.put(device('1'), 'password', new Secret('kept'))
  t.equal(await move(home, { source: 'passphrase', from: home.from('FIRST') }, 'settle'), 'inside')
  rmSync(join(home.config, 'vault.key'))
  t.equal(await move(home, { source: 'passphrase', from: home.from('SECOND') }, 'durably'), 'inside')
  const cut = await opened(t, home)
  t.equal(cut.vault.get(device('1'), 'password').reveal(), 'kept')
  t.equal(await move(home, { source: 'passphrase', from: home.from('SECOND') }), 'moved')
  t.notOk(existsSync(join(home.config, 'vault.key')), 'no key is made anew')
})

t.test('a move that is refused leaves settings and vault as they were', async (t) => {
  const home = homeFor(t)
  const site = await opened(t, home)
  site.vault.put(device('1'), 'password', new Secret('kept'))
  await t.rejects(changeVaultSource(site, { source: 'passphrase' }, 'too short'), {
    code: 'vault-source-malformed'
  })
  t.same(settingsOf(home), { outgoing: 'no' })
  t.equal((await opened(t, home)).vault.get(device('1'), 'password').reveal(), 'kept')
})

t.test('moves that are asked for at the same time are made one after the other', async (t) => {
  const home = homeFor(t)
  const site = await opened(t, home)
  site.vault.put(device('1'), 'password', new Secret('kept'))
  const sources = [
    { source: 'passphrase', from: home.from('FIRST') },
    // it is refused at once, or while the vault is being sealed by the other
    { source: 'systemd-credential', name: 'missing' },
    { source: 'passphrase', from: home.from('SECOND') },
    { source: 'systemd-credential', name: 'missing' }
  ]
  const ends = await Promise.allSettled(sources.map((source) => changeVaultSource(site, source, null)))
  t.same(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected']
  )
  t.same(settingsOf(home), { outgoing: 'no', vault: sources[2] }, 'the settings name what opens it')
  t.equal((await opened(t, home)).vault.get(device('1'), 'password').reveal(), 'kept')
})

t.test('a process that knows nothing of a move does not write over it', async (t) => {
  const home = homeFor(t)
  const [site, other] = [await opened(t, home), await opened(t, home)]
  site.vault.put(device('1'), 'password', new Secret('kept'))
  const first = { source: 'passphrase', from: home.from('FIRST') }
  await changeVaultSource(site, first, null)
  const second = { source: 'passphrase', from: home.from('SECOND') }
  await t.rejects(changeVaultSource(other, second, null), { code: 'vault-locked' })
  t.same(settingsOf(home), { outgoing: 'no', vault: first })
  t.equal((await opened(t, home)).vault.get(device('1'), 'password').reveal(), 'kept')
})

t.test('a passphrase that nobody can be asked for is told with both ways out', async (t) => {
  const home = homeFor(t)
  mkdirSync(home.config, { recursive: true })
  writeFileSync(home.settings, JSON.stringify({ vault: { source: 'passphrase' } }))
  await t.rejects(opened(t, home), {
    code: 'vault-locked',
    message: new RegExp(
      `Start tlsward run on a terminal.*"from": "env-file:/path#NAME".* in ${home.settings}, .*0600`
    )
  })
})

t.test('a key that lies with the database, or in memory, is told of', async (t) => {
  const home = homeFor(t)
  const site = await opened(t, home)
  const warnings = async (source: object) => (await changeVaultSource(site, source, null)).warnings
  t.same(vaultState(site).warnings, [], 'in the folder of the settings it is elsewhere')
  t.match(await warnings({ source: 'file', path: join(home.state, 'vault.key') }), [
    /^the key file \S+\/state\/vault\.key lies beside the database: a copy or backup .*systemd credential or a passphrase/
  ])
  t.match(await warnings({ source: 'file', path: join(home.state, '..', 'vault.key') }), [
    /together with the database/
  ])
  t.match(await warnings({ source: 'file', path: join(home.state, 'keys', 'vault.key') }), [
    /together with the database/
  ])
  t.same(await warnings({ source: 'passphrase', from: home.from('FIRST') }), [])
  t.match(await warnings({ source: 'file', path: join(home.config, 'vault.key') }), [])
})

const memory = '/dev/shm'
const noMemory =
  existsSync(memory) && statfsSync(memory).type === 0x01021994 ? false : `no tmpfs at ${memory}`

t.test('a key in memory is told of', { skip: process.env['CI'] === 'true' ? false : noMemory }, async (t) => {
  const folder = join(memory, `tlsward-test-${process.pid}`)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const site = await opened(t, homeFor(t))
  const { warnings } = await changeVaultSource(
    site,
    { source: 'file', path: join(folder, 'vault.key') },
    null
  )
  t.match(warnings, [/lies in memory \(tmpfs\), and is lost when the machine restarts/])
})
