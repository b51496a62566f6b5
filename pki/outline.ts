import { DerReader, tags } from './der.ts'
import type { OidTable } from './object-ids.ts'
import { smallIntegerOf } from './values.ts'

/**
 * Where the parts of a certificate (RFC 5280 §4.1) lie: offsets of elements in its DER. Making one proves the
 * frame: every part is there, in its order and inside the others, and nothing follows.
 */
export interface Outline {
  /** the reader of these bytes; its cursor is wherever the last use left it */
  readonly reader: DerReader
  /** as encoded: 0 is v1, 2 is v3 */
  readonly version: number
  readonly serial: number
  readonly issuer: number
  /** behind the issuer's Name, where the validity begins */
  readonly issuerStop: number
  readonly subject: number
  /** behind the subject's Name, where the SubjectPublicKeyInfo begins */
  readonly subjectStop: number
  readonly keyStop: number
  /** content of the SEQUENCE OF Extension, or 0 and 0 */
  readonly extensions: number
  readonly extensionsStop: number
  /** the AlgorithmIdentifier that stands beside the signature */
  readonly signature: number
  readonly signatureStop: number
}

const versionTag = 0xa0
const issuerIdTag = 0x81
const subjectIdTag = 0x82
const extensionsTag = 0xa3

/** The outline of one certificate. Throws a Fault certificate-malformed. */
export function outlineOf(der: Uint8Array): Outline {
  const reader = new DerReader(der)
  const whole = reader.open(tags.sequence, 'certificate')
  const outer = reader.open(tags.sequence, 'tbsCertificate')
  const version = readVersion(reader)
  const serial = pass(reader, tags.integer, 'serialNumber')
  pass(reader, tags.sequence, 'signature')
  const issuer = pass(reader, tags.sequence, 'issuer')
  const issuerStop = reader.at
  pass(reader, tags.sequence, 'validity')
  const subject = pass(reader, tags.sequence, 'subject')
  const subjectStop = reader.at
  pass(reader, tags.sequence, 'subjectPublicKeyInfo')
  const keyStop = reader.at
  reader.optional(issuerIdTag, 'issuerUniqueID')
  reader.optional(subjectIdTag, 'subjectUniqueID')
  const hasExtensions = readExtensionsSpan(reader)
  const extensions = hasExtensions ? reader.start : 0
  const extensionsStop = hasExtensions ? reader.stop : 0
  reader.close(outer, 'tbsCertificate')
  const signature = pass(reader, tags.sequence, 'signatureAlgorithm')
  const signatureStop = reader.at
  reader.expect(tags.bitString, 'signatureValue')
  reader.close(whole, 'certificate')
  if (reader.more()) reader.fail('has something behind it', 'certificate')
  return {
    reader,
    version,
    serial,
    issuer,
    issuerStop,
    subject,
    subjectStop,
    keyStop,
    extensions,
    extensionsStop,
    signature,
    signatureStop
  }
}

/** steps over an element and says where it began */
function pass(reader: DerReader, tag: number, field: string): number {
  const { at } = reader
  reader.expect(tag, field)
  return at
}

function readVersion(reader: DerReader): number {
  if (reader.ahead() !== versionTag) return 0
  const outer = reader.open(versionTag, 'version')
  reader.expect(tags.integer, 'version')
  const version = smallIntegerOf(reader, 'version')
  reader.close(outer, 'version')
  return version
}

/** leaves the content of the SEQUENCE OF Extension in `start` and `stop` */
function readExtensionsSpan(reader: DerReader): boolean {
  if (reader.ahead() !== extensionsTag) return false
  const outer = reader.open(extensionsTag, 'extensions')
  reader.expect(tags.sequence, 'extensions')
  reader.close(outer, 'extensions')
  return true
}

/** Steps into the value of the first extension with an identifier of the table; false where there is none. */
export function enterExtension(
  { reader, extensions, extensionsStop }: Outline,
  ids: OidTable<unknown>
): boolean {
  reader.seek(extensions, extensionsStop)
  while (reader.more()) {
    const outer = reader.open(tags.sequence, 'extensions')
    reader.expect(tags.oid, 'extensions')
    const isIt = ids.find(reader.bytes, reader.start, reader.stop) !== undefined
    reader.optional(tags.boolean, 'extensions')
    reader.expect(tags.octetString, 'extensions')
    if (isIt) {
      reader.enter()
      return true
    }
    reader.leave(outer)
  }
  return false
}
