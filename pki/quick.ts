import { hash } from 'node:crypto'
import { readSignatureAlgorithm } from './algorithms.ts'
import { tags } from './der.ts'
import { type Draft, readExtensions } from './extensions.ts'
import type { CertificateFields, KeyType } from './fields.ts'
import { readKey } from './keys.ts'
import { readName } from './names.ts'
import { type Outline, outlineOf } from './outline.ts'
import { readTime } from './times.ts'
import { serialOf } from './values.ts'

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
    signatureAlgorithm: readAlgorithm(outline),
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

function readAlgorithm({ reader, signature, signatureStop }: Outline): string {
  reader.seek(signature, signatureStop)
  return readSignatureAlgorithm(reader).name
}
