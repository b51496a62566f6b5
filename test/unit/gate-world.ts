import { subnetOf, type Address } from '../../core/address.ts'
import { seededRandom } from '../../core/random.ts'
import { Gate, type End, type PaceLimits } from '../../sensor/scan/gate.ts'

/** One thing to connect to, and how it will behave. */
export interface Job {
  readonly address: Address
  /** how long each of its connections takes, milliseconds; the last one ends as `end` says */
  readonly connections: readonly number[]
  readonly end: End
}

/** One connection that was started. */
export interface Start {
  readonly at: number
  readonly job: Job
  /** 0 for the job's first connection */
  readonly nth: number
  /** what an outsider counts right after it, this one included */
  readonly inFlight: number
  readonly atHost: number
  readonly atSubnet: number
}

export interface Run {
  readonly starts: readonly Start[]
  /** jobs in the order in which they were given */
  readonly given: readonly Job[]
  readonly endedAt: number
  readonly gate: Gate<Job>
  /** moments when something could have started (as far as concurrency goes), and nothing did */
  readonly idle: readonly string[]
}

/** No limit but never two connections at once to one address. */
export const open: PaceLimits = {
  rate: Infinity,
  concurrency: Infinity,
  hostRate: Infinity,
  hostConcurrency: 1,
  subnetRate: Infinity,
  subnetConcurrency: Infinity,
  jitter: 0
}

interface Event {
  readonly at: number
  readonly act: () => void
}

/** A world of its own time in which jobs are walked through a gate until all are done. */
export class World {
  readonly #gate: Gate<Job>
  readonly #limits: PaceLimits
  readonly #jobs: readonly Job[]
  readonly #tickMs: number
  readonly #hasTrouble: boolean
  readonly #events: Event[] = []
  readonly #starts: Start[] = []
  readonly #given: Job[] = []
  readonly #parked = new Set<Job>()
  readonly #flying = new Map<Address | string, number>()
  readonly #idle: string[] = []
  #now = 0
  #offered = 0

  /** `tickMs`: time-outs are noticed at multiples of it only, as with a coarse timer; 0 = exactly */
  constructor(limits: PaceLimits, jobs: readonly Job[], tickMs = 0, seed = 1) {
    this.#gate = new Gate(limits, seededRandom(seed))
    this.#limits = limits
    this.#jobs = jobs
    this.#tickMs = tickMs
    this.#hasTrouble = jobs.some(({ end }) => end === 'reset' || end === 'local')
  }

  run(): Run {
    for (let done = false; !done;) {
      this.#pump()
      const wake = this.#now + this.#gate.wake(this.#now)
      const next = this.#events.shift()
      const at = Math.min(next?.at ?? Infinity, wake < Infinity ? this.#onTick(wake) : Infinity)
      if (next && next.at > at) this.#events.unshift(next)
      done = at === Infinity
      if (!done) this.#now = Math.max(at, this.#now)
      if (next && next.at <= at) next.act()
    }
    return {
      starts: this.#starts,
      given: this.#given,
      endedAt: this.#now,
      gate: this.#gate,
      idle: this.#idle
    }
  }

  #onTick(at: number): number {
    return this.#tickMs === 0 ? at : Math.ceil(at / this.#tickMs) * this.#tickMs
  }

  #pump(): void {
    for (;;) {
      while (this.#offered < this.#jobs.length && this.#gate.wants()) this.#offer()
      const job = this.#gate.next(this.#now)
      if (job) this.#begin(job)
      else if (this.#offered === this.#jobs.length || !this.#gate.wants()) break
    }
    if (this.#gate.wake(this.#now) === 0)
      this.#idle.push(`wake is 0 at ${this.#now} though nothing was given`)
    this.#noteIdle()
  }

  #offer(): void {
    const job = this.#jobs[this.#offered++] as Job
    this.#parked.add(job)
    this.#gate.offer(job)
  }

  #begin(job: Job): void {
    this.#given.push(job)
    this.#parked.delete(job)
    for (const key of keysOf(job)) this.#flying.set(key, this.#at(key) + 1)
    this.#connect(job, 0)
  }

  #connect(job: Job, nth: number): void {
    const [all, host, subnet] = keysOf(job)
    const counts = { inFlight: this.#at(all), atHost: this.#at(host), atSubnet: this.#at(subnet) }
    this.#starts.push({ at: this.#now, job, nth, ...counts })
    this.#after(job.connections[nth] ?? 0, () => {
      if (nth + 1 < job.connections.length) return this.#again(job, nth + 1)
      for (const key of keysOf(job)) this.#flying.set(key, this.#at(key) - 1)
      this.#gate.done(job, this.#now, job.end)
    })
  }

  #again(job: Job, nth: number): void {
    const ms = this.#gate.again(job, this.#now)
    if (ms === 0) return this.#connect(job, nth)
    this.#after(this.#onTick(this.#now + ms) - this.#now, () => this.#again(job, nth))
  }

  #after(ms: number, act: () => void): void {
    const at = this.#now + ms
    const place = this.#events.findIndex((event) => event.at > at)
    this.#events.splice(place < 0 ? this.#events.length : place, 0, { at, act })
  }

  // where concurrency is all that limits a parked job whose host and subnet have room must not wait
  #noteIdle(): void {
    const { rate, hostRate, subnetRate, concurrency, hostConcurrency, subnetConcurrency } = this.#limits
    if (this.#hasTrouble || Math.min(rate, hostRate, subnetRate) < Infinity) return
    for (const job of this.#parked) {
      const [all, host, subnet] = keysOf(job)
      const room =
        this.#at(all) < concurrency &&
        this.#at(host) < hostConcurrency &&
        this.#at(subnet) < subnetConcurrency
      if (room) this.#idle.push(`${job.address} could have started at ${this.#now}`)
    }
  }

  #at(key: Address | string): number {
    return this.#flying.get(key) ?? 0
  }
}

function keysOf({ address }: Job): readonly [all: string, host: Address, subnet: string] {
  return ['all', address, `subnet ${subnetOf(address)}`]
}

/** The largest excess of starts over `rate × span` in any span: the burst that was seen. */
export function burstOf(times: readonly number[], rate: number): number {
  let lowest = Infinity
  let burst = 0
  times.forEach((at, count) => {
    const excess = count - (at / 1000) * rate
    lowest = Math.min(lowest, excess)
    burst = Math.max(burst, excess - lowest + 1)
  })
  return burst
}

/** The burst that the gate promises not to exceed. */
export function allowedBurst(rate: number, jitter: number): number {
  return 1 + jitter + rate / 40 + 1e-6
}

/** The starts grouped by a key. */
export function groupStarts(starts: readonly Start[], key: (start: Start) => Address): Start[][] {
  return [...Map.groupBy(starts, key).values()]
}
