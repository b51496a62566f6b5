import { hash } from 'node:crypto'
import { Agent } from 'node:https'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
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
export class CheckingAgent extends Agent {
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

/** the error itself may hold the request with its credentials: it goes no further */
export function asTransportFault(place: Place, thrown: unknown, signal: AbortSignal): Error {
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

export function unreachable(place: Place, why: string): Fault {
  return new Fault('device-unreachable', `${nameOf(place)} cannot be reached: ${why}`)
}

/** For messages, e.g. `The BIG-IP at 10.0.0.5:443`. */
export function nameOf({ address, port }: Place): string {
  return `The BIG-IP at ${isIP(address) === 6 ? `[${address}]` : address}:${port}`
}
