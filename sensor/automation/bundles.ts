import type { Bundle, KeyFamily, MadeKey } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import type { KeyType } from '../../pki/private-key.ts'
import type { OrderRow } from '../store/orders.ts'
import type { EngineContext } from './context.ts'
import { deviceKeyOf } from './device-keys.ts'
import { familyOf } from './families.ts'
import { chainOf, fingerprintOf, isRoot, pemOf } from './held.ts'
import { keyName } from './orders.ts'

/** The fingerprints of an event's certificates, by kind of key. */
export function fingerprintsOf(orders: readonly OrderRow[]): Partial<Record<KeyFamily, string>> {
  return Object.fromEntries(
    orders.map(({ keyType, fingerprint }) => [familyOf(keyType as KeyType), fingerprint ?? ''])
  )
}

/** The keys that a device made for an event, by kind; undefined: its keys are made here. */
export function madeKeysOf(
  orders: readonly OrderRow[]
): Readonly<Partial<Record<KeyFamily, MadeKey>>> | undefined {
  const made = orders.flatMap((order) => {
    const known = deviceKeyOf(order)
    return known
      ? [[familyOf(order.keyType as KeyType), { id: known.id, spki: order.spki ?? '' }] as const]
      : []
  })
  return made.length === 0 ? undefined : Object.fromEntries(made)
}

/** The certificates of an event for a device, with those keys that it has not made itself. Throws key-gone. */
export function bundleOf(deps: EngineContext, orders: readonly OrderRow[]): Bundle {
  return orders.map((order) => {
    const key = deps.keys.read(keyName(order))
    const [leaf, ...chain] = served(order)
    if (leaf && order.fingerprint !== null && order.deviceKey !== null) {
      const family = familyOf(order.keyType as KeyType)
      return { family, fingerprint: order.fingerprint, leaf: pemOf(leaf), chain: chain.map(pemOf) }
    }
    if (key === null || !leaf || order.fingerprint === null) {
      const message = `event ${order.event}: the key of its ${order.keyType} certificate is not kept; begin a new event`
      throw new Fault('key-gone', message, { event: order.event })
    }
    const family = familyOf(order.keyType as KeyType)
    return { family, fingerprint: order.fingerprint, leaf: pemOf(leaf), chain: chain.map(pemOf), key }
  })
}

/** What handshakes must show for each order: SHA-256 of the leaf and of what is served with it. */
export function freshOf(orders: readonly OrderRow[]) {
  return orders.map((order) => ({
    family: familyOf(order.keyType as KeyType),
    chain: served(order).map(fingerprintOf)
  }))
}

/** the chain without a root at its end */
function served(order: OrderRow): Uint8Array[] {
  return chainOf(order).filter((der, at) => at === 0 || !isRoot(der))
}
