import { hash } from 'node:crypto'
import { type Binding, unmanagedFault } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EventAction, EventRow, EventState } from '../store/events.ts'
import { profileIn, type EngineContext } from './context.ts'
import { lostNames } from './coverage.ts'
import { waitsForCheck } from './deployment-steps.ts'
import { over } from './endings.ts'
import { heldColumns, heldInSlots } from './held.ts'
import { moveDeployment, moveEvent } from './moves.ts'
import { checkDeviceKeys, checkKeyIssuer, severalTargets } from './key-places.ts'
import { dropKeys } from './orders.ts'
import { readProfile, type Profile, type ProfileText } from './profile.ts'

/** A place on a device, by the device's name. */
export interface TargetName {
  readonly device: string
  /** the connector's word for it */
  readonly target: string
}

/** What somebody asks for. */
export interface EventWish {
  readonly action: EventAction
  /** they get the same certificate; in the order in which they are changed */
  readonly targets: readonly TargetName[]
  /** name of a profile */
  readonly profile: string
  /** not before, milliseconds since the epoch; null: now */
  readonly start: number | null
  /** `any`: it cannot wait for a maintenance window */
  readonly hours: 'window' | 'any'
  /**
   * `needed`: a person must approve the plan, whatever the profile says; `never`: the plan is all that is wanted. Default
   * `profile`
   */
  readonly approval?: 'profile' | 'needed' | 'never'
  /** a person's account, or `tlsward` */
  readonly who: string
}

/**
 * Asks for an event. The same wish while one is open gives that one. Faults: device-missing, profile-missing,
 * target-none, key-place.
 */
export function requestEvent(deps: EngineContext, wish: EventWish): EventRow {
  const { store, clock } = deps
  const targets = wish.targets.map(({ device, target }) => ({
    device: store.devices.named(device).id,
    target
  }))
  const places = [...new Set(targets.map(({ device, target }) => `${device} ${target}`))]
  if (places.length === 0) throw new Fault('target-none', 'event: name at least one target')
  const profile = store.profiles.named(wish.profile)
  if (placeOfKeys(deps, profile.content) === 'device' && places.length > 1) throw severalTargets()
  const keyOf = (...more: string[]) =>
    hash('sha256', JSON.stringify([wish.action, profile.name, places.toSorted(), ...more]), 'hex')
  const onlyPlan = wish.approval === 'never'
  // whoever wants it done is not given an event that ends with its plan
  const key = onlyPlan ? keyOf('plan') : keyOf()
  const now = clock.now()
  return store.durable(() => {
    const same = store.events.openByKey(key) ?? store.events.openByKey(keyOf())
    if (same) return same
    const id = store.events.add({
      key,
      action: wish.action,
      profileName: profile.name,
      profile: profile.content,
      onlyPlan: onlyPlan ? 1 : 0,
      // no time at all: the clock may be set back
      start: wish.start ?? 0,
      hours: wish.hours,
      approval: wish.approval === 'needed' ? 'needed' : 'profile',
      requestedBy: wish.who,
      requested: now
    })
    for (const [position, place] of places.entries()) {
      const of = targets.find(({ device, target }) => `${device} ${target}` === place)
      if (of) store.deployments.add({ event: id, position, ...of }, now)
    }
    const what = onlyPlan ? `a plan of ${wish.action}` : wish.action
    const why = `${what} asked for, ${places.length} target${places.length === 1 ? '' : 's'}`
    store.eventHistory.add({ ...entry(id, wish.who, now), state: 'requested', why })
    quieten(deps, targets)
    return store.events.get(id)
  })
}

/**
 * Has an event wait for no maintenance window any more. Faults: event-missing, event-state.
 */
export function widenEvent(deps: EngineContext, { event: id, who }: PersonsAct): EventRow {
  const event = deps.store.events.get(id)
  if (event.open === 0) throw cannot(event, 'be done at another time')
  if (event.hours === 'any') return event
  const why = 'it waits for no maintenance window any more'
  moveEvent(deps, event, { to: 'stay', why, wake: deps.clock.now(), set: { hours: 'any' } }, who)
  return deps.store.events.get(id)
}

