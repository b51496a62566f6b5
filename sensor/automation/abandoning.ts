import { asFault, type Fault } from '../../core/fault.ts'
import type { Abandoned } from '../issuance/issuer.ts'
import type { EventRow } from '../store/events.ts'
import type { OrderRow, OrderStanding } from '../store/orders.ts'
import { againAfter, profileOf, tried, type EngineContext, type Step } from './context.ts'
import { removeOrphan } from './device-keys.ts'
import { moveOrder } from './moves.ts'
import { memoryOf } from './order-memory.ts'
import { limitedTime } from './sessions.ts'

/** faults in a row after which what was left at an issuer stays there: CAs let it expire by itself */
const mostAttempts = 8

/**
 * Has an issuer take back what an order left there and in its places of proof, step by step, for an order of an event
 * that has ended. Each step is kept, so that a restart goes on with it.
 */
export async function abandonOrder(deps: EngineContext, id: number): Promise<void> {
  const { store } = deps
  for (;;) {
    const order = store.orders.get(id)
    const event = store.events.get(order.event)
    // it was tried again meanwhile, or is done
    if (event.open === 1 || order.wake === null || order.wake > deps.clock.now()) return
    const next = await takeBack(deps, event, order)
    if (deps.stopping.aborted || next === null) return
    if (!moveOrder(deps, order, next)) return
  }
}

/** what comes first is what is left at the issuer: as long as a certificate may come of it, its key is needed */
async function takeBack(
  deps: EngineContext,
  event: EventRow,
  order: OrderRow
): Promise<Step<OrderStanding> | null> {
  if (order.memory === null && order.state !== 'issuing') return removeOrphan(deps, order)
  const step = await tried(() => giveUp(deps, event, order))
  return 'value' in step ? nextStep(deps, order, step.value) : stepOfFault(deps, order, step.fault)
}

/** The same for an order that is to be begun anew; gives false while it has to wait. */
export async function abandonFormer(deps: EngineContext, event: EventRow, order: OrderRow): Promise<boolean> {
  if (order.memory === null) return true
  const step = await tried(() => giveUp(deps, event, order))
  const isOver = 'fault' in step || step.value.state !== 'pending'
  const { store } = deps
  if (isOver) store.durable(() => store.orders.change(order.id, { memory: null, wake: null }, order.state))
  else if (step.value.state === 'pending') {
    const wake = Math.max(step.value.againAt, deps.clock.now() + 1_000)
    store.transaction(() => store.orders.change(order.id, { wake }, order.state))
  }
  return isOver
}

async function giveUp(deps: EngineContext, event: EventRow, order: OrderRow): Promise<Abandoned> {
  if (order.memory === null) return { state: 'abandoned' }
  const issuer = deps.issuer(profileOf(deps, event).issuer)
  const time = limitedTime(deps, 'the issuer')
  try {
    return await deps.turns.atIssuer(() => time.bound(issuer.abandon(memoryOf(deps, order), time.signal)))
  } catch (thrown) {
    throw time.explain(asFault(thrown))
  } finally {
    time.end()
  }
}

function nextStep(deps: EngineContext, order: OrderRow, done: Abandoned): Step<OrderStanding> {
  if (done.state === 'pending') {
    const wake = Math.ceil(Math.max(done.againAt, deps.clock.now() + 1_000))
    return { to: 'stay', why: order.why, wake, set: { attempts: 0 } }
  }
  // what may have been issued is fetched when the event is tried again, not bought once more
  if (done.state === 'kept' && order.state !== 'dropped') return { to: 'stay', why: order.why, wake: null }
  if (order.memory === null) {
    // a CSR whose key goes is of no use to another try
    return order.deviceKey === null
      ? { to: 'stay', why: order.why, wake: null }
      : { to: 'failed', why: order.why, wake: deps.clock.now() }
  }
  return over(deps, order, 'what it left at the issuer is taken back')
}

function over(
  { clock }: EngineContext,
  { state, why, deviceKey }: OrderRow,
  how: string
): Step<OrderStanding> {
  const wake = deviceKey === null ? null : clock.now()
  const step = { why: `${why}; ${how}`, wake, set: { memory: null } } as const
  return state === 'issuing' ? { to: 'failed', ...step } : { to: 'stay', ...step }
}

function stepOfFault(deps: EngineContext, order: OrderRow, fault: Fault): Step<OrderStanding> {
  const attempts = order.attempts + 1
  const wake = attempts < mostAttempts ? againAfter(deps, fault, attempts) : null
  if (wake !== null) return { to: 'stay', why: order.why, wake, set: { attempts } }
  deps.log.warn('order-left-behind', { order: order.id, event: order.event, code: fault.code })
  return over(deps, order, `what it left at the issuer stays until it expires: ${fault.message}`)
}
