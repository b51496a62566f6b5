import {
  AsnArray,
  AsnConvert,
  AsnIntegerArrayBufferConverter,
  AsnProp,
  AsnPropTypes,
  AsnType,
  AsnTypeTypes
} from '@peculiar/asn1-schema'
import { AlgorithmIdentifier, type Extension, Extensions } from '@peculiar/asn1-x509'

/*
 * Schemas for the full reader. They differ from those of @peculiar/asn1-x509 in what stays raw: names, times and
 * the key keep their DER, which that library drops or rounds.
 */

/** TBSCertificate (RFC 5280 §4.1), names, validity and key as they stand. */
export class TbsParts {
  version = 0
  serialNumber = new ArrayBuffer(0)
  signature = new ArrayBuffer(0)
  issuer = new ArrayBuffer(0)
  validity = new ArrayBuffer(0)
  subject = new ArrayBuffer(0)
  subjectPublicKeyInfo = new ArrayBuffer(0)
  issuerUniqueID: ArrayBuffer | undefined
  subjectUniqueID: ArrayBuffer | undefined
  extensions: readonly Extension[] | undefined
}
AsnProp({ type: AsnPropTypes.Integer, context: 0, defaultValue: 0 })(TbsParts.prototype, 'version')
AsnProp({ type: AsnPropTypes.Integer, converter: AsnIntegerArrayBufferConverter })(
  TbsParts.prototype,
  'serialNumber'
)
for (const raw of ['signature', 'issuer', 'validity', 'subject', 'subjectPublicKeyInfo']) {
  AsnProp({ type: AsnPropTypes.Any })(TbsParts.prototype, raw)
}
AsnProp({ type: AsnPropTypes.BitString, context: 1, implicit: true, optional: true })(
  TbsParts.prototype,
  'issuerUniqueID'
)
AsnProp({ type: AsnPropTypes.BitString, context: 2, implicit: true, optional: true })(
  TbsParts.prototype,
  'subjectUniqueID'
)
AsnProp({ type: Extensions, context: 3, optional: true })(TbsParts.prototype, 'extensions')

/** Certificate (RFC 5280 §4.1). */
export class CertificateParts {
  tbsCertificate = new TbsParts()
  signatureAlgorithm = new AlgorithmIdentifier()
  signatureValue = new ArrayBuffer(0)
}
AsnProp({ type: TbsParts })(CertificateParts.prototype, 'tbsCertificate')
AsnProp({ type: AlgorithmIdentifier })(CertificateParts.prototype, 'signatureAlgorithm')
AsnProp({ type: AsnPropTypes.BitString })(CertificateParts.prototype, 'signatureValue')

/** AttributeTypeAndValue whose value keeps its DER: RFC 4514 shows it in hex for types without a short name. */
export class AttributeParts {
  type = ''
  value: ArrayBuffer | null = null
}
AsnProp({ type: AsnPropTypes.ObjectIdentifier })(AttributeParts.prototype, 'type')
AsnProp({ type: AsnPropTypes.Any })(AttributeParts.prototype, 'value')

/** RelativeDistinguishedName. */
export class RelativeNameParts extends AsnArray<AttributeParts> {}
AsnType({ type: AsnTypeTypes.Set, itemType: AttributeParts })(RelativeNameParts)

/** Name. */
export class NameParts extends AsnArray<RelativeNameParts> {}
AsnType({ type: AsnTypeTypes.Sequence, itemType: RelativeNameParts })(NameParts)

/** Features of a TLS feature extension (RFC 7633 §6). */
export class TlsFeatures extends AsnArray<number> {}
AsnType({ type: AsnTypeTypes.Sequence, itemType: AsnPropTypes.Integer })(TlsFeatures)

/** Parameters of an EC key that name the curve; explicit ones do not match. */
export class NamedCurve {
  oid = ''
}
AsnProp({ type: AsnPropTypes.ObjectIdentifier })(NamedCurve.prototype, 'oid')
AsnType({ type: AsnTypeTypes.Choice })(NamedCurve)

/** Parameters of RSASSA-PSS (RFC 4055 §3.1) as far as they name the hash. */
export class PssParts {
  hashAlgorithm: AlgorithmIdentifier | undefined
  maskGenAlgorithm: AlgorithmIdentifier | undefined
  saltLength: number | undefined
  trailerField: number | undefined
}
AsnProp({ type: AlgorithmIdentifier, context: 0, optional: true })(PssParts.prototype, 'hashAlgorithm')
AsnProp({ type: AlgorithmIdentifier, context: 1, optional: true })(PssParts.prototype, 'maskGenAlgorithm')
AsnProp({ type: AsnPropTypes.Integer, context: 2, optional: true })(PssParts.prototype, 'saltLength')
AsnProp({ type: AsnPropTypes.Integer, context: 3, optional: true })(PssParts.prototype, 'trailerField')

/** BasicOCSPResponse (RFC 6960 §4.2.1); what is signed and the certificates stay as they stand. */
export class BasicOcspParts {
  tbsResponseData = new ArrayBuffer(0)
  signatureAlgorithm = new AlgorithmIdentifier()
  signature = new ArrayBuffer(0)
  certs: readonly ArrayBuffer[] | undefined
}
AsnProp({ type: AsnPropTypes.Any })(BasicOcspParts.prototype, 'tbsResponseData')
AsnProp({ type: AlgorithmIdentifier })(BasicOcspParts.prototype, 'signatureAlgorithm')
AsnProp({ type: AsnPropTypes.BitString })(BasicOcspParts.prototype, 'signature')
AsnProp({ type: AsnPropTypes.Any, context: 0, repeated: 'sequence', optional: true })(
  BasicOcspParts.prototype,
  'certs'
)

/** What of an untrusted structure is read at most; OCTET and BIT STRINGs are not looked into. */
const limits = {
  berOptions: { maxDepth: 32, maxNodes: 200_000, maxContentLength: 1 << 20, parseEmbedded: false }
}

/** Parses DER by a schema of @peculiar/asn1-schema. Throws what that library throws. */
export function parseAsn<T>(der: ArrayBuffer | Uint8Array, target: new () => T): T {
  return AsnConvert.parse(der, target, limits)
}
