import { bindPlan, type BoundPlan } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import type { DeploymentRow, DeploymentStanding, DeploymentState } from '../store/deployments.ts'
import type { EventRow } from '../store/events.ts'
import { bundleOf, fingerprintsOf, freshOf, madeKeysOf } from './bundles.ts'
import { againAfter, profileOf, windowOf, type EngineContext, type Step } from './context.ts'
import { namesOf, unprovable } from './coverage.ts'
import { journalOf } from './deployment-journal.ts'
import { heldAfter, heldColumns } from './held.ts'
import { planTarget, samePlan, samePlanElsewhere, storedPlan, type TargetPlan } from './plans.ts'
import { sentence } from './policy/reasons.ts'
import type { Baseline, Unproven, WireQuestion, WireVerdict } from './ports.ts'
import { withSession, writableDevice } from './sessions.ts'

/** What a step decides about a deployment. */
export type DeploymentStep = Step<DeploymentStanding>

interface Act {
  /** what is done in this state; gives the next one */
  readonly does: (deps: EngineContext, of: DeploymentRow) => Promise<DeploymentStep>
  /** what follows from a fault that does not pass by itself, or not soon enough */
  readonly fails: (deps: EngineContext, of: DeploymentRow, fault: Fault) => DeploymentStep
}

/**
 * What a deployment does in each state; a restart enters here again, so each act may have been done before, wholly or
 * in part. States that are not here wait for the event or for a person, or are over.
 */
export const deploymentActs: Readonly<Partial<Record<DeploymentState, Act>>> = {
  preparing: { does: prepare, fails: failed },
  deploying: { does: deploy, fails: rollBack },
  verifying: { does: verify, fails: rollBack },
  'rolling-back': { does: undo, fails: stuckOrAgain },
  live: { does: whenGraceIsOver, fails: leftOver },
  cleaning: { does: clean, fails: leftOver }
}

/** The next step after a fault: again when it may pass by itself and there is time, else what the state says. */
export function deploymentFault(deps: EngineContext, of: DeploymentRow, fault: Fault): DeploymentStep {
  const held = heldByBar(deps, of, fault)
  if (held) return held
  const now = deps.clock.now()
  const attempts = of.attempts + 1
  const trouble = of.trouble ?? now
  const wake = againAfter(deps, fault, attempts)
  // what was begun is never given up half-way: an undo is tried until it is done
  const inTime = of.state === 'rolling-back' || now - trouble < deps.limits.deployBudgetMs
  if (wake !== null && inTime) return { to: 'stay', why: fault.message, wake, set: { attempts, trouble } }
  const act = deploymentActs[of.state]
  return act ? act.fails(deps, of, fault) : failed(deps, of, fault)
}

const halfWay: ReadonlySet<string> = new Set<DeploymentState>(['deploying', 'verifying', 'rolling-back'])

/**
 * May the device be neither as it was nor as it should be in this state of a deployment? Then no sign-in is tried again,
 * and nothing is given up either.
 */
export function isHalfWay(state: string): boolean {
  return halfWay.has(state)
}

/** A refused sign-in half-way waits for a person's check of the device, and goes on after it. */
function heldByBar(deps: EngineContext, of: DeploymentRow, fault: Fault): DeploymentStep | null {
  if (fault.code !== 'device-sign-in' || !isHalfWay(of.state)) return null
  const { name } = deps.store.devices.get(of.device)
  const why =
    `it waits for a clean tlsward device check ${name}, or other tlsward device credentials ${name}: ` +
    `the sign-in was refused (${fault.message})`
  // its event says so as well
  const also = () => void deps.store.events.change(of.event, { wake: deps.clock.now() }, 'deploying')
  // the time that a device may be gone counts from the check on
  return { to: 'stay', why, wake: null, set: { attempts: of.attempts, trouble: null }, also }
}

/** Does a deployment wait for a person's check of its device? */
export function waitsForCheck({ state, wake }: DeploymentRow): boolean {
  return isHalfWay(state) && wake === null
}

