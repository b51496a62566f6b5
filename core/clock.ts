/**
 * Time as a dependency. `now` is the wall clock (for dates), `ticks` is monotonic (for durations).
 * Nothing else in the product reads the time or sets a timer.
 */
export interface Clock {
  /** wall clock, milliseconds since the epoch */
  now(): number
  /** monotonic milliseconds, fractions included; only differences mean something */
  ticks(): number
  /** calls back once after `ms`; the returned function cancels */
  after(ms: number, call: () => void): () => void
  /** calls back once, as soon as the network events that wait by now have been handled */
  soon(call: () => void): void
  /** calls back each `ms`; the returned function cancels */
  every(ms: number, call: () => void): () => void
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  soon: (call) => void setImmediate(call),
  every(ms, call) {
    const timer = setInterval(call, ms)
    return () => clearInterval(timer)
  }
}

/** Resolves after `ms` on the given clock, or at once when the signal aborts; it never rejects. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}
