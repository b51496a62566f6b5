import {
  createDecipheriv,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject
} from 'node:crypto'
import { chacha20 } from '@noble/ciphers/chacha.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha384 } from '@noble/hashes/sha2.js'
import { join } from './bytes.ts'
import { p256Generator, type KeyShareOffer } from './hello.ts'
import { groups } from './suites.ts'

// The scan reads a certificate and goes: nothing of ours is kept secret by these keys, and what was read is
// not authenticated. So the key of the sweep may be the cheapest there is, the private key 1, whose shared
// secret is the X coordinate of the server's point. RFC 8446 §7.1 gives the key schedule.

/** Our side of a key agreement: what goes into the hello, and how the server's share becomes a secret. */
export interface KeyAgreement {
  readonly share: KeyShareOffer
  /** the shared secret, or undefined when the server's share is not a key of this group */
  secret(serverShare: Uint8Array): Uint8Array | undefined
}

/** The key agreement of the first hello: P-256 with the private key 1. */
export const sweepAgreement: KeyAgreement = {
  share: { group: groups.p256, key: p256Generator },
  secret: (point) => (point.length === 65 && point[0] === 4 ? point.subarray(1, 33) : undefined)
}

interface Curve {
  readonly type: 'ec' | 'x25519' | 'x448'
  readonly options: { namedCurve: string }
  /** bytes of a SubjectPublicKeyInfo before the key itself */
  readonly prefix: string
  readonly length: number
}

const curves: ReadonlyMap<number, Curve> = new Map<number, Curve>([
  [groups.p256, ec('P-256', '3059301306072a8648ce3d020106082a8648ce3d030107034200', 65)],
  [groups.p384, ec('P-384', '3076301006072a8648ce3d020106052b81040022036200', 97)],
  [groups.p521, ec('P-521', '30819b301006072a8648ce3d020106052b8104002303818600', 133)],
  [
    groups.x25519,
    { type: 'x25519', options: { namedCurve: '' }, prefix: '302a300506032b656e032100', length: 32 }
  ],
  [groups.x448, { type: 'x448', options: { namedCurve: '' }, prefix: '3042300506032b656f033900', length: 56 }]
])

function ec(namedCurve: string, prefix: string, length: number): Curve {
  return { type: 'ec', options: { namedCurve }, prefix, length }
}

const agreements = new Map<number, KeyAgreement>()

/**
 * The key agreement for a group that a server asks for by a HelloRetryRequest, or undefined for one that we
 * have no key for. One key pair per group serves the whole process.
 */
export function agreementFor(group: number): KeyAgreement | undefined {
  const known = agreements.get(group)
  const curve = curves.get(group)
  if (known || !curve) return known
  const pair = generatePair(curve)
  const der = pair.publicKey.export({ type: 'spki', format: 'der' })
  const agreement: KeyAgreement = {
    share: { group, key: Uint8Array.from(der.subarray(der.length - curve.length)) },
    secret: (key) => agree(pair.privateKey, curve, key)
  }
  agreements.set(group, agreement)
  return agreement
}

function generatePair({ type, options }: Curve): { publicKey: KeyObject; privateKey: KeyObject } {
  if (type === 'ec') return generateKeyPairSync('ec', options)
  return type === 'x25519' ? generateKeyPairSync('x25519') : generateKeyPairSync('x448')
}

function agree(privateKey: KeyObject, curve: Curve, key: Uint8Array): Uint8Array | undefined {
  if (key.length !== curve.length) return undefined
  const der = Buffer.concat([Buffer.from(curve.prefix, 'hex'), key])
  try {
    return diffieHellman({ privateKey, publicKey: { key: der, format: 'der', type: 'spki' } })
  } catch {
    return undefined // not a point of the curve: the server's mistake, an expected outcome
  }
}

interface Hashing {
  readonly hash: typeof sha256
  readonly length: number
  /** HMAC keyed by Derive-Secret(early secret, "derived", ""): the same for every connection without a PSK */
  readonly extract: ReturnType<typeof hmac.create>
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly keyLength: number
}

const hashings = new Map<number, Hashing>()

/** what a suite computes with, made at its first use; undefined for suites that are not of TLS 1.3 */
function hashingOf(suite: number): Hashing | undefined {
  const known = hashings.get(suite)
  if (known) return known
  const made = makers[suite]?.()
  if (made) hashings.set(suite, made)
  return made
}

const makers: Readonly<Record<number, () => Hashing>> = {
  0x1303: () => hashing(sha256, 'chacha20-poly1305', 32),
  0x1301: () => hashing(sha256, 'aes-128-gcm', 16),
  0x1302: () => hashing(sha384 as unknown as typeof sha256, 'aes-256-gcm', 32)
}

function hashing(hash: typeof sha256, cipher: Hashing['cipher'], keyLength: number): Hashing {
  const length = hash.outputLen
  const early = hmac(hash, new Uint8Array(length), new Uint8Array(length))
  const derived = expand(hash, { secret: early, label: 'derived', context: hash(new Uint8Array(0)), length })
  return { hash, length, extract: hmac.create(hash, derived), cipher, keyLength }
}

