import { formatAddress } from '../core/address.ts'
import { Fault } from '../core/fault.ts'
import { type DerReader, tags } from './der.ts'
import type { CertificateFields } from './fields.ts'
import { keyPurposes, keyUsageBits, OidTable } from './object-ids.ts'
import { booleanOf, hexOf, latin1Of, oidOf, smallIntegerOf } from './values.ts'

/** The fields of a certificate while they are being read. */
export type Draft = { -readonly [Name in keyof CertificateFields]: CertificateFields[Name] }

/** What a subjectAltName is read into. */
export type NamesDraft = Pick<Draft, 'dnsNames' | 'ipAddresses' | 'emails' | 'uris' | 'brokenExtensions'>

/** Reads the value of one extension, whole, into the draft; it changes the draft only once all is read. */
type ExtensionReader = (reader: DerReader, draft: Draft) => void

interface Row {
  readonly name: string
  /** one bit, to notice an extension that comes twice */
  readonly bit: number
  readonly read: ExtensionReader
}

const rows: readonly (readonly [oid: string, name: string, read: ExtensionReader])[] = [
  ['2.5.29.14', 'subjectKeyIdentifier', readSubjectKeyId],
  ['2.5.29.15', 'keyUsage', readKeyUsage],
  ['2.5.29.17', 'subjectAltName', readAlternativeNames],
  ['2.5.29.19', 'basicConstraints', readBasicConstraints],
  ['2.5.29.31', 'cRLDistributionPoints', readCrlPoints],
  ['2.5.29.32', 'certificatePolicies', readPolicies],
  ['2.5.29.35', 'authorityKeyIdentifier', readAuthorityKeyId],
  ['2.5.29.37', 'extKeyUsage', readKeyPurposes],
  ['1.3.6.1.5.5.7.1.1', 'authorityInfoAccess', readInformationAccess],
  ['1.3.6.1.5.5.7.1.24', 'tlsfeature', readTlsFeature],
  ['1.3.6.1.4.1.11129.2.4.2', 'signedCertificateTimestampList', readTimestamps]
]

const readers = new OidTable<Row>(rows.map(([oid, name, read], at) => [oid, { name, bit: 1 << at, read }]))

/** More extensions than any certificate has; it bounds the time that broken ones can take. */
const maxExtensions = 256

/**
 * Reads the content of a SEQUENCE OF Extension (RFC 5280 §4.2), where the cursor stands, into the draft. The
 * frame must be right. Of the extensions that are read, one that is broken counts as absent, and of two alike
 * the first counts; both are named in `brokenExtensions`, so that a certificate which clients accept or refuse
 * for its extensions still shows.
 */
export function readExtensions(reader: DerReader, draft: Draft): void {
  let seen = 0
  for (let count = 0; reader.more(); count++) {
    if (count === maxExtensions) reader.fail(`are more than ${maxExtensions}`, 'extensions')
    const outer = reader.open(tags.sequence, 'extensions')
    reader.expect(tags.oid, 'extensions')
    const row = readers.find(reader.bytes, reader.start, reader.stop)
    if (reader.optional(tags.boolean, 'extensions')) booleanOf(reader, 'extensions')
    reader.expect(tags.octetString, row?.name ?? 'extensions')
    reader.close(outer, 'extensions')
    if (row === undefined) continue
    if ((seen & row.bit) !== 0) addBroken(draft, row.name)
    else readValue(reader, draft, row)
    seen |= row.bit
  }
}

/** the value is the OCTET STRING read last */
function readValue(reader: DerReader, draft: Draft, { name, read }: Row): void {
  const { at, stop } = reader
  const outer = reader.enter()
  try {
    read(reader, draft)
    if (reader.at !== stop) reader.fail('has something left at its end', name)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    addBroken(draft, name)
  }
  reader.seek(at, outer)
}

function addBroken(draft: Pick<Draft, 'brokenExtensions'>, name: string): void {
  const known = draft.brokenExtensions
  if (!known?.includes(name)) draft.brokenExtensions = [...(known ?? []), name]
}

