import { hash, X509Certificate } from 'node:crypto'
import type { Plan, Slot } from '../../connectors/contract.ts'
import type { ManagedTargetRow } from '../store/managed-targets.ts'
import type { OrderRow } from '../store/orders.ts'
import type { EngineContext } from './context.ts'
import { familyOf } from './families.ts'
import type { KeyType } from '../../pki/private-key.ts'

/** A certificate that a target holds, as far as renewal needs it. Plain data. */
export interface HeldCertificate {
  readonly family: Slot['family']
  readonly fingerprint: string
  readonly names: readonly string[]
  /** milliseconds since the epoch; null: not known */
  readonly notBefore: number | null
  readonly notAfter: number
}

/** What a managed target was last known to hold. */
export function heldBy({ held }: ManagedTargetRow): HeldCertificate[] {
  return JSON.parse(held) as HeldCertificate[]
}

/** The columns for what a target holds; it is looked at at `wake`. */
export function heldColumns(held: readonly HeldCertificate[], wake: number | null) {
  const lookup = held.map(({ fingerprint }) => fingerprint).sort()
  return { held: JSON.stringify(held), lookup: lookup.join(), wake }
}

/** What a device says of a target, with the beginning of each certificate where it is known. */
export function heldInSlots(deps: EngineContext, slots: readonly Slot[]): HeldCertificate[] {
  return slots.map(({ family, fingerprint, names, notAfter }) => {
    const der = certificateOf(deps, fingerprint)
    return { family, fingerprint, names, notAfter, notBefore: der ? validityOf(der).notBefore : null }
  })
}

/** What a target holds once the certificates of these orders are in place. */
export function heldAfter(
  deps: EngineContext,
  { before }: Plan,
  { orders, names }: { readonly orders: readonly OrderRow[]; readonly names: readonly string[] }
): HeldCertificate[] {
  const fresh = orders.map(({ keyType, fingerprint, notBefore, notAfter }) => ({
    family: familyOf(keyType as KeyType),
    fingerprint: fingerprint ?? '',
    names,
    notBefore,
    notAfter: notAfter ?? 0
  }))
  const stays = before.filter(({ family }) => fresh.every((one) => one.family !== family))
  return [...heldInSlots(deps, stays), ...fresh]
}

/** DER of a certificate that was issued here or seen by a scan. */
export function certificateOf(deps: EngineContext, fingerprint: string): Uint8Array | undefined {
  const order = deps.store.orders.byFingerprint(fingerprint)
  return (order?.chain ? chainOf(order)[0] : undefined) ?? deps.certificate(fingerprint)
}

/** The chain of an order that was issued, DER, leaf first. */
export function chainOf({ chain }: OrderRow): Uint8Array[] {
  const text = chain === null ? '' : Buffer.from(chain).toString('latin1')
  const blocks = text.match(/(?<=-----BEGIN CERTIFICATE-----)[^-]+(?=-----END CERTIFICATE-----)/g) ?? []
  return blocks.map((block) => Buffer.from(block, 'base64'))
}

/** PEM of one certificate. */
export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

/** SHA-256, lower-case hex. */
export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex')
}

/** When a certificate begins and ends, milliseconds since the epoch. */
export function validityOf(der: Uint8Array): { readonly notBefore: number; readonly notAfter: number } {
  const { validFromDate, validToDate } = new X509Certificate(der)
  return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }
}

/** Is it a certificate that vouches for itself: a root, which clients have anyway? */
export function isRoot(der: Uint8Array): boolean {
  const { subject, issuer } = new X509Certificate(der)
  return subject === issuer
}