interface Expansion {
  readonly secret: Uint8Array
  readonly label: string
  readonly context: Uint8Array
  readonly length: number
}

/** HKDF-Expand-Label (RFC 8446 §7.1) for outputs of one block. */
function expand(hash: typeof sha256, { secret, label, context, length }: Expansion): Uint8Array {
  const info = new Uint8Array(11 + label.length + context.length)
  info[1] = length
  info[2] = 6 + label.length
  info.set(labelPrefix, 3)
  for (let at = 0; at < label.length; at++) info[9 + at] = label.charCodeAt(at)
  info[9 + label.length] = context.length
  info.set(context, 10 + label.length)
  info[info.length - 1] = 1
  const block = hmac(hash, secret, info)
  return length === block.length ? block : block.subarray(0, length)
}

const labelPrefix = Uint8Array.from(Buffer.from('tls13 '))
const noContext = new Uint8Array(0)

/** The messages of one handshake up to the ServerHello, as they go into the transcript (RFC 8446 §4.4.1). */
export interface Transcript {
  /** ClientHello; after a retry: ClientHello, HelloRetryRequest, ClientHello */
  readonly messages: readonly Uint8Array[]
  readonly serverHello: Uint8Array
}

/** The plaintext of one record body, or undefined when it does not open. */
type Opener = (nonce: Uint8Array, record: Uint8Array, header: Uint8Array) => Uint8Array | undefined

/** Opens the server's handshake records of one connection (RFC 8446 §5.2). */
export class ServerRecords {
  readonly #open: Opener
  readonly #iv: Uint8Array
  #sequence = 0

  private constructor(open: Opener, iv: Uint8Array) {
    this.#open = open
    this.#iv = iv
  }

  /** The keys after a ServerHello of `suite`, or undefined for a suite that TLS 1.3 does not have here. */
  static derive(suite: number, secret: Uint8Array, transcript: Transcript): ServerRecords | undefined {
    const kit = hashingOf(suite)
    if (!kit) return undefined
    const { hash, length } = kit
    const context = transcriptHash(hash, transcript)
    const handshake = kit.extract.clone().update(secret).digest()
    const server = expand(hash, { secret: handshake, label: 's hs traffic', context, length })
    const key = expand(hash, { secret: server, label: 'key', context: noContext, length: kit.keyLength })
    const iv = expand(hash, { secret: server, label: 'iv', context: noContext, length: 12 })
    return new ServerRecords(opener(kit.cipher, key), iv)
  }

  /**
   * The plaintext of a record body with its inner content type at the end (padding still there), or undefined
   * when it does not open. `header` is the 5 bytes before it.
   */
  open(record: Uint8Array, header: Uint8Array): Uint8Array | undefined {
    if (record.length < 17) return undefined
    const nonce = this.#iv.slice()
    for (let at = 0, rest = this.#sequence; at < 4; at++, rest >>>= 8) nonce[11 - at]! ^= rest & 255
    this.#sequence++
    return this.#open(nonce, record, header)
  }
}

function opener(cipher: Hashing['cipher'], key: Uint8Array): Opener {
  // ChaCha20 runs in plain JavaScript, without a native object for each connection. Its tag is not checked:
  // the peer is not authenticated here anyway, and what comes out is parsed strictly.
  if (cipher === 'chacha20-poly1305') {
    return (nonce, record) => chacha20(key, nonce, record.subarray(0, record.length - 16), undefined, 1)
  }
  // raw keys cost three to four times as much as KeyObjects on Node 24
  const keyObject = createSecretKey(key)
  return (nonce, record, header) => {
    try {
      const decipher = createDecipheriv(cipher, keyObject, nonce)
      decipher.setAAD(header)
      decipher.setAuthTag(record.subarray(record.length - 16))
      return join(decipher.update(record.subarray(0, record.length - 16)), decipher.final())
    } catch {
      return undefined // the tag does not fit: the server's mistake, an expected outcome
    }
  }
}

/** Transcript-Hash; after a retry the first hello stands in as a message_hash (RFC 8446 §4.4.1). */
function transcriptHash(hash: typeof sha256, { messages, serverHello }: Transcript): Uint8Array {
  const [first = noContext, ...later] = messages
  if (later.length === 0) return helloState(hash, first).clone().update(serverHello).digest()
  const state = hash
    .create()
    .update(Uint8Array.of(254, 0, 0, hash.outputLen))
    .update(hash(first))
  for (const message of later) state.update(message)
  return state.update(serverHello).digest()
}

const helloStates = new WeakMap<Uint8Array, Map<typeof sha256, ReturnType<typeof sha256.create>>>()

/** The hash state after a hello, kept: the sweep sends the same hello to every server. */
function helloState(hash: typeof sha256, message: Uint8Array): ReturnType<typeof sha256.create> {
  let states = helloStates.get(message)
  if (!states) helloStates.set(message, (states = new Map()))
  let state = states.get(hash)
  if (!state) states.set(hash, (state = hash.create().update(message)))
  return state
}
