import { hash, type X509Certificate as NodeCertificate } from 'node:crypto'
import { type AlgorithmIdentifier, SubjectPublicKeyInfo } from '@peculiar/asn1-x509'
import { Fault } from '../core/fault.ts'
import type { CertificateFields, KeyType } from './fields.ts'
import { readExtensionsFully } from './full-extensions.ts'
import { dottedOf, hexOfBuffer, nameOf } from './full-values.ts'
import { openSslCertificate, publicKeyOf } from './open-ssl.ts'
import { hashAlgorithms, signatureAlgorithms } from './object-ids.ts'
import { CertificateParts, NamedCurve, parseAsn, PssParts } from './parts.ts'

/** A certificate as two libraries see it: @peculiar/asn1-schema its parts, OpenSSL its times and key. */
export interface FullCertificate {
  readonly parts: CertificateParts
  readonly node: NodeCertificate
}

/**
 * Reads one certificate by @peculiar/asn1-* and OpenSSL, sharing no parsing code with the quick reader: a
 * hundred times slower, for what people look at one by one. Throws a Fault certificate-malformed.
 *
 * Both readers agree on every field of a sound certificate. They differ in what they refuse:
 * - this one takes some BER that is no DER inside the certificate: indefinite and overlong lengths, and bytes behind
 *   the value of an extension, which is broken for the quick one;
 * - the quick one takes what OpenSSL refuses: INTEGERs with needless leading bytes, times without seconds or zone,
 *   names with invalid UTF-8 or values of odd types; and it shows the size of keys whose numbers make no key (0 here);
 * - both count a broken extension as absent, but the libraries' idea of broken is wider in parts that give no field
 *   (the issuer in an authorityKeyIdentifier, say), and narrower about lengths.
 */
export function readCertificateFully(der: Uint8Array): CertificateFields {
  return understood(() => fieldsOf(parseFully(der)))
}

/** The certificate as the libraries see it. Throws a Fault certificate-malformed. */
export function parseFully(der: Uint8Array): FullCertificate {
  return understood(() => {
    const node = openSslReads(der)
    return { parts: parseAsn(der, CertificateParts), node }
  })
}

function openSslReads(der: Uint8Array): NodeCertificate {
  const node = openSslCertificate(der)
  if (!node) throw new Error('OpenSSL does not take it for a certificate')
  if (node.raw.compare(der) !== 0) throw new Error('it is no DER, or something follows it')
  return node
}

/** Runs a reading of a certificate; whatever a library throws becomes the Fault. */
export function understood<T>(read: () => T): T {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw new Fault(
      'certificate-malformed',
      `The certificate is malformed: ${reason}. Give one X.509 certificate, PEM or DER.`,
      { reason },
      thrown
    )
  }
}

/** The fields of a certificate that the libraries have read. */
export function fieldsOf({ parts, node }: FullCertificate): CertificateFields {
  const { tbsCertificate: tbs } = parts
  const subject = nameOf(tbs.subject)
  return {
    fingerprint: hash('sha256', node.raw, 'hex'),
    serial: hexOfBuffer(tbs.serialNumber).replace(/^(?:00)+(?=..)/, ''),
    subject: subject.text,
    issuer: nameOf(tbs.issuer).text,
    commonName: subject.commonName,
    notBefore: timeOf(node.validFromDate, 'notBefore'),
    notAfter: timeOf(node.validToDate, 'notAfter'),
    ...keyOf(node, tbs.subjectPublicKeyInfo),
    spki: hash('sha256', new Uint8Array(tbs.subjectPublicKeyInfo), 'hex'),
    signatureAlgorithm: signatureNameOf(parts.signatureAlgorithm),
    selfIssued: hexOfBuffer(tbs.subject) === hexOfBuffer(tbs.issuer),
    ...readExtensionsFully(tbs.extensions ?? [])
  }
}

function timeOf(date: Date, field: string): number {
  const time = date.getTime()
  if (Number.isNaN(time)) throw new Error(`${field} is no time that exists`)
  return time
}

type KeyFields = Pick<CertificateFields, 'keyType' | 'keyBits' | 'curve'>

const keyTypes: Readonly<Record<string, KeyType>> = {
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.113549.1.1.7': 'RSA',
  '1.2.840.113549.1.1.10': 'RSA',
  '1.2.840.10045.2.1': 'ECDSA',
  '1.2.840.10040.4.1': 'DSA',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448'
}

function keyOf(node: NodeCertificate, spki: ArrayBuffer): KeyFields {
  const { algorithm, subjectPublicKey } = parseAsn(spki, SubjectPublicKeyInfo)
  const keyType = keyTypes[algorithm.algorithm] ?? 'other'
  if (keyType === 'Ed25519') return { keyType, keyBits: 256, curve: null }
  if (keyType === 'Ed448') return { keyType, keyBits: 456, curve: null }
  if (keyType === 'other') return { keyType, keyBits: 0, curve: null }
  const details = publicKeyOf(node)?.asymmetricKeyDetails
  if (keyType !== 'ECDSA') return { keyType, keyBits: details?.modulusLength ?? 0, curve: null }
  const curve = curveOf(algorithm.parameters)
  const name = details?.namedCurve ?? (curve?.startsWith('P-') ? curve : undefined)
  return { keyType, keyBits: bitsOfCurve(name) ?? bitsOfPoint(subjectPublicKey), curve }
}

const curveNames: Readonly<Record<string, string>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521'
}

function curveOf(parameters: ArrayBuffer | null | undefined): string | null {
  // explicit parameters are a SEQUENCE, an implicit curve is NULL: neither has a name
  if (!parameters || new Uint8Array(parameters)[0] !== 0x06) return null
  const oid = dottedOf(parseAsn(parameters, NamedCurve).oid)
  return curveNames[oid] ?? oid
}

/** OpenSSL's names of curves carry the size of the field: prime256v1, brainpoolP384r1, sect233k1 */
function bitsOfCurve(name: string | undefined): number | undefined {
  const size = /\d{3}/.exec(name ?? '')?.[0]
  return size === undefined ? undefined : Number(size)
}

/** a curve that OpenSSL does not know: the field is as long as a coordinate of the point */
function bitsOfPoint(point: ArrayBuffer): number {
  const compressed = (new Uint8Array(point)[0] ?? 0) < 4
  return 8 * (compressed ? point.byteLength - 1 : Math.floor((point.byteLength - 1) / 2))
}

/** The name of a signature algorithm, as CertificateFields.signatureAlgorithm has it. */
export function signatureNameOf(algorithm: AlgorithmIdentifier): string {
  const oid = dottedOf(algorithm.algorithm)
  const name = (signatureAlgorithms as Readonly<Record<string, string>>)[oid] ?? oid
  if (name !== 'RSA-PSS') return name
  const hashName = pssHashOf(algorithm)
  return hashName === 'SHA1' || hashName === 'MD5' ? `RSA-PSS-${hashName}` : name
}

/** The hash of the message under RSA-PSS, null when it is none of the known ones. */
export function pssHashOf({ parameters }: AlgorithmIdentifier): string | null {
  const pss = parameters ? parseAsn(parameters, PssParts) : new PssParts()
  if (!pss.hashAlgorithm) return 'SHA1'
  return (hashAlgorithms as Readonly<Record<string, string>>)[pss.hashAlgorithm.algorithm] ?? null
}
