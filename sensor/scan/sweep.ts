import type { Address } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { Batch, type SweepBatch } from './batch.ts'
import { Begun } from './begun.ts'
import { Gate, type End, type PaceLimits } from './gate.ts'
import type { KnownPlaces } from './known-places.ts'
import { FlightControl, Patience, type ConnectBounds } from './patience.ts'
import { ChainBook } from './probe/chain-book.ts'
import { Climbs } from './probe/climbs.ts'
import type { ExchangeEnd } from './probe/exchange.ts'
import { HeldBytes } from './probe/held-bytes.ts'
import { Hellos } from './probe/hellos.ts'
import type { Dialer } from './probe/line.ts'
import { Probe, type ProbeOptions, type ProbeOwner, type ProbeTools } from './probe/probe.ts'
import { Progress, type SavedProgress } from './progress.ts'
import type { Pair, Space } from './space.ts'
import { Wheel } from './wheel.ts'

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
  /** where endpoints are known: it is told when they do not answer */
  readonly known?: KnownPlaces
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
/** connections started in one go; then the answers of those before are read */
const bite = 256
const deliverMs = 200
/** times that one probe may run out of local resources in a row */
const mostLocalFailures = 6

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

/** One pair on its way: offered to the gate, begun, done. The object exists as long as the pair is not. */
class Run implements ProbeOwner {
  readonly address: Address
  readonly position: number
  readonly probe: Probe
  readonly #sweep: Sweep
  begunAt = 0
  dialledAt = 0
  /** the current connection stands */
  answered = false
  /** waits for its next connection to be allowed */
  waits = false
  timer = 0
  /** among the pairs that are begun */
  place = -1

  constructor(pair: Pair, position: number, sweep: Sweep) {
    this.address = pair.address
    this.position = position
    this.#sweep = sweep
    this.probe = new Probe(pair, sweep.tools, this)
  }

  probeOpened(): void {
    this.#sweep.opened(this)
  }

  probeWants(): void {
    this.#sweep.wants(this)
  }

  probeDone(): void {
    this.#sweep.done(this)
  }
}

class Sweep {
  readonly tools: ProbeTools
  readonly #walk: Walk
  readonly #options: SweepOptions
  readonly #deps: SweepDeps
  readonly #gate: Gate<Run>
  readonly #wheel = new Wheel<Run>(tickMs, 1_024)
  readonly #progress: Progress
  readonly #patience: Patience
  readonly #control: FlightControl
  readonly #begun = new Begun<Run>()
  readonly #batch: Batch

