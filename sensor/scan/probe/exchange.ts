import { visible } from '../../../core/text.ts'
import type { StartTls } from '../observation.ts'
import { Flight, flightLimits, type FlightEnd } from './flight.ts'
import { FinishedTls } from './finished.ts'
import type { HeldBytes } from './held-bytes.ts'
import { writeHello, type Hello } from './hello.ts'
import type { Dialer, Line, LineHandler } from './line.ts'
import { openPrelude, protocolOf } from './starttls/index.ts'
import { preludeLimit, type Closing, type Prelude } from './starttls/prelude.ts'
import { agreementFor, sweepAgreement, type KeyAgreement } from './agreements.ts'

/** How one connection ended: what the flight said, or what happened before or instead of it. */
export type ExchangeEnd =
  | Exclude<FlightEnd, { kind: 'retry' | 'not-tls' }>
  /** something else than TLS spoke; `speaks` when it is a protocol that can start TLS */
  | { readonly kind: 'not-tls'; readonly banner: string; readonly speaks: StartTls | null }
  | { readonly kind: 'no-starttls'; readonly banner: string }
  /** `heard`: did the peer send anything? */
  | { readonly kind: 'stalled' | 'reset' | 'ended'; readonly heard: boolean }
  | { readonly kind: 'closed' | 'silent' | 'unreachable' }
  /** this machine could not: no file descriptor, no free port */
  | { readonly kind: 'local'; readonly code: string }

/** What one connection is to do. */
export interface ExchangeSetup {
  readonly address: string
  readonly port: number
  readonly hello: Hello
  /** the key whose share stands in the hello; the sweep's P-256 key when left out */
  readonly keys?: KeyAgreement
  /** protocol that begins in the clear, or null for TLS at once */
  readonly starttls: StartTls | null
  /** read on past the certificate */
  readonly whole?: boolean
  /** read no further than the ServerHello or HelloRetryRequest */
  readonly brief?: boolean
  /** counts what all connections of a scan hold */
  readonly held?: HeldBytes
  /** finish the handshake where a cut one counts against us: then the hello is not ours */
  readonly finish?: boolean
  /** reads the answer in place of a flight: another protocol than TLS */
  readonly reader?: AnswerReader
}

/** Reads an answer that is no TLS flight. It bounds by itself what it takes. */
export interface AnswerReader {
  /** takes bytes as they come, in any pieces; how it ended, or null while more is to come */
  feed(bytes: Uint8Array): ExchangeEnd | null
}

/** Whom an exchange tells, each at most once and in this order. */
export interface ExchangeOwner {
  /** the connection stands */
  exchangeOpened(exchange: Exchange): void
  /** it is over, the connection gone, and `exchange.end` is set */
  exchangeEnded(exchange: Exchange): void
}

/**
 * One connection: connect, the clear-text prelude where there is one, hello, the server's flight to its
 * certificate, reset. Bounded in bytes by itself, in time by its owner, which calls {@link timeUp}.
 */
export class Exchange implements LineHandler {
  readonly setup: ExchangeSetup
  readonly #owner: ExchangeOwner
  #line: Line | null = null
  #phase: 'connecting' | 'prelude' | 'hello' | 'over' = 'connecting'
  #prelude: Prelude | null = null
  #heard = 0
  #banner = ''
  #retried = false
  /** finishes the handshake, where a cut one counts against us */
  #finished: FinishedTls | null = null
  flight: Flight | null = null
  end: ExchangeEnd | null = null

  constructor(setup: ExchangeSetup, owner: ExchangeOwner) {
    this.setup = setup
    this.#owner = owner
  }

  start(dialer: Dialer): void {
    this.#line = dialer.dial(this.setup.address, this.setup.port, this)
  }

