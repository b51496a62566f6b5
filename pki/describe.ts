import 'reflect-metadata'
import { AsnConvert } from '@peculiar/asn1-schema'
import type { Extension } from '@peculiar/asn1-x509'
import { ExtensionFactory } from '@peculiar/x509'
import type { CertificateFields } from './fields.ts'
import { fieldsOf, type FullCertificate, parseFully, publicKeyOf, understood } from './full.ts'
import { dottedOf, hexOfBuffer } from './full-values.ts'
import { encodePem } from './pem.ts'

/** One extension as people read it. */
export interface ExtensionText {
  readonly oid: string
  /** name of RFC 5280 or of its own standard, or null */
  readonly name: string | null
  readonly critical: boolean
  /** its value on one line, in hex where it is not understood; at most 300 characters */
  readonly text: string
}

/** Everything that can be told about one certificate. */
export interface CertificateDescription {
  readonly fields: CertificateFields
  /** 1, 2 or 3 */
  readonly version: number
  /** in the order of the certificate */
  readonly extensions: readonly ExtensionText[]
  /** facts of the key by name, such as modulusLength or namedCurve; empty when OpenSSL does not take it */
  readonly publicKey: Readonly<Record<string, string>>
  /** PEM of the SubjectPublicKeyInfo */
  readonly publicKeyPem: string
  readonly signatureBytes: number
  readonly pem: string
}

/** Describes one certificate for people. Throws a Fault certificate-malformed. */
export function describeCertificate(der: Uint8Array): CertificateDescription {
  return understood(() => {
    const full = parseFully(der)
    const { tbsCertificate: tbs, signatureValue } = full.parts
    return {
      fields: fieldsOf(full),
      version: tbs.version + 1,
      extensions: Array.from(tbs.extensions ?? [], describeExtension),
      publicKey: describeKey(full),
      publicKeyPem: encodePem(new Uint8Array(tbs.subjectPublicKeyInfo), 'PUBLIC KEY'),
      signatureBytes: signatureValue.byteLength,
      pem: encodePem(der)
    }
  })
}

function describeKey({ node }: FullCertificate): Record<string, string> {
  const key = publicKeyOf(node)
  if (!key) return {}
  const details = Object.entries(key.asymmetricKeyDetails ?? {}).map(([name, value]) => [name, String(value)])
  return { type: key.asymmetricKeyType ?? 'unknown', ...Object.fromEntries(details) }
}

const names: Readonly<Record<string, string>> = {
  '2.5.29.9': 'subjectDirectoryAttributes',
  '2.5.29.14': 'subjectKeyIdentifier',
  '2.5.29.15': 'keyUsage',
  '2.5.29.16': 'privateKeyUsagePeriod',
  '2.5.29.17': 'subjectAltName',
  '2.5.29.18': 'issuerAltName',
  '2.5.29.19': 'basicConstraints',
  '2.5.29.30': 'nameConstraints',
  '2.5.29.31': 'cRLDistributionPoints',
  '2.5.29.32': 'certificatePolicies',
  '2.5.29.33': 'policyMappings',
  '2.5.29.35': 'authorityKeyIdentifier',
  '2.5.29.36': 'policyConstraints',
  '2.5.29.37': 'extKeyUsage',
  '2.5.29.46': 'freshestCRL',
  '2.5.29.54': 'inhibitAnyPolicy',
  '1.3.6.1.5.5.7.1.1': 'authorityInfoAccess',
  '1.3.6.1.5.5.7.1.3': 'qcStatements',
  '1.3.6.1.5.5.7.1.11': 'subjectInfoAccess',
  '1.3.6.1.5.5.7.1.24': 'tlsfeature',
  '1.3.6.1.5.5.7.48.1.5': 'ocspNoCheck',
  '1.3.6.1.4.1.311.20.2': 'msCertificateTemplateName',
  '1.3.6.1.4.1.311.21.7': 'msCertificateTemplate',
  '1.3.6.1.4.1.11129.2.4.2': 'signedCertificateTimestampList',
  '1.3.6.1.4.1.11129.2.4.3': 'precertificatePoison',
  '2.16.840.1.113730.1.1': 'netscapeCertType',
  '2.16.840.1.113730.1.13': 'netscapeComment'
}

const textLimit = 300

function describeExtension(extension: Extension): ExtensionText {
  const oid = dottedOf(extension.extnID)
  const text = oneLine(extension) ?? `#${hexOfBuffer(extension.extnValue.buffer)}`
  const cut = text.length > textLimit ? `${text.slice(0, textLimit - 1).toWellFormed()}…` : text
  return { oid, name: names[oid] ?? null, critical: extension.critical, text: cut }
}

/** the library's text of a value that it understands, its lines joined */
function oneLine(extension: Extension): string | undefined {
  try {
    const known = ExtensionFactory.create(AsnConvert.serialize(extension))
    if (known.constructor.name === 'Extension') return undefined
    const [, ...lines] = known.toString('text').split('\n')
    return lines.map((line) => line.trim().replaceAll(/ {2,}/g, ' ')).join(' ')
  } catch {
    return undefined
  }
}
