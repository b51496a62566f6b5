import { parseAddress, type Address } from '../../core/address.ts'
import { sleep, type Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import { Gate, type PaceLimits } from '../../sensor/scan/gate.ts'

/** Resolves when the next connection may be made, and soon after the stop. */
export type Turn = () => Promise<void>

/** Turns for connections that are made one after the other, address by address, once the sweep is done. */
export interface Turns {
  /** Does the work at an address as soon as the pace allows it there; each of its connections waits for a turn. */
  at<T>(address: string, work: (turn: Turn) => Promise<T>): Promise<T>
}

/** What turns keep to. */
interface TurnRules {
  readonly clock: Clock
  readonly random: Random
  readonly pace: PaceLimits
  /** milliseconds until the hours in which connections may be made, 0 for now */
  readonly closedFor: () => number
  readonly signal: AbortSignal
}

/** work that waits for its address to be free */
interface Visit {
  readonly address: Address
  readonly start: () => void
}

/** how often closed hours are looked at again, milliseconds */
const closedLookMs = 60_000

/** Turns by the gate of the scan: every limit of its pace holds, of an address, a subnet and in total. */
export function createTurns({ clock, random, pace, closedFor, signal }: TurnRules): Turns {
  const gate = new Gate<Visit>(pace, random)
  let cancel = () => {}
  const pump = (): void => {
    cancel()
    if (signal.aborted || gate.parked === 0) return
    const closed = closedFor()
    if (closed > 0) return void (cancel = clock.after(Math.min(closed, closedLookMs), pump))
    const now = clock.ticks()
    for (let visit = gate.next(now); visit; visit = gate.next(now)) visit.start()
    const wake = gate.wake(now)
    if (gate.parked > 0 && wake < Infinity) cancel = clock.after(Math.max(1, wake), pump)
  }
  const whenOpen = async () => {
    for (let closed = closedFor(); closed > 0 && !signal.aborted; closed = closedFor()) {
      await sleep(clock, Math.min(closed, closedLookMs), signal)
    }
  }
  /** the first turn came with the visit */
  const turnsOf = (visit: Visit): Turn => {
    let granted = true
    return async () => {
      for (let waits = !granted; waits && !signal.aborted;) {
        await whenOpen()
        const ms = gate.again(visit, clock.ticks())
        waits = ms > 0
        if (waits) await sleep(clock, ms, signal)
      }
      granted = false
    }
  }
  return {
    async at(address, work) {
      const { promise: begun, resolve: start } = Promise.withResolvers<void>()
      const visit = { address: parseAddress(address) ?? 0, start }
      const stop = () => start()
      gate.offer(visit)
      pump()
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
      await begun
      signal.removeEventListener('abort', stop)
      try {
        return await work(turnsOf(visit))
      } finally {
        if (!signal.aborted) gate.done(visit, clock.ticks(), 'answered')
        pump()
      }
    }
  }
}
