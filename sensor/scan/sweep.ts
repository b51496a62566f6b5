import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { Gate, type End, type PaceLimits } from './gate.ts'
import type { Observation, Outcome } from './observation.ts'
import { FlightControl, Patience, type ConnectBounds } from './patience.ts'
import { ChainBook } from './probe/chain-book.ts'
import type { ExchangeEnd } from './probe/exchange.ts'
import { Hellos } from './probe/hellos.ts'
import type { Dialer } from './probe/line.ts'
import { Probe, type ProbeOptions, type ProbeOwner, type ProbeTools } from './probe/probe.ts'
import { Progress, type SavedProgress } from './progress.ts'
import type { Space } from './space.ts'
import { Wheel } from './wheel.ts'

/** Counts of finished pairs by outcome. */
export type OutcomeCounts = Partial<Record<Outcome, number>>

/** What a sweep hands over at once; to be stored whole or not at all. */
export interface SweepBatch {
  /** what was seen where something answered; nothing for closed, silent and unreachable pairs */
  readonly observations: readonly Observation[]
  /** counts of this batch */
  readonly counts: OutcomeCounts
  /** connections made since the batch before */
  readonly connections: number
  /** the cursor that holds once this batch is stored */
  readonly progress: SavedProgress
}

/** How a sweep is done. */
export interface SweepOptions extends ProbeOptions {
  readonly pace: PaceLimits
  readonly connect: ConnectBounds
  /** for the answer to a hello, and for a clear-text prelude with it; milliseconds */
  readonly answerMs: number
  /** pairs that are begun and not yet stored, at most: what a kill makes the next run probe again */
  readonly batch: number
}

/** What a sweep walks over. */
export interface Walk {
  readonly space: Space
  /** position in the walk → index in the space, a bijection */
  readonly order: (position: number) => number
  readonly saved?: SavedProgress
}

/** What a sweep works with. */
export interface SweepDeps {
  readonly clock: Clock
  readonly random: Random
  readonly dialer: Dialer
  /** stores a batch; the sweep goes on meanwhile, as far as `batch` allows */
  deliver(batch: SweepBatch): void | Promise<void>
  /** milliseconds until connections may be made (a window of time), 0 for now; asked once a second */
  readonly closedFor?: () => number
}

const tickMs = 10
const deliverMs = 200
const most = 6 // times that one probe may run out of local resources in a row

/**
 * Probes every pair of a space that is not done yet, in the order of the walk, at the pace allowed. Resolves
 * when all are done and delivered, or soon after `signal` aborts (connections are cut at once, what is
 * finished is delivered). Rejects by the fault of `deliver`, or by `local-limit` when this machine cannot
 * make connections at all.
 */
export function sweep(
  walk: Walk,
  options: SweepOptions,
  deps: SweepDeps,
  signal: AbortSignal
): Promise<void> {
  return new Sweep(walk, options, deps).run(signal)
}

class Sweep implements ProbeOwner {
  readonly #walk: Walk
  readonly #options: SweepOptions
  readonly #deps: SweepDeps
  readonly #gate: Gate<Probe>
  readonly #wheel = new Wheel<Probe>(tickMs, 1_024)
  readonly #progress: Progress
  readonly #patience: Patience
  readonly #control: FlightControl
  readonly #tools: ProbeTools
  /** begun, by the tick at which its connection was started */
  readonly #running = new Map<Probe, Running>()

  #observations: Observation[] = []
  #counts: OutcomeCounts = {}
  #finished = 0
  #connections = 0
  /** begun and not stored yet */
  #open = 0
  #delivering = 0
  #deliveredAt: number
  #closedUntil = 0
  #exhausted = false
  #stopping = false
  #settle: { resolve: () => void; reject: (fault: unknown) => void } | null = null