function entry(event: number, who: string, at: number) {
  return { event, deployment: null, order: null, at, who }
}

/** targets with an open event are woken by its end */
function quieten({ store }: EngineContext, targets: readonly { device: number; target: string }[]): void {
  for (const { device, target } of targets) {
    const managed = store.managedTargets.at(device, target)
    if (managed) store.managedTargets.setWake(managed.id, null)
  }
}

/** Who approves, refuses or repeats, and which event. */
export interface PersonsAct {
  readonly event: number
  readonly who: string
}

/** An approval. */
export interface ApprovingAct extends PersonsAct {
  /** the person knows which names would be without a certificate, and means it; left out: none may be */
  readonly lostNames?: 'accepted'
}

/**
 * Approves the plan of an event that waits for it, by its hash: what the person saw. Faults: event-missing,
 * event-state, approval-stale, names-lost.
 */
export function approveEvent(
  deps: EngineContext,
  { event: id, who, lostNames: accepts }: ApprovingAct,
  approved: string
): EventRow {
  const event = deps.store.events.get(id)
  if (event.open === 0 || event.hash === null) throw cannot(event, 'be approved')
  if (event.hash !== approved) {
    const message = `event ${id}: its plan is ${event.hash.slice(0, 16)} now, not ${approved.slice(0, 16)}; look at it again`
    throw new Fault('approval-stale', message, { event: id, hash: event.hash })
  }
  const lost = lostNames(deps, event)
  if (lost.length > 0 && accepts !== 'accepted') {
    const message =
      `event ${id}: ${lost.join(', ')} would be served without a certificate that covers ${lost.length === 1 ? 'it' : 'them'}. ` +
      'Give the profile these names, or approve with --accept-lost-names'
    throw new Fault('names-lost', message, { event: id, names: lost })
  }
  const set = { approvedHash: approved, approvedBy: who }
  const loss = lost.length > 0 ? `, and that it covers ${lost.join(', ')} no more` : ''
  const why = `approved the plan ${approved.slice(0, 16)}${loss}`
  moveEvent(deps, event, { to: 'stay', why, wake: deps.clock.now(), set }, who)
  return deps.store.events.get(id)
}

const cancellable: ReadonlySet<EventState> = new Set([
  'requested',
  'previewed',
  'needs-approval',
  'scheduled',
  'waiting',
  'issuing',
  'planned',
  'deploying'
])

/**
 * Takes an event back: nothing more of it is begun. Deployments that have begun run to their end, for a target
 * half-way is worse than either end. Faults: event-missing, event-state.
 */
export function cancelEvent(deps: EngineContext, { event: id, who }: PersonsAct, why: string): EventRow {
  const event = deps.store.events.get(id)
  if (!cancellable.has(event.state)) throw cannot(event, 'be cancelled')
  const all = deps.store.deployments.of(id)
  const begun = all.some(({ state }) => state !== 'waiting' && state !== 'failed')
  for (const of of all.filter(({ state }) => state === 'waiting')) {
    moveDeployment(deps, of, { to: 'cancelled', why, wake: null }, who)
  }
  if (begun) {
    const note = `${why}; what has begun runs to its end`
    moveEvent(deps, event, { to: 'stay', why: note, wake: deps.clock.now() }, who)
  } else {
    moveEvent(deps, event, { ...over(deps, event, 'cancelled'), why }, who)
    dropKeys(deps, event, 'the event was cancelled')
  }
  return deps.store.events.get(id)
}

/**
 * Tries those targets of an event again that are not live, with the certificates that it has: none is bought a second
 * time. A stuck deployment tries its undo again. Faults: event-missing, event-state, key-gone, device-missing.
 */
