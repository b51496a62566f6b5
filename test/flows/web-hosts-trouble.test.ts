import { execFileSync, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { appendFileSync, chownSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createConnection } from 'node:net'
import t, { type Test } from 'tap'
import type { Session } from '../../connectors/contract.ts'
import {
  hostMissing,
  programNames,
  startTestHost,
  type TestHost,
  type TestHostOptions
} from '../peers/hosts/host.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import {
  accessTo,
  boundTo,
  bundleOf,
  discovered,
  journalOf,
  leaf,
  planFor,
  type Reach,
  signal,
  signIn,
  twoSites,
  until,
  wireOf,
  wireOnce
} from './web-hosts-world.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { skipFor } from '../peers/process.ts'

const missing = hostMissing(programNames)
const skip = skipFor(missing)

async function worldOf(
  t: Test,
  options: TestHostOptions,
  reach: Reach = {}
): Promise<{ host: TestHost; program: HostedProgram; session: Session }> {
  const host = await startTestHost(options)
  t.teardown(() => host.stop())
  const session = await signIn(host, reach)
  t.teardown(() => session.close())
  const [program] = host.programs
  if (!program) throw new Error('a program was started')
  return { host, program, session }
}

/** Deploys a new certificate for a.test, sees it, and undoes it. */
async function thereAndBack(t: Test, session: Session, program: HostedProgram): Promise<void> {
  const before = snapshot(program.folders, 'content')
  const old = await wireOf(program)
  const fresh = leaf('a.test')
  const bundle = bundleOf({ ecdsa: fresh })
  const plan = boundTo(await planFor(session, 'a.test'), bundle)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.same(await wireOnce(program, fresh.fingerprint), [fresh.fingerprint, old[1]])
  await session.rollback(plan, journalOf(), signal)
  t.same(await wireOnce(program, old[0]), old)
  t.equal(snapshot(program.folders, 'content'), before)
}

t.test('a login that may run everything by sudo, with its password', { skip }, async (t) => {
  const { session, program } = await worldOf(
    t,
    { programs: { nginx: twoSites() }, login: { sudoers: ['%u ALL=(ALL) ALL'], password: 'let me in' } },
    {
      settings: { sudo: 'everything', auth: 'password' },
      secrets: { password: 'let me in', 'sudo-password': 'let me in' }
    }
  )
  const { rights } = await session.check(signal)
  t.same(
    rights.filter(({ granted }) => !granted),
    []
  )
  await thereAndBack(t, session, program)
})

t.test('a login that owns the files, with the exact rules that check asks for', { skip }, async (t) => {
  const { host, session, program } = await worldOf(
    t,
    { programs: { nginx: twoSites() }, login: { sudoers: [] } },
    { settings: { sudo: 'commands' } }
  )
  const unreadable = await discovered(session)
  t.match(unreadable[0]?.unmanaged, null)
  for (const folder of program.folders) {
    for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
      chownSync(path, 4242, 4242)
  }
  const { rights } = await session.check(signal)
  const lines = rights.flatMap(({ remedy }) => /(?<=Add to sudoers: ).*/.exec(remedy ?? '')?.[0] ?? [])
  t.equal(lines.length, 2, 'one to test, one to reload')
  await t.rejects(planFor(session, 'a.test'), { code: 'device-right', message: lines[0] ?? 'none' })
  // the file that is mounted over /etc/sudoers for this sshd
  appendFileSync(`${host.folder}/ssh/sudoers`, `${lines.join('\n')}\n`)
  const after = await session.check(signal)
  t.same(
    after.rights.filter(({ granted }) => !granted),
    []
  )
  await thereAndBack(t, session, program)
})

t.test('a login that may not read a key is refused before anything is written', { skip }, async (t) => {
  const { session, program } = await worldOf(
    t,
    { programs: { nginx: twoSites() }, login: { sudoers: ['%u ALL=(root) NOPASSWD: ALL'] } },
    { settings: { sudo: 'commands' } }
  )
  const before = snapshot(program.folders, 'untouched')
  await t.rejects(planFor(session, 'a.test'), { code: 'device-right' })
  t.equal(snapshot(program.folders, 'untouched'), before)
})

t.test('through a jump host, whose key is accepted first', { skip }, async (t) => {
  const host = await startTestHost({ programs: { nginx: twoSites() } })
  t.teardown(() => host.stop())
  const reach = {
    settings: { port: host.sshd.port, jumpAddress: '127.0.0.1', jumpPort: host.cable.port, jumpUser: 'root' }
  }
  const access = await accessTo(host, reach)
  t.same(
    access.pins.map(({ what }) => what),
    [host.cable.port, host.sshd.port].map((port) => `ssh-host-key 127.0.0.1:${port} ssh-ed25519`)
  )
  await t.rejects(webHosts.connect({ ...access, pins: access.pins.slice(0, 1) }, signal), {
    code: 'device-pin'
  })
  const session = await webHosts.connect(access, signal)
  t.teardown(() => session.close())
  const [program] = host.programs
  if (program) await thereAndBack(t, session, program)
})

/** one command to a Unix socket */
function talk(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path)
    let heard = ''
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(heard))
    socket.end(command)
  })
}

