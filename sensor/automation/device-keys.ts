import { Type } from 'typebox'
import type { DeviceKeys } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import { parser } from '../../core/schema.ts'
import type { KeyType } from '../../pki/private-key.ts'
import { checkDeviceRequest } from '../issuance/device-request.ts'
import type { EventRow } from '../store/events.ts'
import type { OrderRow, OrderStanding } from '../store/orders.ts'
import { againAfter, profileOf, tried, windowOf, type EngineContext, type Step } from './context.ts'
import { namesOf } from './coverage.ts'
import { familyOf } from './families.ts'
import { severalTargets } from './key-places.ts'
import { withSession, writableDevice } from './sessions.ts'

/** A key that a device was told to make for an order: known before it is there. */
export interface OrderedDeviceKey {
  /** row of the device */
  readonly device: number
  readonly target: string
  /** 16 hex digits, drawn for this order */
  readonly id: string
}

const parseKey = parser(
  Type.Object({
    device: Type.Integer(),
    target: Type.String(),
    id: Type.String({ pattern: '^[0-9a-f]{16}$' })
  }),
  'store-corrupt'
)

/** The key that a device was told to make for an order; null: none, or it is removed. */
export function deviceKeyOf({ deviceKey }: Pick<OrderRow, 'deviceKey'>): OrderedDeviceKey | null {
  return deviceKey === null ? null : parseKey(JSON.parse(deviceKey))
}

/**
 * Has the device of an order make its key and the request for it. What the key will be called is on our disk first:
 * whatever is cut, the same key is found again, or removed. Faults: those of the device, csr-malformed,
 * device-refused (the request is not what was asked for), device-read-only.
 */
export async function makeDeviceKey(
  deps: EngineContext,
  event: EventRow,
  order: OrderRow
): Promise<Pick<Step<OrderStanding>, 'why' | 'set'>> {
  const { id, device, target } = deviceKeyOf(order) ?? begin(deps, event, order)
  const { name } = writableDevice(deps, device)
  checkFree(deps, device, name)
  checkWindow(deps, event, name)
  const type = order.keyType as KeyType
  const names = namesOf(event)
  const { subject } = profileOf(deps, event)
  const request = { target, family: familyOf(type), id, type, names, subject }
  const pem = await withDeviceKeys(deps, device, (keys, signal) => keys.make(request, signal))
  const { der, spki } = checkDeviceRequest(pem, { keyType: type, names })
  return { why: `device ${name} made the key ${id}, and the request for it`, set: { spki, csr: der } }
}

function begin(deps: EngineContext, event: EventRow, order: OrderRow): OrderedDeviceKey {
  const { store, random } = deps
  const [of, another] = store.deployments.of(event.id)
  if (!of || another) throw severalTargets()
  const key = { device: of.device, target: of.target, id: Buffer.from(random.bytes(8)).toString('hex') }
  const kept = store.durable(() =>
    store.orders.change(order.id, { deviceKey: JSON.stringify(key) }, 'requested')
  )
  if (kept) return key
  // somebody took the event back at this moment
  throw new Fault('event-state', `event ${event.id}: it is over`, { event: event.id })
}

/** a deployment half-way may hold the device out of sync with its peer: nothing is made beside it */
function checkFree({ store }: EngineContext, device: number, name: string): void {
  if (!store.deployments.underWay().some((one) => one.device === device)) return
  throw new Fault('device-busy', `device ${name}: it is being changed; the key is made after that`, {
    retryAfterMs: 15_000
  })
}

/** an order that is tried again may have outlasted its window, and a device saves what others changed, too */
function checkWindow(deps: EngineContext, event: EventRow, name: string): void {
  const now = deps.clock.now()
  const window = windowOf(deps, event, now)
  if (!window || window.open) return
  const retryAfterMs = Math.min(window.until - now, 3_600_000)
  throw new Fault('device-busy', `device ${name}: its key is made when its window is open again`, {
    retryAfterMs
  })
}

function withDeviceKeys<T>(
  deps: EngineContext,
  device: number,
  work: (keys: DeviceKeys, signal: AbortSignal) => Promise<T>
): Promise<T> {
  return withSession(deps, device, (session, signal) => {
    const { deviceKeys } = session
    if (deviceKeys) return work(deviceKeys, signal)
    const { name } = deps.store.devices.get(device)
    throw new Fault('key-place', `device ${name}: it makes no keys; use a profile with keyPlace here`)
  })
}

/** Has the device a key of an order that serves nothing, and for which no certificate is waiting to be deployed? */
export function isOrphan({ store }: EngineContext, { event, deviceKey }: OrderRow): boolean {
  if (deviceKey === null) return false
  return !store.deployments
    .of(event)
    .some(({ state }) => state === 'live' || state === 'cleaning' || state === 'cleaned')
}

/** a device that cannot be reached, or refuses, is asked again for as long as there is one */
const againMs = 3_600_000

/**
 * Has the device remove the key of an order that came to nothing. Tried until it is done: a private key that serves
 * nobody is left nowhere.
 */
export async function removeOrphan(deps: EngineContext, order: OrderRow): Promise<Step<OrderStanding>> {
  const key = deviceKeyOf(order)
  const stays = { to: 'stay', why: order.why, wake: null } as const
  if (key === null || !isOrphan(deps, order)) return stays
  // the certificate may still be deployed by another try
  if (order.state === 'issued') return stays
  const family = familyOf(order.keyType as KeyType)
  const removed = await tried(() => {
    checkFree(deps, key.device, deps.store.devices.get(key.device).name)
    writableDevice(deps, key.device)
    return withDeviceKeys(deps, key.device, (keys, signal) => keys.remove({ ...key, family }, signal))
  })
  if ('value' in removed) {
    const how =
      removed.value === 'gone'
        ? `the key ${key.id} is removed from its device`
        : `the key ${key.id} stays: something on its device uses it`
    return { ...stays, why: `${order.why}; ${how}`, set: { deviceKey: null } }
  }
  const { fault } = removed
  if (fault.code === 'device-missing') {
    const why = `${order.why}; the key ${key.id} stays on a device that is no longer known here`
    deps.log.warn('device-key-left', { order: order.id, event: order.event, key: key.id })
    return { ...stays, why, set: { deviceKey: null } }
  }
  const attempts = order.attempts + 1
  const wake = againAfter(deps, fault, attempts) ?? deps.clock.now() + againMs
  deps.log.warn('device-key-kept', { order: order.id, event: order.event, key: key.id, code: fault.code })
  return { ...stays, wake, set: { attempts } }
}