/** Looks at device and wire once more, and keeps the bound plan before anything is written. */
async function prepare(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const event = deps.store.events.get(of.event)
  const device = writableDevice(deps, of.device)
  const now = await planTarget(deps, of, profileOf(deps, event))
  const before = storedPlan(of)
  if (before === null || !mayGoOn(deps, of, { before, now })) {
    const why = 'the device has changed since the plan was made'
    return { to: 'waiting', why, wake: null, also: () => planAgain(deps, event) }
  }
  const unproven = unprovable(deps, of, { of: now, names: namesOf(event) })
  if (unproven) throw unproven
  const orders = deps.store.orders.of(of.event)
  const bound = bindPlan(now.plan, fingerprintsOf(orders), madeKeysOf(orders))
  const baseline = await deps.wire.baseline(now.plan, deps.stopping)
  const kept = { plan: JSON.stringify(now), bound: JSON.stringify(bound), baseline: JSON.stringify(baseline) }
  const wire = (await isInPlace(deps, of, bound)) ? await proves(deps, { ...of, ...kept }) : null
  // all that took its time: a person may have acted meanwhile
  if (writableDevice(deps, of.device).settings !== device.settings) {
    const why = `device ${device.name} was set to other settings meanwhile`
    return { to: 'waiting', why, wake: null, also: () => planAgain(deps, event) }
  }
  if (wire?.state === 'agrees') {
    const why = `it was in place already: nothing was written${unprovenText(wire.unproven)}`
    return liveStep(deps, { ...of, ...kept }, why, kept)
  }
  const began = deps.clock.now()
  // a device that was away may have let the window pass
  const closed = windowOf(deps, event, began)?.why
  if (closed) return { to: 'waiting', why: sentence(closed), wake: null }
  return { to: 'deploying', why: 'the device is as planned', wake: began, set: { ...kept, began } }
}

/** what the plan has just read tells most often that it is not: then the device is not asked again */
async function isInPlace(deps: EngineContext, { device }: DeploymentRow, bound: BoundPlan): Promise<boolean> {
  const isHeld = bound.families.every((family) =>
    bound.before.some((slot) => slot.family === family && slot.fingerprint === bound.bound[family])
  )
  if (!isHeld) return false
  const verdict = await withSession(deps, device, (session, signal) => session.verify(bound, signal))
  return verdict.state === 'in-place'
}

/** the same plan, or one that differs only because of what this event did to the same device meanwhile */
function mayGoOn(
  deps: EngineContext,
  of: DeploymentRow,
  { before, now }: { readonly before: TargetPlan; readonly now: TargetPlan }
): boolean {
  if (samePlan(before.plan, now.plan)) return true
  const ours = deps.store.deployments
    .of(of.event)
    .some(({ id, device, began }) => id !== of.id && device === of.device && began !== null)
  return ours && samePlanElsewhere(before.plan, now.plan)
}

function planAgain({ store, clock }: EngineContext, event: EventRow): void {
  const why = 'a device has changed since the plan was made'
  store.events.change(event.id, { state: 'planned', why, wake: clock.now() }, 'deploying')
}

async function deploy(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const bundle = bundleOf(deps, deps.store.orders.of(of.event))
  const plan = boundPlanOf(of)
  const journal = journalOf(deps, of.id)
  await withSession(deps, of.device, (session, signal) => session.deploy(plan, bundle, journal, signal))
  return { to: 'verifying', why: 'every step is done', wake: deps.clock.now() }
}

/** Device and wire must both say that the new certificate is there. */
async function verify(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const verdict = await withSession(deps, of.device, (session, signal) =>
    session.verify(boundPlanOf(of), signal)
  )
  if (verdict.state === 'differs') return rollBackFor(deps, differs('the device says', verdict.why))
  const wire = await proves(deps, of)
  if (wire.state === 'differs') return rollBackFor(deps, differs('handshakes show', wire.why))
  const why = `device and handshakes agree that it is in place${unprovenText(wire.unproven)}`
  return liveStep(deps, of, why, {})
}

/** Do handshakes show the new certificates? Only those under a name that they cover say so. */
function proves(deps: EngineContext, of: DeploymentRow): Promise<WireVerdict> {
  const names = namesOf(deps.store.events.get(of.event))
  const question: WireQuestion = {
    baseline: baselineOf(of),
    fresh: freshOf(deps.store.orders.of(of.event)),
    role: storedPlan(of)?.role ?? 'single',
    covers: (name) => deps.pki.covers(names, name)
  }
  return deps.wire.proves(question, deps.stopping)
}

const unprovenWords: Readonly<Record<Unproven['why'], string>> = {
  silent: 'not reached, before and after',
  uncovered: 'not proven, since it does not cover the name',
  spared: 'not proven, since the do-not-scan list has it'
}

function unprovenText(unproven: readonly Unproven[]): string {
  const kinds = Map.groupBy(unproven, ({ why }) => why)
  return [...kinds]
    .map(([why, all]) => `; ${unprovenWords[why]}: ${all.map(({ at }) => at).join(', ')}`)
    .join('')
}

