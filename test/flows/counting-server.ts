import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'

/** One connection as the server saw it. */
export interface Arrival {
  /** address of ours that was called */
  readonly address: string
  /** monotonic milliseconds */
  readonly at: number
}

/**
 * A real TLS server on every address of 127.0.0.0/8 (and on ::1) at one port, which counts who was called,
 * when, and how many connections stood to one address at once.
 */
export interface CountingServer {
  readonly port: number
  readonly arrivals: readonly Arrival[]
  /** most connections to one address at one time */
  readonly mostAtOnce: number
  close(): void
}

/** Starts the server with a certificate of its own. */
export async function startCountingServer(): Promise<CountingServer> {
  const dir = mkdtempSync(join(tmpdir(), 'counting-'))
  const [key, cert] = [join(dir, 'key'), join(dir, 'cert')]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const args = [
    'req',
    '-x509',
    '-nodes',
    '-days',
    '90',
    '-subj',
    '/CN=count.test',
    '-keyout',
    key,
    '-out',
    cert
  ]
  execFileSync('openssl', [...args, ...kind], { stdio: 'ignore' })
  const pair = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(dir, { recursive: true })

  const arrivals: Arrival[] = []
  const standing = new Map<string, number>()
  let mostAtOnce = 0
  const handshakes = tls.createServer(pair)
  handshakes.on('tlsClientError', () => {})

  const count = (socket: net.Socket) => {
    const address = (socket.localAddress ?? '').replace('::ffff:', '')
    arrivals.push({ address, at: performance.now() })
    socket.on('error', () => {})
    handshakes.emit('connection', socket)
    afterTurns(3, () => {
      if (socket.closed || socket.destroyed) return
      const now = (standing.get(address) ?? 0) + 1
      standing.set(address, now)
      mostAtOnce = Math.max(mostAtOnce, now)
      socket.once('close', () => standing.set(address, (standing.get(address) ?? 1) - 1))
    })
  }
  const four = net.createServer(count).listen(0, '0.0.0.0', 4_096)
  await once(four, 'listening')
  const { port } = four.address() as net.AddressInfo
  const six = net.createServer(count).listen({ port, host: '::1', ipv6Only: true })
  await once(six, 'listening')
  return {
    port,
    arrivals,
    get mostAtOnce() {
      return mostAtOnce
    },
    close() {
      four.close()
      six.close()
    }
  }
}

/**
 * Calls back some turns of the event loop later: a turn may accept a connection before it reads that the one
 * before was reset, although the reset came first.
 */
function afterTurns(turns: number, call: () => void): void {
  setImmediate(() => (turns > 1 ? afterTurns(turns - 1, call) : call()))
}
