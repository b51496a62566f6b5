import {
  AuthorityInfoAccessSyntax,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CertificatePolicies,
  CRLDistributionPoints,
  ExtendedKeyUsage,
  type Extension,
  type GeneralName,
  KeyUsage,
  SubjectAlternativeName,
  SubjectKeyIdentifier
} from '@peculiar/asn1-x509'
import { OctetString } from '@peculiar/asn1-schema'
import type { CertificateFields } from './fields.ts'
import { dottedOf, hexOfBuffer } from './full-values.ts'
import { keyPurposes, keyUsageBits } from './object-ids.ts'
import { parseAsn, TlsFeatures } from './parts.ts'

type ExtensionFields = Pick<
  CertificateFields,
  | 'dnsNames'
  | 'ipAddresses'
  | 'emails'
  | 'uris'
  | 'subjectKeyId'
  | 'authorityKeyId'
  | 'isCa'
  | 'pathLength'
  | 'keyUsage'
  | 'extendedKeyUsage'
  | 'ocspUrls'
  | 'issuerUrls'
  | 'crlUrls'
  | 'policies'
  | 'hasScts'
  | 'mustStaple'
  | 'brokenExtensions'
>

/** What one extension says; `broken` when a part of it had to be left out. */
type Said = Partial<ExtensionFields> & { readonly broken?: true }

const absent: ExtensionFields = {
  dnsNames: [],
  ipAddresses: [],
  emails: [],
  uris: [],
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
  mustStaple: false
}

const readers: Readonly<Record<string, readonly [name: string, read: (value: ArrayBuffer) => Said]>> = {
  '2.5.29.14': ['subjectKeyIdentifier', readSubjectKeyId],
  '2.5.29.15': ['keyUsage', readKeyUsage],
  '2.5.29.17': ['subjectAltName', readAlternativeNames],
  '2.5.29.19': ['basicConstraints', readBasicConstraints],
  '2.5.29.31': ['cRLDistributionPoints', readCrlPoints],
  '2.5.29.32': ['certificatePolicies', readPolicies],
  '2.5.29.35': ['authorityKeyIdentifier', readAuthorityKeyId],
  '2.5.29.37': ['extKeyUsage', readKeyPurposes],
  '1.3.6.1.5.5.7.1.1': ['authorityInfoAccess', readInformationAccess],
  '1.3.6.1.5.5.7.1.24': ['tlsfeature', readTlsFeature],
  '1.3.6.1.4.1.11129.2.4.2': ['signedCertificateTimestampList', readTimestamps]
}

/** The fields that extensions say, by the rules of {@link CertificateFields.brokenExtensions}. */
export function readExtensionsFully(extensions: readonly Extension[]): ExtensionFields {
  let fields = absent
  const seen = new Set<string>()
  const broken = new Set<string>()
  for (const { extnID, extnValue } of extensions) {
    const reader = readers[extnID]
    if (!reader) continue
    const [name, read] = reader
    if (seen.has(name)) {
      broken.add(name)
      continue
    }
    seen.add(name)
    const { broken: partly, ...said } = attempt(read, extnValue.buffer)
    if (partly) broken.add(name)
    fields = { ...fields, ...said }
  }
  return broken.size === 0 ? fields : { ...fields, brokenExtensions: [...broken] }
}

function attempt(read: (value: ArrayBuffer) => Said, value: ArrayBuffer): Said {
  try {
    return read(value)
  } catch {
    return { broken: true }
  }
}

function readSubjectKeyId(value: ArrayBuffer): Said {
  return { subjectKeyId: hexOfBuffer(parseAsn(value, SubjectKeyIdentifier).buffer) }
}

function readAuthorityKeyId(value: ArrayBuffer): Said {
  const { keyIdentifier } = parseAsn(value, AuthorityKeyIdentifier)
  return { authorityKeyId: keyIdentifier ? hexOfBuffer(keyIdentifier.buffer) : null }
}

function readKeyUsage(value: ArrayBuffer): Said {
  const bits = parseAsn(value, KeyUsage).toNumber()
  return { keyUsage: keyUsageBits.filter((_, bit) => ((bits >> bit) & 1) === 1) }
}

function readBasicConstraints(value: ArrayBuffer): Said {
  const { cA, pathLenConstraint } = parseAsn(value, BasicConstraints)
  if (pathLenConstraint === undefined) return { isCa: cA, pathLength: null }
  const pathLength = BigInt(pathLenConstraint)
  if (pathLength < 0n || pathLength >= 2n ** 31n) return { broken: true }
  return { isCa: cA, pathLength: Number(pathLength) }
}

function readKeyPurposes(value: ArrayBuffer): Said {
  const names: Readonly<Record<string, string>> = keyPurposes
  return {
    extendedKeyUsage: Array.from(parseAsn(value, ExtendedKeyUsage), dottedOf).map((oid) => names[oid] ?? oid)
  }
}

function readPolicies(value: ArrayBuffer): Said {
  return {
    policies: Array.from(parseAsn(value, CertificatePolicies), (policy) => dottedOf(policy.policyIdentifier))
  }
}

function readAlternativeNames(value: ArrayBuffer): Said {
  const names = Array.from(parseAsn(value, SubjectAlternativeName))
  const addresses = pick(names, 'iPAddress')
  // addresses of odd lengths come as bare hex, those of 8 and 32 bytes with a mask
  const ipAddresses = addresses.filter((text) => /[.:]/.test(text) && !text.includes('/'))
  return {
    dnsNames: pick(names, 'dNSName'),
    ipAddresses,
    emails: pick(names, 'rfc822Name'),
    uris: pick(names, 'uniformResourceIdentifier'),
    ...(ipAddresses.length < addresses.length ? { broken: true as const } : {})
  }
}

type TextName = 'iPAddress' | 'dNSName' | 'rfc822Name' | 'uniformResourceIdentifier'

function pick(names: readonly GeneralName[], kind: TextName): string[] {
  return names.flatMap((name) => name[kind] ?? [])
}

function readInformationAccess(value: ArrayBuffer): Said {
  const descriptions = Array.from(parseAsn(value, AuthorityInfoAccessSyntax))
  const urls = (method: string) =>
    descriptions
      .filter(({ accessMethod }) => accessMethod === method)
      .flatMap(({ accessLocation }) => accessLocation.uniformResourceIdentifier ?? [])
  return { ocspUrls: urls('1.3.6.1.5.5.7.48.1'), issuerUrls: urls('1.3.6.1.5.5.7.48.2') }
}

function readCrlPoints(value: ArrayBuffer): Said {
  const points = Array.from(parseAsn(value, CRLDistributionPoints))
  return {
    crlUrls: points.flatMap(({ distributionPoint }) =>
      pick(distributionPoint?.fullName ?? [], 'uniformResourceIdentifier')
    )
  }
}

function readTlsFeature(value: ArrayBuffer): Said {
  return { mustStaple: Array.from(parseAsn(value, TlsFeatures)).includes(5) }
}

function readTimestamps(value: ArrayBuffer): Said {
  parseAsn(value, OctetString)
  return { hasScts: true }
}
