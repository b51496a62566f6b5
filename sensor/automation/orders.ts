import type { Fault } from '../../core/fault.ts'
import type { KeyType, PrivateKey } from '../../pki/private-key.ts'
import type { CertificateRequest, Issuer, Progress } from '../issuance/issuer.ts'
import type { EventRow } from '../store/events.ts'
import type { OrderRow, OrderStanding } from '../store/orders.ts'
import { againAfter, profileOf, tried, type EngineContext, type Step } from './context.ts'
import { namesOf } from './coverage.ts'
import { isOrphan, makeDeviceKey } from './device-keys.ts'
import { familyOf } from './families.ts'
import { certificateOf, fingerprintOf, pemOf, validityOf } from './held.ts'
import { abandonFormer } from './abandoning.ts'
import { moveOrder } from './moves.ts'
import { memoryOf } from './order-memory.ts'
import { storedPlan, type TargetPlan } from './plans.ts'
import { moment } from './policy/reasons.ts'
import { limitedTime } from './sessions.ts'

/** The name of an order's key in the vault. */
export function keyName({ id }: Pick<OrderRow, 'id'>): string {
  return `order:${id}`
}

/** Takes each order of an event as far as it goes now. */
export async function advanceOrders(deps: EngineContext, event: EventRow): Promise<OrderRow[]> {
  const { orders } = deps.store
  const { keyTypes } = profileOf(deps, event)
  if (orders.of(event.id).length < keyTypes.length) {
    deps.store.durable(() => keyTypes.forEach((type) => orders.add(event.id, type)))
  }
  for (const order of orders.of(event.id)) await advanceOrder(deps, event, order)
  return orders.of(event.id)
}

async function advanceOrder(deps: EngineContext, event: EventRow, order: OrderRow): Promise<void> {
  const now = deps.clock.now()
  if (order.wake !== null && order.wake > now) return
  if (order.state === 'requested') {
    if (!(await abandonFormer(deps, event, order))) return
    const step = await tried(() => prepareKey(deps, event, order))
    const moved = moveOrder(deps, order, 'value' in step ? step.value : stepOfFault(deps, order, step.fault))
    const next = deps.store.orders.of(event.id).find(({ id }) => id === order.id)
    // cancelled while the key was made
    if (next?.state === 'dropped') deps.keys.drop(keyName(order))
    if (moved && next?.state === 'issuing') await advanceOrder(deps, event, next)
  } else if (order.state === 'issuing') {
    const step = await tried(() => askIssuer(deps, event, order))
    moveOrder(deps, order, 'value' in step ? step.value : stepOfFault(deps, order, step.fault))
  }
}

/** The key is in the vault before anything rests on it: a certificate whose key is lost was bought for nothing. */
async function prepareKey(
  deps: EngineContext,
  event: EventRow,
  order: OrderRow
): Promise<Step<OrderStanding>> {
  const profile = profileOf(deps, event)
  const next = { to: 'issuing', wake: null } as const
  if (profile.keyPlace === 'device') return { ...next, ...(await makeDeviceKey(deps, event, order)) }
  if (deps.issuer(profile.issuer).keyFrom === 'issuer') {
    return { ...next, why: 'the key comes with the certificate' }
  }
  const { key, why } = await keyFor(deps, event, order)
  const csr = await deps.pki.makeCsr({ key, names: namesOf(event), subject: profile.subject })
  return { ...next, why, set: { spki: key.spki, csr } }
}

interface ChosenKey {
  readonly key: PrivateKey
  readonly why: string
}

async function keyFor(deps: EngineContext, event: EventRow, order: OrderRow): Promise<ChosenKey> {
  // one that is there already was kept just before a crash, and nobody has seen it
  const kept = deps.keys.read(keyName(order))
  if (kept) return { key: deps.pki.readPrivateKey(kept), why: 'the key was made and kept' }
  const before = keyToReuse(deps, event, order)
  const key = before ?? (await deps.pki.makePrivateKey(order.keyType as KeyType))
  deps.keys.keep(keyName(order), key.pem)
  return { key, why: before ? 'the key is the one that was used before' : 'the key was made and kept' }
}

/** the key of the last order that went live at the first target, where the profile keeps keys; never for a reissue */
function keyToReuse(deps: EngineContext, event: EventRow, order: OrderRow): PrivateKey | null {
  if (profileOf(deps, event).keyReuse !== 'same-key' || event.action === 'reissue') return null
  const [first] = deps.store.deployments.of(event.id)
  const last = first && deps.store.deployments.liveBefore(first)
  const former = last && deps.store.orders.of(last.event).find(({ keyType }) => keyType === order.keyType)
  const pem = former ? deps.keys.read(keyName(former)) : null
  return pem === null ? null : deps.pki.readPrivateKey(pem)
}

async function askIssuer(
  deps: EngineContext,
  event: EventRow,
  order: OrderRow
): Promise<Step<OrderStanding>> {
  const issuer = deps.issuer(profileOf(deps, event).issuer)
  const progress = await deps.turns.atIssuer(() =>
    advance(deps, issuer, requestFor(deps, event, order), order)
  )
  const now = deps.clock.now()
  if (progress.state === 'pending') {
    // neither at once nor in a year, whatever the issuer says
    const wake = Math.ceil(Math.min(Math.max(progress.againAt, now + 1_000), now + 86_400_000))
    return { to: 'stay', why: progress.why, wake, set: { attempts: 0 } }
  }
  if (progress.state === 'person') {
    return { to: 'stay', why: progress.why, wake: now + 3_600_000, set: { attempts: 0 } }
  }
  return issuedStep(deps, event, { order, progress })
}