function readSubjectKeyId(reader: DerReader, draft: Draft): void {
  reader.expect(tags.octetString, 'subjectKeyIdentifier')
  draft.subjectKeyId = hexOf(reader)
}

const keyIdTag = 0x80

function readAuthorityKeyId(reader: DerReader, draft: Draft): void {
  const outer = reader.open(tags.sequence, 'authorityKeyIdentifier')
  const keyId = reader.optional(keyIdTag, 'authorityKeyIdentifier') ? hexOf(reader) : null
  while (reader.more()) reader.next('authorityKeyIdentifier')
  reader.close(outer, 'authorityKeyIdentifier')
  draft.authorityKeyId = keyId
}

function readKeyUsage(reader: DerReader, draft: Draft): void {
  reader.expect(tags.bitString, 'keyUsage')
  const { bytes, start, stop } = reader
  const unused = bytes[start] ?? 0
  if (start === stop || unused > 7) reader.fail('has a broken bit string', 'keyUsage')
  const count = (stop - start - 1) * 8 - unused
  draft.keyUsage = keyUsageBits.filter((_, bit) => {
    return bit < count && ((bytes[start + 1 + (bit >> 3)] as number) & (0x80 >> (bit & 7))) !== 0
  })
}

function readBasicConstraints(reader: DerReader, draft: Draft): void {
  const outer = reader.open(tags.sequence, 'basicConstraints')
  const isCa = reader.optional(tags.boolean, 'basicConstraints') && booleanOf(reader, 'basicConstraints')
  const hasLength = reader.optional(tags.integer, 'basicConstraints')
  const pathLength = hasLength ? smallIntegerOf(reader, 'basicConstraints') : null
  reader.close(outer, 'basicConstraints')
  draft.isCa = isCa
  draft.pathLength = pathLength
}

function readKeyPurposes(reader: DerReader, draft: Draft): void {
  const found: string[] = []
  const outer = reader.open(tags.sequence, 'extKeyUsage')
  while (reader.more()) {
    reader.expect(tags.oid, 'extKeyUsage')
    found.push(purposes.find(reader.bytes, reader.start, reader.stop) ?? oidOf(reader, 'extKeyUsage'))
  }
  reader.close(outer, 'extKeyUsage')
  draft.extendedKeyUsage = found
}

const purposes = new OidTable<string>(Object.entries(keyPurposes))

function readPolicies(reader: DerReader, draft: Draft): void {
  const found: string[] = []
  const outer = reader.open(tags.sequence, 'certificatePolicies')
  while (reader.more()) {
    const policy = reader.open(tags.sequence, 'certificatePolicies')
    reader.expect(tags.oid, 'certificatePolicies')
    found.push(oidOf(reader, 'certificatePolicies'))
    if (reader.more()) reader.expect(tags.sequence, 'certificatePolicies')
    reader.close(policy, 'certificatePolicies')
  }
  reader.close(outer, 'certificatePolicies')
  draft.policies = found
}

const emailTag = 0x81
const dnsTag = 0x82
const uriTag = 0x86
const ipTag = 0x87

/** Reads a subjectAltName (RFC 5280 §4.2.1.6), where the cursor stands, into the draft. */
export function readAlternativeNames(reader: DerReader, draft: NamesDraft): void {
  const dnsNames: string[] = []
  const ipAddresses: string[] = []
  const emails: string[] = []
  const uris: string[] = []
  let wrongAddress = false
  const outer = reader.open(tags.sequence, 'subjectAltName')
  while (reader.more()) {
    const tag = reader.next('subjectAltName')
    if (tag === dnsTag) dnsNames.push(latin1Of(reader))
    else if (tag === ipTag) {
      const address = addressOf(reader)
      if (address === undefined) wrongAddress = true
      else ipAddresses.push(address)
    } else if (tag === emailTag) emails.push(latin1Of(reader))
    else if (tag === uriTag) uris.push(latin1Of(reader))
    else if ((tag & 0xc0) !== 0x80) reader.fail('has a name of no known kind', 'subjectAltName')
  }
  reader.close(outer, 'subjectAltName')
  Object.assign(draft, { dnsNames, ipAddresses, emails, uris })
  if (wrongAddress) addBroken(draft, 'subjectAltName')
}

