import { createHash } from 'node:crypto'
import net from 'node:net'
import { Client, type ServerHostKeyAlgorithm } from 'ssh2'
import type { Clock } from '../../core/clock.ts'
import { visible } from '../../core/text.ts'

/** How the reading of host keys ended: a closed list. */
export const sshOutcomes = {
  keys: 'SSH answered and showed its host keys',
  'no-keys': 'SSH answered, but no handshake came to a host key',
  'not-ssh': 'the port is open, and what answers is not SSH',
  stalled: 'the connection was accepted, but no whole answer came in time',
  closed: 'the port is closed (the connection was refused)',
  silent: 'nothing came back in time',
  unreachable: 'the network said that there is no way to the address',
  aborted: 'the scan was stopped',
  'not-asked': 'the address had used up what looks may take of it'
} as const

/** One word of {@link sshOutcomes}. */
export type SshOutcome = keyof typeof sshOutcomes

/** One host key of an SSH server (RFC 4253 §7.1). Nothing was authenticated by it. */
export interface SshHostKey {
  /** its type as the key itself says: ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256 … */
  readonly type: string
  /** length of the modulus or size of the curve, null for a type that is not known here */
  readonly bits: number | null
  /** as OpenSSH writes it: SHA256: and base64 without padding */
  readonly fingerprint: string
}

/** What an SSH server shows before anybody signs in. */
export interface SshHostKeys {
  readonly outcome: SshOutcome
  /** its identification, SSH-2.0-…, escaped (RFC 4253 §4.2); null when none came */
  readonly banner: string | null
  readonly keys: readonly SshHostKey[]
  readonly connections: number
}

/** What the reading works with. */
export interface SshTools {
  readonly clock: Clock
  /** for a connection to stand, milliseconds */
  readonly connectMs: number
  /** for a key exchange, milliseconds */
  readonly answerMs: number
  /** resolves when the next connection to this address may be made, and soon after the signal aborts */
  turn(): Promise<void>
}

