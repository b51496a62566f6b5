import type { Address } from '../../core/address.ts'
import type { Random } from '../../core/random.ts'
import type { Fifo, Timed } from './queues.ts'

/** How much one place bears. */
export interface PlaceRules {
  readonly concurrency: number
  /** mean time between two starts, milliseconds; 0 = no limit */
  readonly gapMs: number
  /** each start may come later than its turn by up to this, milliseconds */
  readonly jitterMs: number
  /** turns that were missed by up to this are made up for, milliseconds */
  readonly slackMs: number
  readonly backOff: BackOff
}

/** When a place is left alone after trouble, and for how long. */
export interface BackOff {
  /** troubles in a row that are taken without a pause */
  readonly bears: number
  /** the first pause, milliseconds; each further trouble doubles it */
  readonly firstMs: number
  /** how often it is doubled at most */
  readonly doublings: number
}

/** Timers come late; what is missed by this much is made up for. */
const lateMs = 25
/** How long troubles of a place are remembered at which nothing happens. */
const memoryMs = 30_000
/** How long those who wait for a turn may be late before others go first again. */
const graceMs = 1_000

/**
 * The rules for a rate (starts per second), a concurrency and a jitter (share of the gap, 0 … 1). In any span
 * there are at most `rate × span + 1 + jitter + rate / 40` starts.
 *
 * With jitter the turns themselves stay `gap` apart, and each start comes up to `jitter × gap` after its turn:
 * so the gap between two starts varies by ± jitter, and the mean is kept without drift.
 */
export function placeRules(rate: number, concurrency: number, jitter: number, backOff: BackOff): PlaceRules {
  const gapMs = 1000 / rate
  const jitterMs = gapMs * jitter
  return { concurrency, gapMs, jitterMs, slackMs: gapMs > 0 ? jitterMs + lateMs : 0, backOff }
}

/** One place whose load is counted: a host, a subnet, or the whole scan. Times are monotonic milliseconds. */
export class Place implements Timed {
  readonly rules: PlaceRules
  inFlight = 0
  /** nothing starts before */
  opens = -Infinity
  /** the turn of the next start, before jitter */
  #turn = -Infinity
  /** things in flight that were told to wait for a turn of this place: they go before new ones */
  #owed = 0
  #owedUntil = -Infinity
  /** troubles in a row, with decay */
  #troubles = 0
  #troubledAt = -Infinity
  at = 0
  index = -1

  constructor(rules: PlaceRules) {
    this.rules = rules
  }

  get troubles(): number {
    return this.#troubles
  }

  /** May something new start now? */
  isFree(now: number): boolean {
    return this.inFlight < this.rules.concurrency && this.opensFor(now) <= now
  }

  /** When something new may start as far as time goes: after those that were told to wait. */
  opensFor(now: number): number {
    if (this.#owed === 0 || now >= this.#owedUntil) return this.opens
    return Math.max(this.opens + this.#owed * this.rules.gapMs, now + 1)
  }

  /** A connection starts. */
  start(now: number, random: Random): void {
    const { gapMs, jitterMs, slackMs } = this.rules
    if (gapMs === 0) return
    this.#turn = Math.max(this.#turn, now - slackMs) + gapMs
    this.opens = jitterMs > 0 ? this.#turn + jitterMs * random.fraction() : this.#turn
  }

  /** Something in flight waits for its turn, which comes at `at`. */
  owe(at: number): void {
    this.#owed++
    this.#owedUntil = Math.max(this.#owedUntil, at + graceMs)
  }

  /** It waits no longer. */
  forgive(): void {
    this.#owed--
  }

  /** Trouble: after more in a row than the place bears it is left alone, each time twice as long. */
  trouble(now: number): void {
    const { bears, firstMs, doublings } = this.rules.backOff
    this.#troubles = Math.min(this.#troubles + 1, bears + 1 + doublings)
    this.#troubledAt = now
    const beyond = this.#troubles - bears
    if (beyond > 0) this.opens = Math.max(this.opens, now + firstMs * 2 ** (beyond - 1))
  }

  /** A success: half of the troubles are forgotten. */
  calm(): void {
    this.#troubles >>= 1
  }

  /** Until when its rate and its pause hold something back, though nothing happens there. */
  get pacedUntil(): number {
    return Math.max(this.opens, this.#turn + this.rules.slackMs)
  }

  /** Until when it is to be remembered, though nothing happens there. */
  get rememberedUntil(): number {
    return this.#troubles > 0 ? Math.max(this.pacedUntil, this.#troubledAt + memoryMs) : this.pacedUntil
  }
}

/** One address. */
export class Host<T> extends Place {
  readonly key: Address
  /** items that wait for it; not made before one does */
  waiting: Fifo<T> | undefined = undefined
  /** its turn to be looked at is noted */
  queued = false

  constructor(key: Address, rules: PlaceRules) {
    super(rules)
    this.key = key
  }
}

/** One subnet. */
export class Subnet<T> extends Place {
  readonly key: Address
  /** hosts that could start but for the subnet */
  waiting: Fifo<Host<T>> | undefined = undefined
  queued = false
  /** the hosts that made trouble, each counted once until the subnet is calm again */
  readonly #culprits: Address[] = []

  constructor(key: Address, rules: PlaceRules) {
    super(rules)
    this.key = key
  }

  /** One of its hosts made trouble. */
  troubleBy(host: Address, now: number): void {
    if (this.#culprits.includes(host)) return
    this.trouble(now)
    this.#culprits.push(host)
    if (this.#culprits.length > this.troubles) this.#culprits.shift()
  }

  override calm(): void {
    super.calm()
    this.#culprits.length = this.troubles
  }
}