async function advance(
  deps: EngineContext,
  issuer: Issuer,
  request: CertificateRequest,
  order: OrderRow
): Promise<Progress> {
  const memory = memoryOf(deps, order)
  const time = limitedTime(deps, 'the issuer')
  try {
    return await time.bound(issuer.advance(request, memory, time.signal))
  } catch (thrown) {
    throw time.explain(thrown)
  } finally {
    time.end()
  }
}

/** What an order asks of its issuer. */
export function requestFor(deps: EngineContext, event: EventRow, order: OrderRow): CertificateRequest {
  const { validityMs, issuerProfile, preferredChain } = profileOf(deps, event)
  const keyType = order.keyType as KeyType
  return {
    names: namesOf(event),
    csr: order.csr,
    keyType,
    validityMs,
    issuerProfile,
    preferredChain,
    replaces: event.action === 'request' ? null : (replacedBy(deps, event, keyType) ?? null)
  }
}

/** DER of a certificate of this kind that the event's targets hold now */
function replacedBy(deps: EngineContext, event: EventRow, keyType: KeyType): Uint8Array | undefined {
  for (const { family, fingerprint } of plansOf(deps, event).flatMap(({ plan }) => plan.before)) {
    const der = family === familyOf(keyType) ? certificateOf(deps, fingerprint) : undefined
    if (der) return der
  }
  return undefined
}

function plansOf(deps: EngineContext, { id }: EventRow): TargetPlan[] {
  return deps.store.deployments.of(id).flatMap((one) => storedPlan(one) ?? [])
}

type Issued = Extract<Progress, { state: 'issued' }>

/** What an issuer gave is looked at as hard as what a stranger gives. */
function issuedStep(
  deps: EngineContext,
  event: EventRow,
  { order, progress }: { readonly order: OrderRow; readonly progress: Issued }
): Step<OrderStanding> {
  const { chain, key } = progress
  const spki = key?.spki ?? order.spki ?? ''
  const refusals = [...wrongKey(order, key), ...issuedRefusals(deps, event, { order, chain, spki })]
  const [leaf] = chain
  if (refusals.length > 0 || !leaf) {
    const why = `the issuer gave a certificate that cannot be used: ${refusals.join('; ')}`
    return { to: 'failed', why, wake: null }
  }
  if (key && deps.keys.read(keyName(order)) === null) deps.keys.keep(keyName(order), key.pem)
  const { notBefore, notAfter } = validityOf(leaf)
  const fingerprint = fingerprintOf(leaf)
  return {
    to: 'issued',
    why: `certificate ${fingerprint.slice(0, 16)} is valid until ${moment(notAfter)}`,
    wake: null,
    set: { spki, fingerprint, notBefore, notAfter, chain: Buffer.from(chain.map(pemOf).join(''), 'latin1') }
  }
}

function wrongKey({ keyType }: OrderRow, key: PrivateKey | null): string[] {
  if (key === null || familyOf(key.type) === familyOf(keyType as KeyType)) return []
  return [`its key is ${key.type}, and ${keyType} was asked for`]
}

interface Received {
  readonly order: OrderRow
  readonly chain: readonly Uint8Array[]
  readonly spki: string
}

function issuedRefusals(
  deps: EngineContext,
  event: EventRow,
  { order, chain, spki }: Received
): readonly string[] {
  const der = toReplace(deps, event, { order, chain })
  const plans = plansOf(deps, event)
  const served = plans.flatMap(({ plan }) => plan.before.flatMap(({ names }) => names))
  // a person has said yes to losing these, or the event would not have begun
  const replaced = der ? { der, served, mayLose: mayLose(deps, event, served) } : null
  return deps.pki.refusals({ chain, spki, names: namesOf(event), now: deps.clock.now(), replaced })
}

function mayLose(deps: EngineContext, event: EventRow, served: readonly string[]): string[] {
  const names = namesOf(event)
  return served.filter((name) => !deps.pki.covers(names, name))
}

/** who asks for a certificate, and not for another one than before, may get what is there already */
function toReplace(
  deps: EngineContext,
  event: EventRow,
  { order, chain }: Pick<Received, 'order' | 'chain'>
): Uint8Array | undefined {
  const der = replacedBy(deps, event, order.keyType as KeyType)
  const [leaf] = chain
  const same = der !== undefined && leaf !== undefined && Buffer.compare(der, leaf) === 0
  return event.action === 'request' && same ? undefined : der
}

function stepOfFault(deps: EngineContext, order: OrderRow, fault: Fault): Step<OrderStanding> {
  const attempts = order.attempts + 1
  const wake = againAfter(deps, fault, attempts)
  if (wake === null) return { to: 'failed', why: fault.message, wake: null }
  return { to: 'stay', why: fault.message, wake, set: { attempts } }
}

/**
 * Forgets the keys of an event: they are on the devices, or of no use any more. From then on its deployments cannot be
 * tried again.
 */
export function dropKeys(deps: EngineContext, event: EventRow, why: string): void {
  for (const order of deps.store.orders.of(event.id)) {
    if (order.state === 'dropped') continue
    deps.keys.drop(keyName(order))
    // an issuer may be at work on it, or be asked right now; a device may have its key, and nothing that uses it
    const left = order.state === 'issuing' || order.wake !== null || isOrphan(deps, order)
    const wake = left ? deps.clock.now() : null
    moveOrder(deps, order, { to: 'dropped', why, wake })
  }
}
