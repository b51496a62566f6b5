import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import {
  type AuthenticationType,
  type AuthHandlerMiddleware,
  Client,
  type ConnectConfig,
  type ServerHostKeyAlgorithm
} from 'ssh2'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import type { Pin } from '../contract.ts'
import { type SshError, sshFault } from './ssh-faults.ts'

/** Where an SSH server is. */
export interface SshPlace {
  readonly address: string
  readonly port: number
  /** also SHA-1 key exchange and ssh-rsa signatures, for servers of before 2015 */
  readonly oldAlgorithms: boolean
}

/** How to sign in at one SSH server. */
export interface SshLogin extends SshPlace {
  readonly user: string
  /** exactly one of both ways is tried, once */
  readonly by:
    | { readonly way: 'password'; readonly password: Secret }
    | { readonly way: 'key'; readonly key: Secret; readonly passphrase: Secret | undefined }
}

/** A server, and perhaps one to go through. */
export interface SshRoute<Server extends SshPlace = SshLogin> {
  readonly server: Server
  /** where it is, and how to sign in there, which is asked for only when its key is pinned */
  readonly jump: (SshPlace & { login(): SshLogin }) | undefined
}

/** What a connection works with. */
export interface SshTools {
  readonly clock: Clock
  readonly pins: readonly Pin[]
  readonly signal: AbortSignal
}

/** for a connection and its key exchange */
const readyMs = 20_000
/** a host that has not answered for three of these is gone */
const keepaliveMs = 10_000

/** Host key types, the one we would rather pin first, each with its signature algorithms. */
const keyTypes: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256']
}

/**
 * The host keys of a route, before a credential is sent: of the jump host first. The server behind a jump host is
 * reached only by signing in there, so its key is given once the jump host's key is among the pins.
 */
export async function identifySsh({ server, jump }: SshRoute<SshPlace>, tools: SshTools): Promise<Pin[]> {
  if (!jump) return [await askKey(server, tools, undefined)]
  const first = await askKey(jump, tools, undefined)
  if (!pinOf(jump, tools.pins)) return [first]
  const client = await signIn(jump.login(), tools, undefined)
  try {
    return [first, await askKey(server, tools, await streamThrough(client, server))]
  } finally {
    client.end()
  }
}

/** Signs in along a route; `close` ends all its connections. */
export async function connectSsh(
  { server, jump }: SshRoute,
  tools: SshTools
): Promise<{ readonly client: Client; close(): void }> {
  if (!jump) {
    const client = await signIn(server, tools, undefined)
    return { client, close: () => client.end() }
  }
  const before = await signIn(jump.login(), tools, undefined)
  try {
    const client = await signIn(server, tools, await streamThrough(before, server))
    const close = () => {
      client.end()
      before.end()
    }
    return { client, close }
  } catch (thrown) {
    before.end()
    throw thrown
  }
}

function place({ address, port }: SshPlace): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** The pin of a server among those accepted. */
function pinOf(login: SshPlace, pins: readonly Pin[]): { type: string; fingerprint: string } | undefined {
  const start = `ssh-host-key ${place(login)} `
  const pin = pins.find(({ what }) => what.startsWith(start))
  return pin && { type: pin.what.slice(start.length), fingerprint: pin.fingerprint }
}

/** as OpenSSH writes it, `ssh-keygen -l` */
function fingerprintOf(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}

/** RFC 4253 §6.6: the blob begins with the name of its type */
function typeOf(blob: Buffer): string {
  return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1')
}

async function askKey(login: SshPlace, tools: SshTools, sock: Duplex | undefined): Promise<Pin> {
  let seen: Pin | undefined
  const client = new Client()
  try {
    await ready(client, login, tools, {
      ...baseOf(login, Object.values(keyTypes).flat()),
      ...(sock && { sock }),
      // nobody signs in: the key is refused as soon as it is seen
      username: 'tlsward',
      hostVerifier: (blob: Buffer) => {
        seen = { what: `ssh-host-key ${place(login)} ${typeOf(blob)}`, fingerprint: fingerprintOf(blob) }
        return false
      }
    })
  } catch (thrown) {
    if (!seen) throw thrown
  } finally {
    client.destroy()
  }
  if (seen) return seen
  throw new Fault('device-unreachable', `${place(login)} showed no host key.`)
}

