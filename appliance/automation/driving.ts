import type { Clock } from '../../core/clock.ts'
import { asFault, type Fault } from '../../core/fault.ts'
import type { Site } from './site.ts'

/** Has the engine work in this process while it lasts, unless another process does. */
export interface Driving {
  /** begins, once; whoever comes later finds it begun. Faults: those of opening the automation */
  start(): Promise<void>
  /** the same, where this process must be the one. Throws engine-running */
  startAlone(): Promise<void>
  /** something may have changed: looks at once */
  poke(): void
  /** resolves when it has ended; rejects when it ended by a fault */
  ended(): Promise<void>
  /** ends; what is half-way stays as it is, and is gone on with by whoever starts next */
  stop(): Promise<void>
}

/** Driving of an automation that is opened when it is needed. */
export function createDriving(site: () => Promise<Site>, clock: Clock): Driving {
  const stop = new AbortController()
  let begun: Promise<EngineAtWork> | undefined
  let engine: EngineAtWork | undefined
  const start = async () => {
    begun ??= site().then((opened) => begin(opened, stop.signal, clock))
    engine = await begun
  }
  return {
    start,
    async startAlone() {
      await start()
      if (!engine?.isOurs()) throw engine?.refused
    },
    poke() {
      // without the turn, nothing may be begun here
      if (engine?.isOurs()) engine.poke()
    },
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

interface EngineAtWork {
  isOurs(): boolean
  /** why it is not */
  readonly refused: Fault | undefined
  poke(): void
  readonly ended: Promise<void>
}

async function begin({ engine }: Site, signal: AbortSignal, clock: Clock): Promise<EngineAtWork> {
  let refused: Fault | undefined
  const ended = engine.run(signal).catch((thrown: unknown) => void (refused = asFault(thrown)))
  // whose turn it is shows at once
  await new Promise<void>((resolve) => clock.soon(resolve))
  return {
    isOurs: () => refused === undefined,
    get refused() {
      return refused
    },
    poke: () => engine.poke(),
    ended
  }
}
