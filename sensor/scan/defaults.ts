import type { PaceLimits } from './gate.ts'
import type { SweepOptions } from './sweep.ts'

/**
 * The polite pace: what a scan does when nobody says otherwise. One connection at a time to an address; a /24
 * never sees more than 64 at once. A silent /16 takes about a minute for each port.
 */
export const politePace: PaceLimits = {
  rate: 2_000,
  concurrency: 1_000,
  hostRate: 50,
  hostConcurrency: 1,
  subnetRate: 400,
  subnetConcurrency: 64,
  jitter: 0.2
}

/** What {@link sweepOptions} may be asked to do otherwise. */
export interface SweepWishes extends Partial<Omit<SweepOptions, 'pace'>> {
  readonly pace?: Partial<PaceLimits>
}

/**
 * All options of a sweep: the polite defaults with what was wished otherwise. The batch follows the
 * concurrency: twice as many pairs as may be in flight, so that storing one half never stops the other.
 */
export function sweepOptions({ pace: wishedPace, ...wishes }: SweepWishes = {}): SweepOptions {
  const pace = { ...politePace, ...wishedPace }
  return {
    starttls: 'auto',
    twin: true,
    repeats: 1,
    connect: { floorMs: 500, ceilingMs: 3_000 },
    answerMs: 5_000,
    batch: Math.max(64, 2 * Math.min(pace.concurrency, 100_000)),
    ...wishes,
    pace
  }
}
