import { abandonOrder } from './abandoning.ts'
import { createCache } from '../../core/cache.ts'
import { asFault } from '../../core/fault.ts'
import { sleep } from '../../core/clock.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EventRow } from '../store/events.ts'
import { isStoreTrouble, type EngineContext } from './context.ts'
import { deploymentActs, deploymentFault, isHalfWay } from './deployment-steps.ts'
import { eventActs, eventFault } from './event-steps.ts'
import { createKeptSessions } from './kept-sessions.ts'
import { lookAtTarget } from './managed.ts'
import { moveDeployment, moveEvent } from './moves.ts'
import { createNotice } from './notice.ts'
import type { EngineDeps } from './ports.ts'
import { signOut } from './sessions.ts'
import { createTurns } from './turns.ts'

/** the loop looks at the clock at least that often: it may be set while it sleeps */
const longestSleepMs = 60_000
/** a clock that was set back further than that brings every waiting row up soon */
const setBackMs = 5 * 60_000
const afterSetBackMs = 3_600_000
/** our own disk is full, or locked: nothing is begun before that time is over */
const pauseMs = 30_000

/** a device that is away is not waited for longer by who has it finished */
const finishPatienceMs = 60_000

/** stands for a look at what is due that comes soon */
const lookName = 'look'

/** The replacement engine of one installation. */
export interface Engine {
  /** what requests.ts, managed.ts and explain.ts take */
  readonly context: EngineContext
  /** Works until the signal aborts, and leaves everything as it is then. Throws engine-running. */
  run(signal: AbortSignal): Promise<void>
  /** Begins everything that is due; something may have changed. */
  poke(): void
  /**
   * From now on begins nothing, takes only what is half-way on a device to its end, live or undone, and has issuers take
   * back what orders of ended events left; resolves then, or when all that is half-way waits for more than a minute.
   * Never, where it does not run.
   */
  finish(): Promise<void>
  /** Resolves when nothing is due or under way any more. */
  settled(): Promise<void>
  /** When something is due next, milliseconds since the epoch; null: only when somebody acts. */
  nextWake(): number | null
}

/**
 * Makes the engine. It holds nothing that is not in the store: each due row is taken through the map of its states,
 * and each state is kept before anything is done in it, so that a restart at any moment goes on where it was.
 */
export function createEngine(deps: EngineDeps): Engine {
  return new StoreEngine(deps)
}

class StoreEngine implements Engine {
  readonly context: EngineContext
  readonly #stop = new AbortController()
  /** rows that are worked on, by kind and id */
  readonly #running = new Map<string, Promise<void>>()
  readonly #finished = Promise.withResolvers<void>()
  #isFinishing = false
  #isAtWork = false
  #pausedUntil = 0
  #lastLook: number
  #wakeUp = () => {}

