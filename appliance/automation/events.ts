import { asFault, Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { encodePem } from '../../pki/pem.ts'
import {
  approveEvent,
  askIssuerAgain,
  cancelEvent,
  giveUpEvent,
  requestEvent,
  retryEvent,
  widenEvent
} from '../../sensor/automation/requests.ts'
import { explainTarget } from '../../sensor/automation/explain.ts'
import { reason } from '../../sensor/automation/policy/reasons.ts'
import { requestFor } from '../../sensor/automation/orders.ts'
import { personsRequest, readHandedIn } from '../../sensor/issuance/manual.ts'
import type { DeploymentRow } from '../../sensor/store/deployments.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import type { OrderRow } from '../../sensor/store/orders.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Approval, EventQuery, EventRequest, EventWatch } from '../automation-functions.ts'
import type { AutomationEvent, Happening, PlanRecord, Reason } from '../automation-records.ts'
import type { Driving } from './driving.ts'
import { checkTargets, knownTarget, missing } from './known-targets.ts'
import { targetName } from './names.ts'
import { eventRecord, happenings, planRecords, reasonRecord } from './records.ts'
import type { Site } from './site.ts'

/** Events, the latest first. */
export function events(
  { store }: Pick<Site, 'store'>,
  { open, limit, before }: EventQuery
): AutomationEvent[] {
  const top = before ?? Number.MAX_SAFE_INTEGER
  const rows = open
    ? store.events
        .open()
        .filter(({ id }) => id < top)
        .toReversed()
        .slice(0, limit)
    : store.events.before(top, limit)
  return rows.map((row) => eventRecord(store, row))
}

/** Throws event-missing. */
export function eventById({ store }: Pick<Site, 'store'>, id: number): AutomationEvent {
  return eventRecord(store, store.events.get(id))
}

/** Throws event-missing. */
export function eventHistory({ store }: Pick<Site, 'store'>, id: number): Happening[] {
  return happenings(store, store.events.get(id).id).map(({ happening }) => happening)
}

/** Throws event-missing. */
export function eventPlans({ store }: Pick<Site, 'store'>, id: number): PlanRecord[] {
  return planRecords(store, store.events.get(id))
}

/**
 * Stores an event; gives the open one where there is one for the same. Faults: option-malformed, target-missing, those of
 * requestEvent.
 */
export async function request(site: Site, of: EventRequest): Promise<AutomationEvent> {
  const { store, engine } = site
  const { action, profile, hours, approval, requestedBy: who } = of
  const targets = of.targets.map(targetName)
  const start = of.startAt === null ? null : readTime(of.startAt)
  store.profiles.named(profile)
  await checkTargets(site, targets)
  const event = requestEvent(engine.context, { action, targets, profile, start, hours, approval, who })
  return eventRecord(store, event)
}

function readTime(text: string): number {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : NaN
  if (!Number.isNaN(time)) return time
  throw new Fault(
    'option-malformed',
    `time '${visible(text, 60)}': write a time with its zone, such as 2026-12-20T02:00:00+01:00.`,
    { field: 'startAt', value: visible(text, 60) }
  )
}

/** Throws approval-stale, names-lost, event-state, event-missing. */
export function approve({ store, engine }: Site, id: number, { hash, by, lostNames }: Approval) {
  const accepts = lostNames === 'accepted' ? { lostNames } : {}
  return eventRecord(store, approveEvent(engine.context, { event: id, who: by, ...accepts }, hash))
}

/** Throws event-state, event-missing. */
export function widen({ store, engine }: Site, id: number, by: string): AutomationEvent {
  return eventRecord(store, widenEvent(engine.context, { event: id, who: by }))
}

/** Throws event-state, event-missing. */
export function cancel({ store, engine }: Site, id: number, by: string): AutomationEvent {
  return eventRecord(store, cancelEvent(engine.context, { event: id, who: by }, `cancelled by ${by}`))
}

/** Throws event-state, event-missing, key-gone. */
export function retry({ store, engine }: Site, id: number, by: string): AutomationEvent {
  return eventRecord(store, retryEvent(engine.context, id, by))
}

/** Throws event-state, event-missing. */
export function giveUp({ store, engine }: Site, id: number, by: string): AutomationEvent {
  return eventRecord(store, giveUpEvent(engine.context, { event: id, who: by }))
}

