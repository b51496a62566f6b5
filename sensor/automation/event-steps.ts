import type { Fault } from '../../core/fault.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EventRow, EventStanding, EventState } from '../store/events.ts'
import type { OrderRow } from '../store/orders.ts'
import { againAfter, approvalOf, profileOf, windowOf, type EngineContext, type Step } from './context.ts'
import { lostNames } from './coverage.ts'
import { keptUntil, over } from './endings.ts'
import { moveDeployment } from './moves.ts'
import { advanceOrders, dropKeys } from './orders.ts'
import { sentence, type Reason } from './policy/reasons.ts'
import { mayStart, type Start } from './policy/start.ts'
import { planAgain, preview } from './previews.ts'
import { rollOut } from './rollouts.ts'

/** What a step decides about an event. */
export type EventStep = Step<EventStanding>

type Act = (deps: EngineContext, event: EventRow) => Promise<EventStep> | EventStep

/**
 * What an event does in each state; a restart enters here again. States that are not here are over, or wait for a
 * person.
 */
export const eventActs: Readonly<Partial<Record<EventState, Act>>> = {
  requested,
  previewed: begin,
  'needs-approval': begin,
  scheduled: begin,
  waiting: begin,
  issuing,
  planned: planAgain,
  deploying: rollOut,
  live: whenClean,
  failed: whenTooLate,
  'rolled-back': whenTooLate
}

/** The next step after a fault: again when it may pass by itself, else the event fails. Devices are as they were. */
export function eventFault(deps: EngineContext, event: EventRow, fault: Fault): EventStep {
  const attempts = event.attempts + 1
  const wake = againAfter(deps, fault, attempts)
  if (wake !== null) return { to: 'stay', why: fault.message, wake, set: { attempts } }
  return { ...over(deps, event, 'failed'), why: fault.message }
}

/** Reads only: the plans of all targets, once no earlier event holds one of them. */
async function requested(deps: EngineContext, event: EventRow): Promise<EventStep> {
  const old = usedUp(deps, event)
  if (old) return old
  const holder = holderOf(deps, event)
  if (holder !== null) {
    const why = `event ${holder} is not done with the same target`
    return { to: 'stay', why, wake: deps.clock.now() + lookAgainMs }
  }
  const step = await preview(deps, event)
  if (step.to === 'failed') return { ...over(deps, event, 'failed'), why: step.why }
  return event.onlyPlan === 1 && step.to === 'previewed' ? planned(deps, event, step) : step
}

/** Only the plan was wanted: the event is over, and its targets are as if it had not been. */
function planned(deps: EngineContext, event: EventRow, { set, also, why }: EventStep): EventStep {
  const end = over(deps, event, 'cancelled')
  return {
    ...end,
    why: `${why}, and only that was asked for`,
    set: { ...set, ...end.set },
    also() {
      also?.()
      // what happened to the event happened to all of it: once in its history is enough
      const standing = { state: 'cancelled', why: 'only its plan was asked for', wake: null } as const
      for (const { id, state } of waiting(deps, event)) {
        deps.store.deployments.change(id, { ...standing, since: deps.clock.now() }, state)
      }
      end.also?.()
    }
  }
}

const lookAgainMs = 60_000

function holderOf(deps: EngineContext, event: EventRow): number | null {
  const { store } = deps
  const holders = waiting(deps, event).map((of) => store.deployments.holder(of, event.id))
  return holders.find((holder) => holder !== null) ?? null
}

/** an event that waited too long for a device, a person or a window: its certificate is due for renewal itself */
function usedUp(deps: EngineContext, event: EventRow): EventStep | null {
  const now = deps.clock.now()
  const old = deps.store.orders.of(event.id).some(({ state, notBefore, notAfter }) => {
    return (
      state === 'issued' && notBefore !== null && notAfter !== null && now > (notBefore + 2 * notAfter) / 3
    )
  })
  return old ? { ...over(deps, event, 'failed'), why: 'its certificate is used up: begin a new event' } : null
}