function baseOf(login: SshPlace, hostKeys: readonly ServerHostKeyAlgorithm[]): ConnectConfig {
  const old: readonly ServerHostKeyAlgorithm[] = login.oldAlgorithms ? ['ssh-rsa'] : []
  const rsa = hostKeys.includes('rsa-sha2-512')
  return {
    host: login.address,
    port: login.port,
    ident: 'tlsward',
    readyTimeout: readyMs,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: 3,
    algorithms: {
      serverHostKey: rsa ? [...hostKeys, ...old] : [...hostKeys],
      kex: { append: login.oldAlgorithms ? ['diffie-hellman-group14-sha1'] : [], prepend: [], remove: [] }
    }
  }
}

async function signIn(login: SshLogin, tools: SshTools, sock: Duplex | undefined): Promise<Client> {
  const pin = pinOf(login, tools.pins)
  const accepted = pin && keyTypes[pin.type]
  if (!pin || !accepted) {
    const { what, fingerprint } = await askKey(login, tools, sock)
    throw new Fault(
      'device-pin',
      `The host key of ${place(login)} was not accepted yet: it shows ${fingerprint} (${what.split(' ').at(-1)}). Compare it with the server's own and accept it first.`
    )
  }
  const client = new Client()
  const { by } = login
  const credentials =
    by.way === 'password'
      ? { password: by.password.reveal(), tryKeyboard: true }
      : {
          privateKey: by.key.reveal(),
          ...(by.passphrase && { passphrase: by.passphrase.reveal() })
        }
  if (by.way === 'password') {
    // PAM asks for the password as a question
    client.on('keyboard-interactive', (_name, _text, _lang, prompts, answer) =>
      answer(prompts.map(({ echo }) => (echo ? '' : by.password.reveal())))
    )
  }
  await ready(client, login, tools, {
    ...baseOf(login, accepted),
    ...credentials,
    ...(sock && { sock }),
    username: login.user,
    authHandler: oneTry(by.way),
    hostVerifier: (blob: Buffer) => fingerprintOf(blob) === pin.fingerprint
  })
  return client
}

/** The one way that is tried, once: every refusal counts towards a lock. `none` only asks for the ways there are. */
function oneTry(way: 'password' | 'key'): AuthHandlerMiddleware {
  let tried = false
  return (left: readonly AuthenticationType[] | null, _partial, next) => {
    if (way === 'password' && left === null) return next('none')
    if (tried) return next(false as never)
    tried = true
    if (way === 'key') return next('publickey')
    next(left?.includes('password') === false ? 'keyboard-interactive' : 'password')
  }
}

/** Connects; rejects with a Fault, or with the reason of the signal. */
async function ready(client: Client, login: SshPlace, tools: SshTools, config: ConnectConfig): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { signal } = tools
  const abort = () => {
    reject(signal.reason as Error)
    client.destroy()
  }
  if (signal.aborted) throw signal.reason
  signal.addEventListener('abort', abort, { once: true })
  client.on('ready', resolve)
  // stays for the life of the connection: an error without a listener would end the process
  client.on('error', (error: SshError) => reject(sshFault(place(login), error)))
  client.on('close', () => reject(sshFault(place(login), new Error('the connection was closed'))))
  try {
    client.connect(config)
    await promise
    // requests are small and wait for their answers: without this each costs 40 ms more
    client.setNoDelay(true)
  } catch (thrown) {
    client.destroy()
    throw thrown instanceof Fault || signal.aborted ? thrown : sshFault(place(login), thrown as SshError)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function streamThrough(client: Client, to: SshPlace): Promise<Duplex> {
  return new Promise((resolve, reject) =>
    client.forwardOut('127.0.0.1', 0, to.address, to.port, (error, stream) =>
      error ? reject(sshFault(place(to), error)) : resolve(stream)
    )
  )
}
