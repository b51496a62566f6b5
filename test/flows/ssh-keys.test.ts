import { execFileSync } from 'node:child_process'
import { getDiffieHellman } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { readSshHostKeys, type SshTools } from '../../sensor/scan/ssh-keys.ts'
import { serveScript } from '../peers/link.ts'
import { freePort } from '../peers/ports.ts'
import { accepting, isInstalled, startProcess, temporaryFolder } from '../peers/process.ts'

const signal = new AbortController().signal

function tools(more: Partial<SshTools> = {}): SshTools & { turns: number } {
  const counted = { turns: 0, clock: systemClock, connectMs: 2_000, answerMs: 5_000 }
  return Object.assign(counted, { turn: async () => void counted.turns++, ...more })
}

/** a reason to skip, or false; under CI the program must be there */
const missing =
  isInstalled('/usr/sbin/sshd') || process.env['CI'] === 'true'
    ? false
    : 'sshd (openssh-server) is not installed'

/** An sshd with a host key of each type, that writes all it hears to its log. */
async function startSshd(kinds: readonly (readonly [type: string, bits: string])[]) {
  const folder = temporaryFolder()
  const hostKeys = kinds.map(([type, bits]) => {
    const path = join(folder.path, `${type}-${bits}`)
    execFileSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-f', path])
    return path
  })
  const port = await freePort()
  const config = join(folder.path, 'sshd_config')
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((path) => `HostKey ${path}`),
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'LogLevel DEBUG1',
    'HostKeyAlgorithms +ssh-rsa'
  ]
  writeFileSync(config, `${lines.join('\n')}\n`)
  // sshd wants this folder for its unprivileged half
  mkdirSync('/run/sshd', { recursive: true })
  const running = startProcess({ program: '/usr/sbin/sshd', args: ['-D', '-e', '-f', config] })
  await accepting('127.0.0.1', port, running)
  const close = async () => {
    await running.stop()
    folder.remove()
  }
  return { port, hostKeys, close, output: () => running.output() }
}

t.test(
  'every host key of an sshd is read, as ssh-keygen shows it, and nobody signs in',
  { skip: missing },
  async (t) => {
    const sshd = await startSshd([
      ['ed25519', '256'],
      ['rsa', '3072'],
      ['ecdsa', '256'],
      ['ecdsa', '384']
    ])
    t.teardown(sshd.close)
    const used = tools()
    const read = await readSshHostKeys({ address: '127.0.0.1', port: sshd.port }, used, signal)
    t.equal(read.outcome, 'keys')
    t.match(read.banner, /^SSH-2\.0-OpenSSH_/)
    t.equal(read.connections, 6, 'one connection for each key type')
    t.equal(used.turns, 6)

    const shown = sshd.hostKeys.map((path) =>
      execFileSync('ssh-keygen', ['-lf', `${path}.pub`], { encoding: 'utf8' })
    )
    const theirs = shown.map((line) => line.split(' ').slice(0, 2).join(' '))
    t.same(read.keys.map(({ bits, fingerprint }) => `${bits} ${fingerprint}`).sort(), theirs.sort())

    const scanned = execFileSync('ssh-keyscan', ['-p', String(sshd.port), '127.0.0.1'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore']
    })
    // ssh-keyscan asks for one ECDSA key only
    const types = new Set(read.keys.map(({ type }) => type))
    for (const line of scanned.trim().split('\n'))
      t.ok(types.has(line.split(' ')[1] ?? ''), `${line.slice(0, 40)} was read too`)
    t.notMatch(sshd.output(), /userauth-request/, 'sshd was never asked to let anybody in')
  }
)

t.test('a server with one key type has one key', { skip: missing }, async (t) => {
  const sshd = await startSshd([['ed25519', '256']])
  t.teardown(sshd.close)
  const read = await readSshHostKeys({ address: '127.0.0.1', port: sshd.port }, tools(), signal)
  t.same(
    read.keys.map(({ type }) => type),
    ['ssh-ed25519']
  )
  t.equal(read.outcome, 'keys')
})

