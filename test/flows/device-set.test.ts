import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hostMissing, startTestHost, type TestHost } from '../peers/hosts/host.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'
import { actor, overSsh, secretFile, type Act } from './appliance-world.ts'
import { ofType, quick } from './automation-host.ts'
import { createBench, jsonLines } from './cli.ts'
import { leaf } from './web-hosts-world.ts'

const missing = hostMissing(['nginx'])
const skip = skipFor(missing)

interface World {
  readonly act: Act
  readonly records: (words: readonly string[], code?: number) => Promise<Record<string, unknown>[]>
  readonly web: TestHost
  readonly other: TestHost
  /** words that give the key of web as a credential */
  readonly login: readonly string[]
}

/** Two hosts that let the same login in, and one of them as device `web`. */
async function worldOf(t: Test): Promise<World> {
  const temporary = temporaryFolder()
  const bench = createBench()
  t.teardown(() => {
    bench.remove()
    temporary.remove()
  })
  const sites = [{ names: ['a.test'], listener: 'front', pairs: { ecdsa: leaf('a.test') } }]
  const web = await startTestHost({ programs: { nginx: sites } })
  t.teardown(() => web.stop())
  const other = await startTestHost({ programs: {} })
  t.teardown(() => other.stop())
  letIn(other, web)
  const login = ['--secret-file', `key=${secretFile(temporary.path, 'login', web.sshd.privateKey)}`]
  const act = actor(bench)
  const records: World['records'] = async (words, code = 0) =>
    jsonLines((await act([...words, '--json'], { code })).stdout)
  await act(['device', 'add', 'web', ...overSsh(web), ...login])
  await act(['device', 'allow', 'web'])
  return { act, records, web, other, login }
}

/** Lets the key of one host in at another, as where a fleet has one login. */
function letIn(to: TestHost, from: TestHost): void {
  const keys = join(to.folder, 'ssh')
  writeFileSync(join(keys, 'authorized'), readFileSync(join(from.folder, 'ssh', 'client.pub')))
}

const signIns = ({ sshd }: TestHost) => sshd.log().match(/(Accepted|Failed|Postponed) \S+ for/g)?.length ?? 0

t.test('a device that moves is compared again before it gets a credential', { skip }, async (t) => {
  const { act, records, web, other } = await worldOf(t)
  const to = `port=${other.sshd.port}`
  const refused = await act(['device', 'set', 'web', to], { code: 5 })
  t.match(refused.stderr, /shows SHA256:\S+, which nobody accepted.*--fingerprint SHA256:.*\[device-pin\]/)
  await act(['device', 'set', 'web', to, '--fingerprint', web.sshd.hostKey], { code: 5 })
  t.equal(signIns(other), 0, 'the key of the device was not tried there')
  t.match(await records(['device', 'show', 'web']), [{ settings: { port: web.sshd.port }, writable: true }])

  const moved = await act(['device', 'set', 'web', to, '--fingerprint', other.sshd.hostKey])
  t.match(moved.stderr, /Device web: it is only read now, .*tlsward device allow web/)
  t.ok(signIns(other) > 0)
  const [shown] = await records(['device', 'show', 'web'])
  t.match(shown, {
    type: 'device-details',
    settings: { port: other.sshd.port },
    writable: false,
    check: { role: 'single' },
    pins: [{ what: `ssh-host-key 127.0.0.1:${other.sshd.port} ssh-ed25519`, fingerprint: other.sshd.hostKey }]
  })
  await act(['device', 'allow', 'web'])
})

t.test('a device shows what is known of it, and no secret', { skip }, async (t) => {
  const { act, records, web } = await worldOf(t)
  const [shown] = await records(['device', 'show', 'web'])
  const secrets = shown?.['secrets'] as readonly { readonly name: string; readonly isSet: boolean }[]
  t.same(
    secrets.filter(({ isSet }) => isSet).map(({ name }) => name),
    ['key']
  )
  const { stdout } = await act(['device', 'show', 'web'])
  t.match(stdout, /Writing +allowed/)
  t.match(stdout, /Settings +address=127\.0\.0\.1/)
  t.match(stdout, /Accepted key +ssh-host-key 127\.0\.0\.1:\d+ ssh-ed25519 SHA256:/)
  t.match(stdout, /password: not set\n +key: set, /)
  t.notMatch(stdout + JSON.stringify(shown), web.sshd.privateKey.split('\n')[1] ?? 'none')
  await act(['device', 'show', 'nowhere'], { code: 4 })
  await act(['issuer', 'add', 'ca', 'private-ca'])
  t.match(await records(['issuer', 'show', 'ca']), [{ type: 'issuer-details', name: 'ca', secrets: [] }])
})

t.test(
  'settings that lead to the same place leave writing allowed; wrong ones are not kept',
  { skip },
  async (t) => {
    const { act, records, login } = await worldOf(t)
    await act(['device', 'set', 'web', 'programs=nginx'])
    t.match(await records(['device', 'show', 'web']), [{ writable: true, settings: { programs: ['nginx'] } }])
    await act(['device', 'set', 'web', 'colour=red'], { code: 2 })
    await act(['device', 'set', 'web', 'user=nobody-here'], { code: 3 })
    t.match(await records(['device', 'show', 'web']), [{ settings: { user: 'root' }, barred: null }])
    await act(['device', 'set', 'web', 'haproxySwitch=reload', ...login])
  }
)

t.test('one host is one device, and a target is renewed by one of two', { skip }, async (t) => {
  const { act, records, web, login } = await worldOf(t)
  const again = await act(['device', 'add', 'again', ...overSsh(web), ...login], { code: 5 })
  t.match(again.stderr, /device web: it is the same machine, .*--same-machine.*\[device-same\]/)
  await act(['device', 'add', 'again', ...overSsh(web), ...login, '--same-machine'])
  await act(['issuer', 'add', 'ca', 'private-ca'])
  await act(['profile', 'set', 'web', 'issuer=ca', ...quick])
  await act(['profile', 'assign', 'web', 'web/*'])
  const owned = await act(['profile', 'assign', 'web', 'again/*'], { code: 5 })
  t.match(
    owned.stderr,
    /device web is the same machine and renews it already; .*unassign 'web\/nginx:.*\[target-owned\]/
  )
  await act(['profile', 'unassign', 'web/*'])
  await act(['profile', 'assign', 'web', 'again/*'])
  const [shown] = await records(['device', 'show', 'again'])
  t.match(shown, { targets: [{ profile: 'web', enabled: true }] })
})

t.test(
  'a device can be removed after a plan and a replacement, and its history stays',
  { skip },
  async (t) => {
    const { act, records, web, login } = await worldOf(t)
    await act(['issuer', 'add', 'ca', 'private-ca'])
    await act(['profile', 'set', 'web', 'issuer=ca', ...quick])
    await act(['replace', 'web/*', '--profile', 'web', '--plan'])
    const [plan] = await records(['events', 'show', '1'])
    await act(['device', 'remove', 'web'])
    t.same((await records(['events', 'show', '1']))[0], plan, 'what happened is told as before')
    t.match(ofType(await records(['events', 'show', '1']), 'plan'), [{ device: 'web' }])
    t.same(await records(['device', 'list']), [])
    await act(['device', 'show', 'web'], { code: 4 })

    await act(['device', 'add', 'web', ...overSsh(web), ...login])
    t.match(await records(['device', 'show', 'web']), [{ writable: false, openEvents: [], targets: [] }])
  }
)
