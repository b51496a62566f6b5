import { hash } from 'node:crypto'
import { Agent } from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import axios, { isAxiosError } from 'axios'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { Pin } from '../contract.ts'

/** Where the API of one unit is. */
export interface Place {
  readonly address: string
  readonly port: number
}

/** How a unit is recognised before anything is sent to it. */
export type Trust =
  | { readonly by: 'pin'; readonly pins: readonly Pin[] }
  /** PEM; undefined: the authorities that this machine trusts */
  | { readonly by: 'ca'; readonly authority: string | undefined }

/** One request as it goes over the wire. */
export interface WireRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** path and query, encoded */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly timeoutMs: number
  /** it may go out again when the unit had closed the connection that was kept */
  readonly isRepeatable: boolean
}

/** One answer, whole. */
export interface WireAnswer {
  readonly status: number
  readonly text: string
}

/** The way to one unit: one connection at a time, kept open between requests. */
export interface Transport {
  /** One exchange. Throws device-unreachable, device-pin or device-malformed, or the reason of the signal. */
  exchange(wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer>
  /** leaf of the unit's own TLS certificate, DER, once there was a connection */
  leaf(): Buffer | undefined
  close(): void
}

/** more than the largest collection takes: 500 virtual servers with their profiles are 2 MiB */
const largestAnswer = 32 * 1024 * 1024

/** The way to a unit; nothing is connected before the first exchange. */
export function openTransport(place: Place, trust: Trust, clock: Clock): Transport {
  const agent = new CheckingAgent(place, trust)
  const once = async (wanted: WireRequest, signal: AbortSignal): Promise<WireAnswer> => {
    const deadline = new AbortController()
    const cancel = clock.after(wanted.timeoutMs, () => deadline.abort())
    try {
      return await send(wanted, place, { agent, signal: AbortSignal.any([signal, deadline.signal]) })
    } catch (thrown) {
      signal.throwIfAborted()
      const late = `no whole answer within ${wanted.timeoutMs / 1000} s`
      if (deadline.signal.aborted) throw unreachable(place, late)
      throw thrown
    } finally {
      cancel()
      agent.dropOpening()
    }
  }
  return {
    async exchange(wanted, signal) {
      signal.throwIfAborted()
      try {
        return await once(wanted, signal)
      } catch (thrown) {
        if (!isStale(thrown) || !wanted.isRepeatable) throw asTransportFault(place, thrown, signal)
      }
      return once(wanted, signal).catch((thrown: unknown) => {
        throw asTransportFault(place, thrown, signal)
      })
    },
    leaf: () => agent.leaf,
    close: () => agent.destroy()
  }
}

/** What a unit shows before any credential is sent. Throws device-unreachable, device-malformed. */
export async function pinOf(place: Place, clock: Clock, signal: AbortSignal): Promise<Pin> {
  const socket = await secured(place, { signal, clock })
  const pin = shownBy(socket, place)
  socket.destroy()
  return pin
}

/** Sees that a unit's certificate comes from the authority. Throws device-pin, device-unreachable. */
export async function checkAuthority(
  place: Place,
  trust: Trust,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal }
): Promise<void> {
  const socket = await secured(place, { signal, clock, trust })
  socket.destroy()
}

/** `tls-spki host:port`, the name of a unit's pin */
function pinName({ address, port }: Place): string {
  return `tls-spki ${address}:${port}`
}

function shownBy(socket: TLSSocket, place: Place): Pin {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) throw new Fault('device-malformed', `${nameOf(place)} shows no certificate.`)
  const digest = hash('sha256', certificate.publicKey.export({ type: 'spki', format: 'der' }), 'base64')
  return { what: pinName(place), fingerprint: `SHA256:${digest}` }
}

/** Holds the key of each new connection against what was accepted, before the request is written to it. */
class CheckingAgent extends Agent {
  readonly #place: Place
  readonly #trust: Trust
  /** connections that are not secure yet: no request holds them */
  readonly #opening = new Set<TLSSocket>()
  leaf: Buffer | undefined

