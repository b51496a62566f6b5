import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { CertFile, KeyFile } from './configuration.ts'

const block =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^]+?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g

/** The certificates of a PEM text in their order; null when there is none or one cannot be read. */
export function certificatesIn(pem: string): X509Certificate[] | null {
  try {
    const found = [...pem.matchAll(block)].map(([text]) => new X509Certificate(text))
    return found.length > 0 ? found : null
  } catch {
    return null
  }
}

/** The private key of a PEM text; null when there is none, or not with this passphrase. */
export function keyIn(pem: string, passphrase: string | null): KeyObject | null {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === null ? {} : { passphrase }) })
  } catch {
    return null
  }
}

export const isEncrypted = (pem: string) =>
  pem.includes('BEGIN ENCRYPTED PRIVATE KEY') || pem.includes('Proc-Type: 4,ENCRYPTED')

/** Kinds of pairs that a profile may hold one of each. */
export type PairKind = 'RSA' | 'DSA' | 'ECDSA'

/** Of which kind a key is; null: one that the device knows nothing to do with. */
export function pairKind(key: KeyObject): PairKind | null {
  const kinds: Readonly<Record<string, PairKind>> = { rsa: 'RSA', 'rsa-pss': 'RSA', dsa: 'DSA', ec: 'ECDSA' }
  return kinds[key.asymmetricKeyType ?? ''] ?? null
}

/** What the device says of a key: rsa, 2048, none; ec, 256, prime256v1. */
export function keyFacts(key: KeyObject): {
  readonly type: string
  readonly size: number
  readonly curve: string
} {
  const kind = pairKind(key) ?? 'RSA'
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const type = { RSA: 'rsa', DSA: 'dsa', ECDSA: 'ec' }[kind]
  const sizes: Readonly<Record<string, number>> = { prime256v1: 256, secp384r1: 384, secp521r1: 521 }
  if (kind === 'ECDSA') return { type, size: sizes[namedCurve] ?? 0, curve: namedCurve }
  return { type, size: modulusLength, curve: 'none' }
}

/** Is the key that of the certificate? */
export function isPair(cert: X509Certificate, key: KeyObject): boolean {
  return publicPartOf(cert).equals(publicPartOf(key))
}

// every change asks this of every pair
const publicParts = new WeakMap<X509Certificate | KeyObject, Buffer>()

function publicPartOf(one: X509Certificate | KeyObject): Buffer {
  const known = publicParts.get(one)
  if (known) return known
  const key = one instanceof X509Certificate ? one.publicKey : createPublicKey(one)
  const made = key.export({ type: 'spki', format: 'der' })
  publicParts.set(one, made)
  return made
}

/** SHA1:size:hex of a file's bytes. */
export function checksumOf(content: string): string {
  const bytes = Buffer.from(content, 'latin1')
  return `SHA1:${bytes.length}:${createHash('sha1').update(bytes).digest('hex')}`
}

/** `CN=a,O=b,C=DE`: the last name first. An empty one is undefined to Node. */
export function distinguishedName(lines: string | undefined): string {
  return (lines ?? '').split('\n').reverse().join(',')
}

/** Decimal when it fits into eight bytes, else hex in pairs. */
export function serialOf({ serialNumber }: X509Certificate): string {
  if (serialNumber.length <= 16) return BigInt(`0x${serialNumber}`).toString()
  return (serialNumber.toLowerCase().match(/../g) ?? []).join(':')
}

/** Names that a certificate is for, subjectAltName and common name, as a profile without a server name uses them. */
export function namesOf(cert: X509Certificate): string[] {
  const common = /^CN=(.+)$/m.exec(cert.subject ?? '')?.[1]
  const alternative = [...(cert.subjectAltName ?? '').matchAll(/DNS:([^,\s]+)/g)].map(
    ([, name]) => name ?? ''
  )
  return [...(common === undefined ? [] : [common]), ...alternative].map((name) => name.toLowerCase())
}

// a file of some hundred objects is listed often, and each certificate is parsed once
const parsed = new WeakMap<CertFile, X509Certificate[] | null>()
const parsedKeys = new WeakMap<KeyFile, KeyObject | null>()

/** As {@link certificatesIn}, once for each object. */
export function certificatesOf(file: CertFile): X509Certificate[] {
  const known = parsed.get(file)
  if (known) return known
  const found = certificatesIn(file.content) ?? []
  parsed.set(file, found)
  return found
}

/** As {@link keyIn}, once for each object, with the passphrase that it was stored with. */
export function keyOf(file: KeyFile): KeyObject | null {
  const known = parsedKeys.get(file)
  if (known !== undefined) return known
  const found = keyIn(file.content, file.passphrase)
  parsedKeys.set(file, found)
  return found
}