t.test("HAProxy: somebody else's transaction is neither committed nor lost", { skip }, async (t) => {
  const { session, program } = await worldOf(t, { programs: { haproxy: twoSites() } })
  const old = await wireOf(program)
  const before = snapshot(program.folders, 'content')
  const plan = await planFor(session, 'a.test')
  t.ok(
    plan.steps.some(({ id }) => id === 'commit-1'),
    'it is put into the running process'
  )
  const socket = program.facts['adminSocket'] ?? ''
  const other = program.sites[1]?.certificates.ecdsa ?? ''
  const theirs = leaf('b.test')
  await talk(socket, `set ssl cert ${other} <<\n${theirs.pem}${theirs.keyPem}\n`)
  const bundle = bundleOf({ ecdsa: leaf('a.test') })
  await t.rejects(session.deploy(boundTo(plan, bundle), bundle, journalOf(), signal), { code: 'device-busy' })
  await session.rollback(boundTo(plan, bundle), journalOf(), signal)
  t.equal(snapshot(program.folders, 'content'), before)
  t.same(await wireOf(program), old)
  t.match(await talk(socket, `commit ssl cert ${other}\n`), /Success!/)
  t.same(
    await until(
      () => wireOf(program),
      ([, second]) => second === theirs.fingerprint
    ),
    [old[0], theirs.fingerprint]
  )
})

t.test(
  'HAProxy: our own transaction, cut before its commit, is gone on with or taken out',
  { skip },
  async (t) => {
    const { session, program } = await worldOf(t, { programs: { haproxy: twoSites() } })
    const old = await wireOf(program)
    const before = snapshot(program.folders, 'content')
    const fresh = leaf('a.test')
    const bundle = bundleOf({ ecdsa: fresh })
    const plan = boundTo(await planFor(session, 'a.test'), bundle)
    const socket = program.facts['adminSocket'] ?? ''
    const own = program.sites[0]?.certificates.ecdsa ?? ''
    const set = () => talk(socket, `set ssl cert ${own} <<\n${fresh.pem}${fresh.keyPem}\n`)
    const cut = journalOf((step) => {
      if (step === 'test-before') throw new Error('cut')
    })
    await t.rejects(session.deploy(plan, bundle, cut, signal), { message: 'cut' })
    await set()
    t.match(await talk(socket, 'show ssl cert\n'), /# transaction/)
    await session.rollback(plan, journalOf(), signal)
    t.notMatch(await talk(socket, 'show ssl cert\n'), /# transaction/)
    t.equal(snapshot(program.folders, 'content'), before)
    t.same(await wireOf(program), old)
    await set()
    await session.deploy(plan, bundle, journalOf(), signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    t.notMatch(await talk(socket, 'show ssl cert\n'), /# transaction/)
    t.equal((await wireOnce(program, fresh.fingerprint))[0], fresh.fingerprint)
  }
)

t.test('HAProxy by reload, where the device says so', { skip }, async (t) => {
  const { session, program } = await worldOf(
    t,
    { programs: { haproxy: twoSites() } },
    { settings: { haproxySwitch: 'reload' } }
  )
  const plan = await planFor(session, 'a.test')
  t.notOk(plan.steps.some(({ id }) => id.startsWith('commit')))
  await thereAndBack(t, session, program)
})

t.test('Apache that dies of a reload is put back and started', { skip }, async (t) => {
  const { session, program } = await worldOf(t, { programs: { apache: twoSites() } })
  const old = await wireOf(program)
  const before = snapshot(program.folders, 'content')
  const bundle = bundleOf({ ecdsa: leaf('a.test') })
  const plan = boundTo(await planFor(session, 'a.test'), bundle)
  const config = readFileSync(program.config, 'utf8')
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void taken.close())
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  const journal = journalOf((step) => {
    // a colleague's edit that passes every test and takes Apache down
    if (step === 'test') writeFileSync(program.config, `Listen 127.0.0.1:${port}\n${config}`)
  })
  await t.rejects(session.deploy(plan, bundle, journal, signal), { code: 'device-refused' })
  t.match(await wireOf(program), [/ECONNREFUSED/, /ECONNREFUSED/], 'nothing is served')
  writeFileSync(program.config, config)
  await session.rollback(plan, journal, signal)
  t.same(await wireOnce(program, old[0]), old)
  t.equal(snapshot(program.folders, 'content'), before)
})

t.test(
  "nginx: other people's pending edits are told, a broken configuration stops the plan",
  { skip },
  async (t) => {
    const { session, program } = await worldOf(t, { programs: { nginx: twoSites() } })
    t.same((await planFor(session, 'a.test')).warnings, [])
    const config = join(dirname(program.config), 'sites/1.conf')
    appendFileSync(config, '# edited\n')
    const { warnings, neighbours, served } = await planFor(session, 'a.test')
    t.match(warnings, [config])
    const port = program.sites[0]?.port
    t.same(served, [
      { address: '127.0.0.1', port, name: null, starttls: null },
      { address: '127.0.0.1', port, name: 'a.test', starttls: null }
    ])
    t.same(neighbours, [{ address: '127.0.0.1', port, name: 'b.test', starttls: null }])
    appendFileSync(config, 'no such directive;\n')
    await t.rejects(planFor(session, 'a.test'), {
      code: 'device-broken',
      message: /no such directive|unknown directive/
    })
  }
)

t.test('a disk for generations that is too small stops the plan', { skip }, async (t) => {
  const generations = directoryFor(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=755', 'small', generations])
  t.teardown(() => spawnSync('umount', ['-l', generations]))
  const { session } = await worldOf(t, { programs: { nginx: twoSites() } }, { settings: { generations } })
  await t.rejects(planFor(session, 'a.test'), { code: 'device-full', message: `${generations} on` })
})
