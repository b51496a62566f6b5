import { readSignatureAlgorithm } from './algorithms.ts'
import { ChainCertificate } from './chain-certificate.ts'
import { DerReader, type DerSubject, tags } from './der.ts'
import { readName, readNameKey } from './names.ts'
import { OidTable } from './object-ids.ts'
import {
  type AnswerTimes,
  reasonOf,
  type RevocationQuestion,
  type RevocationReason,
  type RevocationStatus,
  wrongAnswer,
  wrongTimes
} from './revocation.ts'
import { checkSignature, type Signed, type SignatureVerdict } from './signature.ts'
import { readTime } from './times.ts'
import { booleanOf, smallIntegerOf } from './values.ts'

/** One entry of a CRL. */
export interface CrlEntry {
  /** since when, milliseconds since the epoch */
  readonly at: number
  readonly reason: RevocationReason
}

/** A certificate revocation list (RFC 5280 §5). */
export interface Crl extends AnswerTimes {
  /** RFC 4514 */
  readonly issuer: string
  /** equal for equal names */
  readonly issuerKey: string
  /** revoked certificates listed */
  readonly size: number
  /** why it cannot be used as a whole list of its issuer's certificates, or null */
  readonly unusable: string | null
  /** it lists certificates of CAs only, or of others only */
  readonly only: 'ca' | 'user' | null
  /** The entry of a serial number (as CertificateFields.serial has it), or null. */
  find(serial: string): CrlEntry | null
  /** Was it signed by the key of this certificate (DER)? */
  checkSignature(issuer: Uint8Array): SignatureVerdict
}

/** CRLs of public CAs have up to some 10 MB. */
const crlSubject: DerSubject = {
  name: 'CRL',
  remedy: 'Its CA has to publish a whole one.',
  maxBytes: 64 << 20
}

interface Draft {
  unusable: string | null
  only: 'ca' | 'user' | null
}

/**
 * Reads a CRL (DER). It is read by the strict reader and not by a library: a list of 100,000 entries takes
 * milliseconds and no memory of its own, where objects for each entry take seconds and gigabytes. Throws a Fault
 * certificate-malformed.
 */
export function readCrl(der: Uint8Array): Crl {
  const reader = new DerReader(der, crlSubject)
  reader.open(tags.sequence, 'CertificateList')
  const from = reader.at
  const outer = reader.open(tags.sequence, 'tbsCertList')
  if (reader.optional(tags.integer, 'version')) smallIntegerOf(reader, 'version')
  reader.expect(tags.sequence, 'signature')
  const nameAt = reader.at
  const issuer = readName(reader, 'issuer').text
  const nameStop = reader.at
  const thisUpdate = readTime(reader, 'thisUpdate')
  const hasNext = reader.ahead() === tags.utcTime || reader.ahead() === tags.generalizedTime
  const nextUpdate = hasNext ? readTime(reader, 'nextUpdate') : null
  const draft: Draft = { unusable: null, only: null }
  const hasEntries = reader.optional(tags.sequence, 'revokedCertificates')
  const entries = hasEntries ? { start: reader.start, stop: reader.stop } : { start: 0, stop: 0 }
  if (reader.ahead() === extensionsTag) readListExtensions(reader, draft)
  reader.close(outer, 'tbsCertList')
  const data = reader.bytes.subarray(from, reader.at)
  const algorithm = readSignatureAlgorithm(reader)
  reader.expect(tags.bitString, 'signatureValue')
  const signature = reader.bytes.subarray(reader.start + 1, reader.stop)
  if (reader.at !== der.byteLength) reader.fail('has something behind it', 'CertificateList')
  reader.seek(nameAt, nameStop)
  const issuerKey = readNameKey(reader, 'issuer')
  const signed = { algorithm: algorithm.name, pssHash: algorithm.pssHash, data, signature }
  return {
    issuer,
    issuerKey,
    thisUpdate,
    nextUpdate,
    size: countEntries(reader, entries, draft),
    unusable: draft.unusable,
    only: draft.only,
    find: (serial) => findEntry(reader, entries, serial),
    checkSignature: (certificate) => checkBy(new ChainCertificate(certificate), signed)
  }
}

function checkBy({ publicKey }: ChainCertificate, signed: Signed): SignatureVerdict {
  return publicKey ? checkSignature(signed, publicKey) : 'unsupported'
}

const extensionsTag = 0xa0

type ListExtension = 'deltaCRLIndicator' | 'issuingDistributionPoint' | 'harmless'

const listExtensions = new OidTable<ListExtension>([
  ['2.5.29.27', 'deltaCRLIndicator'],
  ['2.5.29.28', 'issuingDistributionPoint'],
  ['2.5.29.20', 'harmless'],
  ['2.5.29.35', 'harmless']
])

type EntryExtension = 'reasonCode' | 'certificateIssuer' | 'harmless'

const entryExtensions = new OidTable<EntryExtension>([
  ['2.5.29.21', 'reasonCode'],
  ['2.5.29.29', 'certificateIssuer'],
  ['2.5.29.24', 'harmless']
])

function readListExtensions(reader: DerReader, draft: Draft): void {
  const outer = reader.open(extensionsTag, 'crlExtensions')
  readExtensionList(reader, listExtensions, (kind, isCritical) => {
    if (kind === 'deltaCRLIndicator') draft.unusable ??= 'it is a delta CRL'
    else if (kind === 'issuingDistributionPoint') readScope(reader, draft)
    else if (kind === undefined && isCritical) draft.unusable ??= 'it has an unknown critical extension'
  })
  reader.close(outer, 'crlExtensions')
}

