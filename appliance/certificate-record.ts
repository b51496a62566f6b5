import { describeCertificate } from '../pki/describe.ts'
import type { CertificateFields } from '../pki/fields.ts'
import { readCertificateFile } from '../pki/pem.ts'
import { schemaVersion, type Certificate, type Leaf } from './records.ts'

/** What every form of a certificate says: a row of the store, or fields that were just read. */
type LeafFields = Pick<
  CertificateFields,
  'fingerprint' | 'issuer' | 'notBefore' | 'notAfter' | 'keyBits' | 'curve'
> & { readonly label: string; readonly keyType: string }

/** the last moment with a year of four digits, which is all that RFC 3339 knows */
const lastInstant = Date.UTC(10_000, 0, 1) - 1

/** Milliseconds as RFC 3339 text; what lies beyond the year 9999 is its end. */
export function instant(ms: number): string {
  return new Date(Math.min(ms, lastInstant)).toISOString()
}

/** A certificate in short. */
export function leafRecord(fields: LeafFields): Leaf {
  const { fingerprint, label, issuer, notBefore, notAfter, keyType, keyBits, curve } = fields
  const times = { notBefore: instant(notBefore), notAfter: instant(notAfter) }
  return { fingerprint, label, issuer, ...times, keyType, keyBits, curve }
}

/** A certificate in full, read from its DER. Throws `certificate-malformed`. */
export function certificateRecord(der: Uint8Array, inventory: Certificate['inventory']): Certificate {
  const { fields, extensions, pem } = describeCertificate(der)
  return {
    type: 'certificate',
    schema: schemaVersion,
    ...leafRecord({ ...fields, label: fields.commonName ?? fields.dnsNames[0] ?? fields.subject }),
    commonName: fields.commonName,
    serial: fields.serial,
    subject: fields.subject,
    dnsNames: fields.dnsNames,
    ipAddresses: fields.ipAddresses,
    emails: fields.emails,
    uris: fields.uris,
    signatureAlgorithm: fields.signatureAlgorithm,
    spki: fields.spki,
    subjectKeyId: fields.subjectKeyId,
    authorityKeyId: fields.authorityKeyId,
    isCa: fields.isCa,
    keyUsage: fields.keyUsage,
    extendedKeyUsage: fields.extendedKeyUsage,
    ocspUrls: fields.ocspUrls,
    crlUrls: fields.crlUrls,
    issuerUrls: fields.issuerUrls,
    selfIssued: fields.selfIssued,
    extensions,
    pem,
    inventory
  }
}

/** The first certificate of a file, PEM or DER. Throws `certificate-malformed`. */
export function certificateOfFile(bytes: Uint8Array): Certificate {
  return certificateRecord(readCertificateFile(bytes)[0] ?? new Uint8Array(), null)
}
