import 'reflect-metadata'
import { KeyObject, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** A server's certificate chain with the key of its leaf, as large as real ones are. */
export interface Chain {
  readonly keyType: 'RSA' | 'ECDSA'
  /** leaf, intermediate, root: DER */
  readonly certificates: readonly Uint8Array[]
  readonly key: KeyObject
  /** serial number of the leaf: 16 bytes that stand nowhere else in the chain */
  readonly serial: Uint8Array
}

type KeyPair = webcrypto.CryptoKeyPair

const algorithms = {
  RSA: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1)
  },
  ECDSA: { name: 'ECDSA', hash: 'SHA-256', namedCurve: 'P-256' }
} as const

const dayMs = 86_400_000
const leafSerial = '4a1f5e0c93b7d2684a1f5e0c93b7d268'

/** Makes a chain of three certificates with fresh keys of one type. */
export async function makeChain(keyType: 'RSA' | 'ECDSA'): Promise<Chain> {
  x509.cryptoProvider.set(webcrypto)
  const [root, intermediate, leaf] = await Promise.all([
    makeKeys(keyType),
    makeKeys(keyType),
    makeKeys(keyType)
  ])
  const rootName = `CN=Bench Root ${keyType}, O=Tlsward Bench, C=US`
  const issuerName = `CN=Bench Issuing ${keyType} 1, O=Tlsward Bench, C=US`
  const top = { keyType, issuer: rootName, signer: root }
  const certificates = await Promise.all([
    certify({
      keyType,
      issuer: issuerName,
      signer: intermediate,
      subject: 'CN=www.bench.test',
      keys: leaf,
      serial: leafSerial,
      days: 90,
      extensions: leafExtensions
    }),
    certify({
      ...top,
      subject: issuerName,
      keys: intermediate,
      serial: '02',
      days: 3650,
      extensions: caExtensions
    }),
    certify({ ...top, subject: rootName, keys: root, serial: '01', days: 7300, extensions: caExtensions })
  ])
  const key = KeyObject.from(leaf.privateKey)
  return { keyType, certificates, key, serial: Uint8Array.from(Buffer.from(leafSerial, 'hex')) }
}

async function makeKeys(keyType: 'RSA' | 'ECDSA'): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(algorithms[keyType], true, ['sign', 'verify'])
}

interface Wanted {
  readonly keyType: 'RSA' | 'ECDSA'
  readonly issuer: string
  readonly signer: KeyPair
  readonly subject: string
  readonly keys: KeyPair
  readonly serial: string
  readonly days: number
  readonly extensions: readonly x509.Extension[]
}

async function certify(wanted: Wanted): Promise<Uint8Array> {
  const now = Date.now()
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: wanted.serial,
    subject: wanted.subject,
    issuer: wanted.issuer,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + wanted.days * dayMs),
    publicKey: wanted.keys.publicKey,
    signingKey: wanted.signer.privateKey,
    signingAlgorithm: algorithms[wanted.keyType],
    extensions: [
      ...wanted.extensions,
      await x509.SubjectKeyIdentifierExtension.create(wanted.keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(wanted.signer.publicKey)
    ]
  })
  return new Uint8Array(certificate.rawData)
}

const { digitalSignature, keyEncipherment, keyCertSign, cRLSign } = x509.KeyUsageFlags
const caExtensions: readonly x509.Extension[] = [
  new x509.BasicConstraintsExtension(true, undefined, true),
  new x509.KeyUsagesExtension(keyCertSign | cRLSign, true)
]
const leafExtensions: readonly x509.Extension[] = [
  new x509.BasicConstraintsExtension(false),
  new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true),
  new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  new x509.SubjectAlternativeNameExtension(
    ['www', 'api', 'login', 'static', 'mail'].map((host) => ({ type: 'dns', value: `${host}.bench.test` }))
  ),
  new x509.AuthorityInfoAccessExtension({
    ocsp: 'http://ocsp.bench.test',
    caIssuers: 'http://ca.bench.test/issuing.crt'
  }),
  new x509.CRLDistributionPointsExtension(['http://ca.bench.test/issuing.crl']),
  new x509.CertificatePolicyExtension(['2.23.140.1.2.1'])
]
