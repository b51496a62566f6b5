import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { openPatch, selectList } from './patch.ts'

/**
 * Where an order stands. `requested`: nothing rests on its key yet; `issuing`: the key is in the vault, the request
 * is kept, and the issuer may know of it; `dropped`: it is over, and its key is no longer kept.
 */
export type OrderState = 'requested' | 'issuing' | 'issued' | 'failed' | 'dropped'

/** What changes of an order. */
export interface OrderStanding {
  readonly state: OrderState
  readonly why: string
  readonly wake: number | null
  readonly attempts: number
  /** SHA-256 of the public key, hex */
  readonly spki: string | null
  /** PKCS#10, DER */
  readonly csr: Uint8Array | null
  /** what the issuer keeps about the order; written before it acts upon it */
  readonly memory: string | null
  readonly fingerprint: string | null
  /** PEM of the chain, leaf first */
  readonly chain: Uint8Array | null
  readonly notBefore: number | null
  readonly notAfter: number | null
  /**
   * the key that a device makes for it, JSON; written before the device is told, and null again once that key is
   * removed
   */
  readonly deviceKey: string | null
}

/** One request to an issuer; serves every target of its event. */
export type OrderRow = {
  readonly id: number
  readonly event: number
  readonly keyType: string
} & OrderStanding

const standing = {
  state: 'state',
  why: 'why',
  wake: 'wake',
  attempts: 'attempts',
  spki: 'spki',
  csr: 'csr',
  memory: 'memory',
  fingerprint: 'fingerprint',
  chain: 'chain',
  notBefore: 'not_before',
  notAfter: 'not_after',
  deviceKey: 'device_key'
}
const columns = selectList({ id: 'id', event: 'event', keyType: 'key_type', ...standing })

/** Orders: one for each key type of an event. */
export function openOrders(db: Connection) {
  const of = db.prepare<[number], OrderRow>(
    `SELECT ${columns} FROM certificate_order WHERE event = ? ORDER BY id`
  )
  const byFingerprint = db.prepare<[string], OrderRow>(
    `SELECT ${columns} FROM certificate_order INDEXED BY certificate_order_by_fingerprint
     WHERE fingerprint = ? ORDER BY id DESC LIMIT 1`
  )
  const insert = db.prepare(
    `INSERT INTO certificate_order (event, key_type, state, why) VALUES (?, ?, 'requested', 'asked for')
     ON CONFLICT (event, key_type) DO NOTHING`
  )
  const wakeBy = db.prepare('UPDATE certificate_order SET wake = ? WHERE wake > ?')
  const withKeys = db.prepare<[], OrderRow>(
    `SELECT ${columns} FROM certificate_order WHERE state IN ('requested', 'issuing', 'issued', 'failed') ORDER BY id`
  )
  const byId = db.prepare<[number], OrderRow>(`SELECT ${columns} FROM certificate_order WHERE id = ?`)
  const leftOver = `FROM certificate_order o INDEXED BY certificate_order_wakes JOIN event e ON e.id = o.event
     WHERE o.wake IS NOT NULL AND e.open = 0`
  const toAbandon = db.prepare<[number], { id: number; event: number }>(
    `SELECT o.id, o.event ${leftOver} AND o.wake <= ? ORDER BY o.wake, o.id`
  )
  const earliest = db.prepare<[], number | null>(`SELECT min(o.wake) ${leftOver}`).pluck()
  const leave = db.prepare(
    `UPDATE certificate_order SET wake = ? WHERE event = ? AND (
       (state IN ('issuing', 'failed') AND memory IS NOT NULL) OR
       (state IN ('requested', 'issuing', 'failed') AND device_key IS NOT NULL))`
  )
  return {
    /** throws event-missing */
    get(id: number): OrderRow {
      const row = byId.get(id)
      if (row) return row
      throw new Fault('event-missing', `order ${id}: there is none; see tlsward events`, { id })
    },
    /** those of events that have ended of which issuer or device are to take back by `now` what they left there */
    toAbandon: (now: number) => toAbandon.all(now),
    /** when the first of those is due */
    earliestToAbandon: (): number | null => earliest.get() ?? null,
    /** orders of an event that has ended: what they left at issuer and device is to be taken back from `at` on */
    leave: (event: number, at: number) => void leave.run(at, event),
    of: (event: number): OrderRow[] => of.all(event),
    byFingerprint: (fingerprint: string): OrderRow | undefined => byFingerprint.get(fingerprint),
    /** keeps an order unless the event has one of this key type */
    add: (event: number, keyType: string) => void insert.run(event, keyType),
    change: openPatch<OrderStanding>(db, 'certificate_order', standing),
    /** looks at every waiting order by `at` */
    wakeBy: (at: number) => void wakeBy.run(at, at),
    /** those whose key may be in the vault */
    withKeys: (): OrderRow[] => withKeys.all()
  }
}
