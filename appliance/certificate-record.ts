import { describeCertificate } from '../pki/describe.ts'
import type { CertificateFields } from '../pki/fields.ts'
import { readCertificateFile } from '../pki/pem.ts'
import { schemaVersion, type Certificate, type Leaf } from './records.ts'

/** What every form of a certificate says: a row of the store, or fields that were just read. */
type LeafFields = Pick<
  CertificateFields,
  'fingerprint' | 'issuer' | 'notBefore' | 'notAfter' | 'keyBits' | 'curve'
> & { readonly label: string; readonly keyType: string }

/** Milliseconds as RFC 3339 text. */
export function instant(ms: number): string {
  return new Date(ms).toISOString()
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
  const {
    serial,
    subject,
    commonName,
    signatureAlgorithm,
    spki,
    subjectKeyId,
    authorityKeyId,
    isCa,
    selfIssued
  } = fields
  const { dnsNames, ipAddresses, emails, uris, keyUsage, extendedKeyUsage } = fields
  const { ocspUrls, crlUrls, issuerUrls } = fields
  return {
    ...{ type: 'certificate', schema: schemaVersion },
    ...leafRecord({ ...fields, label: commonName ?? dnsNames[0] ?? subject }),
    commonName,
    ...{ serial, subject, dnsNames, ipAddresses, emails, uris, signatureAlgorithm, spki },
    ...{ subjectKeyId, authorityKeyId, isCa, keyUsage, extendedKeyUsage },
    ...{ ocspUrls, crlUrls, issuerUrls, selfIssued, extensions, pem, inventory }
  }
}

/** The first certificate of a file, PEM or DER. Throws `certificate-malformed`. */
export function certificateOfFile(bytes: Uint8Array): Certificate {
  return certificateRecord(readCertificateFile(bytes)[0] ?? new Uint8Array(), null)
}
