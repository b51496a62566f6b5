import { parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { hostName } from '../../sensor/scan/targets/host-name.ts'
import type { CertificateRow } from '../../sensor/store/certificates.ts'
import type { EndpointFilter } from '../../sensor/store/endpoint-filter.ts'
import { certificateKinds } from '../../sensor/store/findings.ts'
import type { Store } from '../../sensor/store/store.ts'
import { certificateRecord } from '../certificate-record.ts'
import type { Certificate } from '../records.ts'
import { lastRevocation } from './kept-looks.ts'
import { fingerprintDigits } from './query.ts'
import { findingRecord, placeRecord, worstFirst } from './records.ts'

/** Endpoints that the record of a certificate names, and that a place is looked up among. */
const named = 100

/**
 * A certificate of the inventory by its fingerprint or the first digits of it (blanks and colons do not matter); or
 * those that the endpoint `host:port` or `host:port/name` shows, without a name where it has an answer without one.
 * Throws `certificate-missing`, `certificate-ambiguous`, `option-malformed`.
 */
export function certificatesOf(store: Store, text: string, now: number): Certificate[] {
  const digits = fingerprintDigits(text)
  if (digits !== undefined) return [certificateRecordOf(store, rowByDigits(store, digits), now)]
  const place = readPlace(text)
  if (place) return leavesAt(store, place, now).map((row) => certificateRecordOf(store, row, now))
  throw new Fault(
    'option-malformed',
    `certificate '${visible(text, 80)}': write 4 to 64 hex digits of its SHA-256 fingerprint, host:port or host:port/name of an endpoint, or the path of a file.`,
    { field: 'certificate', value: text }
  )
}

function rowByDigits(store: Store, digits: string): CertificateRow {
  const [row, other] = store.certificates.byPrefix(digits, 2)
  if (!row) {
    throw new Fault(
      'certificate-missing',
      `certificate ${digits}: none in the inventory begins so. See tlsward inventory for the first digits of each.`,
      { fingerprint: digits }
    )
  }
  if (other) {
    throw new Fault('certificate-ambiguous', `certificate ${digits}: several begin so. Give more digits.`, {
      fingerprint: digits
    })
  }
  return row
}

/** An endpoint as a person names it. */
interface NamedPlace {
  readonly text: string
  readonly filter: EndpointFilter
  /** is a server name part of it? */
  readonly hasName: boolean
}

function readPlace(text: string): NamedPlace | undefined {
  const parts = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:/[\]]+)):(?<port>\d{1,5})(?:\/(?<name>[^/]+))?$/.exec(
    text
  )?.groups
  if (!parts) return undefined
  const host = parts['v6'] ?? parts['host'] ?? ''
  const address = parseAddress(host)
  const serverName = hostName(parts['name'] ?? (address === undefined ? host : ''))
  if (address === undefined && (serverName === undefined || parts['name'] !== undefined)) return undefined
  if (parts['name'] !== undefined && serverName === undefined) return undefined
  const filter: EndpointFilter = {
    presence: 'any',
    port: Number(parts['port']),
    ...(address === undefined ? {} : { network: { first: address, last: address } }),
    ...(serverName === undefined ? {} : { serverName })
  }
  return { text, filter, hasName: serverName !== undefined }
}

/** The leaf certificates that the endpoints at a place show, each once. */
function leavesAt(store: Store, { text, filter, hasName }: NamedPlace, now: number): CertificateRow[] {
  const { rows } = store.pages.page({ filter, order: 'address', limit: named, now })
  const nameless = hasName ? [] : rows.filter(({ name }) => name === null)
  const leaves = (nameless.length > 0 ? nameless : rows)
    .flatMap(({ chain, otherChain }) => [chain, otherChain])
    .flatMap((id) => (id === null ? [] : (store.chains.byId(id)?.leaf ?? [])))
  const found = [...new Set(leaves)].flatMap((id) => store.certificates.byId(id) ?? [])
  if (found.length > 0) return found
  throw new Fault(
    'certificate-missing',
    `certificate ${visible(text, 80)}: no endpoint of the inventory shows one there. See tlsward inventory --sort address.`,
    { place: text }
  )
}

function certificateRecordOf(store: Store, row: CertificateRow, now: number): Certificate {
  const filter = { fingerprint: row.fingerprint }
  const findings = certificateKinds.flatMap((kind) => store.findings.of({ kind, id: row.id }, now))
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
