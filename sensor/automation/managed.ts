import { hash } from 'node:crypto'
import { createCache } from '../../core/cache.ts'
import { asFault, faultCodes, type FaultCode } from '../../core/fault.ts'
import type { LastDeployment } from '../store/deployments.ts'
import type { EventRow } from '../store/events.ts'
import type { ManagedTargetRow } from '../store/managed-targets.ts'
import { isStoreTrouble, itself, profileIn, type EngineContext } from './context.ts'
import { keptUntil } from './endings.ts'
import { certificateOf, heldBy, type HeldCertificate } from './held.ts'
import { againBefore, retryEventAt } from './policy/backoff.ts'
import type { Failure } from './policy/why.ts'
import { renewalDue, type Due, type RenewalQuestion } from './policy/renewal.ts'
import type { Profile } from './profile.ts'
import { requestEvent, retryEvent } from './requests.ts'
import { limitedTime } from './sessions.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** a CA that cannot be asked now is asked again then; the profile's rule holds meanwhile */
const askAgainMs = hourMs
/** a refused renewal is not asked for again at once */
const afterRefusalMs = 12 * hourMs

/**
 * Looks whether a managed target is due, and asks for its renewal, or for another try of one that failed. Targets that
 * hold the same certificates under the same profile are renewed in one event, by one order.
 */
export async function lookAtTarget(deps: EngineContext, id: number): Promise<void> {
  const target = deps.store.managedTargets.get(id)
  if (!target) return
  try {
    await look(deps, target)
  } catch (thrown) {
    const fault = asFault(thrown)
    if (isStoreTrouble(fault)) throw fault
    deps.log.error('target-unclear', { target: target.target, code: fault.code, message: fault.message })
    deps.store.managedTargets.setWake(target.id, deps.clock.now() + askAgainMs)
  }
}

async function look(deps: EngineContext, target: ManagedTargetRow): Promise<void> {
  const { store, clock } = deps
  const sleepUntil = (wake: number | null) =>
    store.transaction(() => store.managedTargets.setWake(target.id, wake))
  const held = heldBy(target)
  const last = store.deployments.last(target.device, target.target)
  // the end of the event wakes the target
  if (isHeld(deps, last) || held.length === 0) return sleepUntil(null)
  const profile = managedProfile(deps, target)
  const askAgain = await askIssuer(deps, profile, held)
  // an event may have begun or ended meanwhile: then it is looked at afresh
  const fresh = store.managedTargets.get(target.id)
  const lastNow = store.deployments.last(target.device, target.target)
  if (fresh?.lookup !== target.lookup || lastNow?.id !== last?.id || isHeld(deps, lastNow)) return
  const due = earliestDue(deps, profile, held)
  const now = clock.now()
  if (due.at > now) return sleepUntil(Math.min(due.at, askAgain))
  const again = afterLast(deps, target)
  if (again && again.at > now) return sleepUntil(again.at)
  if (again?.does === 'retry') return void retryEvent(deps, again.event, itself)
  if (again?.does === 'nothing') return sleepUntil(null)
  renew(deps, target)
}

/** Is an open event not done with the target yet? One that is tried again for others leaves alone what is live. */
function isHeld({ store }: EngineContext, last: LastDeployment | undefined): boolean {
  if (!last || last.state === 'live' || last.state === 'cleaning' || last.state === 'cleaned') return false
  return store.events.get(last.event).open === 1
}

/** The profile of a managed target. */
export function managedProfile({ store, remembered }: EngineContext, { profile }: ManagedTargetRow): Profile {
  return profileIn(remembered, store.profiles.get(profile).content)
}

/** When the first of a target's certificates is to be renewed. */
function earliestDue(deps: EngineContext, profile: Profile, held: readonly HeldCertificate[]): Due {
  const all = held.map((one) => dueOf(deps, profile, one))
  return all.reduce((first, one) => (one.at < first.at ? one : first))
}

/** whole years of windows may have to be looked through for one, and it is asked each time that its CA is */
function dueOf(deps: EngineContext, profile: Profile, one: HeldCertificate): Due {
  const { dues } = deps.remembered
  const known = dues.get(profile) ?? createCache<string, Due>(10_000)
  dues.set(profile, known)
  const question = renewalQuestion(deps, profile, one)
  const { notBefore, notAfter, suggested } = question
  const key = [
    one.fingerprint,
    notBefore,
    notAfter,
    suggested?.begins,
    suggested?.ends,
    suggested?.explanation
  ].join()
  const due = known.get(key) ?? renewalDue(question)
  known.set(key, due)
  return due
}

/** What decides about the renewal of a certificate. */
export function renewalQuestion(
  deps: EngineContext,
  profile: Profile,
  { fingerprint, notBefore, notAfter }: HeldCertificate
): RenewalQuestion {
  const window = deps.store.renewalWindows.get(fingerprint)
  return {
    notBefore,
    notAfter,
    before: profile.renewBefore,
    suggested: profile.renewalInformation === 'honoured' && window ? window : null,
    point: pointOf(deps.installation, fingerprint),
    windows: profile.windows
  }
}

/** where in the CA's window a certificate is renewed: anywhere, and always there (RFC 9773 §4.2) */
function pointOf(installation: string, fingerprint: string): number {
  return (
    Number.parseInt(hash('sha256', `${installation} ${fingerprint}`, 'hex').slice(0, 8), 16) / 0x1_0000_0000
  )
}

