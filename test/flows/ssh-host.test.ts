import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { shellFiles } from '../../connectors/shared/shell-files.ts'
import { sftpFiles } from '../../connectors/shared/sftp-files.ts'
import { openSshHost, type SshConnection } from '../../connectors/shared/ssh-host.ts'
import { identifySsh, type SshRoute } from '../../connectors/shared/ssh-login.ts'
import { script } from '../../connectors/shared/host.ts'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { temporaryFolder, skipFor } from '../peers/process.ts'
import { hostMissing, startTestHost, type TestHost, type TestHostOptions } from '../peers/hosts/host.ts'

const missing = hostMissing([])
const skip = skipFor(missing)
const signal = new AbortController().signal

function routeTo({ cable, sshd }: TestHost, by?: SshRoute['server']['by']): SshRoute {
  const key = { way: 'key', key: new Secret(sshd.privateKey), passphrase: undefined } as const
  const server = {
    address: '127.0.0.1',
    port: cable.port,
    user: sshd.user,
    by: by ?? key,
    oldAlgorithms: false
  }
  return { server, jump: undefined }
}

async function connected(
  t: Test,
  options: Partial<TestHostOptions> = {}
): Promise<{ host: TestHost; connection: SshConnection }> {
  const host = await startTestHost({ programs: {}, ...options })
  t.teardown(() => host.stop())
  const route = routeTo(host)
  const pins = await identifySsh(route, { clock: systemClock, pins: [], signal })
  t.same(
    pins.map(({ fingerprint }) => fingerprint),
    [host.sshd.hostKey]
  )
  const connection = await openSshHost(route, { clock: systemClock, pins, signal })
  t.teardown(() => connection.close())
  return { host, connection }
}

t.test('commands: words as they are, input, output, errors, exit codes and signals', { skip }, async (t) => {
  const { connection } = await connected(t)
  const ssh = connection.with(signal)
  const words = ["it's", 'a "b" $HOME `id`', '!important', 'back\\slash', 'two\nlines', 'ü €', '', '*', '-n']
  const { stdout } = await ssh.run(script('for w; do printf "<%s>" "$w"; done', ...words))
  t.equal(stdout.toString(), words.map((word) => `<${word}>`).join(''))
  t.match(await ssh.run(script('cat; echo no >&2; exit 7'), { stdin: new Secret('in') }), {
    code: 7,
    signal: null,
    stdout: Buffer.from('in'),
    stderr: 'no\n'
  })
  t.match(await ssh.run(['/no/such/program']), { code: 127 })
  t.match(await ssh.run(script('kill -KILL $$')), { code: null, signal: /KILL/ })
  t.equal((await ssh.run(script('echo $LC_ALL'))).stdout.toString(), 'C\n')
  t.equal((await ssh.run(['head', '-c', '3000000', '/dev/zero'])).stdout.length, 3_000_000)
})

t.test('a cut in the middle of a command is an unknown result, at once', { skip }, async (t) => {
  const { host, connection } = await connected(t)
  const ssh = connection.with(signal)
  const files = await sftpFiles(connection, ssh, { signal })
  const running = ssh.run(script('echo begun > "$1"; sleep 60', `${host.folder}/mark`))
  const waiting = files?.read('/etc/hosts') ?? Promise.resolve(undefined)
  for (let begun = ''; begun === '';) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    begun = readIfThere(`${host.folder}/mark`)
  }
  host.cable.cut()
  await t.rejects(running, { code: 'device-unreachable' })
  await t.rejects(waiting, { code: 'device-unreachable' }, 'and so is what stood behind it')
  await t.rejects(ssh.run(['true']), { code: 'device-unreachable' }, 'and what comes later')
})

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

t.test('a Unix socket is talked to, and a cut in the middle is no answer', { skip }, async (t) => {
  const { host, connection } = await connected(t)
  const ssh = connection.with(signal)
  const path = `${host.folder}/s.sock`
  const asked = Promise.withResolvers<void>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.write('half ')
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString() === 'whole\n') socket.end('and whole')
      else asked.resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => void server.close())
  t.equal(await ssh.talk(path, new Secret('whole\n')), 'half and whole')
  await t.rejects(ssh.talk(`${host.folder}/none`, 'x'), { code: 'device-refused' })
  const waiting = ssh.talk(path, 'silent\n')
  await asked.promise
  host.cable.cut()
  await t.rejects(waiting, { code: 'device-unreachable' })
})

t.test('an abort and the end of the time end a command', { skip }, async (t) => {
  const { connection } = await connected(t)
  const abort = new AbortController()
  const running = connection.with(abort.signal).run(['sleep', '60'])
  abort.abort()
  await t.rejects(running, { name: 'AbortError' })
  const ssh = connection.with(signal)
  await t.rejects(ssh.run(['sleep', '60'], { timeoutMs: 200 }), {
    code: 'device-unreachable',
    message: /0\.2 s/
  })
  t.equal((await ssh.run(['echo', 'on'])).stdout.toString(), 'on\n', 'the connection lives on')
})

t.test('a refused password is tried once', { skip }, async (t) => {
  const login = { sudoers: [], password: 'let me in' }
  const host = await startTestHost({ programs: {}, login, sshdLines: ['LogLevel VERBOSE'] })
  t.teardown(() => host.stop())
  const route = routeTo(host, { way: 'password', password: new Secret('wrong') })
  const pins = await identifySsh(route, { clock: systemClock, pins: [], signal })
  await t.rejects(openSshHost(route, { clock: systemClock, pins, signal }), { code: 'device-sign-in' })
  t.equal(host.sshd.log().match(/Failed password/g)?.length, 1)
})

