import { AsnSerializer, OctetString } from '@peculiar/asn1-schema'
import * as asn from '@peculiar/asn1-x509'

/** What the extensions of a certificate are to say; what is left out is not in it. */
export interface ExtensionOptions {
  /** dNSName entries */
  readonly names?: readonly string[]
  readonly ips?: readonly string[]
  readonly emails?: readonly string[]
  readonly uris?: readonly string[]
  /** basicConstraints cA: TRUE, with this pathLenConstraint unless null */
  readonly authority?: { readonly pathLength: number | null }
  /** extendedKeyUsage; null leaves it out. Default: serverAuth, none for an authority */
  readonly purposes?: readonly Purpose[] | null
  /** TLS feature status_request (RFC 7633) */
  readonly mustStaple?: true
  readonly ocspUrls?: readonly string[]
  readonly issuerUrls?: readonly string[]
  readonly crlUrls?: readonly string[]
  /** certificatePolicies, dotted OIDs */
  readonly policies?: readonly string[]
  /** a list of signed certificate timestamps (RFC 6962) that nobody signed */
  readonly scts?: true
}

const purposes = {
  serverAuth: asn.id_kp_serverAuth,
  clientAuth: asn.id_kp_clientAuth,
  codeSigning: asn.id_kp_codeSigning,
  emailProtection: asn.id_kp_emailProtection,
  any: asn.anyExtendedKeyUsage
} as const

/** An extended key usage of RFC 5280 §4.2.1.12. */
export type Purpose = keyof typeof purposes

/** Key identifiers by which subject and issuer find each other. */
export interface KeyIdentifiers {
  readonly subject: Uint8Array
  readonly issuer: Uint8Array
}

/** The extensions in the order in which public authorities usually write them. */
export function extensions(options: ExtensionOptions, identifiers: KeyIdentifiers): asn.Extensions {
  return new asn.Extensions([
    ...usage(options),
    extension(asn.id_ce_subjectKeyIdentifier, new asn.SubjectKeyIdentifier(exact(identifiers.subject))),
    extension(
      asn.id_ce_authorityKeyIdentifier,
      new asn.AuthorityKeyIdentifier({ keyIdentifier: new asn.KeyIdentifier(exact(identifiers.issuer)) })
    ),
    ...alternativeNames(options),
    ...whereabouts(options),
    ...features(options)
  ])
}

function usage({ authority, purposes: wanted }: ExtensionOptions): asn.Extension[] {
  const bits = authority
    ? asn.KeyUsageFlags.keyCertSign | asn.KeyUsageFlags.cRLSign
    : asn.KeyUsageFlags.digitalSignature | asn.KeyUsageFlags.keyEncipherment
  const list = [extension(asn.id_ce_keyUsage, new asn.KeyUsage(bits), 'critical')]
  const extended = wanted === undefined && !authority ? (['serverAuth'] as const) : (wanted ?? [])
  if (extended.length > 0) {
    list.push(
      extension(asn.id_ce_extKeyUsage, new asn.ExtendedKeyUsage(extended.map((one) => purposes[one])))
    )
  }
  const constraints = authority
    ? { cA: true, ...(authority.pathLength === null ? {} : { pathLenConstraint: authority.pathLength }) }
    : {}
  list.push(extension(asn.id_ce_basicConstraints, new asn.BasicConstraints(constraints), 'critical'))
  return list
}

function alternativeNames({
  names = [],
  ips = [],
  emails = [],
  uris = []
}: ExtensionOptions): asn.Extension[] {
  const all = [
    ...names.map((dNSName) => new asn.GeneralName({ dNSName })),
    ...ips.map((iPAddress) => new asn.GeneralName({ iPAddress })),
    ...emails.map((rfc822Name) => new asn.GeneralName({ rfc822Name })),
    ...uris.map((uniformResourceIdentifier) => new asn.GeneralName({ uniformResourceIdentifier }))
  ]
  return all.length === 0 ? [] : [extension(asn.id_ce_subjectAltName, new asn.SubjectAlternativeName(all))]
}

function whereabouts({ ocspUrls = [], issuerUrls = [], crlUrls = [] }: ExtensionOptions): asn.Extension[] {
  const list: asn.Extension[] = []
  const uri = (uniformResourceIdentifier: string) => new asn.GeneralName({ uniformResourceIdentifier })
  const access = [
    ...ocspUrls.map((url) => ({ accessMethod: asn.id_ad_ocsp, accessLocation: uri(url) })),
    ...issuerUrls.map((url) => ({ accessMethod: asn.id_ad_caIssuers, accessLocation: uri(url) }))
  ].map((one) => new asn.AccessDescription(one))
  if (access.length > 0) {
    list.push(extension(asn.id_pe_authorityInfoAccess, new asn.AuthorityInfoAccessSyntax(access)))
  }
  if (crlUrls.length > 0) {
    const distributionPoint = new asn.DistributionPointName({ fullName: crlUrls.map(uri) })
    const points = new asn.CRLDistributionPoints([new asn.DistributionPoint({ distributionPoint })])
    list.push(extension(asn.id_ce_cRLDistributionPoints, points))
  }
  return list
}

function features({ policies = [], mustStaple, scts }: ExtensionOptions): asn.Extension[] {
  const list: asn.Extension[] = []
  if (policies.length > 0) {
    const items = policies.map((policyIdentifier) => new asn.PolicyInformation({ policyIdentifier }))
    list.push(extension(asn.id_ce_certificatePolicies, new asn.CertificatePolicies(items)))
  }
  // SEQUENCE { INTEGER 5 } (RFC 7633 §4.2.3); an OCTET STRING holding an empty list of timestamps
  if (mustStaple) list.push(raw('1.3.6.1.5.5.7.1.24', Uint8Array.of(0x30, 3, 2, 1, 5)))
  if (scts) list.push(raw('1.3.6.1.4.1.11129.2.4.2', Uint8Array.of(4, 2, 0, 0)))
  return list
}

function extension(oid: string, value: object, critical?: 'critical'): asn.Extension {
  const extnValue = new OctetString(AsnSerializer.serialize(value))
  return new asn.Extension({ extnID: oid, critical: critical !== undefined, extnValue })
}

function raw(oid: string, value: Uint8Array): asn.Extension {
  return new asn.Extension({ extnID: oid, extnValue: new OctetString(exact(value)) })
}

/** The bytes as a buffer of exactly their length, which the ASN.1 library wants. */
export function exact(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}

/** A distinguished name with the given parts, in this order. */
export function distinguishedName(parts: readonly (readonly [oid: string, text: string])[]): asn.Name {
  const item = ([type, utf8String]: readonly [string, string]) =>
    new asn.RelativeDistinguishedName([
      new asn.AttributeTypeAndValue({ type, value: new asn.AttributeValue({ utf8String }) })
    ])
  return new asn.Name(parts.map(item))
}
