import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { Store } from '../../sensor/store/store.ts'
import { certificateRecord } from '../certificate-record.ts'
import type { Certificate } from '../records.ts'
import { lastRevocation } from './kept-looks.ts'
import { findingRecord, placeRecord, worstFirst } from './records.ts'

/** Endpoints that the record of a certificate names. */
const named = 100

/**
 * A certificate of the inventory by its fingerprint or the first digits of it (blanks and colons do not matter).
 * Throws `certificate-missing`, `certificate-ambiguous`, `option-malformed`.
 */
export function certificateByDigits(store: Store, text: string, now: number): Certificate {
  const digits = text.replaceAll(/[\s:]/g, '').toLowerCase()
  if (!/^[0-9a-f]{4,64}$/.test(digits)) {
    throw new Fault(
      'option-malformed',
      `certificate '${visible(text, 80)}': write 4 to 64 hex digits of its SHA-256 fingerprint, or the path of a file.`,
      { field: 'certificate', value: text }
    )
  }
  const [row, other] = store.certificates.byPrefix(digits, 2)
  if (!row) {
    throw new Fault(
      'certificate-missing',
      `certificate ${digits}: none in the inventory begins so. See tlsward inventory --json for fingerprints.`,
      { fingerprint: digits }
    )
  }
  if (other) {
    throw new Fault('certificate-ambiguous', `certificate ${digits}: several begin so. Give more digits.`, {
      fingerprint: digits
    })
  }
  const filter = { fingerprint: row.fingerprint }
  const findings = (['certificate', 'key', 'status'] as const).flatMap((kind) =>
    store.findings.of({ kind, id: row.id }, now)
  )
  const chains = store.chains
    .byLeaf(row.id)
    .flatMap(({ id }) => store.findings.of({ kind: 'chain', id }, now))
  return certificateRecord(store.certificates.der(row.id), {
    trust: row.trust,
    findings: [...findings, ...chains]
      .map((one) => findingRecord(one, { certificate: row.fingerprint, firstSeen: row.firstSeen }))
      .toSorted(worstFirst),
    endpoints: store.pages.page({ filter, order: 'address', limit: named, now }).rows.map(placeRecord),
    endpointCount: store.pages.count(filter, now),
    revocation: lastRevocation(store, row.id)
  })
}
