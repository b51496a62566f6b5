import { describeCertificate } from '../pki/describe.ts'
import { readCertificateFile } from '../pki/pem.ts'
import { leafRecord } from './leaf-record.ts'
import type { Certificate } from './records.ts'
import { schemaVersion } from './schema-version.ts'

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
