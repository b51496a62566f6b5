import type { PaceLimits } from './gate.ts'
import type { SweepOptions } from './sweep.ts'
import type { SpaceLoad } from './targets/load.ts'

/** How long a sweep takes, milliseconds. */
export interface ForetoldTime {
  /** every pair answers at once, as closed ports of a near network do */
  readonly leastMs: number
  /** nothing comes back from any pair */
  readonly mostMs: number
}

/**
 * The time that a sweep will take by its limits of pace, in total, at the busiest address and in the busiest
 * subnet: whichever takes longest decides. Servers that accept and then stall may take longer than silence.
 */
export function foretell(
  load: SpaceLoad,
  { pace, connect, repeats }: Pick<SweepOptions, 'pace' | 'connect' | 'repeats'>
): ForetoldTime {
  const tries = 1 + repeats
  return {
    leastMs: timeOf(load, pace, { connections: 1, waitMs: 0 }),
    mostMs: timeOf(load, pace, { connections: tries, waitMs: tries * connect.floorMs })
  }
}

/** what one pair takes */
interface Effort {
  readonly connections: number
  readonly waitMs: number
}

function timeOf(load: SpaceLoad, pace: PaceLimits, { connections, waitMs }: Effort): number {
  const places = [
    [load.pairs, pace.rate, pace.concurrency],
    [load.hostPairs, pace.hostRate, pace.hostConcurrency],
    [load.subnetPairs, pace.subnetRate, pace.subnetConcurrency]
  ] as const
  const times = places.map(([pairs, rate, atOnce]) =>
    Math.max((pairs * connections * 1000) / rate, (pairs * waitMs) / atOnce)
  )
  return Math.max(waitMs, ...times)
}
