import { hash } from 'node:crypto'
import { parseAddress } from '../../core/address.ts'
import { keepDeepLook, keepRevocationLook } from '../../sensor/inventory/looks.ts'
import type { WeaknessCode } from '../../sensor/scan/deep/weaknesses.ts'
import type { LookRow, NewLook } from '../../sensor/store/looks.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Look } from '../functions.ts'
import { instant } from '../leaf-record.ts'
import type { KeptLook, Revocation } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'

/** Keeps what a closer look of a scan showed. A look that was not made, or heard nothing, is not kept. */
export function keepLook(store: Store, scan: number, look: Look): void {
  if (!isTelling(look)) return
  const kept = newLook(scan, look)
  if (look.type === 'revocation') {
    const certificate = store.certificates.idOf(look.fingerprint)
    if (certificate !== undefined)
      keepRevocationLook(store, certificate, { ...kept, revoked: revokedBy(look) })
    return
  }
  const address = parseAddress(look.address)
  if (address === undefined) return
  if (look.type === 'ssh') return store.looks.keepAt({ address, port: look.port, name: null }, kept)
  const weaknesses = look.weaknesses.map((one) => ({ ...one, code: one.code as WeaknessCode }))
  keepDeepLook(
    store,
    { address, port: look.port, name: look.name },
    { ...kept, weaknesses, whole: look.stopped === null }
  )
}

/** did the look tell anything about its subject? */
function isTelling(look: Look): boolean {
  if (look.type === 'deep') return look.versions.some(({ accepted }) => accepted)
  if (look.type === 'ssh') return look.outcome === 'keys' || look.outcome === 'no-keys'
  return look.outcome !== 'not-asked'
}

function newLook(scan: number, look: Look): NewLook {
  const { type: kind, at } = look
  const digest = hash('sha256', JSON.stringify(lastingPart(look)), 'hex')
  return { kind, at: Date.parse(at), scan, report: JSON.stringify(look), digest }
}

/** What of a look does not change unless its subject does: not when it was made, and what it took. */
function lastingPart(look: Look): unknown {
  if (look.type === 'deep') return { ...look, at: null, cost: null }
  if (look.type === 'ssh') return { ...look, at: null, connections: null }
  const { outcome, revokedAt, reason } = look
  return { outcome, revokedAt, reason }
}

function revokedBy({ outcome, revokedAt, reason, by }: Revocation) {
  if (outcome === 'good') return null
  if (outcome !== 'revoked' || revokedAt === null || by === null) return undefined
  return { at: Date.parse(revokedAt), reason: reason ?? 'unspecified', by }
}

/** A look as it is kept, as a record. */
export function keptLook({ kind, latest, since, scan, report }: LookRow): KeptLook {
  return {
    type: 'look',
    schema: schemaVersion,
    look: kind as KeptLook['look'],
    latest,
    since: instant(since),
    scan,
    report: JSON.parse(report) as Look
  }
}

/** What --revocation came to last for a certificate, or null. */
export function lastRevocation(store: Store, certificate: number): Revocation | null {
  const last = store.looks.of(certificate).find(({ kind, latest }) => kind === 'revocation' && latest)
  return last ? (JSON.parse(last.report) as Revocation) : null
}
