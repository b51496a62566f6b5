import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/*
 * A small DER writer and certificate maker for tests: it writes what no library would, right and wrong, and
 * shares no code with the readers.
 */

/** One element: identifier octet and content. */
export function element(tag: number, ...content: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)))
  return Buffer.concat([Buffer.of(tag), lengthOf(body.length), body])
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  const bytes: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256)
  return Buffer.of(0x80 | bytes.length, ...bytes)
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts)
export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, ...parts)
export const octets = (...content: readonly Uint8Array[]): Buffer => element(0x04, ...content)
export const bits = (content: Uint8Array, unused = 0): Buffer => element(0x03, [unused], content)
export const integer = (...bytes: readonly number[]): Buffer => element(0x02, bytes)
export const boolean = (value: number): Buffer => element(0x01, [value])
export const ascii = (tag: number, text: string): Buffer => element(tag, Buffer.from(text, 'latin1'))
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'))

/** An OBJECT IDENTIFIER from its dotted text; parts may be large. */
export function oid(dotted: string): Buffer {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt)
  const parts = [first * 40n + second, ...rest].flatMap((part) => {
    const septets = [Number(part & 127n)]
    for (let left = part >> 7n; left > 0n; left >>= 7n) septets.unshift(Number(left & 127n) | 0x80)
    return septets
  })
  return element(0x06, parts)
}

/** One relative name of one attribute; the value is a whole element, or text as UTF8String. */
export function rdn(type: string, value: string | Uint8Array): Buffer {
  return set(attribute(type, value))
}

export function attribute(type: string, value: string | Uint8Array): Buffer {
  return sequence(oid(type), typeof value === 'string' ? utf8(value) : value)
}

/** A Name with a common name alone. */
export const commonName = (text: string): Buffer => sequence(rdn('2.5.4.3', text))

/** An extension; `value` is the DER inside the OCTET STRING. */
export function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return critical ? sequence(oid(id), boolean(0xff), octets(value)) : sequence(oid(id), octets(value))
}

export interface Forged {
  readonly der: Buffer
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** the subject's Name */
  readonly name: Buffer
}

/** What a forged certificate should be; everything has a default, and every part may be given raw. */
export interface Recipe {
  readonly version?: Uint8Array | null
  readonly serial?: Uint8Array
  readonly subject?: Uint8Array
  readonly notBefore?: Uint8Array
  readonly notAfter?: Uint8Array
  /** elements between the key and the extensions */
  readonly uniqueIds?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  /** the certificate's own key pair; one P-256 pair serves all that do not care */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly spki?: Uint8Array
  readonly signature?: Uint8Array
  readonly issuer?: Pick<Forged, 'privateKey' | 'name'>
}

const shared = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ecdsaSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const edDsa = sequence(oid('1.3.101.112'))
const rsaSha256 = sequence(oid('1.2.840.113549.1.1.11'), element(0x05))

/** A new key pair that is quick to make. */
export const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** Makes a certificate, self-signed unless an issuer is given. */
export function forge(recipe: Recipe = {}): Forged {
  const { publicKey, privateKey } = recipe.keys ?? shared
  const name = Buffer.from(recipe.subject ?? commonName('forged.example'))
  const signer = recipe.issuer ?? { privateKey, name }
  const algorithm = Buffer.from(recipe.signature ?? algorithmOf(signer.privateKey))
  const version =
    recipe.version === undefined ? element(0xa0, integer(2)) : (recipe.version ?? Buffer.alloc(0))
  const tbs = sequence(
    version,
    recipe.serial ?? integer(0x4a, 0x01),
    algorithm,
    signer.name,
    sequence(recipe.notBefore ?? utcTime('250101000000Z'), recipe.notAfter ?? utcTime('350101000000Z')),
    name,
    recipe.spki ?? publicKey.export({ type: 'spki', format: 'der' }),
    ...(recipe.uniqueIds ?? []),
    recipe.extensions ? element(0xa3, sequence(...recipe.extensions)) : Buffer.alloc(0)
  )
  return {
    der: sequence(tbs, algorithm, bits(signatureOf(tbs, signer.privateKey))),
    publicKey,
    privateKey,
    name
  }
}

export const utcTime = (text: string): Buffer => ascii(0x17, text)
export const generalizedTime = (text: string): Buffer => ascii(0x18, text)

function algorithmOf(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ec') return ecdsaSha256
  return key.asymmetricKeyType === 'ed25519' ? edDsa : rsaSha256
}

/** The signature that {@link forge} makes, for other signed structures. */
export function signatureOf(data: Uint8Array, key: KeyObject): Buffer {
  return sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', data, key)
}

/** basicConstraints of a CA, keyUsage of one, and a subject key identifier. */
export function caExtensions(keys: { readonly publicKey: KeyObject }, pathLength?: number): Buffer[] {
  const limit = pathLength === undefined ? Buffer.alloc(0) : integer(pathLength)
  return [
    extension('2.5.29.19', sequence(boolean(0xff), limit), true),
    extension('2.5.29.15', bits(Buffer.of(0x06), 1), true),
    extension('2.5.29.14', octets(keyIdOf(keys.publicKey)))
  ]
}

/** authorityKeyIdentifier of a key. */
export const authorityKeyId = (key: KeyObject): Buffer =>
  extension('2.5.29.35', sequence(element(0x80, keyIdOf(key))))

/** subjectAltName of DNS names. */
export const dnsNames = (...names: readonly string[]): Buffer =>
  extension('2.5.29.17', sequence(...names.map((name) => ascii(0x82, name))))

export function keyIdOf(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}
