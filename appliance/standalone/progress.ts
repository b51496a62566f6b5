import type { Clock } from '../../core/clock.ts'
import type { Progress } from '../functions.ts'

/** Over how long the rate is measured, and how long it must have been seen before it foretells the end. */
const spanMs = 10_000
const steadyMs = 5_000

/** Counts what a scan has done, and tells the rate of the last seconds. */
export interface Meter {
  /** so many pairs more are stored, and so many endpoints more are found */
  add(done: number, found: number): void
  read(instead: string | null, opensAt?: number | null): Progress
}

/** A meter for a scan of `size` pairs of which `done` were done before. */
export function createMeter(
  clock: Clock,
  { size, done }: { readonly size: number; readonly done: number }
): Meter {
  const marks: { at: number; done: number }[] = [{ at: clock.ticks(), done }]
  let sum = done
  let seen = 0
  return {
    add(more, found) {
      sum += more
      seen += found
    },
    read(instead, opensAt = null) {
      const now = clock.ticks()
      while (marks.length > 1 && (marks[1]?.at ?? now) <= now - spanMs) marks.shift()
      const first = marks[0] ?? { at: now, done: sum }
      const ms = now - first.at
      const rate = ms > 0 ? ((sum - first.done) / ms) * 1000 : 0
      marks.push({ at: now, done: sum })
      const leftMs = sum < size && ms >= steadyMs && rate > 0 ? ((size - sum) / rate) * 1000 : null
      return { done: sum, size, found: seen, rate, leftMs, instead, opensAt }
    }
  }
}
