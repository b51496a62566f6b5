import { spawn } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { PublicFiles } from '../../connectors/contract.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { hostMissing, startTestHost, type TestHostOptions } from '../peers/hosts/host.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'
import { type Reach, signal, signIn } from './web-hosts-world.ts'

const missing = hostMissing([])
const skip = skipFor(missing)

/** the user that web servers run as on Debian, and the login of a test host */
const webServer = 33
const login = 4242

/** A way to reach a host; `owner` has the web root. */
interface Way {
  readonly owner: number
  readonly host?: Partial<TestHostOptions>
  readonly reach?: Reach
}

const ways: Readonly<Record<string, Way>> = {
  'root over SSH': { owner: webServer },
  'root by sudo with a password': {
    owner: webServer,
    host: { login: { sudoers: ['%u ALL=(ALL) ALL'], password: 'let me in' } },
    reach: { settings: { sudo: 'everything' }, secrets: { 'sudo-password': 'let me in' } }
  },
  'a login that owns the web root': {
    owner: login,
    host: { login: { sudoers: [] } },
    reach: { settings: { sudo: 'commands' } }
  },
  'this machine': { owner: webServer }
}

/** A web root of this owner below a folder of root, and the files of a session that was reached so. */
async function worldOf(t: Test, name: string): Promise<{ files: PublicFiles; top: string; root: string }> {
  const { owner, host: options = {}, reach = {} } = ways[name] ?? { owner: 0 }
  const folder = temporaryFolder()
  t.teardown(() => folder.remove())
  const root = join(folder.path, 'html')
  mkdirSync(root)
  chownSync(root, owner, owner)
  const session = await (name === 'this machine' ? local() : reached(t, options, reach))
  t.teardown(() => session.close())
  if (!session.publicFiles) throw new Error('hosts have files')
  return { files: session.publicFiles, top: folder.path, root }
}

async function reached(t: Test, options: Partial<TestHostOptions>, reach: Reach) {
  const host = await startTestHost({ programs: {}, ...options })
  t.teardown(() => host.stop())
  return signIn(host, reach)
}

function local() {
  const settings = { place: 'local' } as const
  const access = { settings, pins: [], clock: systemClock, random: systemRandom, log: silentLog }
  return webHosts.connect({ ...access, secret: () => undefined }, signal)
}

const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8)

for (const name of Object.keys(ways)) {
  t.test(`${name}: a file that everybody may read comes, changes and goes`, { skip }, async (t) => {
    const { files, root } = await worldOf(t, name)
    const path = join(root, '.well-known/acme-challenge/a-token')
    await files.put(path, 'first', signal)
    t.equal(readFileSync(path, 'utf8'), 'first')
    t.same([path, join(path, '..'), join(path, '../..')].map(mode), ['644', '755', '755'])
    const { ino } = statSync(path)
    await files.put(path, 'second', signal)
    t.equal(readFileSync(path, 'utf8'), 'second')
    t.not(statSync(path).ino, ino, 'a reader of the first one is not disturbed')
    t.same(readdirSync(join(path, '..')), ['a-token'])
    await files.remove(path, signal)
    t.same(readdirSync(join(path, '..')), [])
    await files.remove(path, signal)
    await files.remove(join(root, 'no/such/folder/file'), signal)
    t.same(readdirSync(root), ['.well-known'], 'removing makes no folders')
  })
}

for (const name of ['root over SSH', 'root by sudo with a password', 'this machine']) {
  t.test(`${name}: is not led elsewhere by who owns the web root`, { skip }, async (t) => {
    const { files, top, root } = await worldOf(t, name)
    const victim = join(top, 'victim')
    mkdirSync(victim)
    writeFileSync(join(victim, 'file'), 'untouched', { mode: 0o600 })
    symlinkSync(victim, join(root, 'folder'))
    symlinkSync('../victim/missing', join(root, 'missing'))
    mkdirSync(join(root, 'here'))
    chownSync(join(root, 'here'), webServer, webServer)
    for (const link of ['answer', '.answer.new']) symlinkSync(join(victim, 'file'), join(root, 'here', link))

    const said = { code: 'device-refused', message: /html\/folder is a link that others .*Name the folder/ }
    await t.rejects(files.put(join(root, 'folder/file'), 'theirs', signal), said)
    await t.rejects(files.put(join(root, 'folder/deep/file'), 'theirs', signal), said)
    await t.rejects(files.remove(join(root, 'folder/file'), signal), said)
    await t.rejects(files.put(join(root, 'missing/file'), 'theirs', signal), { code: 'device-refused' })
    await files.put(join(root, 'here/answer'), 'ours', signal)
    t.equal(readFileSync(join(root, 'here/answer'), 'utf8'), 'ours')
    t.same(readdirSync(victim), ['file'])
    t.equal(readFileSync(join(victim, 'file'), 'utf8'), 'untouched')
    t.equal(mode(join(victim, 'file')), '600')
  })
}

