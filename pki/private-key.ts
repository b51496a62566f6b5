import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  hash,
  type KeyObject,
  sign,
  verify
} from 'node:crypto'
import { promisify } from 'node:util'
import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { maxIterations, iterationsOfEncryptedKey } from './password-cost.ts'
import { readPem } from './pem.ts'

/** The kinds of keys that certificates are asked for. */
export const keyTypes = ['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384'] as const

/** One of {@link keyTypes}. */
export type KeyType = (typeof keyTypes)[number]

/** What a key type is called where only the algorithm counts: one certificate of each may be served beside the other. */
export type KeyFamily = 'rsa' | 'ecdsa'

/** The algorithm of a key type. */
export function keyFamily(type: KeyType): KeyFamily {
  return type.startsWith('rsa') ? 'rsa' : 'ecdsa'
}

/** A private key, and what may be known of it by everybody. */
export interface PrivateKey {
  readonly type: KeyType
  /** PKCS#8 in PEM, not encrypted */
  readonly pem: Secret
  /** SHA-256 of its SubjectPublicKeyInfo, lower-case hex, as CertificateFields.spki */
  readonly spki: string
}

const generate = promisify(generateKeyPair)

/** Makes a new key in a thread of its own: RSA takes up to some seconds, EC a millisecond. */
export async function makePrivateKey(type: KeyType): Promise<PrivateKey> {
  return describe(await generateKey(type), type)
}

async function generateKey(type: KeyType): Promise<KeyObject> {
  if (keyFamily(type) === 'rsa')
    return (await generate('rsa', { modulusLength: Number(type.slice('rsa-'.length)) })).privateKey
  return (await generate('ec', { namedCurve: type === 'ec-p256' ? 'P-256' : 'P-384' })).privateKey
}

/** The largest file with a key that is read, in characters: a bundle of a key and a long chain has some 50,000. */
const maxText = 1 << 20
const keyBlock = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/g

/**
 * Reads the one private key of a PEM text: PKCS#8, PKCS#1 or SEC1, encrypted or not, among other blocks
 * (certificates, EC parameters). Faults: key-malformed (none, several, broken), key-unsupported (its kind),
 * passphrase-wrong (missing or wrong).
 */
export function readPrivateKey(text: Secret, passphrase: Secret | null = null): PrivateKey {
  const whole = text.reveal()
  if (whole.length > maxText) throw malformed(`the text has more than ${maxText} characters`)
  const blocks = [...whole.matchAll(keyBlock)].map(([block]) => block)
  const [block, ...others] = blocks
  if (block === undefined) throw malformed('the text holds no PRIVATE KEY block')
  if (others.length > 0) throw malformed(`the text holds ${blocks.length} private keys`)
  return proven(openKey(block, passphrase))
}

/** Reads PKCS#8 DER, as other containers hold it. Faults: key-malformed, key-unsupported. */
export function readPkcs8(der: Uint8Array): PrivateKey {
  return proven(parsed({ key: Buffer.from(der), format: 'der', type: 'pkcs8' }))
}

/** The key as node:crypto takes it, for whoever signs. */
export function signingKey({ pem }: PrivateKey): KeyObject {
  return createPrivateKey(pem.reveal())
}

/** The public key of a private one, SubjectPublicKeyInfo DER. */
export function publicPart(key: PrivateKey): Buffer {
  return createPublicKey(signingKey(key)).export({ type: 'spki', format: 'der' })
}

function openKey(block: string, passphrase: Secret | null): KeyObject {
  const isPkcs8 = block.startsWith('-----BEGIN ENCRYPTED')
  // RFC 1421 §4.6.1.3: the older forms say it in a header
  if (!isPkcs8 && !/^DEK-Info:/m.test(block)) return parsed({ key: block, format: 'pem' })
  if (passphrase === null) {
    throw new Fault('passphrase-wrong', 'The private key is encrypted, and no passphrase was given. Give it.')
  }
  if (isPkcs8) checkCost(block)
  try {
    return createPrivateKey({ key: block, format: 'pem', passphrase: passphrase.reveal() })
  } catch {
    // OpenSSL tells a wrong passphrase from broken bytes only by chance; its error is kept away: it may quote input
    throw new Fault(
      'passphrase-wrong',
      'The private key does not open: the passphrase is another one, or the key is broken or of an unknown cipher. ' +
        'Give the passphrase that it was encrypted with.'
    )
  }
}

/** OpenSSL would do whatever number of rounds the file asks for */
function checkCost(block: string): void {
  const [first] = readPem(block)
  const iterations = first ? iterationsOfEncryptedKey(first.der) : 0
  if (iterations > maxIterations) {
    throw malformed(`its passphrase takes ${iterations} rounds, more than ${maxIterations}`)
  }
}

function parsed(input: Parameters<typeof createPrivateKey>[0]): KeyObject {
  try {
    return createPrivateKey(input)
  } catch {
    throw malformed('OpenSSL does not take it for a key')
  }
}

const curves: Readonly<Record<string, KeyType>> = { prime256v1: 'ec-p256', secp384r1: 'ec-p384' }

function typeOf(key: KeyObject): KeyType {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  const name = `${key.asymmetricKeyType ?? 'unknown'} ${modulusLength ?? namedCurve ?? ''}`.trim()
  const type =
    key.asymmetricKeyType === 'rsa'
      ? keyTypes.find((one) => one === `rsa-${modulusLength}`)
      : key.asymmetricKeyType === 'ec'
        ? curves[namedCurve ?? '']
        : undefined
  if (type) return type
  throw new Fault(
    'key-unsupported',
    `The private key is of the kind ${name}, which is not handled. Use one of ${keyTypes.join(', ')}.`,
    { kind: name }
  )
}

/** a key whose parts do not belong together is noticed here, not by the first client that meets it */
function proven(key: KeyObject): PrivateKey {
  const type = typeOf(key)
  const data = Buffer.from('proof')
  try {
    if (verify('sha256', data, createPublicKey(key), sign('sha256', data, key))) return describe(key, type)
  } catch {
    // it cannot even sign
  }
  throw malformed('its private and public part do not belong together')
}

function describe(key: KeyObject, type: KeyType): PrivateKey {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { type, pem: new Secret(pem), spki: hash('sha256', spki, 'hex') }
}

function malformed(problem: string): Fault {
  return new Fault(
    'key-malformed',
    `The private key cannot be read: ${problem}. Give one key, PEM: PKCS#8, PKCS#1 or SEC1.`,
    { problem }
  )
}