  /** begun and not stored yet */
  #open = 0
  #delivering = 0
  #deliveredAt: number
  #closedUntil = 0
  #exhausted = false
  #pumping = false
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
    this.#batch = new Batch(deps.clock, walk.known)
    this.#deliveredAt = deps.clock.ticks()
    const hellos = new Hellos(deps.random.bytes(64))
    this.tools = {
      dialer: deps.dialer,
      hellos,
      chains: new ChainBook(),
      climbs: new Climbs(options),
      held: new HeldBytes(),
      options
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop()
    // timers come before network events in a turn of the event loop: an answer that waits in the kernel must be
    // read before its time-out is looked at
    const cancel = this.#deps.clock.every(tickMs, () => this.#deps.clock.soon(() => this.#tick()))
    signal.addEventListener('abort', stop, { once: true })
    try {
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject }
        if (signal.aborted) this.#stop()
        else this.#tick()
      })
    } finally {
      cancel()
      signal.removeEventListener('abort', stop)
      this.#begun.abandonAll()
    }
  }

  /** the connection of a pair stands */
  opened(run: Run): void {
    const now = this.#deps.clock.ticks()
    run.answered = true
    this.#patience.sample(now - run.dialledAt)
    this.#arm(run, now + this.#options.answerMs)
  }

  /** a pair wants one more connection */
  wants(run: Run): void {
    const now = this.#deps.clock.ticks()
    if (run.probe.localFailures > 0 && !run.answered) return this.#waitForResources(run, now)
    this.#again(run, now)
  }

  /** nothing more is to be learnt of a pair */
  done(run: Run): void {
    const now = this.#deps.clock.ticks()
    this.#wheel.remove(run.timer)
    this.#begun.remove(run)
    this.#gate.done(run, now, paceEnd(run.probe.lastEnd))
    this.#learn(run, now)
    this.#batch.add(run.probe, now - run.begunAt)
    this.#finish(run, now)
    this.#pump(now)
    this.#endIfDone()
  }

  #finish({ position }: Run, now: number): void {
    this.#progress.finish(position)
    if (++this.#batch.size * 2 >= this.#options.batch) this.#deliver(now)
  }

  /** counts a pair of a host that resets everything, without another connection */
  #giveUp(run: Run, now: number): void {
    this.#gate.done(run, now, 'closed')
    this.#batch.count('reset')
    this.#finish(run, now)
  }

  #learn({ probe, answered, dialledAt }: Run, now: number): void {
    const { lastEnd } = probe
    if (lastEnd?.kind === 'silent') return
    if (lastEnd?.kind === 'closed' && !answered) this.#patience.sample(now - dialledAt)
    if (probe.lostPacket) this.#control.lost(now, this.#patience.connectMs)
    else this.#control.answered()
  }

  /** starts as many connections as pace, flight control and the batch allow */
  #pump(now: number): void {
    if (this.#stopping || now < this.#closedUntil) return
    let left = bite
    while (this.#gate.inFlight < this.#control.limit && this.#open < this.#options.batch) {
      const run = this.#gate.next(now)
      if (run) {
        if (left-- === 0) this.#pumpSoon()
        this.#begin(run, this.#deps.clock.ticks())
        if (left < 0) return
      } else if (!this.#offerOne()) return
    }
  }

  /** goes on with starting connections once waiting answers are read */
  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#deps.clock.soon(() => {
      this.#pumping = false
      this.#pump(this.#deps.clock.ticks())
    })
  }

  #offerOne(): boolean {
    if (this.#exhausted || !this.#gate.wants()) return false
    const position = this.#progress.take()
    if (position < 0) {
      this.#exhausted = position === -1
      return false
    }
    const { space, order } = this.#walk
    this.#gate.offer(new Run(space.at(order(position)), position, this))
    return true
  }

  #begin(run: Run, now: number): void {
    this.#open++
    if (this.#batch.resetsAll(run.address)) return this.#giveUp(run, now)
    this.#begun.add(run)
    run.begunAt = now
    this.#connect(run, now)
  }

  #connect(run: Run, now: number): void {
    run.dialledAt = now
    run.answered = false
    run.waits = false
    this.#arm(run, now + this.#patience.connectMs)
    run.probe.connect()
  }

  #again(run: Run, now: number): void {
    const ms = this.#gate.again(run, now)
    if (ms === 0) return this.#connect(run, now)
    run.waits = true
    this.#arm(run, now + ms)
  }

  #waitForResources(run: Run, now: number): void {
    this.#control.ranOut(now, 1_000)
    if (run.probe.localFailures > mostLocalFailures) return this.#fail(localLimit())
    run.waits = true
    this.#arm(run, now + 50 * 2 ** run.probe.localFailures)
  }

  #arm(run: Run, at: number): void {
    this.#wheel.remove(run.timer)
    run.timer = this.#wheel.add(run, at)
  }

  #tick(): void {
    if (this.#settle === null) return
    const now = this.#deps.clock.ticks()
    this.#wheel.expire(now, (run) => this.#expired(run, now))
    if (this.tools.held.crowded) this.#begun.endLargest(this.tools.held)
    if (this.#batch.size > 0 && now - this.#deliveredAt >= deliverMs) this.#deliver(now)
    if (now >= this.#closedUntil) this.#closedUntil = now + (this.#deps.closedFor?.() ?? 0)
    this.#pump(now)
    this.#endIfDone()
  }

  #expired(run: Run, now: number): void {
    run.timer = 0
    if (this.#stopping) return
    if (run.waits) this.#again(run, now)
    else run.probe.timeUp()
  }

  #deliver(now: number): void {
    const { size } = this.#batch
    const batch = this.#batch.take(this.#progress.save())
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
    this.#begun.abandonAll()
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#settle === null) return
    const walked = this.#exhausted && this.#begun.size === 0 && this.#gate.parked === 0
    if (!walked && !this.#stopping) return
    if (this.#batch.size > 0) this.#deliver(this.#deps.clock.ticks())
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

function localLimit(): Fault {
  return new Fault(
    'local-limit',
    'This machine makes no more connections (no free port or file descriptor). ' +
      'Raise ulimit -n, or lower --concurrency; then resume the scan.'
  )
}

/** an end in the words of the pace: only what a host does against us slows it down */
function paceEnd(end: ExchangeEnd | undefined): End {
  if (!end) return 'answered'
  if (end.kind === 'closed' || end.kind === 'silent' || end.kind === 'reset' || end.kind === 'local')
    return end.kind
  return end.kind === 'unreachable' ? 'silent' : 'answered'
}
