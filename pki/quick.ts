import { hash } from 'node:crypto'
import { tags, type DerReader } from './der.ts'
import { type Draft, readExtensions } from './extensions.ts'
import type { CertificateFields, KeyType } from './fields.ts'
import { readKey } from './keys.ts'
import { readName } from './names.ts'
import { hashAlgorithms, OidTable, signatureAlgorithms } from './object-ids.ts'
import { type Outline, outlineOf } from './outline.ts'
import { readTime } from './times.ts'
import { oidOf, serialOf } from './values.ts'

/**
 * Reads one X.509 certificate as strict DER, made for the scan: bounded by its length, without recursion.
 * `fingerprint` saves the hash where the caller has it already. Throws only a Fault certificate-malformed, for a
 * broken frame, name, time or key; what is wrong inside an extension is in `brokenExtensions`.
 */
export function readCertificate(
  der: Uint8Array,
  fingerprint: string = hash('sha256', der, 'hex')
): CertificateFields {
  const outline = outlineOf(der)
  const draft = draftOf(outline, fingerprint)
  if (outline.extensions !== outline.extensionsStop) {
    outline.reader.seek(outline.extensions, outline.extensionsStop)
    readExtensions(outline.reader, draft)
  }
  return draft
}

/** The key type alone: a tenth of the work of {@link readCertificate}, and the same proof of the frame. */
export function readKeyType(der: Uint8Array): KeyType {
  const { reader, subjectStop, keyStop } = outlineOf(der)
  reader.seek(subjectStop, keyStop)
  return readKey(reader).keyType
}

function draftOf(outline: Outline, fingerprint: string): Draft {
  const { reader, issuer, issuerStop, subject, subjectStop, keyStop } = outline
  const serial = readSerial(outline)
  reader.seek(issuer, issuerStop)
  const issuerName = readName(reader, 'issuer')
  reader.seek(issuerStop, subject)
  const validity = reader.open(tags.sequence, 'validity')
  const notBefore = readTime(reader, 'notBefore')
  const notAfter = readTime(reader, 'notAfter')
  reader.close(validity, 'validity')
  reader.seek(subject, subjectStop)
  const subjectName = readName(reader, 'subject')
  reader.seek(subjectStop, keyStop)
  const { keyType, keyBits, curve } = readKey(reader)
  return {
    fingerprint,
    serial,
    subject: subjectName.text,
    issuer: issuerName.text,
    commonName: subjectName.commonName,
    notBefore,
    notAfter,
    dnsNames: [],
    ipAddresses: [],
    emails: [],
    uris: [],
    keyType,
    keyBits,
    curve,
    spki: hash('sha256', reader.bytes.subarray(subjectStop, keyStop), 'hex'),
    signatureAlgorithm: readSignatureAlgorithm(outline),
    subjectKeyId: null,
    authorityKeyId: null,
    isCa: false,
    pathLength: null,
    keyUsage: null,
    extendedKeyUsage: null,
    ocspUrls: [],
    issuerUrls: [],
    crlUrls: [],
    policies: [],
    hasScts: false,
    mustStaple: false,
    selfIssued: reader.bytes.compare(reader.bytes, issuer, issuerStop, subject, subjectStop) === 0
  }
}

function readSerial({ reader, serial, issuer }: Outline): string {
  reader.seek(serial, issuer)
  reader.expect(tags.integer, 'serialNumber')
  return serialOf(reader, 'serialNumber')
}

const signatureNames = new OidTable<string>(Object.entries(signatureAlgorithms))
const hashNames = new OidTable<string>(Object.entries(hashAlgorithms))

function readSignatureAlgorithm({ reader, signature, signatureStop }: Outline): string {
  reader.seek(signature, signatureStop)
  reader.open(tags.sequence, 'signatureAlgorithm')
  reader.expect(tags.oid, 'signatureAlgorithm')
  const name = signatureNames.find(reader.bytes, reader.start, reader.stop)
  if (name === undefined) return oidOf(reader, 'signatureAlgorithm')
  if (name !== 'RSA-PSS') return name
  const hashName = readPssHash(reader)
  return hashName === 'SHA1' || hashName === 'MD5' ? `${name}-${hashName}` : name
}

const pssHashTag = 0xa0

/** RSASSA-PSS-params (RFC 4055 §3.1): the hash, SHA-1 where it is left out */
function readPssHash(reader: DerReader): string | undefined {
  if (reader.ahead() !== tags.sequence) return 'SHA1'
  reader.open(tags.sequence, 'signatureAlgorithm')
  if (reader.ahead() !== pssHashTag) return 'SHA1'
  reader.open(pssHashTag, 'signatureAlgorithm')
  reader.open(tags.sequence, 'signatureAlgorithm')
  reader.expect(tags.oid, 'signatureAlgorithm')
  return hashNames.find(reader.bytes, reader.start, reader.stop)
}