/** Key types, each with the signature algorithms by which a server uses such a key, newest first. */
const keyTypes: readonly (readonly ServerHostKeyAlgorithm[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256'],
  ['ecdsa-sha2-nistp384'],
  ['ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
  ['ssh-dss']
]

/** Connections that the reading of one server makes at most: a second one where the first was cut. */
export const mostSshConnections = 2 * keyTypes.length

/** What is known of a server that was not asked. */
export const notAsked: SshHostKeys = { outcome: 'not-asked', banner: null, keys: [], connections: 0 }

/**
 * Reads every host key of an SSH server: one connection for each key type, one after the other, each ended
 * where the server has shown its key. It never signs in, and never throws for what the server does.
 */
export async function readSshHostKeys(
  { address, port }: { readonly address: string; readonly port: number },
  tools: SshTools,
  signal: AbortSignal
): Promise<SshHostKeys> {
  const keys: SshHostKey[] = []
  let banner: string | null = null
  let connections = 0
  const attempt = async (algorithms: readonly ServerHostKeyAlgorithm[]): Promise<Visit> => {
    await tools.turn()
    if (signal.aborted) return { end: 'aborted', banner: null }
    connections++
    return visit({ address, port, algorithms }, tools, signal)
  }
  for (const algorithms of keyTypes) {
    let seen = await attempt(algorithms)
    // servers drop connections at random when many begin at once (MaxStartups of OpenSSH)
    if (seen.end === 'cut') seen = await attempt(algorithms)
    banner ??= seen.banner
    const outcome = outcomeOf(seen.end, banner)
    if (outcome !== null && keys.length === 0) return { outcome, banner, keys, connections }
    if (outcome !== null) break
    if (typeof seen.end === 'object') keys.push(seen.end)
  }
  return { outcome: keys.length > 0 ? 'keys' : 'no-keys', banner, keys, connections }
}

/** How one connection ended: with a key, without one of that type, or cut before that was clear. */
type End = SshHostKey | 'no-key' | 'cut' | 'stalled' | 'closed' | 'silent' | 'unreachable' | 'aborted'

interface Visit {
  readonly end: End
  readonly banner: string | null
}

/** the end of the whole reading after such a connection, or null where the next key type may be asked for */
function outcomeOf(end: End, banner: string | null): SshOutcome | null {
  if (typeof end === 'object') return null
  if (end === 'cut' || end === 'no-key') return banner === null ? 'not-ssh' : null
  return end
}

interface VisitOptions {
  readonly address: string
  readonly port: number
  readonly algorithms: readonly ServerHostKeyAlgorithm[]
}

async function visit(
  { address, port, algorithms }: VisitOptions,
  tools: SshTools,
  signal: AbortSignal
): Promise<Visit> {
  const { promise, resolve } = Promise.withResolvers<End>()
  const socket = net.connect({ host: address, port, autoSelectFamily: false })
  const client = new Client()
  const abort = () => resolve('aborted')
  let heard = Buffer.alloc(0)
  let cancel = tools.clock.after(tools.connectMs, () => resolve('silent'))
  socket.once('connect', () => {
    cancel()
    cancel = tools.clock.after(tools.answerMs, () => resolve('stalled'))
  })
  socket.on('data', (bytes: Buffer) => {
    if (heard.length < bannerLimit) heard = Buffer.concat([heard, bytes])
  })
  socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(connectFailures[code ?? ''] ?? 'cut'))
  socket.on('close', () => resolve('cut'))
  client.on('error', ({ message }) => {
    if (message.includes('no matching host key format')) resolve('no-key')
    // what failed in the network is told by the socket itself
    else if (!socket.destroyed) resolve('cut')
  })
  signal.addEventListener('abort', abort, { once: true })
  client.connect({
    ...permissive,
    sock: socket,
    algorithms: { ...permissive.algorithms, serverHostKey: [...algorithms] },
    hostVerifier: (blob: Buffer) => {
      resolve(hostKeyOf(blob))
      return false
    }
  })

  const end = await promise
  cancel()
  signal.removeEventListener('abort', abort)
  socket.destroy()
  return { end, banner: bannerOf(heard) }
}

/** What is looked through for the identification of a server. */
const bannerLimit = 8_192

/** algorithms of every age: nothing is entrusted to this connection, and nobody signs in */
const permissive = {
  username: 'nobody',
  ident: 'tlsward',
  readyTimeout: 0,
  algorithms: {
    kex: {
      append: ['diffie-hellman-group14-sha1', 'diffie-hellman-group1-sha1'],
      prepend: [],
      // Node looks whether the server's number is a safe prime, and does nothing else for up to a minute. Servers
      // that know this exchange know the fixed groups too, which every server has to (RFC 4253 §8)
      remove: ['diffie-hellman-group-exchange-sha256']
    },
    cipher: { append: ['aes256-cbc', 'aes192-cbc', 'aes128-cbc', '3des-cbc'], prepend: [], remove: [] },
    hmac: { append: ['hmac-md5'], prepend: [], remove: [] }
  }
} satisfies Parameters<Client['connect']>[0]

const connectFailures: Readonly<Record<string, 'closed' | 'silent' | 'unreachable'>> = {
  ECONNREFUSED: 'closed',
  ETIMEDOUT: 'silent',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EACCES: 'unreachable',
  EADDRNOTAVAIL: 'unreachable'
}

/** the identification line, which other lines may come before (RFC 4253 §4.2) */
function bannerOf(heard: Buffer): string | null {
  const [, line] = /(?:^|\n)(SSH-[^\r\n]*)\r?\n/.exec(heard.toString('latin1')) ?? []
  return line === undefined ? null : visible(line)
}

function hostKeyOf(blob: Buffer): SshHostKey {
  const [name = Buffer.alloc(0), ...fields] = fieldsOf(blob)
  const type = visible(name.toString('latin1'), 64)
  const fingerprint = `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
  return { type, bits: bitsOf(type, fields), fingerprint }
}

/** the fields of a public key: each four bytes of length, then its bytes (RFC 4251 §5) */
function fieldsOf(blob: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let at = 0; at + 4 <= blob.length;) {
    const end = at + 4 + blob.readUInt32BE(at)
    fields.push(blob.subarray(at + 4, end))
    at = end
  }
  return fields
}

/** of RSA the modulus comes second, behind the exponent; of DSA the prime first (RFC 4253 §6.6) */
function bitsOf(type: string, [first, second]: readonly Buffer[]): number | null {
  if (type === 'ssh-ed25519') return 256
  const [, curve] = /^ecdsa-sha2-nistp(\d+)$/.exec(type) ?? []
  if (curve !== undefined) return Number(curve)
  const modulus = type === 'ssh-rsa' ? second : type === 'ssh-dss' ? first : undefined
  const start = modulus?.findIndex((byte) => byte !== 0) ?? -1
  if (!modulus || start < 0) return null
  return (modulus.length - start) * 8 - Math.clz32(modulus[start] ?? 0) + 24
}