/** calls back for each Extension of the SEQUENCE OF ahead, with the cursor inside its value */
function readExtensionList<T>(
  reader: DerReader,
  table: OidTable<T>,
  call: (kind: T | undefined, isCritical: boolean) => void
): void {
  const outer = reader.open(tags.sequence, 'extensions')
  while (reader.more()) {
    const extension = reader.open(tags.sequence, 'extensions')
    reader.expect(tags.oid, 'extensions')
    const kind = table.find(reader.bytes, reader.start, reader.stop)
    const isCritical = reader.optional(tags.boolean, 'extensions') && booleanOf(reader, 'extensions')
    const value = reader.open(tags.octetString, 'extensions')
    call(kind, isCritical)
    reader.leave(value)
    reader.close(extension, 'extensions')
  }
  reader.close(outer, 'extensions')
}

const pointTag = 0xa0
const onlyUserTag = 0x81
const onlyCaTag = 0x82
const onlyReasonsTag = 0x83
const indirectTag = 0x84
const onlyAttributeTag = 0x85

/** IssuingDistributionPoint (RFC 5280 §5.2.5) */
function readScope(reader: DerReader, draft: Draft): void {
  const outer = reader.open(tags.sequence, 'issuingDistributionPoint')
  while (reader.more()) {
    const tag = reader.next('issuingDistributionPoint')
    if (tag === pointTag) continue
    const isSet = tag === onlyReasonsTag || booleanOf(reader, 'issuingDistributionPoint')
    if (!isSet) continue
    if (tag === onlyUserTag) draft.only = 'user'
    else if (tag === onlyCaTag) draft.only = 'ca'
    else if (tag === indirectTag) draft.unusable ??= 'it is an indirect CRL'
    else if (tag === onlyReasonsTag) draft.unusable ??= 'it covers only some reasons'
    else if (tag === onlyAttributeTag) draft.unusable ??= 'it covers attribute certificates only'
  }
  reader.leave(outer)
}

interface Span {
  readonly start: number
  readonly stop: number
}

/** walks over every entry once, so that a lookup later meets nothing that is broken */
function countEntries(reader: DerReader, { start, stop }: Span, draft: Draft): number {
  let count = 0
  reader.seek(start, stop)
  while (reader.more()) {
    const outer = reader.open(tags.sequence, 'revokedCertificates')
    readSerial(reader)
    draft.unusable ??= readEntry(reader).unusable
    reader.close(outer, 'revokedCertificates')
    count++
  }
  return count
}

function findEntry(reader: DerReader, { start, stop }: Span, serial: string): CrlEntry | null {
  const wanted = Buffer.from(serial, 'hex')
  reader.seek(start, stop)
  while (reader.more()) {
    const outer = reader.open(tags.sequence, 'revokedCertificates')
    const from = readSerial(reader)
    if (reader.bytes.compare(wanted, 0, wanted.length, from, reader.stop) === 0) {
      const { at, reason } = readEntry(reader)
      return { at, reason }
    }
    reader.leave(outer)
  }
  return null
}

/** where the serial number begins without its leading zero bytes, as CertificateFields.serial shows it */
function readSerial(reader: DerReader): number {
  reader.expect(tags.integer, 'userCertificate')
  const { bytes, stop } = reader
  let { start } = reader
  while (start < stop - 1 && bytes[start] === 0) start++
  return start
}

/** what an entry says behind its serial number */
function readEntry(reader: DerReader): CrlEntry & { readonly unusable: string | null } {
  const at = readTime(reader, 'revocationDate')
  let reason = reasonOf(undefined)
  let unusable: string | null = null
  if (reader.more()) {
    readExtensionList(reader, entryExtensions, (kind, isCritical) => {
      if (kind === 'reasonCode') {
        reader.expect(tags.enumerated, 'reasonCode')
        reason = reasonOf(smallIntegerOf(reader, 'reasonCode'))
      } else if (kind === 'certificateIssuer') unusable = 'it is an indirect CRL'
      else if (kind === undefined && isCritical) unusable = 'an entry has an unknown critical extension'
    })
  }
  return { at, reason, unusable }
}

/**
 * What a CRL says of a certificate. The CRL must be its issuer's own and whole, signed by its key, and current.
 */
export function crlStatus(crl: Crl, { leaf, issuer, now }: RevocationQuestion): RevocationStatus {
  const certificate = new ChainCertificate(leaf)
  const authority = new ChainCertificate(issuer)
  if (crl.issuerKey !== certificate.issuerKey || crl.issuerKey !== authority.subjectKey) {
    return wrongAnswer(
      'not-about-it',
      `it is of ${crl.issuer}, the certificate of ${certificate.fields.issuer}`
    )
  }
  if (crl.unusable !== null) return wrongAnswer('unsupported', crl.unusable)
  if (crl.only !== null && crl.only !== (certificate.fields.isCa ? 'ca' : 'user')) {
    return wrongAnswer('not-about-it', `it lists ${crl.only} certificates only`)
  }
  const { keyUsage } = authority.fields
  if (keyUsage && !keyUsage.includes('cRLSign')) {
    return wrongAnswer('unauthorized-signer', 'the key usage of the issuer does not allow signing CRLs')
  }
  const signature = crl.checkSignature(issuer)
  if (signature !== 'good') {
    return signature === 'bad'
      ? wrongAnswer('bad-signature', 'the issuer has not signed it')
      : wrongAnswer('unsupported', 'its signature algorithm is not known')
  }
  const wrong = wrongTimes(crl, now)
  if (wrong) return wrong
  const { thisUpdate, nextUpdate } = crl
  const entry = crl.find(certificate.fields.serial)
  if (!entry || entry.reason === 'removeFromCRL') return { state: 'good', thisUpdate, nextUpdate }
  return { state: 'revoked', at: entry.at, reason: entry.reason, thisUpdate, nextUpdate }
}
