import { formatAddress } from '../../../core/address.ts'
import type { Observation, Outcome, ServedChain, StartTls } from '../observation.ts'
import type { Pair } from '../space.ts'
import type { ChainBook } from './chain-book.ts'
import { Exchange, type ExchangeOwner } from './exchange.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { Hellos } from './hellos.ts'
import type { Climbs } from './climbs.ts'
import { nextStep, outcomeOf, type Attempt, type Step } from './ladder.ts'
import type { Dialer } from './line.ts'

/** How probes are made, the same for all of a scan. */
export interface ProbeOptions {
  /** `auto`: by the port, and by what the server says; `none`: TLS at once; else this protocol everywhere */
  readonly starttls: 'auto' | 'none' | StartTls
  /** ask for the certificate of the other key type (one more connection to each TLS endpoint) */
  readonly twin: boolean
  /** times that a connection is tried again when nothing came back (lost packets) */
  readonly repeats: number
}

/** What a probe works with. */
export interface ProbeTools {
  readonly dialer: Dialer
  readonly hellos: Hellos
  readonly chains: ChainBook
  readonly climbs: Climbs
  readonly held: HeldBytes
  readonly options: ProbeOptions
}

/** Whom a probe tells. */
export interface ProbeOwner {
  /** the connection stands: from now on the time for an answer runs */
  probeOpened(): void
  /** one more connection is wanted: call `connect` when it may be made */
  probeWants(): void
  probeDone(): void
}

/** The probing of one pair: one connection after the other up the ladder, until nothing more is to be learnt. */
export class Probe implements ExchangeOwner {
  readonly pair: Pair
  readonly host: string
  readonly #tools: ProbeTools
  readonly #owner: ProbeOwner
  #step: Step
  // most probes of a sweep end without an answer: what they would hold is made when there is something to hold
  #past: readonly Attempt[] = none
  #exchange: Exchange | null = null
  #repeats: number
  #chains: readonly ServedChain[] = none
  #outcome: Outcome | null = null
  #seen: Pick<Observation, 'version' | 'cipher' | 'clientCertificate'> = nothingSeen
  connections = 0
  /** tries that failed for want of a local resource */
  localFailures = 0

  constructor(pair: Pair, tools: ProbeTools, owner: ProbeOwner) {
    this.pair = pair
    this.host = formatAddress(pair.address)
    this.#tools = tools
    this.#owner = owner
    this.#repeats = tools.options.repeats
    this.#step = tools.climbs.firstStep(pair.port)
  }

  /** Makes the next connection. */
  connect(): void {
    const { dialer, hellos, held } = this.#tools
    const { rung, starttls } = this.#step
    const hello = hellos.for(rung, this.pair.name)
    const { host: address, pair } = this
    this.#exchange = new Exchange({ address, port: pair.port, hello, starttls, held, finish: true }, this)
    this.connections++
    this.#exchange.start(dialer)
  }

  /** The time for what it waits for is over. */
  timeUp(): void {
    this.#exchange?.timeUp()
  }

  /** bytes that its connection holds of an unfinished answer */
  get held(): number {
    return this.#exchange?.held ?? 0
  }

  /** Its connection ends for the sake of the others. */
  giveWay(): void {
    this.#exchange?.giveWay()
  }

  /** Ends the probe without a result: the scan stops. */
  abandon(): void {
    this.#exchange?.abandon()
    this.#exchange = null
  }

  exchangeOpened(): void {
    this.#owner.probeOpened()
  }

  exchangeEnded(exchange: Exchange): void {
    const end = exchange.end
    if (end === null) return
    this.#exchange = null
    if (end.kind === 'local') {
      this.localFailures++
      return this.#owner.probeWants()
    }
    if (end.kind === 'silent' && this.#past.length === 0 && this.#repeats > 0) {
      this.#repeats--
      return this.#owner.probeWants()
    }
    this.#past = [...this.#past, this.#attempt(exchange)]
    const step = nextStep(this.#past, this.#tools.climbs.climb(this.pair.port))
    if (step === null) return this.#owner.probeDone()
    this.#step = step
    this.#owner.probeWants()
  }

  /** how the last connection ended, for the pace */
  get lastEnd(): Attempt['end'] | undefined {
    return this.#past.at(-1)?.end
  }

  /** was a connection repeated, and then answered: a packet had been lost */
  get lostPacket(): boolean {
    return this.#repeats < this.#tools.options.repeats && this.outcome !== 'silent'
  }

  get outcome(): Outcome {
    this.#outcome ??= outcomeOf(this.#past)
    return this.#outcome
  }

  /** What all connections together saw. `at`: wall clock of the end, `ms`: what it took. */
  observation(at: number, ms: number): Observation {
    const { outcome } = this
    const { version, cipher, clientCertificate } = this.#seen
    return {
      address: this.host,
      port: this.pair.port,
      name: this.pair.name,
      at,
      outcome,
      starttls: this.#telling()?.starttls ?? null,
      version,
      cipher,
      alert: outcome === 'certificate' ? null : this.#alert(),
      clientCertificate,
      banner: outcome === 'certificate' ? null : this.#banner(),
      chains: this.#chains,
      ...(this.#past.some(({ rung }) => rung === 'rsa' || rung === 'ecdsa') ? {} : { twinUnasked: true }),
      connections: this.connections,
      ms
    }
  }

  /** the connection that decided the outcome */
  #telling(): Attempt | undefined {
    const [first] = this.#past
    if (this.#past.length === 1) return first
    return this.#past.findLast(({ end }) => end.kind === this.outcome) ?? first
  }

  #alert(): number | null {
    for (const { end } of this.#past) if (end.kind === 'alert') return end.alert
    return null
  }

  #banner(): string | null {
    for (const { end } of this.#past)
      if (end.kind === 'not-tls' || end.kind === 'no-starttls') return end.banner
    return null
  }

  /** keeps what the connection showed, and how it ended */
  #attempt(exchange: Exchange): Attempt {
    const end = exchange.end ?? { kind: 'silent' }
    const { flight } = exchange
    if (end.kind !== 'certificate' || !flight?.certificates || !flight.hello) return { ...this.#step, end }
    const booked = this.#tools.chains.enter(flight.certificates, this.#chains[0]?.leaf)
    if (!booked) return { ...this.#step, end: { kind: 'malformed', why: 'a leaf that is no certificate' } }
    if (this.#chains.length === 0) {
      const { version, cipher } = flight.hello
      this.#seen = { version, cipher, clientCertificate: flight.clientCertificate }
    }
    // a server without the other certificate may show the same one again
    if (!this.#chains.some(({ leaf }) => leaf === booked.chain.leaf))
      this.#chains = [...this.#chains, booked.chain]
    return { ...this.#step, end, keyType: booked.keyType }
  }
}

const none: readonly never[] = []
const nothingSeen = { version: null, cipher: null, clientCertificate: null }
