import type { EventRow, EventStanding, EventState } from '../store/events.ts'
import type { EngineContext, Step } from './context.ts'

/** What ends an event: it holds its targets no more, and its keys are kept as long as it can be tried again. */
export function over(
  deps: EngineContext,
  event: EventRow,
  to: 'failed' | 'rolled-back' | 'live' | 'cancelled'
): Omit<Extract<Step<EventStanding>, { to: EventState }>, 'why'> {
  const now = deps.clock.now()
  const fails = to === 'failed' || to === 'rolled-back'
  const wake = to === 'live' ? now : fails ? keptUntil(deps, event.id, now) : null
  const also = () => {
    if (to !== 'live') deps.store.orders.leave(event.id, now)
    // whoever renews these targets has to think again
    for (const { device, target } of deps.store.deployments.of(event.id)) {
      const managed = deps.store.managedTargets.at(device, target)
      if (managed) deps.store.managedTargets.setWake(managed.id, now)
    }
  }
  return { to, wake, set: { open: 0, ended: now }, also }
}

/**
 * Until when the deployments of an event that ended can be tried again: as long as its keys are kept. A certificate of
 * which a third is used up is renewed rather than deployed.
 */
export function keptUntil({ store, limits }: EngineContext, event: number, ended: number): number {
  const ends = store.orders
    .of(event)
    .map(({ notBefore, notAfter }) =>
      notBefore === null || notAfter === null ? Infinity : notBefore + (notAfter - notBefore) / 3
    )
  return Math.ceil(Math.max(ended, Math.min(ended + limits.retryMs, ...ends)))
}
