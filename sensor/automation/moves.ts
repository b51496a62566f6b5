import type { LogFacts } from '../../core/log.ts'
import type { DeploymentRow, DeploymentStanding } from '../store/deployments.ts'
import type { EventRow, EventStanding } from '../store/events.ts'
import type { OrderRow, OrderStanding } from '../store/orders.ts'
import { itself, type EngineContext, type Step } from './context.ts'

/**
 * Keeping what a step has decided. A state is on the disk, with its entry in the history, before anything is done in
 * it. Each gives false when the row is no longer in the state from which the step began: somebody acted meanwhile,
 * and the step does not count.
 */

/** Moves an event, or has it wait. */
export function moveEvent(
  deps: EngineContext,
  event: EventRow,
  step: Step<EventStanding>,
  who: string = itself
): boolean {
  return keep(deps, event, step, {
    named: { event: event.id },
    write: (standing) => deps.store.events.change(event.id, standing, event.state),
    history: (state, why) =>
      deps.store.eventHistory.add({ ...about(event.id), at: deps.clock.now(), who, state, why })
  })
}

/** A turn is told of when it comes free; whoever was not told looks after that time. */
export const lookAgainMs = 15_000

/** how many are told of one turn: the first may still have another reason to wait */
const nextAtOnce = 3

/** Moves a deployment, or has it wait; its event looks at it again when it moved. */
export function moveDeployment(
  deps: EngineContext,
  of: DeploymentRow,
  step: Step<DeploymentStanding>,
  who: string = itself
): boolean {
  const now = deps.clock.now()
  const { store } = deps
  const moved: Partial<DeploymentStanding> = step.to === 'stay' ? {} : { since: now, trouble: null }
  return keep(
    deps,
    of,
    { ...step, set: { ...moved, ...step.set } },
    {
      named: { event: of.event, deployment: of.id, target: of.target },
      write(standing) {
        if (!store.deployments.change(of.id, standing, of.state)) return false
        const event = store.events.get(of.event)
        const looks = event.state === 'deploying' || event.state === 'live'
        if (step.to !== 'stay' && looks) store.events.change(event.id, { wake: now }, null)
        const { holdsDevice } = store.deployments
        if (step.to !== 'stay' && holdsDevice(of.state) && !holdsDevice(step.to)) {
          const soon = now + lookAgainMs
          store.events.wakeNext({ device: of.device, now, soon, most: nextAtOnce })
        }
        return true
      },
      history: (state, why) =>
        store.eventHistory.add({ ...about(of.event), deployment: of.id, at: now, who, state, why })
    }
  )
}

/** Moves an order, or has it wait. */
export function moveOrder(deps: EngineContext, order: OrderRow, step: Step<OrderStanding>): boolean {
  return keep(deps, order, step, {
    named: { event: order.event, order: order.id },
    write: (standing) => deps.store.orders.change(order.id, standing, order.state),
    history: (state, why) =>
      deps.store.eventHistory.add({
        ...about(order.event),
        order: order.id,
        at: deps.clock.now(),
        who: itself,
        state,
        why
      })
  })
}

function about(event: number) {
  return { event, deployment: null, order: null }
}

interface Standing {
  readonly state: string
  readonly why: string
  readonly wake: number | null
  readonly attempts: number
}

interface Keeping<S> {
  /** what the log calls the row by */
  readonly named: LogFacts & { readonly event: number }
  readonly write: (standing: Partial<S>) => boolean
  readonly history: (state: string, why: string) => void
}

function keep<S extends Standing>(
  deps: EngineContext,
  row: Standing,
  { to, why, wake, set, also }: Step<S>,
  { named, write, history }: Keeping<S>
): boolean {
  const moves = to !== 'stay'
  const told = moves || why !== row.why
  const standing = { ...(moves ? { state: to, attempts: 0 } : {}), why, wake, ...set } as Partial<S>
  const work = () => {
    if (!write(standing)) return false
    if (told) history(moves ? to : row.state, why)
    also?.()
    return true
  }
  // a look that brought nothing new costs no flush
  const kept = told || also ? deps.store.durable(work) : deps.store.transaction(work)
  if (kept) deps.notice.tell(named.event)
  if (kept && told) deps.log.info('state', { ...named, state: moves ? to : row.state, why })
  return kept
}
