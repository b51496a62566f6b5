import { Fault } from '../../core/fault.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EventRow, EventStanding } from '../store/events.ts'
import {
  againAfter,
  approvalOf,
  profileOf,
  tried,
  type EngineContext,
  type Step,
  type Tried
} from './context.ts'
import { lostIn, lostNames, namesOf, unprovable } from './coverage.ts'
import { heldBy } from './held.ts'
import { moveDeployment } from './moves.ts'
import { planTarget, previewHash, samePlan, storedPlan, type TargetPlan } from './plans.ts'
import { wantedNames } from './policy/names.ts'

type EventStep = Step<EventStanding>

/** What came of planning the targets of an event that are still to be changed. */
interface Planned {
  readonly of: DeploymentRow
  readonly plan: Tried<TargetPlan>
}

/** Plans every target that waits: reads only. One that cannot be planned leaves the event, if others can. */
export async function preview(deps: EngineContext, event: EventRow): Promise<EventStep> {
  const planned = await planAll(deps, event)
  const hindered = leaveOut(deps, event, planned)
  if (hindered) return hindered
  const plans = planned.flatMap(({ of, plan }) => ('value' in plan ? [{ of, value: plan.value }] : []))
  if (plans.length === 0) {
    return noneLeft(
      'none of its targets can be planned',
      planned.flatMap(({ plan }) => ('fault' in plan ? plan.fault : []))
    )
  }
  const names = wanted(deps, event, plans)
  // a certificate that no handshake could prove is not even bought
  const unproven = plans.flatMap(({ of, value }) => {
    const fault = unprovable(deps, of, { of: value, names })
    return fault ? [{ of, fault }] : []
  })
  for (const { of, fault } of unproven) leave(deps, of, fault)
  const proven = plans.filter(({ of }) => unproven.every((one) => one.of.id !== of.id))
  if (proven.length === 0) {
    return noneLeft(
      'none of its targets could be proven',
      unproven.map(({ fault }) => fault)
    )
  }
  const hash = hashOf(deps, event, { names, plans: proven })
  return {
    to: 'previewed',
    why: `the plan is ${hash.slice(0, 16)}`,
    wake: deps.clock.now(),
    set: { hash, names: JSON.stringify(names) },
    also: () => storePlans(deps, proven)
  }
}

function noneLeft(what: string, faults: readonly Fault[]): EventStep {
  const messages = new Set(faults.map(({ message }) => message))
  return { to: 'failed', why: `${what}: ${[...messages].join('; ')}`, wake: null }
}

/**
 * The certificates are here: are the devices still as they were when the plan was made? If not, a new plan stands
 * in for the old one, and an approval of the old one counts no more.
 */
export async function planAgain(deps: EngineContext, event: EventRow): Promise<EventStep> {
  const planned = await planAll(deps, event)
  const hindered = leaveOut(deps, event, planned)
  if (hindered) return hindered
  const plans = planned.flatMap(({ of, plan }) => ('value' in plan ? [{ of, value: plan.value }] : []))
  const now = deps.clock.now()
  const changed = plans.filter(({ of, value }) => {
    const before = storedPlan(of)
    return before === null || !samePlan(before.plan, value.plan)
  })
  const also = () => storePlans(deps, plans)
  if (changed.length === 0) return { to: 'deploying', why: 'every target is as planned', wake: now, also }
  if (event.replans >= mostReplans) {
    return { to: 'failed', why: 'the devices change faster than they can be planned', wake: null }
  }
  wanted(deps, event, plans)
  const hash = hashOf(deps, event, { names: namesOf(event), plans })
  const accepted = event.approvedHash === event.hash ? lostNames(deps, event) : []
  const lost = lostIn(
    deps,
    plans.map(({ value }) => value),
    namesOf(event)
  ).filter((name) => !accepted.includes(name))
  const what = `${changed.map(({ of }) => of.target).join(', ')} changed: the plan is now ${hash.slice(0, 16)}`
  const set = { hash, replans: event.replans + 1 }
  if (approvalOf(deps, event) === 'not-needed' && lost.length === 0)
    return { to: 'deploying', why: what, wake: now, set, also }
  return { to: 'previewed', why: `${what}, and must be approved again`, wake: now, set, also }
}