  constructor(walk: Walk, options: SweepOptions, deps: SweepDeps) {
    this.#walk = walk
    this.#options = options
    this.#deps = deps
    this.#gate = new Gate(options.pace, deps.random)
    this.#progress = new Progress(walk.space.size, walk.saved)
    this.#patience = new Patience(options.connect)
    this.#control = new FlightControl(Math.min(options.pace.concurrency, options.batch))
    this.#deliveredAt = deps.clock.ticks()
    this.#tools = {
      dialer: deps.dialer,
      hellos: new Hellos(deps.random.bytes(64)),
      chains: new ChainBook(),
      options
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop()
    const cancel = this.#deps.clock.every(tickMs, () => this.#tick())
    signal.addEventListener('abort', stop, { once: true })
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject }
        if (signal.aborted) this.#stop()
        else this.#pump(this.#deps.clock.ticks())
        this.#endIfDone()
      })
    } finally {
      cancel()
      signal.removeEventListener('abort', stop)
      for (const probe of this.#running.keys()) probe.abandon()
    }
  }

  probeOpened(probe: Probe): void {
    const running = this.#running.get(probe)
    if (!running) return
    const now = this.#deps.clock.ticks()
    running.answered = true
    this.#patience.sample(now - running.dialledAt)
    this.#arm(probe, running, now + this.#options.answerMs)
  }

  probeWants(probe: Probe): void {
    const running = this.#running.get(probe)
    if (!running) return
    const now = this.#deps.clock.ticks()
    if (probe.localFailures > 0 && !running.answered) return this.#waitForResources(probe, running, now)
    this.#again(probe, running, now)
  }

  probeDone(probe: Probe): void {
    const running = this.#running.get(probe)
    if (!running) return
    const now = this.#deps.clock.ticks()
    this.#wheel.remove(running.timer)
    this.#running.delete(probe)
    this.#gate.done(probe, now, paceEnd(probe.lastEnd))
    this.#learn(probe, running, now)

    const { outcome } = probe
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1
    this.#connections += probe.connections
    if (outcome !== 'closed' && outcome !== 'silent' && outcome !== 'unreachable') {
      this.#observations.push(probe.observation(this.#deps.clock.now(), now - running.begunAt))
    }
    this.#progress.finish(probe.position)
    this.#finished++
    if (this.#finished * 2 >= this.#options.batch) this.#deliver(now)
    this.#pump(now)
    this.#endIfDone()
  }

  #learn(probe: Probe, running: Running, now: number): void {
    const { lastEnd } = probe
    if (lastEnd?.kind === 'closed' && !running.answered) this.#patience.sample(now - running.dialledAt)
    if (lastEnd?.kind === 'silent') return
    if (probe.lostPacket) this.#control.lost(now, this.#patience.connectMs)
    else this.#control.answered()
  }

  /** starts as many connections as pace, flight control and the batch allow */
  #pump(now: number): void {
    if (this.#stopping || now < this.#closedUntil) return
    while (this.#gate.inFlight < this.#control.limit && this.#open < this.#options.batch) {
      const probe = this.#gate.next(now)
      if (probe) this.#begin(probe, now)
      else if (!this.#offerOne()) return
    }
  }

  #offerOne(): boolean {
    if (this.#exhausted || !this.#gate.wants()) return false
    const position = this.#progress.take()
    if (position < 0) {
      this.#exhausted = position === -1
      return false
    }
    const { space, order } = this.#walk
    this.#gate.offer(new Probe(space.at(order(position)), position, this.#tools, this))
    return true
  }

  #begin(probe: Probe, now: number): void {
    this.#open++
    const running = { begunAt: now, dialledAt: now, answered: false, waits: false, timer: 0 }
    this.#running.set(probe, running)
    this.#connect(probe, running, now)
  }

  #connect(probe: Probe, running: Running, now: number): void {
    running.dialledAt = now
    running.answered = false
    running.waits = false
    this.#arm(probe, running, now + this.#patience.connectMs)
    probe.connect()
  }

  #again(probe: Probe, running: Running, now: number): void {
    const ms = this.#gate.again(probe, now)
    if (ms === 0) return this.#connect(probe, running, now)
    running.waits = true
    this.#arm(probe, running, now + ms)
  }

  #waitForResources(probe: Probe, running: Running, now: number): void {
    this.#control.lost(now, 1_000)
    if (probe.localFailures > most) {
      return this.#fail(
        new Fault(
          'local-limit',
          'This machine makes no more connections (no free port or file descriptor). ' +
            'Raise ulimit -n, or lower --concurrency; then resume the scan.'
        )
      )
    }
    running.waits = true
    this.#arm(probe, running, now + 50 * 2 ** probe.localFailures)
  }

  #arm(probe: Probe, running: Running, at: number): void {
    this.#wheel.remove(running.timer)
    running.timer = this.#wheel.add(probe, at)
  }

  #tick(): void {
    const now = this.#deps.clock.ticks()
    this.#wheel.expire(now, (probe) => this.#expired(probe, now))
    if (this.#finished > 0 && now - this.#deliveredAt >= deliverMs) this.#deliver(now)
    this.#closedUntil = now < this.#closedUntil ? this.#closedUntil : now + (this.#deps.closedFor?.() ?? 0)
    this.#pump(now)
    this.#endIfDone()
  }

  #expired(probe: Probe, now: number): void {
    const running = this.#running.get(probe)
    if (!running) return
    running.timer = 0
    if (!running.waits) return probe.timeUp()
    if (probe.localFailures > 0 && !running.answered) return this.#connect(probe, running, now)
    this.#again(probe, running, now)
  }

  #deliver(now: number): void {
    const batch: SweepBatch = {
      observations: this.#observations,
      counts: this.#counts,
      connections: this.#connections,
      progress: this.#progress.save()
    }
    const size = this.#finished
    this.#observations = []
    this.#counts = {}
    this.#connections = 0
    this.#finished = 0
    this.#deliveredAt = now
    try {
      const stored = this.#deps.deliver(batch)
      if (stored === undefined) return void (this.#open -= size)
      this.#delivering++
      stored.then(
        () => this.#stored(size),
        (fault: unknown) => this.#fail(fault)
      )
    } catch (fault) {
      this.#fail(fault)
    }
  }

  #stored(size: number): void {
    this.#delivering--
    this.#open -= size
    this.#pump(this.#deps.clock.ticks())
    this.#endIfDone()
  }

  #stop(): void {
    this.#stopping = true
    for (const [probe, running] of this.#running) {
      this.#wheel.remove(running.timer)
      probe.abandon()
    }
    this.#running.clear()
    this.#endIfDone()
  }

  #endIfDone(): void {
    const walked = this.#stopping || (this.#exhausted && this.#running.size === 0 && this.#gate.parked === 0)
    if (!walked || this.#settle === null) return
    if (this.#finished > 0) this.#deliver(this.#deps.clock.ticks())
    if (this.#delivering > 0) return
    this.#settle?.resolve()
    this.#settle = null
  }

  #fail(fault: unknown): void {
    this.#stopping = true
    this.#settle?.reject(fault)
    this.#settle = null
  }
}

interface Running {
  readonly begunAt: number
  dialledAt: number
  /** the current connection stands */
  answered: boolean
  /** waits for its next connection to be allowed */
  waits: boolean
  timer: number
}

/** an end in the words of the pace: only what a host does against us slows it down */
function paceEnd(end: ExchangeEnd | undefined): End {
  if (!end) return 'answered'
  if (end.kind === 'closed' || end.kind === 'silent' || end.kind === 'reset' || end.kind === 'local')
    return end.kind
  return end.kind === 'unreachable' ? 'silent' : 'answered'
}