/**
 * Clients compare an iPAddress byte by byte (RFC 5280 §4.2.1.6), so that an IPv4-mapped IPv6 address of 16 bytes
 * covers no IPv4 address: it keeps its IPv6 text here, unlike elsewhere in the product.
 */
function addressOf({ bytes, start, stop }: DerReader): string | undefined {
  if (stop - start === 4) return formatAddress(bytes.readUInt32BE(start))
  if (stop - start !== 16) return undefined
  return formatAddress((bytes.readBigUInt64BE(start) << 64n) | bytes.readBigUInt64BE(start + 8))
}

const accessMethods = new OidTable<'ocsp' | 'issuers'>([
  ['1.3.6.1.5.5.7.48.1', 'ocsp'],
  ['1.3.6.1.5.5.7.48.2', 'issuers']
])

function readInformationAccess(reader: DerReader, draft: Draft): void {
  const ocspUrls: string[] = []
  const issuerUrls: string[] = []
  const outer = reader.open(tags.sequence, 'authorityInfoAccess')
  while (reader.more()) {
    const description = reader.open(tags.sequence, 'authorityInfoAccess')
    reader.expect(tags.oid, 'authorityInfoAccess')
    const method = accessMethods.find(reader.bytes, reader.start, reader.stop)
    const isUrl = reader.next('authorityInfoAccess') === uriTag
    if (isUrl && method === 'ocsp') ocspUrls.push(latin1Of(reader))
    if (isUrl && method === 'issuers') issuerUrls.push(latin1Of(reader))
    reader.close(description, 'authorityInfoAccess')
  }
  reader.close(outer, 'authorityInfoAccess')
  draft.ocspUrls = ocspUrls
  draft.issuerUrls = issuerUrls
}

/** DistributionPoint [0] DistributionPointName, in it [0] fullName GeneralNames */
const contextTag = 0xa0

function readCrlPoints(reader: DerReader, draft: Draft): void {
  const found: string[] = []
  const outer = reader.open(tags.sequence, 'cRLDistributionPoints')
  while (reader.more()) {
    const point = reader.open(tags.sequence, 'cRLDistributionPoints')
    if (reader.ahead() === contextTag) {
      const name = reader.open(contextTag, 'cRLDistributionPoints')
      if (reader.ahead() === contextTag) readUrls(reader, found)
      reader.leave(name)
    }
    while (reader.more()) reader.next('cRLDistributionPoints')
    reader.close(point, 'cRLDistributionPoints')
  }
  reader.close(outer, 'cRLDistributionPoints')
  draft.crlUrls = found
}

function readUrls(reader: DerReader, found: string[]): void {
  const outer = reader.open(contextTag, 'cRLDistributionPoints')
  while (reader.more()) if (reader.next('cRLDistributionPoints') === uriTag) found.push(latin1Of(reader))
  reader.close(outer, 'cRLDistributionPoints')
}

/** the timestamps themselves do not matter here: that they are there marks a publicly trusted certificate */
function readTimestamps(reader: DerReader, draft: Draft): void {
  reader.expect(tags.octetString, 'signedCertificateTimestampList')
  draft.hasScts = true
}

const statusRequest = 5

function readTlsFeature(reader: DerReader, draft: Draft): void {
  let mustStaple = false
  const outer = reader.open(tags.sequence, 'tlsfeature')
  while (reader.more()) {
    reader.expect(tags.integer, 'tlsfeature')
    if (smallIntegerOf(reader, 'tlsfeature') === statusRequest) mustStaple = true
  }
  reader.close(outer, 'tlsfeature')
  draft.mustStaple = mustStaple
}
