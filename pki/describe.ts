import 'reflect-metadata'
import { AsnConvert } from '@peculiar/asn1-schema'
import type { Extension } from '@peculiar/asn1-x509'
import { Extension as BareExtension, ExtensionFactory } from '@peculiar/x509'
import type { CertificateFields } from './fields.ts'
import { fieldsOf, type FullCertificate, parseFully, understood } from './full.ts'
import { publicKeyOf } from './open-ssl.ts'
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
    const fields = fieldsOf(full)
    return {
      fields,
      version: tbs.version + 1,
      extensions: Array.from(tbs.extensions ?? [], (extension) => describeExtension(extension, fields)),
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

/** How an extension whose value is among the fields is written; empty where the fields do not say it all. */
const texts: Readonly<Record<string, (fields: CertificateFields) => string>> = {
  '2.5.29.14': ({ subjectKeyId }) => subjectKeyId ?? '',
  '2.5.29.15': ({ keyUsage }) => (keyUsage ?? []).join(', '),
  '2.5.29.17': alternativeNames,
  '2.5.29.19': ({ isCa, pathLength }) =>
    `CA:${isCa ? 'TRUE' : 'FALSE'}${pathLength === null ? '' : `, pathlen:${pathLength}`}`,
  '2.5.29.31': ({ crlUrls }) => labelled('URI', crlUrls).join(', '),
  '2.5.29.32': ({ policies }) => policies.join(', '),
  '2.5.29.35': ({ authorityKeyId }) => authorityKeyId ?? '',
  '2.5.29.37': ({ extendedKeyUsage }) => (extendedKeyUsage ?? []).join(', '),
  '1.3.6.1.5.5.7.1.1': ({ ocspUrls, issuerUrls }) =>
    [...labelled('OCSP', ocspUrls), ...labelled('caIssuers', issuerUrls)].join(', '),
  '1.3.6.1.5.5.7.1.24': ({ mustStaple }) => (mustStaple ? 'status_request' : '')
}

function labelled(label: string, values: readonly string[]): string[] {
  return values.map((value) => `${label}:${value}`)
}

function alternativeNames({ dnsNames, ipAddresses, emails, uris }: CertificateFields): string {
  const kinds = [
    labelled('DNS', dnsNames),
    labelled('IP', ipAddresses),
    labelled('email', emails),
    labelled('URI', uris)
  ]
  return kinds.flat().join(', ')
}

const textLimit = 300

function describeExtension(extension: Extension, fields: CertificateFields): ExtensionText {
  const oid = dottedOf(extension.extnID)
  const name = names[oid] ?? null
  const isBroken = name !== null && fields.brokenExtensions?.includes(name) === true
  const known = isBroken ? undefined : texts[oid]?.(fields) || libraryText(extension)
  const text = known || `#${hexOfBuffer(extension.extnValue.buffer)}`
  const cut = text.length > textLimit ? `${text.slice(0, textLimit - 1).toWellFormed()}…` : text
  return { oid, name, critical: extension.critical, text: cut }
}

/** the library's text of a value that it understands, its lines joined */
function libraryText(extension: Extension): string | undefined {
  try {
    const known = ExtensionFactory.create(AsnConvert.serialize(extension))
    if (known.constructor === BareExtension) return undefined
    const [, ...lines] = known.toString('text').split('\n')
    const text = lines.map((line) => line.trim().replaceAll(/ {2,}/g, ' ')).join(' ')
    return text.includes('[object ') ? undefined : text
  } catch {
    return undefined
  }
}