function liveStep(
  deps: EngineContext,
  of: DeploymentRow,
  why: string,
  set: Partial<DeploymentStanding>
): DeploymentStep {
  const event = deps.store.events.get(of.event)
  const now = deps.clock.now()
  const wake = now + profileOf(deps, event).keep.graceMs
  const also = () => {
    const managed = deps.store.managedTargets.at(of.device, of.target)
    const plan = storedPlan(of)?.plan
    if (!managed || !plan) return
    const orders = deps.store.orders.of(of.event)
    const held = heldAfter(deps, plan, { orders, names: namesOf(event) })
    deps.store.managedTargets.setHeld(managed.id, heldColumns(held, now))
  }
  return { to: 'live', why, wake, set: { ...set, live: now }, also }
}

async function undo(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const journal = journalOf(deps, of.id)
  await withSession(deps, of.device, (session, signal) => session.rollback(boundPlanOf(of), journal, signal))
  const wire = await deps.wire.restored(baselineOf(of), deps.stopping)
  if (wire.state === 'differs') {
    const message = `after the undo the wire does not show what it did before: ${wire.why.join('; ')}`
    throw new Fault('wire-differs', message)
  }
  return { to: 'rolled-back', why: `the former certificate is served again (${of.why})`, wake: null }
}

/** an undo that is refused may still work a little later; then only a person can tell what is wrong */
const undoTries = 3
const undoAgainMs = 30_000

function stuckOrAgain(deps: EngineContext, of: DeploymentRow, fault: Fault): DeploymentStep {
  const attempts = of.attempts + 1
  if (attempts < undoTries) {
    return { to: 'stay', why: fault.message, wake: deps.clock.now() + undoAgainMs, set: { attempts } }
  }
  deps.log.error('deployment-stuck', {
    deployment: of.id,
    event: of.event,
    target: of.target,
    code: fault.code
  })
  const steps = journalOf(deps, of.id).finished
  const left = steps.length === 0 ? 'every step is undone' : `these steps are not undone: ${steps.join(', ')}`
  const why = `the undo failed, and somebody must look at ${of.target}: ${fault.message} (${left})`
  return { to: 'stuck', why, wake: null }
}

// the row may have waited for its grace time, or for the device
async function whenGraceIsOver(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const now = deps.clock.now()
  const taken = deps.store.deployments.underWay().some(({ device }) => device === of.device)
  if (taken) return { to: 'stay', why: of.why, wake: now + 60_000 }
  return { to: 'cleaning', why: 'the grace time is over', wake: now }
}

async function clean(deps: EngineContext, of: DeploymentRow): Promise<DeploymentStep> {
  const { keep } = profileOf(deps, deps.store.events.get(of.event))
  writableDevice(deps, of.device)
  const journal = journalOf(deps, of.id)
  const removed = await withSession(deps, of.device, (session, signal) =>
    session.cleanup(boundPlanOf(of), keep.generations, journal, signal)
  )
  const why = removed.length === 0 ? 'there was nothing to remove' : `removed ${removed.join(', ')}`
  return { to: 'cleaned', why, wake: null }
}

// leftovers do no harm; the next deployment to the target cleans up after this one as well
function leftOver(deps: EngineContext, of: DeploymentRow, fault: Fault): DeploymentStep {
  deps.log.warn('cleanup-failed', { deployment: of.id, target: of.target, code: fault.code })
  return { to: 'cleaned', why: `what earlier deployments left stays for now: ${fault.message}`, wake: null }
}

function failed(_: EngineContext, __: DeploymentRow, fault: Fault): DeploymentStep {
  return {
    to: 'failed',
    why: `${fault.message} (nothing was written)`,
    wake: null,
    set: { fault: fault.code }
  }
}

function rollBack(deps: EngineContext, _: DeploymentRow, fault: Fault): DeploymentStep {
  return rollBackFor(deps, fault)
}

function rollBackFor({ clock }: EngineContext, { message, code }: Fault): DeploymentStep {
  return { to: 'rolling-back', why: message, wake: clock.now(), set: { fault: code } }
}

function differs(who: string, why: readonly string[]): Fault {
  return new Fault('wire-differs', `${who} otherwise: ${why.join('; ')}`)
}

function boundPlanOf({ bound }: DeploymentRow): BoundPlan {
  return JSON.parse(bound ?? '{}') as BoundPlan
}

function baselineOf({ baseline }: DeploymentRow): Baseline {
  return JSON.parse(baseline ?? '[]') as Baseline
}
