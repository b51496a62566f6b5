import 'reflect-metadata'
import { AsnConvert } from '@peculiar/asn1-schema'
import { CRLNumber, id_ce_cRLNumber } from '@peculiar/asn1-x509'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  CRLDistributionPointsExtension,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PublicKey,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
  X509CrlReason
} from '@peculiar/x509'
import { Fault } from '../core/fault.ts'
import type { Random } from '../core/random.ts'
import { constraintsOf, type PermittedNames } from './ca-constraints.ts'
import {
  checkCa,
  checkNames,
  checkRequest,
  type SigningCa,
  type Validity,
  validityWithin
} from './ca-rules.ts'
import { ChainCertificate } from './chain-certificate.ts'
import { cryptoKeys } from './crypto-keys.ts'
import { alternativeNames, type Csr } from './csr.ts'
import { parseFully } from './full.ts'
import { type PrivateKey, publicPart } from './private-key.ts'
import type { RevocationReason } from './revocation.ts'
import { canonicalNames, subjectNames } from './subject-names.ts'
import { type SubjectFields, subjectName } from './subject.ts'

/** What a CA certificate is made of. */
export interface CaRecipe {
  readonly subject: SubjectFields
  readonly key: PrivateKey
  /** of {@link newSerial} */
  readonly serial: string
  /** cut to that of the issuer */
  readonly validity: Validity
  /** CAs that may follow below it; null: any number */
  readonly pathLength: number | null
  /** null: any name */
  readonly permitted: PermittedNames | null
  /** null: it signs itself, a root */
  readonly issuer: SigningCa | null
}