export function retryEvent(deps: EngineContext, id: number, who: string): EventRow {
  const { store } = deps
  const event = store.events.get(id)
  if (event.state !== 'failed' && event.state !== 'rolled-back' && event.state !== 'stuck') {
    throw cannot(event, 'be tried again')
  }
  const orders = store.orders.of(id)
  // one that was removed is no longer there to be tried again
  for (const { device } of store.deployments.of(id)) store.devices.get(device)
  if (orders.some(({ state }) => state === 'dropped')) {
    const message = `event ${id}: its keys are no longer kept; begin a new event for its targets`
    throw new Fault('key-gone', message, { event: id })
  }
  if (event.state === 'stuck') return undoAgain(deps, event, who)
  const now = deps.clock.now()
  const successor = event.open === 0 ? store.events.openByKey(event.key) : undefined
  if (successor) {
    const does = `be tried again beside its successor: follow event ${successor.id}, or cancel it first`
    throw cannot(event, does)
  }
  // whoever wanted to see the plan has seen it: from here on the profile decides who approves
  const approval = 'profile'
  const set = { open: 1, ended: null, retries: event.retries + 1, replans: 0, approval } as const
  const also = () => {
    for (const of of store.deployments.of(id).filter(mayBeTried)) {
      const fresh = {
        state: 'waiting',
        why: 'tried again',
        fault: null,
        trouble: null,
        began: null,
        attempts: 0,
        wake: null
      } as const
      store.deployments.change(of.id, { ...fresh, since: now }, of.state)
    }
    for (const order of orders.filter(({ state }) => state === 'failed')) {
      // what a failed order left at its CA is in its memory
      const fresh = { state: 'requested', why: 'tried again', wake: null, attempts: 0 } as const
      store.orders.change(order.id, fresh, 'failed')
    }
    // those that are live go their own way
    quieten(
      deps,
      store.deployments.of(id).filter(({ state }) => state === 'waiting')
    )
  }
  moveEvent(deps, event, { to: 'requested', why: 'tried again', wake: now, set, also }, who)
  return store.events.get(id)
}

function mayBeTried({ state }: DeploymentRow): boolean {
  return state === 'failed' || state === 'rolled-back' || state === 'cancelled'
}

function undoAgain(deps: EngineContext, event: EventRow, who: string): EventRow {
  const now = deps.clock.now()
  for (const of of deps.store.deployments.of(event.id).filter(({ state }) => state === 'stuck')) {
    moveDeployment(deps, of, { to: 'rolling-back', why: 'the undo is tried again', wake: now }, who)
  }
  moveEvent(deps, event, { to: 'deploying', why: 'the undo is tried again', wake: now }, who)
  return deps.store.events.get(event.id)
}

/**
 * Gives up undoing what an event left half-way: a person has looked at those targets and answers for what they show
 * now. They are free for other events then. Faults: event-missing, event-state.
 */
export function giveUpEvent(deps: EngineContext, { event: id, who }: PersonsAct): EventRow {
  const event = deps.store.events.get(id)
  const halfWay = deps.store.deployments
    .of(id)
    .filter((of) => of.state === 'stuck' || of.state === 'rolling-back' || waitsForCheck(of))
  if (halfWay.length === 0) throw cannot(event, 'be given up')
  for (const of of halfWay) {
    const why = `${who} answers for what the target shows now: its undo was given up (${of.why})`
    moveDeployment(deps, of, { to: 'failed', why, wake: null }, who)
  }
  if (event.state === 'stuck') {
    // the others of the event decide how it ends
    const why = `${who} gave up the undo`
    moveEvent(deps, event, { to: 'deploying', why, wake: deps.clock.now() }, who)
  }
  return deps.store.events.get(id)
}

function cannot(event: EventRow, what: string): Fault {
  const message = `event ${event.id}: it is ${event.state} and cannot ${what}`
  return new Fault('event-state', message, { event: event.id, state: event.state })
}

/** A target to be renewed by itself. */
export interface Managing extends TargetName {
  readonly profile: string
  /** what the device says of it */
  readonly binding: Binding
}

/**
 * Renews a target by itself from now on. Faults: device-missing, profile-missing, key-place, those of unmanagedFault.
 */