/** what both ways to work on files must do */
async function fileWork(t: Test, connection: SshConnection, way: 'sftp' | 'shell'): Promise<void> {
  const ssh = connection.with(signal)
  const files = way === 'shell' ? shellFiles(ssh) : await sftpFiles(connection, ssh, { signal })
  if (!files) throw new Error('the server offers SFTP')
  const folder = (await ssh.run(['mktemp', '-d'])).stdout.toString().trim()
  t.teardown(() => ssh.run(['rm', '-rf', folder]))
  const path = `${folder}/a 'b'.key`
  const owned = { mode: 0o640, uid: 0, gid: 33 }
  await files.write(path, new Secret('content\n'), owned)
  t.match(statSync(path), { mode: 0o100640, uid: 0, gid: 33 })
  t.equal((await files.read(path))?.toString(), 'content\n')
  t.equal(await files.hash(path), '434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53')
  await files.makeLink(`${folder}/link`, "a 'b'.key")
  t.equal(await files.readLink(`${folder}/link`), "a 'b'.key")
  t.equal(await files.readLink(path), undefined, 'no link')
  t.equal(await files.realPath(`${folder}/link`), path)
  t.equal(await files.realPath(`${folder}/none`), undefined)
  t.match(await files.stat(`${folder}/link`), { kind: 'link' })
  await files.makeHardLink(`${folder}/hard`, path)
  t.equal(statSync(path).nlink, 2)
  await files.rename(`${folder}/hard`, `${folder}/link`)
  t.match(await files.stat(`${folder}/link`), { kind: 'file', mode: 0o640, size: 8 })
  await files.makeDirectory(`${folder}/d`, { mode: 0o750, uid: 0, gid: 0 })
  t.match(await files.stat(`${folder}/d`), { kind: 'directory', mode: 0o750 })
  t.same(await files.list(folder), ["a 'b'.key", 'd', 'link'])
  const [at = 0, none] = await files.mtimes([path, `${folder}/none`])
  t.equal(Math.abs(at - statSync(path).mtimeMs) < 0.01, true, 'to the microsecond')
  t.equal(none, 0)
  const changed = statSync(path).mtimeMs
  for (const [since, found] of [
    [changed - 1_500, [path]],
    [changed - 0.01, [path]],
    [changed + 0.01, []],
    [changed + 1_500, []]
  ] as const) {
    t.same(await files.changedAfter([path, `${folder}/none`], since), found, `after ${since - changed} ms`)
  }
  await files.sync([folder])
  await t.rejects(files.sync([`${folder}/none`]), { name: 'Fault' })
  t.same(await files.unwritable([folder, path, `${folder}/none`]), [path, `${folder}/none`])
  t.ok((await files.free(folder)) > 1024)
  await files.removeDirectory(folder)
  t.ok(await files.stat(folder), 'a directory that holds something stays')
  for (const name of ['link', 'd']) await files.remove(`${folder}/${name}`).catch(() => {})
  await files.removeDirectory(`${folder}/d`)
  await files.removeDirectory(`${folder}/d`)
  await files.remove(`${folder}/none`)
  t.same(await files.list(folder), ["a 'b'.key"])
  const no = `${folder}/no`
  t.same(
    [await files.read(no), await files.stat(no), await files.list(no), await files.hash(no)],
    Array(4).fill(undefined)
  )
  await t.rejects(files.write('/proc/none', new Secret('x'), owned), { name: 'Fault' })
}

t.test('files by SFTP', { skip }, async (t) => {
  const { connection } = await connected(t)
  await fileWork(t, connection, 'sftp')
})

t.test('files by commands', { skip }, async (t) => {
  const { connection } = await connected(t)
  await fileWork(t, connection, 'shell')
})

t.test('a server without SFTP is noticed', { skip }, async (t) => {
  const { connection } = await connected(t, {
    sshdLines: ['ForceCommand /bin/sh -c "$SSH_ORIGINAL_COMMAND"']
  })
  t.equal(await sftpFiles(connection, connection.with(signal), { signal }), undefined)
})

t.test('what the login may not do is named with its path', { skip }, async (t) => {
  const { host, connection } = await connected(t, { login: { sudoers: [] } })
  mkdirSync(`${host.folder}/closed`)
  writeFileSync(`${host.folder}/closed/key`, 'secret')
  chmodSync(`${host.folder}/closed`, 0o700)
  const ssh = connection.with(signal)
  for (const files of [await sftpFiles(connection, ssh, { signal }), shellFiles(ssh)]) {
    if (!files) throw new Error('the server offers SFTP')
    const denied = { code: 'device-right', message: /closed\/key/ }
    await t.rejects(files.read(`${host.folder}/closed/key`), denied)
    await t.rejects(files.stat(`${host.folder}/closed/key`), denied)
    await t.rejects(
      files.write(`${host.folder}/key`, new Secret('x'), { mode: 0o600, uid: 4242, gid: 4242 }),
      {
        code: 'device-right'
      }
    )
    t.same(await files.unwritable([host.folder, '/tmp']), [host.folder])
    t.same(await files.unreadable([`${host.folder}/closed/key`, '/etc/hosts']), [`${host.folder}/closed/key`])
  }
})

t.test('a full disk and a read-only one are told apart, by each way to write', { skip }, async (t) => {
  const { path, remove } = temporaryFolder()
  t.teardown(remove)
  const program = fileURLToPath(new URL('full-disk.ts', import.meta.url))
  const own = ['--mount', '--propagation', 'private', process.execPath, program, path]
  const { stdout } = await promisify(execFile)('unshare', own, { timeout: 60_000 })
  const readOnly = 'device-refused: read-only'
  const each = ['device-full: full', '0 left', readOnly, readOnly, 'false']
  t.same(JSON.parse(stdout), { local: each, shell: each, sftp: each })
})