  constructor(deps: EngineDeps) {
    const limiting = { ...deps, stopping: this.#stop.signal }
    this.context = {
      ...deps,
      sessions: createKeptSessions({
        clock: deps.clock,
        signOut: (session) => signOut(limiting, session)
      }),
      turns: createTurns(deps.limits),
      notice: createNotice(),
      stopping: this.#stop.signal,
      remembered: { profiles: createCache(200), dues: new WeakMap() }
    }
    this.#lastLook = deps.clock.now()
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.context
    store.engineTurn.take(clock.now())
    this.#isAtWork = true
    const stop = () => this.#stop.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    // the clock may have been set while nothing ran
    this.#wakeAllBy(clock.now() + afterSetBackMs)
    this.context.sessions.begin()
    while (!this.#stop.signal.aborted) {
      this.poke()
      await this.#rest()
    }
    await this.settled()
    await this.context.sessions.end()
    signal.removeEventListener('abort', stop)
    store.engineTurn.release()
  }

  poke(): void {
    if (this.#stop.signal.aborted) return
    try {
      this.#lookAtClock()
      this.#beginDue()
    } catch (thrown) {
      this.#pause(thrown)
    }
    this.#wakeUp()
    if (this.#isFinishing && this.#running.size === 0 && !this.#goesOnSoon()) this.#finished.resolve()
  }

  finish(): Promise<void> {
    this.#isFinishing = true
    // without the turn nothing may be begun
    if (this.#isAtWork) this.poke()
    return this.#finished.promise
  }

  #goesOnSoon(): boolean {
    const soon = this.context.clock.now() + finishPatienceMs
    return this.#halfWay().some(({ wake }) => wake !== null && wake <= soon)
  }

  #halfWay(): DeploymentRow[] {
    return this.context.store.deployments.underWay().filter(({ state }) => isHalfWay(state))
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values())
  }

  nextWake(): number | null {
    const { managedTargets, events, deployments, orders } = this.context.store
    const times = this.#isFinishing
      ? this.#halfWay().map(({ wake }) => wake)
      : [managedTargets.earliest(), events.earliest(), deployments.earliest(), orders.earliestToAbandon()]
    const known = times.filter((time) => time !== null)
    return known.length === 0 ? null : Math.max(Math.min(...known), this.#pausedUntil)
  }

  /** sleeps until something is due, somebody pokes, or the engine stops */
  async #rest(): Promise<void> {
    const { clock } = this.context
    const awake = new AbortController()
    this.#wakeUp = () => awake.abort()
    const stop = () => awake.abort()
    this.#stop.signal.addEventListener('abort', stop, { once: true })
    const wait = (this.nextWake() ?? Infinity) - clock.now()
    // what is under way already is due, too: its end pokes
    const busy = this.#running.size > 0
    await sleep(clock, Math.min(longestSleepMs, Math.max(wait, busy ? longestSleepMs : 1)), awake.signal)
    this.#stop.signal.removeEventListener('abort', stop)
  }

  #lookAtClock(): void {
    const now = this.context.clock.now()
    if (now < this.#lastLook - setBackMs) {
      this.context.log.warn('clock-set-back', { ms: this.#lastLook - now })
      this.#wakeAllBy(now + afterSetBackMs)
    }
    this.#lastLook = now
  }

  #wakeAllBy(at: number): void {
    const { store } = this.context
    store.transaction(() => {
      store.managedTargets.wakeBy(at)
      store.events.wakeBy(at)
      store.deployments.wakeBy(at)
      store.orders.wakeBy(at)
    })
  }

  #beginDue(): void {
    const { store, clock } = this.context
    const now = clock.now()
    if (now < this.#pausedUntil) return
    for (const { id, state } of store.deployments.due(now)) {
      if (this.#isFinishing && !isHalfWay(state)) continue
      this.#begin(`deployment ${id}`, () => this.#takeOn(id, deployments))
    }
    for (const { id, event } of store.orders.toAbandon(now)) {
      // its event may be asking the issuer right now
      this.#begin(`event ${event}`, () => abandonOrder(this.context, id))
    }
    if (this.#isFinishing) return
    for (const { id } of store.events.due(now)) {
      this.#begin(`event ${id}`, () => this.#takeOn(id, events))
    }
    for (const { id } of store.managedTargets.due(now)) {
      this.#begin(`target ${id}`, () => lookAtTarget(this.context, id))
    }
  }

  #begin(name: string, work: () => Promise<void>): void {
    if (this.#running.has(name)) return
    const job = Promise.resolve()
      .then(work)
      .catch((thrown: unknown) => this.#pause(thrown))
      .then(() => {
        this.#running.delete(name)
        this.#pokeSoon()
      })
    this.#running.set(name, job)
  }

  /** many rows end at once: one look serves them all */
  #pokeSoon(): void {
    if (this.#running.has(lookName)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#running.set(lookName, promise)
    this.context.clock.soon(() => {
      this.#running.delete(lookName)
      this.poke()
      resolve()
    })
  }

  /** trouble that no row can keep: nothing is lost, and it all is looked at again after a while */
  #pause(thrown: unknown): void {
    const { clock, log, stopping } = this.context
    const fault = asFault(thrown)
    if (stopping.aborted) return
    this.#pausedUntil = clock.now() + pauseMs
    if (isStoreTrouble(fault)) log.error('store-trouble', { code: fault.code, message: fault.message })
    else log.error('engine-fault', { code: fault.code, message: fault.message })
  }

  /** takes a row from state to state until it has to wait */
  async #takeOn<Row>(id: number, kind: Kind<Row>): Promise<void> {
    for (let steps = 0; steps < mostSteps; steps++) {
      const row = kind.get(this.context, id)
      if (!(await kind.step(this.context, row))) return
      const { wake, state } = kind.get(this.context, id)
      if (this.#isFinishing && !isHalfWay(state)) return
      if (wake === null || wake > this.context.clock.now() || this.#stop.signal.aborted) return
    }
  }
}

/** no row has so many states: one that goes round and round comes up again with the others */
const mostSteps = 20

interface Kind<Row> {
  readonly get: (
    deps: EngineContext,
    id: number
  ) => Row & { readonly wake: number | null; readonly state: string }
  /** does what the row's state says; false: its result does not count */
  readonly step: (deps: EngineContext, row: Row) => Promise<boolean>
}

const events: Kind<EventRow> = {
  get: (deps, id) => deps.store.events.get(id),
  async step(deps, event) {
    const act = eventActs[event.state]
    if (!act)
      return deps.store.transaction(() => deps.store.events.change(event.id, { wake: null }, event.state))
    try {
      const step = await act(deps, event)
      // what is found while the engine stops may come of that
      return !deps.stopping.aborted && moveEvent(deps, event, step)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (isStoreTrouble(fault) || deps.stopping.aborted) throw fault
      tellFault(deps, fault.code, { event: event.id, state: event.state, message: fault.message })
      return moveEvent(deps, event, eventFault(deps, event, fault))
    }
  }
}

const deployments: Kind<DeploymentRow> = {
  get: (deps, id) => deps.store.deployments.get(id),
  async step(deps, of) {
    const act = deploymentActs[of.state]
    if (!act)
      return deps.store.transaction(() => deps.store.deployments.change(of.id, { wake: null }, of.state))
    try {
      const step = await act.does(deps, of)
      return !deps.stopping.aborted && moveDeployment(deps, of, step)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (isStoreTrouble(fault) || deps.stopping.aborted) throw fault
      tellFault(deps, fault.code, { deployment: of.id, state: of.state, message: fault.message })
      return moveDeployment(deps, of, deploymentFault(deps, of, fault))
    }
  }
}

function tellFault({ log }: EngineContext, code: string, facts: Readonly<Record<string, unknown>>): void {
  if (code === 'internal') log.error('engine-mistake', facts)
  else log.warn('step-failed', { code, ...facts })
}