  constructor(place: Place, trust: Trust) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 })
    this.#place = place
    this.#trust = trust
  }

  override createConnection(
    _: unknown,
    callback?: (error: Error | null, stream: Duplex) => void
  ): Duplex | null | undefined {
    const socket = openSocket(this.#place, this.#trust)
    this.#opening.add(socket)
    socket.once('close', () => this.#opening.delete(socket))
    const fail = (error: Error) => {
      socket.destroy()
      callback?.(error, socket)
    }
    socket.once('error', fail)
    socket.once('secureConnect', () => {
      socket.off('error', fail)
      this.#opening.delete(socket)
      try {
        if (this.#trust.by === 'pin') checkPin(this.#place, this.#trust.pins, shownBy(socket, this.#place))
        this.leaf = socket.getPeerX509Certificate()?.raw
        callback?.(null, socket)
      } catch (thrown) {
        socket.on('error', () => {})
        fail(thrown as Error)
      }
    })
    return undefined
  }

  /** ends what nobody waits for any more */
  dropOpening(): void {
    for (const socket of this.#opening) socket.destroy()
  }

  override destroy(): void {
    this.dropOpening()
    super.destroy()
  }
}

function openSocket({ address, port }: Place, trust: Trust | undefined): TLSSocket {
  return connect({
    host: address,
    port,
    ...(isIP(address) === 0 ? { servername: address } : {}),
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // a pinned unit shows a certificate of its own making
    rejectUnauthorized: trust?.by === 'ca',
    ...(trust?.by === 'ca' && trust.authority !== undefined ? { ca: trust.authority } : {})
  })
}

function checkPin(place: Place, pins: readonly Pin[], shown: Pin): void {
  if (pins.some(({ what, fingerprint }) => what === shown.what && fingerprint === shown.fingerprint)) return
  throw new Fault(
    'device-pin',
    `${nameOf(place)} shows the key ${shown.fingerprint}, which nobody has accepted. Nothing was sent to it.`,
    { shown: shown.fingerprint }
  )
}

const connectMs = 20_000

interface Opening {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly trust?: Trust
}

function secured(place: Place, { clock, signal, trust }: Opening): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  signal.throwIfAborted()
  const socket = openSocket(place, trust)
  const stop = () => socket.destroy(new Error('told to stop'))
  const cancel = clock.after(connectMs, () =>
    socket.destroy(new Error(`no TLS within ${connectMs / 1000} s`))
  )
  signal.addEventListener('abort', stop, { once: true })
  socket.on('error', (error) => reject(signal.aborted ? error : asTransportFault(place, error, signal)))
  socket.once('close', () => reject(unreachable(place, 'it closes the connection')))
  socket.once('secureConnect', () => resolve(socket))
  return promise.finally(() => {
    cancel()
    signal.removeEventListener('abort', stop)
  })
}

async function send(
  { method, path, headers, body }: WireRequest,
  { address, port }: Place,
  { agent, signal }: { readonly agent: Agent; readonly signal: AbortSignal }
): Promise<WireAnswer> {
  const host = isIP(address) === 6 ? `[${address}]` : address
  const { status, data } = await axios.request<Buffer>({
    adapter: 'http',
    url: `https://${host}:${port}${path}`,
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'tlsward',
      ...headers
    },
    ...(body ? { data: body } : {}),
    httpsAgent: agent,
    // neither a proxy nor another server gets to see a credential
    proxy: false,
    maxRedirects: 0,
    decompress: false,
    responseType: 'arraybuffer',
    maxContentLength: largestAnswer,
    maxBodyLength: largestAnswer,
    validateStatus: () => true,
    signal
  })
  return { status, text: data.toString('utf8') }
}

/** did the unit close a connection that was kept, before it read the request? */
function isStale(thrown: unknown): boolean {
  if (!isAxiosError(thrown)) return false
  const request = thrown.request as { readonly reusedSocket?: boolean } | undefined
  return request?.reusedSocket === true && (thrown.code === 'ECONNRESET' || thrown.code === 'EPIPE')
}

/** the error itself may hold the request with its credentials: it goes no further */
function asTransportFault(place: Place, thrown: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return thrown instanceof Error ? thrown : new Error('told to stop')
  const causes = thrown instanceof Error ? [thrown, thrown.cause] : []
  const fault = causes.find((one) => one instanceof Fault)
  if (fault) return fault
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (message.startsWith('maxContentLength'))
    return new Fault('device-malformed', `${nameOf(place)} sends an answer without end.`)
  const code = codeOf(thrown)
  if (/CERT|ISSUER|ALTNAME|INVALID_CA|INVALID_PURPOSE/.test(code)) {
    const what = `${nameOf(place)} shows a certificate that the authority does not vouch for: ${visible(message, 200)}`
    return new Fault('device-pin', `${what}. Nothing was sent to it.`, { code })
  }
  return unreachable(place, visible(message, 200) || code)
}

function codeOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return ''
  const found = [thrown, thrown.cause].find(
    (one): one is Error & { readonly code: string } =>
      one instanceof Error && 'code' in one && typeof one.code === 'string'
  )
  return found?.code ?? ''
}

function unreachable(place: Place, why: string): Fault {
  return new Fault('device-unreachable', `${nameOf(place)} cannot be reached: ${why}`)
}

/** For messages, e.g. `The BIG-IP at 10.0.0.5:443`. */
export function nameOf({ address, port }: Place): string {
  return `The BIG-IP at ${isIP(address) === 6 ? `[${address}]` : address}:${port}`
}
