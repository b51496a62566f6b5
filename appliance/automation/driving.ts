import { sleep, type Clock } from '../../core/clock.ts'
import { asFault, type Fault } from '../../core/fault.ts'
import type { Site } from './site.ts'

/** Has the engine work in this process while it lasts, unless another process does. */
export interface Driving {
  /**
   * begins, once; whoever comes later finds it begun. Where another process had the turn, it is tried again. Faults:
   * those of opening the automation
   */
  start(): Promise<void>
  /** the same, where this process must be the one. Throws engine-running */
  startAlone(): Promise<void>
  /** does this process do the work now? */
  isHere(): boolean
  /** something may have changed: looks at once */
  poke(): void
  /**
   * begins nothing more, takes what is half-way on a device to its end, and takes back what orders of ended events left
   * at their issuers; resolves then. At once where another process does the work
   */
  finish(): Promise<void>
  /** listens to an event from now on */
  listen(event: number): Listening
  /** resolves when it has ended; rejects when it ended by a fault */
  ended(): Promise<void>
  /** ends; what is half-way stays as it is, and is gone on with by whoever starts next */
  stop(): Promise<void>
}

/** Somebody who wants to look at an event when something of it was kept. */
export interface Listening {
  /**
   * resolves when something was kept since the last time, or the signal aborts; where another process does the work, after
   * a while. Rejects with the fault that ended the engine
   */
  next(signal: AbortSignal): Promise<void>
  end(): void
}

/** how often the work of another process is looked at, ms: it tells this one nothing */
const lookMs = 1_000

/** Driving of an automation that is opened when it is needed. */
export function createDriving(site: () => Promise<Site>, clock: Clock): Driving {
  const stop = new AbortController()
  let begun: Promise<EngineAtWork> | undefined
  let engine: EngineAtWork | undefined
  const isHere = () => engine?.refused === undefined && engine !== undefined
  const start = async () => {
    if (engine?.refused?.code === 'engine-running') begun = undefined
    begun ??= site().then((opened) => begin(opened, stop.signal, clock))
    engine = await begun
  }
  return {
    start,
    async startAlone() {
      await start()
      if (!isHere()) throw engine?.refused
    },
    isHere,
    poke() {
      // without the turn, nothing may be begun here
      if (isHere()) engine?.poke()
    },
    async finish() {
      begun ??= site().then((opened) => {
        // before it begins anything
        void opened.engine.finish()
        return begin(opened, stop.signal, clock)
      })
      engine = await begun
      if (isHere()) await engine.finish()
    },
    listen: (event) => listenTo(event, { start, clock, current: () => engine }),
    async ended() {
      await engine?.ended
      // another process does the work: this one only looks at it
      if (engine?.refused && engine.refused.code !== 'engine-running') throw engine.refused
    },
    async stop() {
      stop.abort()
      await engine?.ended
    }
  }
}

interface Heard {
  readonly clock: Clock
  readonly start: () => Promise<void>
  readonly current: () => EngineAtWork | undefined
}

function listenTo(event: number, { start, clock, current }: Heard): Listening {
  let isNew = false
  let wake = () => {}
  const heard = () => {
    isNew = true
    wake()
  }
  const end = current()?.watch(event, heard) ?? (() => {})
  void current()?.ended.then(heard)
  return {
    async next(signal) {
      const engine = current()
      if (engine?.refused?.code === 'engine-running') {
        await sleep(clock, lookMs, signal)
        // the other one may have ended
        if (!signal.aborted) await start()
      } else if (engine?.refused) throw engine.refused
      else if (!isNew && !signal.aborted) {
        const news = new Promise<void>((resolve) => (wake = resolve))
        signal.addEventListener('abort', wake, { once: true })
        await news
        signal.removeEventListener('abort', wake)
      }
      isNew = false
    },
    end
  }
}

interface EngineAtWork {
  /** why another process does the work, or what ended it */
  readonly refused: Fault | undefined
  poke(): void
  finish(): Promise<void>
  watch(event: number, heard: () => void): () => void
  readonly ended: Promise<void>
}

async function begin({ engine }: Site, signal: AbortSignal, clock: Clock): Promise<EngineAtWork> {
  let refused: Fault | undefined
  const ended = engine.run(signal).catch((thrown: unknown) => void (refused = asFault(thrown)))
  // whose turn it is shows at once
  await new Promise<void>((resolve) => clock.soon(resolve))
  return {
    get refused() {
      return refused
    },
    poke: () => engine.poke(),
    finish: () => engine.finish(),
    watch: (event, heard) => engine.context.notice.watch(event, heard),
    ended
  }
}