const mostReplans = 10

async function planAll(deps: EngineContext, event: EventRow): Promise<Planned[]> {
  const profile = profileOf(deps, event)
  const waiting = deps.store.deployments.of(event.id).filter(({ state }) => state === 'waiting')
  return Promise.all(
    waiting.map(async (of) => ({ of, plan: await tried(() => planTarget(deps, of, profile)) }))
  )
}

/** Drops targets that cannot be planned; a step when the event has to wait for one that may come back. */
function leaveOut(deps: EngineContext, event: EventRow, planned: readonly Planned[]): EventStep | null {
  const now = deps.clock.now()
  const works = planned.some(({ plan }) => 'value' in plan)
  let again: { readonly wake: number; readonly why: string } | null = null
  for (const { of, plan } of planned) {
    if ('value' in plan) continue
    const { fault } = plan
    const trouble = of.trouble ?? now
    const wake = againAfter(deps, fault, event.attempts + 1)
    const waits = wake !== null && (!works || now - trouble < deps.limits.previewBudgetMs)
    if (waits) {
      moveDeployment(deps, of, { to: 'stay', why: fault.message, wake: null, set: { trouble } })
      if (again === null || wake < again.wake) again = { wake, why: fault.message }
    } else {
      leave(deps, of, fault)
    }
  }
  return again && { to: 'stay', ...again, set: { attempts: event.attempts + 1 } }
}

function leave(deps: EngineContext, of: DeploymentRow, { message, code }: Fault): void {
  const why = `${message} (nothing was written)`
  moveDeployment(deps, of, { to: 'failed', why, wake: null, set: { fault: code } })
}

interface Valued {
  readonly of: DeploymentRow
  readonly value: TargetPlan
}

/** The names of the certificates. Once one is ordered they stand: throws names-changed when they do not suffice. */
function wanted(deps: EngineContext, event: EventRow, plans: readonly Valued[]): readonly string[] {
  const profile = profileOf(deps, event)
  const served = plans.flatMap(({ value }) => value.plan.before.flatMap(({ names }) => names))
  const names = deps.pki.canonicalNames(
    wantedNames(profile.names, [...served, ...heldElsewhere(deps, event)])
  )
  if (names.length === 0) {
    const message = `event ${event.id}: its targets hold no certificate to take names from, and its profile gives none`
    throw new Fault('names-none', message, { event: event.id })
  }
  const ordered = deps.store.orders.of(event.id).some(({ state }) => state === 'issued')
  if (!ordered) return names
  const lacking = names.filter((name) => !namesOf(event).includes(name))
  if (lacking.length === 0) return namesOf(event)
  const message = `event ${event.id}: its certificate lacks ${lacking.join(', ')}, which its targets now want`
  throw new Fault('names-changed', message, { event: event.id, lacking })
}

/** names of targets that cannot be asked now: they get the same certificate later */
function heldElsewhere(deps: EngineContext, event: EventRow): string[] {
  return deps.store.deployments.of(event.id).flatMap(({ device, target }) => {
    const managed = deps.store.managedTargets.at(device, target)
    return managed ? heldBy(managed).flatMap(({ names }) => names) : []
  })
}

function hashOf(
  deps: EngineContext,
  event: EventRow,
  { names, plans }: { readonly names: readonly string[]; readonly plans: readonly Valued[] }
): string {
  const { keyTypes, issuer } = profileOf(deps, event)
  const shown = plans.map(({ of, value }) => ({ device: of.device, plan: value.plan }))
  return previewHash({ names, keyTypes, issuer, plans: shown })
}

function storePlans({ store }: EngineContext, plans: readonly Valued[]): void {
  for (const { of, value } of plans) {
    store.deployments.change(of.id, { plan: JSON.stringify(value), trouble: null }, 'waiting')
  }
}