/** May it begin? First comes approval, then time. */
function begin(deps: EngineContext, event: EventRow): EventStep {
  const now = deps.clock.now()
  const old = usedUp(deps, event)
  if (old) return old
  const { reasons, again } = startOf(deps, event)
  const [first] = reasons
  if (!first) return { to: 'issuing', why: 'it may begin', wake: now }
  const to = waitingState(first)
  const why = reasons.map(sentence).join('; ')
  // a device that may be written to soon, an event that ends: somebody tells, and this look is for when nobody does
  const wake = to === 'needs-approval' ? null : to === 'waiting' ? now + 10 * lookAgainMs : again
  return event.state === to ? { to: 'stay', why, wake } : { to, why, wake }
}

function waitingState({ code }: Reason): 'needs-approval' | 'scheduled' | 'waiting' {
  if (code === 'approval-missing' || code === 'names-lost') return 'needs-approval'
  return code === 'read-only' || code === 'target-held' ? 'waiting' : 'scheduled'
}

/** Why an event does not begin now. */
export function startOf(deps: EngineContext, event: EventRow): Start {
  const { store, clock } = deps
  const now = clock.now()
  const devices = new Set(waiting(deps, event).map(({ device }) => device))
  return mayStart({
    now,
    start: event.start,
    window: windowOf(deps, event, now),
    readOnly: [...devices]
      .map((id) => store.devices.get(id))
      .filter(({ writable }) => !writable)
      .map(({ name }) => name),
    heldBy: holderOf(deps, event),
    approval: approvalOf(deps, event),
    lost: lostNames(deps, event),
    hash: event.hash ?? '',
    approvedHash: event.approvedHash
  })
}

function waiting({ store }: EngineContext, { id }: EventRow): DeploymentRow[] {
  return store.deployments.of(id).filter(({ state }) => state === 'waiting')
}

/** One order for each kind of key serves every target; what was issued once is never ordered again. */
async function issuing(deps: EngineContext, event: EventRow): Promise<EventStep> {
  const orders = await advanceOrders(deps, event)
  const now = deps.clock.now()
  const failed = orders.find(({ state }) => state === 'failed' || state === 'dropped')
  if (failed) return { ...over(deps, event, 'failed'), why: failed.why }
  const open = orders.filter(({ state }) => state !== 'issued')
  if (open.length > 0)
    return { to: 'stay', why: open.map(({ why }) => why).join('; '), wake: earliest(open, now) }
  return usedUp(deps, event) ?? issued(deps, event)
}

/**
 * Several targets are all held against their plans before the first is written to. One alone is held against its plan
 * when its turn comes, in front of the first write: a look now would be the same look twice.
 */
function issued(deps: EngineContext, event: EventRow): EventStep {
  const to = waiting(deps, event).length === 1 ? 'deploying' : 'planned'
  return { to, why: 'its certificates are here', wake: deps.clock.now() }
}

function earliest(orders: readonly OrderRow[], now: number): number {
  return Math.max(now + 1, Math.min(...orders.map(({ wake }) => wake ?? now + lookAgainMs)))
}

/** Live for good once every target is cleaned up; then its keys are needed no more. */
function whenClean(deps: EngineContext, event: EventRow): EventStep {
  const all = deps.store.deployments.of(event.id)
  if (all.some(({ state }) => state === 'live' || state === 'cleaning')) {
    return { to: 'stay', why: event.why, wake: null }
  }
  if (profileOf(deps, event).keyReuse === 'never')
    dropKeys(deps, event, 'its key is on the devices, and kept nowhere else')
  else dropFormerKeys(deps, event)
  return { to: 'cleaned', why: 'what it replaced is cleaned up', wake: null }
}

/** a key that is used again is kept until its successor is live */
function dropFormerKeys(deps: EngineContext, event: EventRow): void {
  for (const of of deps.store.deployments.of(event.id)) {
    const former = deps.store.deployments.liveBefore(of)
    if (former && former.event !== event.id) {
      dropKeys(deps, deps.store.events.get(former.event), `event ${event.id} is live in its place`)
    }
  }
}

/** The time in which the deployments could be tried again is over. */
function whenTooLate(deps: EngineContext, event: EventRow): EventStep {
  const now = deps.clock.now()
  const until = keptUntil(deps, event.id, event.ended ?? now)
  if (now < until) return { to: 'stay', why: event.why, wake: until }
  dropKeys(deps, event, 'its deployments are not tried again')
  for (const of of waiting(deps, event)) {
    moveDeployment(deps, of, { to: 'cancelled', why: 'the event is over', wake: null })
  }
  return { to: 'stay', why: event.why, wake: null }
}