export function manageTarget(deps: EngineContext, { device, target, profile, binding }: Managing): void {
  const { store, clock } = deps
  if (binding.unmanaged !== null) throw unmanagedFault(binding.unmanaged, binding.title, target)
  const { id } = store.devices.named(device)
  checkKeyPlace(deps, id, { profile, binding })
  const now = clock.now()
  store.durable(() =>
    store.managedTargets.put({
      device: id,
      target,
      profile: store.profiles.named(profile).id,
      ...heldColumns(heldInSlots(deps, binding.slots), now),
      created: now
    })
  )
}

/** Can the keys of a profile stand at a target? Throws key-place. */
function checkKeyPlace(
  deps: EngineContext,
  device: number,
  { profile: name, binding }: Pick<Managing, 'profile' | 'binding'>
): void {
  const profile = profileIn(deps.remembered, deps.store.profiles.named(name).content)
  if (profile.keyPlace === 'device') return checkDeviceKeys(deps, device, profile)
  if (binding.onlyDeviceKeys === undefined) return
  const message = `${binding.title}: ${binding.onlyDeviceKeys}; use a profile with keyPlace device`
  throw new Fault('key-place', message, { target: binding.target })
}

/**
 * Can the targets of a profile that is to be kept have the keys that it wants, and its issuer certify them? Throws
 * key-place.
 */
export function checkProfileKeys(deps: EngineContext, name: string, text: ProfileText): void {
  const profile = readProfile(text)
  if (profile.keyPlace !== 'device') return
  checkKeyIssuer(deps, profile)
  const known = deps.store.profiles.list().find((one) => one.name === name)
  for (const target of deps.store.managedTargets.list()) {
    if (target.profile === known?.id) checkDeviceKeys(deps, target.device, profile)
  }
}

function placeOfKeys(deps: EngineContext, content: string): Profile['keyPlace'] {
  return profileIn(deps.remembered, content).keyPlace
}

/** Takes note of what a device says its managed targets hold. */
export function observeBindings(deps: EngineContext, device: number, bindings: readonly Binding[]): void {
  const { store, clock } = deps
  store.transaction(() => {
    for (const { target, slots } of bindings) {
      const managed = store.managedTargets.at(device, target)
      if (managed) {
        store.managedTargets.setHeld(managed.id, heldColumns(heldInSlots(deps, slots), clock.now()))
      }
    }
  })
}

/**
 * Allows a device to be changed, or forbids it; events that waited for it are looked at again. Throws device-missing.
 */
export function setWritable(deps: EngineContext, device: string, allowed: 'writable' | 'read-only'): void {
  const { store, clock } = deps
  const { id } = store.devices.named(device)
  store.durable(() => {
    store.devices.setWritable(id, allowed)
    for (const event of store.events.open()) {
      if (event.state === 'waiting') store.events.change(event.id, { wake: clock.now() }, 'waiting')
    }
  })
}

/**
 * Signs in to a device again from now on: a person has checked it. What waited for that goes on. Part of the
 * transaction in which the check is kept.
 */
export function liftBar({ store, clock }: EngineContext, device: number): void {
  store.devices.setBarred(device, null)
  for (const of of store.deployments.underWay()) {
    if (of.device === device && waitsForCheck(of)) {
      const why = `device ${store.devices.get(device).name} is checked: it goes on`
      store.deployments.change(of.id, { wake: clock.now(), why }, of.state)
      store.events.change(of.event, { why }, 'deploying')
    }
  }
  for (const target of store.managedTargets.list()) {
    if (target.device === device) store.managedTargets.setWake(target.id, clock.now())
  }
}

/**
 * Asks the issuer of an event again now: a person has handed in what it waited for. Throws event-missing.
 */
export function askIssuerAgain(deps: EngineContext, id: number): void {
  const { store, clock } = deps
  const event = store.events.get(id)
  store.durable(() => {
    for (const order of store.orders.of(id)) store.orders.change(order.id, { wake: null }, 'issuing')
    store.events.change(event.id, { wake: clock.now() }, 'issuing')
  })
}