t.test('what is not SSH is told in one connection or two', async (t) => {
  const http = await serveScript(async (link) => {
    await link.some()
    await link.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    link.end()
  })
  t.teardown(http.close)
  const read = await readSshHostKeys({ address: '127.0.0.1', port: http.port }, tools(), signal)
  t.match(read, { outcome: 'not-ssh', banner: null, keys: [] })
  t.ok(read.connections <= 2)
})

t.test('a mute server is stalled, a closed port closed', async (t) => {
  const mute = await serveScript((link) => link.gone())
  t.teardown(mute.close)
  const where = { address: '127.0.0.1', port: mute.port }
  t.match(await readSshHostKeys(where, tools({ answerMs: 50 }), signal), {
    outcome: 'stalled',
    connections: 1
  })
  const closed = { address: '127.0.0.1', port: await freePort() }
  t.match(await readSshHostKeys(closed, tools(), signal), { outcome: 'closed', connections: 1 })
})

t.test('a banner with control characters is shown escaped', async (t) => {
  const peer = await serveScript(async (link) => {
    await link.write('Welcome\r\nSSH-2.0-\u001b[2Jevil\r\n')
    await link.gone()
  })
  t.teardown(peer.close)
  const read = await readSshHostKeys(
    { address: '127.0.0.1', port: peer.port },
    tools({ answerMs: 50 }),
    signal
  )
  t.match(read, { outcome: 'stalled', connections: 1, banner: 'SSH-2.0-\\x1b[2Jevil' })
})

t.test('a server cannot make the reader look for a prime, which takes seconds', async (t) => {
  const u32 = (number: number) => Buffer.from([number >>> 24, number >>> 16, number >>> 8, number])
  const text = (value: string | Uint8Array) => {
    const bytes = Buffer.from(value)
    return Buffer.concat([u32(bytes.length), bytes])
  }
  const packet = (...payload: readonly Uint8Array[]) => {
    const content = Buffer.concat(payload)
    const padding = Buffer.alloc(16 - ((content.length + 5) % 8))
    return Buffer.concat([
      u32(1 + content.length + padding.length),
      Buffer.of(padding.length),
      content,
      padding
    ])
  }
  const lists = ['diffie-hellman-group-exchange-sha256', 'ssh-ed25519', 'aes128-ctr', 'aes128-ctr']
  const offers = [...lists, 'hmac-sha2-256', 'hmac-sha2-256', 'none', 'none', '', ''].map(text)
  const prime = Buffer.concat([Buffer.of(0), getDiffieHellman('modp16').getPrime()])
  let asked = 0
  const peer = await serveScript(async (link) => {
    await link.write('SSH-2.0-Slow\r\n')
    await link.write(packet(Buffer.of(20), Buffer.alloc(16, 7), ...offers, Buffer.of(0), u32(0)))
    await link.until('\r\n')
    for (;;) {
      const [, kind] = await link.bytes((await link.bytes(4)).readUInt32BE())
      if (kind !== 34) continue
      asked++
      await link.write(packet(Buffer.of(31), text(prime), text(Buffer.of(2))))
    }
  })
  t.teardown(peer.close)
  const read = await readSshHostKeys({ address: '127.0.0.1', port: peer.port }, tools(), signal)
  t.match(read, { outcome: 'no-keys', banner: 'SSH-2.0-Slow' })
  t.equal(asked, 0, 'nobody asks for its group')
})

t.test('a stop ends the reading at once', async (t) => {
  const mute = await serveScript((link) => link.gone())
  t.teardown(mute.close)
  const stop = new AbortController()
  const reading = readSshHostKeys({ address: '127.0.0.1', port: mute.port }, tools(), stop.signal)
  while (mute.connections?.now !== 1) await new Promise((resolve) => setTimeout(resolve, 2))
  stop.abort()
  t.match(await reading, { outcome: 'aborted' })
})