t.test('links that only root can have set are followed', { skip }, async (t) => {
  const { files, top, root } = await worldOf(t, 'root over SSH')
  mkdirSync(join(top, 'links'))
  symlinkSync(root, join(top, 'links/absolute'))
  symlinkSync('../html', join(top, 'links/relative'))
  symlinkSync('../links/loop', join(top, 'links/loop'))
  await files.put(join(top, 'links/absolute/a'), 'a', signal)
  await files.put(join(top, 'links/relative/new/b'), 'b', signal)
  t.same([readFileSync(join(root, 'a'), 'utf8'), readFileSync(join(root, 'new/b'), 'utf8')], ['a', 'b'])
  await files.remove(join(top, 'links/relative/a'), signal)
  t.same(readdirSync(root), ['new'])
  await t.rejects(files.put(join(top, 'links/loop/a'), 'a', signal), { code: 'device-refused' })
})

t.test('a folder that becomes a link at any moment leads nowhere', { skip }, async (t) => {
  const { files, top, root } = await worldOf(t, 'this machine')
  const victim = join(top, 'victim')
  mkdirSync(victim)
  const swap =
    'chdir shift; mkdir "f"; for (;; $n++) { rename "f", "r$n"; symlink "../victim", "f"; unlink "f"; rename "r$n", "f" }'
  const other = spawn('perl', ['-e', swap, root], { uid: webServer, gid: webServer, stdio: 'ignore' })
  t.teardown(() => other.kill('SIGKILL'))
  const outcomes = new Map<string, number>()
  for (let times = 0; times < 100; times++) {
    const outcome = await files.put(join(root, `f/${times}`), 'x', signal).then(
      () => 'written',
      (thrown: unknown) => (thrown as { code: string }).code
    )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  t.comment(JSON.stringify([...outcomes]))
  t.ok(outcomes.size > 1, 'the other one was in the way at least once, and not always')
  t.same(readdirSync(victim), [])
})

t.test('what is not a plain path, a folder, or allowed is refused', { skip }, async (t) => {
  const { files, top, root } = await worldOf(t, 'a login that owns the web root')
  for (const path of [
    '',
    'html/a',
    `${root}/../a`,
    `${root}/./a`,
    `${root}//a`,
    `${root}/`,
    '/',
    `${root}/a\nb`
  ]) {
    await t.rejects(files.put(path, 'x', signal), { code: 'option-malformed' }, path)
    await t.rejects(files.remove(path, signal), { code: 'option-malformed' }, path)
  }
  await t.rejects(files.put(join(top, 'a'), 'x', signal), {
    code: 'device-right',
    message: /Permission denied/
  })
  await t.rejects(files.put(join(top, 'new/a'), 'x', signal), { code: 'device-right' })
  mkdirSync(join(top, 'closed'), { mode: 0o700 })
  await t.rejects(files.put(join(top, 'closed/a'), 'x', signal), { code: 'device-right' })
  await files.put(join(root, 'file'), 'x', signal)
  await t.rejects(files.put(join(root, 'file/a'), 'x', signal), {
    code: 'device-refused',
    message: /Not a directory/
  })
  mkdirSync(join(root, 'folder'))
  await t.rejects(files.put(join(root, 'folder'), 'x', signal), { code: 'device-refused' })
  t.same(readdirSync(root).sort(), ['file', 'folder'])
  const odd = join(root, `-n $(touch x) 'a' "b" \\ ä *`)
  await files.put(odd, 'odd', signal)
  t.equal(readFileSync(odd, 'utf8'), 'odd')
})
