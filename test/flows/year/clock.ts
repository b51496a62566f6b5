import type { Clock } from '../../../core/clock.ts'

/** A clock that stands still until it is put forward; timers that are not cancelled by then never were of use. */
export interface YearClock extends Clock {
  time: number
}

export function yearClock(time: number): YearClock {
  const clock: YearClock = {
    time,
    now: () => clock.time,
    ticks: () => clock.time,
    after: () => () => {},
    every: () => () => {},
    soon: (call) => void setImmediate(call)
  }
  return clock
}
