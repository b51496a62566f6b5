import { type KeyObject, constants, createHash, createPublicKey, randomBytes, sign } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  Certificate as AsnCertificate,
  type Name,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version
} from '@peculiar/asn1-x509'
import { type ExtensionOptions, distinguishedName, exact, extensions } from './extensions.ts'
import { type KeyKind, createKey } from './keys.ts'

/** Digests that a certificate can be signed with. */
export type Hash = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** What a certificate is to be like. */
export interface CertificateOptions extends ExtensionOptions {
  /** subject CN; default: the first name or address; null for a subject without one */
  readonly commonName?: string | null
  /** subject O */
  readonly organization?: string
  /** the kind of a fresh key, or a private key to use (again). Default p256 */
  readonly key?: KeyKind | KeyObject
  /** of somebody else, who keeps the private key to himself; the certificate's own `key` is then another one */
  readonly publicKey?: KeyObject
  /** milliseconds since the epoch. Default: yesterday */
  readonly notBefore?: number
  /** milliseconds since the epoch. Default: in 60 days, in ten years for an authority */
  readonly notAfter?: number
  readonly hash?: Hash
  /** who signs; left out: the certificate itself (self-signed) */
  readonly issuer?: Certificate
  /** serial number, hex. Default: 16 random bytes */
  readonly serial?: string
}

/** A certificate with its key and its way up. */
export interface Certificate {
  readonly der: Buffer
  readonly pem: string
  readonly key: KeyObject
  /** PKCS#8 */
  readonly keyPem: string
  /** SHA-256 of the DER, lower-case hex */
  readonly fingerprint: string
  readonly subject: Name
  readonly keyId: Uint8Array
  readonly issuer: Certificate | null
  /** what a well configured server sends: this certificate, then its issuers up to but without the root */
  readonly chain: readonly Certificate[]
}

const day = 86_400_000

/** Makes and signs a certificate: a leaf, or an authority when `authority` is given. */
export function createCertificate(options: CertificateOptions = {}): Certificate {
  const key =
    options.key === undefined || typeof options.key === 'string'
      ? createKey(options.key ?? 'p256')
      : options.key
  const subject = subjectOf(options)
  const spki = (options.publicKey ?? createPublicKey(key)).export({ type: 'spki', format: 'der' })
  const subjectPublicKeyInfo = AsnConvert.parse(spki, SubjectPublicKeyInfo)
  const keyId = createHash('sha1').update(new Uint8Array(subjectPublicKeyInfo.subjectPublicKey)).digest()
  const issuer = options.issuer ?? null
  const signer = signature(issuer?.key ?? key, options.hash ?? 'sha256')
  const body = new TBSCertificate({
    version: Version.v3,
    serialNumber: exact(serialNumber(options.serial)),
    signature: signer.algorithm,
    issuer: issuer?.subject ?? subject,
    validity: validity(options),
    subject,
    subjectPublicKeyInfo,
    extensions: extensions(options, { subject: keyId, issuer: issuer?.keyId ?? keyId })
  })
  const signed = new AsnCertificate({
    tbsCertificate: body,
    signatureAlgorithm: signer.algorithm,
    signatureValue: exact(signer.sign(Buffer.from(AsnConvert.serialize(body))))
  })
  return finished({ der: Buffer.from(AsnConvert.serialize(signed)), key, subject, keyId, issuer })
}

/** An authority: a root, or an intermediate when it has an issuer. */
export function createAuthority(commonName: string, options: CertificateOptions = {}): Certificate {
  const notAfter = Date.now() + 3650 * day
  return createCertificate({ notAfter, commonName, authority: { pathLength: null }, ...options })
}

/** Certificates as one PEM text, in the order given. */
export function pemOf(certificates: readonly Certificate[]): string {
  return certificates.map(({ pem }) => pem).join('')
}

function finished(made: Pick<Certificate, 'der' | 'key' | 'subject' | 'keyId' | 'issuer'>): Certificate {
  const { der, key, issuer } = made
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  const chain: Certificate[] = []
  const certificate: Certificate = {
    ...made,
    pem: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'),
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: createHash('sha256').update(der).digest('hex'),
    chain
  }
  chain.push(certificate, ...(issuer?.issuer ? issuer.chain : []))
  return certificate
}

function subjectOf({ commonName, organization, names = [], ips = [] }: CertificateOptions): Name {
  const common = commonName === undefined ? (names[0] ?? ips[0] ?? null) : commonName
  return distinguishedName([
    ...(organization === undefined ? [] : [['2.5.4.10', organization] as const]),
    ...(common === null ? [] : [['2.5.4.3', common] as const])
  ])
}

function validity({ notBefore, notAfter }: CertificateOptions): Validity {
  const whole = (ms: number) => new Date(Math.floor(ms / 1000) * 1000)
  const now = Date.now()
  return new Validity({
    notBefore: whole(notBefore ?? now - day),
    notAfter: whole(notAfter ?? now + 60 * day)
  })
}

function serialNumber(hex: string | undefined): Uint8Array {
  if (hex !== undefined) return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const bytes = randomBytes(16)
  // positive, and no leading zero
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f)
  return bytes
}

interface Signature {
  readonly algorithm: AlgorithmIdentifier
  readonly sign: (data: Buffer) => Buffer
}

const rsaOids = { md5: 4, sha1: 5, sha256: 11, sha384: 12, sha512: 13 } as const
const ecdsaOids = { md5: '1', sha1: '1', sha256: '3.2', sha384: '3.3', sha512: '3.4' } as const
// RSASSA-PSS-params of RFC 4055 §3.1: SHA-256, MGF1 with SHA-256, salt of 32 bytes
const pssParameters =
  '3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120'

function signature(key: KeyObject, hash: Hash): Signature {
  const plain = (algorithm: string) => ({
    algorithm: new AlgorithmIdentifier({ algorithm }),
    sign: (data: Buffer) => sign(hash, data, key)
  })
  switch (key.asymmetricKeyType) {
    case 'rsa': {
      const algorithm = new AlgorithmIdentifier({
        algorithm: `1.2.840.113549.1.1.${rsaOids[hash]}`,
        parameters: null
      })
      return { ...plain(''), algorithm }
    }
    case 'rsa-pss': {
      const parameters = exact(Buffer.from(pssParameters, 'hex'))
      const how = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
      return {
        algorithm: new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.10', parameters }),
        sign: (data) => sign('sha256', data, how)
      }
    }
    case 'ec':
      return plain(`1.2.840.10045.4.${ecdsaOids[hash]}`)
    case 'ed25519':
      return { ...plain('1.3.101.112'), sign: (data) => sign(null, data, key) }
    case 'ed448':
      return { ...plain('1.3.101.113'), sign: (data) => sign(null, data, key) }
    case 'dsa':
      return plain(hash === 'sha1' ? '1.2.840.10040.4.3' : '2.16.840.1.101.3.4.3.2')
    default:
      throw new Error(`no signature with a key of type ${key.asymmetricKeyType}`)
  }
}