/** The orders of an event that a person has to take to a CA. Throws event-state where there is none. */
function personsOrders({ store }: Site, event: EventRow): OrderRow[] {
  const { issuer } = JSON.parse(event.profile) as { readonly issuer: string }
  const orders = store.orders.of(event.id).filter(({ csr, state }) => csr !== null && state === 'issuing')
  if (store.issuers.named(issuer).kind === 'manual' && orders.length > 0) return orders
  const message = `event ${event.id}: it is ${event.state} and waits for no certificate from a person`
  throw new Fault('event-state', message, { event: event.id, state: event.state })
}

/** The CSRs that a person takes to a CA, PEM. Throws event-missing, event-state. */
export function eventRequests(site: Site, id: number): string[] {
  const orders = personsOrders(site, site.store.events.get(id))
  return orders.map(({ csr }) => encodePem(csr ?? new Uint8Array(), 'CERTIFICATE REQUEST'))
}

/** Takes the certificate that a person got, for whichever order of the event it fits. Faults: those of readHandedIn. */
export function giveCertificate(site: Site, id: number, text: string): AutomationEvent {
  const { store, clock, engine, known } = site
  const event = store.events.get(id)
  const file = Buffer.from(text, 'latin1')
  let misfit: Fault | undefined
  for (const order of personsOrders(site, event)) {
    const asked = requestFor(engine.context, event, order)
    try {
      readHandedIn(asked, file, { now: clock.now(), known })
    } catch (thrown) {
      misfit ??= asFault(thrown)
      continue
    }
    store.durable(() => store.issuance.handIn(personsRequest(asked), file))
    askIssuerAgain(engine.context, id)
    return eventRecord(store, store.events.get(id))
  }
  throw misfit ?? new Fault('internal', `event ${id}: no order took the certificate`)
}

/** Everything that decides about a target now. Throws option-malformed, device-missing, target-missing. */
export async function why(site: Site, text: string): Promise<Reason[]> {
  const target = targetName(text)
  const known = await knownTarget(site, target)
  if (known !== 'there' && known.state === 'missing') throw missing(target, known.near)
  const unasked = known === 'there' ? [] : [reason('target-unseen', { fault: known.why })]
  return [...unasked, ...explainTarget(site.engine.context, target)].map((one) => reasonRecord(target, one))
}

/** what comes later is not waited for, ms */
const patienceMs = 30_000

/** What following an event works with. */
export interface FollowDeps extends Pick<Site, 'store' | 'clock'> {
  readonly driving: Pick<Driving, 'listen'>
}

/**
 * Tells everything that happens to an event, until it has ended, or waits: for a person, for its hour, or for another
 * try that is not near. Looks at the store when the engine of this process has kept something, so that nothing is told
 * twice or missed; whichever process does the work.
 */
export async function follow(
  { store, clock, driving }: FollowDeps,
  id: number,
  { watch, signal }: { readonly watch: EventWatch; readonly signal: AbortSignal }
): Promise<AutomationEvent> {
  const told = new Set<string>()
  const listening = driving.listen(id)
  try {
    for (;;) {
      const rests = isAtRest(store, store.events.get(id), clock.now())
      for (const { key, happening } of happenings(store, id, told)) {
        watch.happening(happening)
        told.add(key)
      }
      if (rests || signal.aborted) return eventRecord(store, store.events.get(id))
      await listening.next(signal)
    }
  } finally {
    listening.end()
  }
}

const restful: ReadonlySet<string> = new Set(['needs-approval', 'live', 'cleaned', 'stuck'])

function isAtRest(store: Store, event: EventRow, now: number): boolean {
  const rows = store.deployments.of(event.id)
  // what is cleaned up harms nobody, and one without a next look waits for a person
  const isAtWork = ({ state, wake }: DeploymentRow) =>
    store.deployments.holdsDevice(state) && state !== 'cleaning' && wake !== null
  if (rows.some(isAtWork)) return false
  if (event.open === 0 || restful.has(event.state)) return true
  const wakes = [event, ...rows, ...store.orders.of(event.id)].flatMap(({ wake }) => wake ?? [])
  // nothing to wait for: somebody has to act
  return wakes.length === 0 || Math.min(...wakes) - now > patienceMs
}
