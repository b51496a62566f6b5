import { sleep, type Clock } from '../../core/clock.ts'
import type { PaceLimits } from '../../sensor/scan/gate.ts'

/** Resolves when a connection to the address may be made, and soon after the signal aborts. */
export type Turns = (address: string, signal: AbortSignal) => Promise<void>

/** What turns keep to. */
interface TurnRules {
  readonly clock: Clock
  readonly pace: Pick<PaceLimits, 'rate' | 'hostRate'>
  /** milliseconds until the hours in which connections may be made, 0 for now */
  readonly closedFor: () => number
}

/**
 * Turns for connections that are made one by one, after the sweep: so many a second in total and to one address,
 * in the hours that are allowed. Whoever asks takes care that one address has one asker at a time.
 */
export function createTurns({ clock, pace, closedFor }: TurnRules): Turns {
  const gap = 1000 / pace.rate
  const hostGap = 1000 / pace.hostRate
  const hosts = new Map<string, number>()
  let next = 0
  return async (address, signal) => {
    for (let closed = closedFor(); closed > 0 && !signal.aborted; closed = closedFor()) {
      await sleep(clock, Math.min(closed, 60_000), signal)
    }
    const now = clock.ticks()
    const at = Math.max(now, next, hosts.get(address) ?? 0)
    next = Math.max(now, next) + gap
    hosts.set(address, at + hostGap)
    if (at > now) await sleep(clock, at - now, signal)
  }
}