  /** The owner's patience is at its end. */
  timeUp(): void {
    if (this.#phase === 'connecting') this.#finish({ kind: 'silent' })
    else if (this.#finished !== null) this.#endFinished(this.#finished, 'stalled')
    else this.#finish({ kind: 'stalled', heard: this.#heard > 0 })
  }

  /** bytes of an unfinished answer that it holds */
  get held(): number {
    return this.#finished?.held ?? this.flight?.held ?? 0
  }

  /** Ends for the sake of the others, which need the memory. */
  giveWay(): void {
    this.#finish({ kind: 'too-large', why: 'more bytes than all connections together may hold' })
  }

  /** Ends the connection without telling the owner: the scan stops. */
  abandon(): void {
    this.#phase = 'over'
    this.flight?.release()
    this.#finished?.close()
    this.#line?.abort()
  }

  onOpen(): void {
    this.#owner.exchangeOpened(this)
    const { starttls, hello } = this.setup
    if (starttls === null) return this.#sayHello(hello, [])
    this.#phase = 'prelude'
    this.#prelude = openPrelude(starttls, hello.offer.name)
    if (this.#prelude.first) this.#line?.send(this.#prelude.first)
  }

  onBytes(bytes: Uint8Array): void {
    this.#heard += bytes.length
    if (this.#heard > heardLimit) return this.#finish({ kind: 'too-large', why: 'more bytes than are read' })
    if (this.#phase === 'prelude') return this.#readPrelude(bytes)
    if (this.#phase !== 'hello') return
    const records = this.#prelude?.unwrap ? this.#prelude.unwrap(bytes) : bytes
    if (!records) return this.#finish({ kind: 'malformed', why: 'broken packets around TLS' })
    if (this.#finished !== null) return this.#finished.feed(bytes)
    const { reader } = this.setup
    if (reader !== undefined) return this.#readBy(reader, records)
    if (this.flight?.feed(records)) this.#readEnd(this.flight, records)
  }

  onEnd(): void {
    if (this.#finished !== null) return this.#endFinished(this.#finished, 'ended')
    this.#cut('ended')
  }

  onFail(code: string): void {
    if (this.#finished !== null) return this.#endFinished(this.#finished, 'reset')
    if (this.#phase !== 'connecting') return this.#cut('reset')
    // a reset, unlike a refusal, came after the connection was accepted (before we heard of it)
    if (code === 'ECONNRESET') return this.#finish({ kind: 'reset', heard: false })
    this.#finish(connectFailure(code, this.setup.address))
  }

  #cut(kind: 'ended' | 'reset'): void {
    const { flight } = this
    // the certificate may be there already when a server closes in the middle of what follows it
    if (flight?.certificates) return this.#finish({ kind: 'certificate' })
    // a warning alert that nothing followed was the answer
    if (flight?.warning) return this.#finish({ kind: 'alert', alert: flight.warning })
    if (flight?.hello) return this.#finish({ kind: 'malformed', why: 'a flight without its end' })
    this.#finish({ kind, heard: this.#heard > 0 })
  }

  #sayHello(hello: Hello, after: readonly Uint8Array[]): void {
    this.#phase = 'hello'
    const keys = this.setup.keys ?? sweepAgreement
    const share = hello.offer.share?.group
    const agreement = share === undefined || share === keys.share.group ? keys : agreementFor(share)
    const { whole = false, brief = false, held } = this.setup
    this.flight?.release()
    this.flight = new Flight(hello, agreement ?? keys, { whole, brief, after, held })
    this.#line?.send(this.#prelude?.wrap ? this.#prelude.wrap(hello.record) : hello.record)
  }

  #readPrelude(bytes: Uint8Array): void {
    this.#banner ||= bannerOf(bytes)
    if (this.#heard > preludeLimit) return this.#finish({ kind: 'no-starttls', banner: this.#banner })
    const step = this.#prelude?.feed(bytes)
    if (!step) return
    if (step.kind === 'alien') return this.#finish({ kind: 'not-tls', banner: this.#banner, speaks: null })
    if (step.kind === 'refused') return this.#finish({ kind: 'no-starttls', banner: this.#banner })
    if (step.send) this.#line?.send(step.send)
    // what came behind the consent is dropped: TLS answers only to our hello (RFC 3207 §4.2)
    if (step.kind !== 'tls') return
    if (this.setup.finish && this.#prelude?.closing) this.#finishTls(this.#prelude.closing())
    else this.#sayHello(this.setup.hello, [])
  }

  #finishTls(closing: Closing): void {
    this.#phase = 'hello'
    const finished = new FinishedTls({
      name: this.setup.hello.offer.name,
      closing,
      held: this.setup.held,
      send: (bytes) => this.#line?.send(bytes),
      over: () => this.#endFinished(finished, 'ended')
    })
    this.#finished = finished
  }

  /** what was seen in a handshake that was finished, or how it failed */
  #endFinished(finished: FinishedTls, otherwise: 'stalled' | 'ended' | 'reset'): void {
    if (this.#phase === 'over') return
    finished.close()
    this.#finished = null
    this.flight = finished.flight(this.setup.hello)
    const { end } = this.flight
    if (end === null && otherwise === 'stalled') this.timeUp()
    else if (end === null) this.#cut(otherwise === 'reset' ? 'reset' : 'ended')
    else if (end.kind === 'retry' || end.kind === 'not-tls')
      this.#finish({ kind: 'malformed', why: 'no TLS after its consent' })
    else this.#finish(end)
  }

  #readBy(reader: AnswerReader, bytes: Uint8Array): void {
    const end = reader.feed(bytes)
    if (end) this.#finish(end)
  }

  #readEnd(flight: Flight, records: Uint8Array): void {
    const { end } = flight
    if (end === null) return
    if (end.kind === 'retry') return this.#sayHelloAgain(end)
    if (end.kind !== 'not-tls') return this.#finish(end)
    const greeting = Buffer.from(records.subarray(0, 512))
    this.#finish({ kind: 'not-tls', banner: bannerOf(greeting), speaks: protocolOf(greeting) })
  }

  #sayHelloAgain(retry: Extract<FlightEnd, { kind: 'retry' }>): void {
    const { hello } = this.setup
    const { group, cookie } = retry.hello
    if (this.#retried) return this.#finish({ kind: 'malformed', why: 'a second HelloRetryRequest' })
    if (cookie === null && (group === null || group === hello.offer.share?.group)) {
      return this.#finish({ kind: 'malformed', why: 'a HelloRetryRequest that asks for nothing new' })
    }
    if (group !== null && !hello.offer.groups.includes(group)) {
      return this.#finish({ kind: 'malformed', why: 'a HelloRetryRequest for a group that was not offered' })
    }
    this.#retried = true
    const share = group === null ? hello.offer.share : (agreementFor(group)?.share ?? null)
    const offer = { ...hello.offer, share, ...(cookie ? { cookie } : {}) }
    this.#sayHello(writeHello(offer, hello.random), [hello.message, retry.message])
  }

  #finish(end: ExchangeEnd): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.end = end
    this.#finished?.close()
    this.#line?.abort()
    this.#owner.exchangeEnded(this)
    // only now: the certificates are views of what is held
    this.flight?.release()
  }
}

/** bytes that one connection is read for: packets around TLS (TDS) may be empty, which no flight counts */
const heardLimit = 2 * flightLimits.bytes

/** errno names of a connect by which this machine says that it has no more to give */
const localFailures: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'EAGAIN'
])

/** How a connect failed. What is not known to be our own trouble was said by the network, where anybody can speak. */
function connectFailure(code: string, address: string): ExchangeEnd {
  if (code === 'ECONNREFUSED') return { kind: 'closed' }
  if (code === 'ETIMEDOUT') return { kind: 'silent' }
  // what a machine without IPv6 says of every IPv6 address
  if (code === 'EADDRNOTAVAIL' && address.includes(':')) return { kind: 'unreachable' }
  return localFailures.has(code) ? { kind: 'local', code } : { kind: 'unreachable' }
}

function bannerOf(bytes: Uint8Array): string {
  return visible(Buffer.from(bytes.subarray(0, 200)).toString('latin1').trimEnd())
}