/** Asks the CA about certificates whose answer is old; gives when to ask again. */
async function askIssuer(
  deps: EngineContext,
  profile: Profile,
  held: readonly HeldCertificate[]
): Promise<number> {
  if (profile.renewalInformation === 'ignored') return Infinity
  let again = Infinity
  for (const { fingerprint } of held) again = Math.min(again, await askAbout(deps, profile, fingerprint))
  return again
}

async function askAbout(deps: EngineContext, profile: Profile, fingerprint: string): Promise<number> {
  const { store, clock } = deps
  const known = store.renewalWindows.get(fingerprint)
  const now = clock.now()
  if (known && known.again > now && known.again <= now + dayMs) return known.again
  const der = certificateOf(deps, fingerprint)
  if (!der) return Infinity
  const time = limitedTime(deps, 'the issuer')
  try {
    const issuer = deps.issuer(profile.issuer)
    const advice = await deps.turns.atIssuer(() => time.bound(issuer.renewalWindow(der, time.signal)))
    if (advice === null) return Infinity
    const again = Math.ceil(Math.min(Math.max(advice.againAt, now + 60_000), now + dayMs))
    const { explanation } = advice
    const [begins, ends] = [Math.round(advice.start), Math.round(advice.end)]
    store.transaction(() =>
      store.renewalWindows.put({ fingerprint, begins, ends, explanation, asked: now, again })
    )
    return again
  } catch (thrown) {
    const fault = asFault(thrown)
    if (isStoreTrouble(fault)) throw fault
    deps.log.warn('renewal-window-unknown', { fingerprint, code: fault.code })
    return now + askAgainMs
  } finally {
    time.end()
  }
}

interface Ended {
  readonly device: number
  readonly event: EventRow
  readonly last: LastDeployment
  readonly held: readonly HeldCertificate[]
}

interface Again {
  readonly does: 'retry' | 'renew' | 'nothing'
  readonly at: number
  readonly because: Failure['because']
  /** the event that ended so, and why */
  readonly event: number
  readonly fault: string
}

/** What follows when the target is due although its last event is over; null: nothing stands in the way. */
function afterEvent(deps: EngineContext, { device, event, last, held }: Ended): Again | null {
  const now = deps.clock.now()
  // no later than now: the clock may have been set back since
  const ended = Math.min(event.ended ?? 0, now)
  if (last.live !== null && event.state !== 'cancelled') return null
  const notAfter = Math.min(...held.map(({ notAfter }) => notAfter))
  const before = { ended, notAfter }
  const why = { because: 'failed', event: event.id, fault: last.why } as const
  // a person took a renewal back; plans that a person asked for and took back are not even looked at
  if (event.state === 'cancelled') {
    return { does: 'renew', at: againBefore(dayMs, before), ...why, because: 'cancelled' }
  }
  const orders = deps.store.orders.of(event.id)
  const isUsedUp = now >= keptUntil(deps, event.id, ended)
  // what was bought is too old to be deployed
  if (isUsedUp && orders.some(({ fingerprint }) => fingerprint !== null))
    return { does: 'renew', at: ended, ...why }
  // nothing was bought: a new event costs no second certificate
  if (!orders.some(({ state }) => state === 'issued')) {
    return { does: 'renew', at: againBefore(afterRefusalMs, before), ...why }
  }
  const at = retryEventAt({ retries: event.retries, ended, notAfter, final: isFinal(deps, last, device) })
  return at === null ? { does: 'nothing', at: 0, ...why } : { does: 'retry', at, ...why }
}

/** a refusal is not tried again by itself; what may have been chance is */
function isFinal({ store }: EngineContext, { fault }: LastDeployment, device: number): boolean {
  if (fault === null) return false
  // a person has checked the device since
  if (fault === 'device-sign-in' && store.devices.get(device).barred === null) return false
  const [kind] = faultCodes[fault as FaultCode]
  return (
    kind === 'denied' || kind === 'refused' || kind === 'malformed' || kind === 'bug' || kind === 'missing'
  )
}

function afterLast(deps: EngineContext, target: ManagedTargetRow): Again | null {
  const last = deps.store.deployments.lastKept(target, itself)
  if (!last) return null
  const event = deps.store.events.get(last.event)
  return isHeld(deps, last)
    ? null
    : afterEvent(deps, { device: target.device, event, last, held: heldBy(target) })
}

/** How the last event of a target ended, and when it is renewed all the same (null: only by a person). */
export function failureOf(deps: EngineContext, target: ManagedTargetRow): Failure | null {
  const again = afterLast(deps, target)
  if (again === null) return null
  const { does, at, because, fault } = again
  return { fault, again: does === 'nothing' ? null : at, because }
}

function renew(deps: EngineContext, target: ManagedTargetRow): void {
  const { store } = deps
  // a key that a device makes is for one target
  const isAlone = managedProfile(deps, target).keyPlace === 'device'
  const together = store.managedTargets.sharing(target.lookup, target.profile).filter((one) => {
    if (isHeld(deps, store.deployments.last(one.device, one.target))) return false
    if (isAlone && one.id !== target.id) return false
    // those that have a certificate of their own, and wait for another try, go their own way
    return one.id === target.id || afterLast(deps, one) === null
  })
  requestEvent(deps, {
    action: 'renew',
    targets: together.map(({ device, target }) => ({ device: store.devices.get(device).name, target })),
    profile: store.profiles.get(target.profile).name,
    start: null,
    hours: 'window',
    who: itself
  })
}