/** A serial number: 16 bytes from a good source, positive, first byte not zero (RFC 5280 §4.1.2.2), hex. */
export function newSerial(random: Random): string {
  const bytes = Buffer.from(random.bytes(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

/**
 * Makes the certificate of a root or an intermediate CA (RFC 5280 §4.2), DER. Faults: subject-malformed,
 * name-malformed (of what it permits), ca-unfit (the issuer may not).
 */
export async function makeCa(recipe: CaRecipe): Promise<Buffer> {
  const { subject, key, serial, validity, pathLength, permitted, issuer } = recipe
  const name = subjectName(subject)
  if (name.toString() === '') {
    throw new Fault('subject-malformed', 'subject: a CA has no name. Give at least CN.', { field: 'CN' })
  }
  const above = issuer && checkCa(issuer, { use: 'keyCertSign', below: pathLength ?? 0 })
  const usages = (KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign) as KeyUsageFlags
  return sign(issuer ?? { key, certificate: null }, {
    name,
    serial,
    validity: above ? validityWithin(above, validity) : validity,
    publicKey: publicPart(key),
    extensions: [
      new BasicConstraintsExtension(true, pathLength ?? undefined, true),
      new KeyUsagesExtension(usages, true),
      ...(permitted ? [constraintsOf(permitted)] : [])
    ]
  })
}

/** What a server certificate is made of. */
export interface LeafRecipe {
  readonly issuer: SigningCa
  /** its names are signed, and its common name where it is one of them; whatever else it asks for is not */
  readonly csr: Csr
  /** of {@link newSerial} */
  readonly serial: string
  /** cut to that of the issuer */
  readonly validity: Validity
  /** where the list of revoked certificates can be fetched */
  readonly crlUrls?: readonly string[]
}

/**
 * Issues a server certificate, DER. Faults: name-malformed, name-not-permitted, csr-malformed (weak key, names of
 * other kinds), ca-unfit.
 */
export async function issueCertificate({
  issuer,
  csr,
  serial,
  validity,
  crlUrls = []
}: LeafRecipe): Promise<Buffer> {
  const names = canonicalNames([...csr.dnsNames, ...csr.ipAddresses])
  checkRequest(csr)
  checkNames(issuer, names)
  const ca = checkCa(issuer, { use: 'keyCertSign', below: null })
  const commonName = commonNameOf(csr, names)
  const { digitalSignature, keyEncipherment } = KeyUsageFlags
  const usages =
    csr.keyType === 'RSA' ? ((digitalSignature | keyEncipherment) as KeyUsageFlags) : digitalSignature
  return sign(issuer, {
    name: subjectName(commonName === undefined ? {} : { CN: commonName }),
    serial,
    validity: validityWithin(ca, validity),
    publicKey: csr.publicKey.export({ type: 'spki', format: 'der' }),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(usages, true),
      new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']),
      // RFC 5280 §4.1.2.6: critical where the subject says nothing
      alternativeNames(names, commonName === undefined),
      ...(crlUrls.length > 0 ? [new CRLDistributionPointsExtension([...crlUrls])] : [])
    ]
  })
}

/** OpenSSL holds a common name against the constraints of DNS names, so that an address has no place there */
function commonNameOf({ commonName }: Csr, names: readonly string[]): string | undefined {
  const name = commonName?.toLowerCase()
  return subjectNames(names).dnsNames.find((one) => one === name && one.length <= 64)
}

/** A certificate that is not to be believed any more. */
export interface RevokedCertificate {
  /** as CertificateFields.serial has it */
  readonly serial: string
  /** milliseconds since the epoch */
  readonly at: number
  readonly reason: RevocationReason
}

/** What a revocation list is made of. */
export interface CrlRecipe {
  readonly issuer: SigningCa
  /** higher than that of every list before */
  readonly number: number
  /** milliseconds since the epoch, cut to the validity of the issuer */
  readonly thisUpdate: number
  readonly nextUpdate: number
  /** each serial once; those of expired certificates may be left out */
  readonly revoked: readonly RevokedCertificate[]
}

/** Makes a revocation list (RFC 5280 §5), DER. Faults: ca-unfit. */
export async function makeCrl({
  issuer,
  number,
  thisUpdate,
  nextUpdate,
  revoked
}: CrlRecipe): Promise<Buffer> {
  const certificate = checkCa(issuer, { use: 'cRLSign', below: null })
  const times = validityWithin(certificate, { notBefore: thisUpdate, notAfter: nextUpdate })
  const { privateKey, signingAlgorithm } = cryptoKeys(issuer.key)
  const crl = await X509CrlGenerator.create({
    issuer: nameOf(issuer.certificate),
    thisUpdate: new Date(times.notBefore),
    nextUpdate: new Date(times.notAfter),
    signingAlgorithm,
    signingKey: privateKey,
    entries: revoked.map(({ serial, at, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(at),
      reason: X509CrlReason[reason]
    })),
    extensions: [
      authorityKeyOf(certificate),
      new Extension(id_ce_cRLNumber, false, AsnConvert.serialize(new CRLNumber(number)))
    ]
  })
  return Buffer.from(crl.rawData)
}

interface Body {
  readonly name: Name
  readonly serial: string
  readonly validity: Validity
  /** SubjectPublicKeyInfo, DER */
  readonly publicKey: Buffer
  readonly extensions: readonly Extension[]
}

/** `certificate` null: it is made here, and signs itself */
async function sign(
  { key, certificate }: { readonly key: PrivateKey; readonly certificate: Uint8Array | null },
  { name, serial, validity, publicKey, extensions }: Body
): Promise<Buffer> {
  const { privateKey, signingAlgorithm } = cryptoKeys(key)
  const subjectKey = await SubjectKeyIdentifierExtension.create(new PublicKey(publicKey))
  const issuer = certificate && new ChainCertificate(certificate)
  const made = await X509CertificateGenerator.create({
    serialNumber: serial,
    subject: name,
    issuer: certificate ? nameOf(certificate) : name,
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    publicKey,
    signingKey: privateKey,
    signingAlgorithm,
    extensions: [
      ...extensions,
      subjectKey,
      issuer ? authorityKeyOf(issuer) : new AuthorityKeyIdentifierExtension(subjectKey.keyId)
    ]
  })
  return proven(Buffer.from(made.rawData), issuer)
}

/** what is handed out has been read and checked by code that did not make it */
function proven(der: Buffer, issuer: ChainCertificate | null): Buffer {
  const made = new ChainCertificate(der)
  const signer = issuer ?? made
  if (made.issuerKey === signer.subjectKey && made.namesAsIssuer(signer) && made.isSignedBy(signer))
    return der
  throw new Fault(
    'internal',
    'Tlsward made a mistake: a certificate of the private CA does not fit its issuer'
  )
}

/** the name of a CA as it stands in its certificate */
function nameOf(certificate: Uint8Array): Name {
  return new Name(parseFully(certificate).parts.tbsCertificate.subject)
}

/** RFC 5280 §4.2.1.1: what the issuer calls its key, however it came to that */
function authorityKeyOf({ fields }: ChainCertificate): AuthorityKeyIdentifierExtension {
  return new AuthorityKeyIdentifierExtension(fields.subjectKeyId ?? '')
}
