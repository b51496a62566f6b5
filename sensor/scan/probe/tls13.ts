import { createDecipheriv, createSecretKey } from 'node:crypto'
import { chacha20 } from '@noble/ciphers/chacha.js'
import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha384 } from '@noble/hashes/sha2.js'
import { copyOf, join } from './bytes.ts'
import { begin, finish, hmac, hmacKey, sha256 } from './sha256.ts'

// The key schedule and records of TLS 1.3 (RFC 8446 §7.1, §5.2), as far as reading a certificate takes.

/** A hash function with what the key schedule does with it. */
interface Hashing {
  readonly length: number
  hash(bytes: Uint8Array): Uint8Array
  /** takes the beginning of an input; the function hashes it with what follows, as often as wanted */
  begin(bytes: Uint8Array): (rest: Uint8Array) => Uint8Array
  /** makes a key ready; the function gives the HMAC of a message */
  key(bytes: Uint8Array): (message: Uint8Array) => Uint8Array
}

const hashing256: Hashing = {
  length: 32,
  hash: sha256,
  begin(bytes) {
    const state = begin(bytes)
    return (rest) => finish(state, rest)
  },
  key(bytes) {
    const ready = hmacKey(bytes)
    return (message) => hmac(ready, message)
  }
}

const hashing384: Hashing = {
  length: 48,
  hash: sha384,
  begin(bytes) {
    const state = sha384.create().update(bytes)
    return (rest) => state.clone().update(rest).digest()
  },
  key(bytes) {
    const ready = nobleHmac.create(sha384, bytes)
    return (message) => ready.clone().update(message).digest()
  }
}

/** What a cipher suite of TLS 1.3 computes with. */
interface Kit {
  readonly hashing: Hashing
  /** HMAC keyed by Derive-Secret(early secret, "derived", ""): the same for every connection without a PSK */
  readonly extract: (secret: Uint8Array) => Uint8Array
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly keyLength: number
}

const kits = new Map<number, Kit>()

/** what a suite computes with, made at its first use; undefined for suites that are not of TLS 1.3 */
function kitOf(suite: number): Kit | undefined {
  const known = kits.get(suite)
  if (known) return known
  const made = makers[suite]?.()
  if (made) kits.set(suite, made)
  return made
}

const makers: Readonly<Record<number, () => Kit>> = {
  0x1303: () => kit(hashing256, 'chacha20-poly1305', 32),
  0x1301: () => kit(hashing256, 'aes-128-gcm', 16),
  0x1302: () => kit(hashing384, 'aes-256-gcm', 32)
}

function kit(hashing: Hashing, cipher: Kit['cipher'], keyLength: number): Kit {
  const { length } = hashing
  const early = hashing.key(new Uint8Array(length))(new Uint8Array(length))
  const derived = expand(hashing.key(early), 'derived', hashing.hash(noContext), length)
  return { hashing, extract: hashing.key(derived), cipher, keyLength }
}

/** HKDF-Expand-Label (RFC 8446 §7.1) for outputs of one block; `mac` is keyed by the secret. */
function expand(
  mac: (message: Uint8Array) => Uint8Array,
  label: string,
  context: Uint8Array,
  length: number
): Uint8Array {
  const info = new Uint8Array(11 + label.length + context.length)
  info[1] = length
  info[2] = 6 + label.length
  info.set(labelPrefix, 3)
  for (let at = 0; at < label.length; at++) info[9 + at] = label.charCodeAt(at)
  info[9 + label.length] = context.length
  info.set(context, 10 + label.length)
  info[info.length - 1] = 1
  const block = mac(info)
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
    const kit = kitOf(suite)
    if (!kit) return undefined
    const { hashing } = kit
    const context = transcriptHash(hashing, transcript)
    const handshake = hashing.key(kit.extract(secret))
    return ServerRecords.#of(kit, expand(handshake, 's hs traffic', context, hashing.length))
  }

  /** The same by the server's handshake traffic secret itself. */
  static bySecret(suite: number, secret: Uint8Array): ServerRecords | undefined {
    const kit = kitOf(suite)
    return kit && ServerRecords.#of(kit, secret)
  }

  static #of({ hashing, cipher, keyLength }: Kit, secret: Uint8Array): ServerRecords {
    const server = hashing.key(secret)
    const key = expand(server, 'key', noContext, keyLength)
    return new ServerRecords(opener(cipher, key), expand(server, 'iv', noContext, 12))
  }

  /**
   * The plaintext of a record body with its inner content type at the end (padding still there), or undefined
   * when it does not open; valid until the next record is opened. `header` is the 5 bytes before it.
   */
  open(record: Uint8Array, header: Uint8Array): Uint8Array | undefined {
    if (record.length < 17) return undefined
    const nonce = copyOf(this.#iv)
    for (let at = 0, rest = this.#sequence; at < 4; at++, rest >>>= 8) nonce[11 - at]! ^= rest & 255
    this.#sequence++
    return this.#open(nonce, record, header)
  }
}

function opener(cipher: Kit['cipher'], key: Uint8Array): Opener {
  // ChaCha20 runs in plain JavaScript, without a native object for each connection. Its tag is not checked:
  // the peer is not authenticated here anyway, and what comes out is parsed strictly.
  if (cipher === 'chacha20-poly1305') return (nonce, record) => openChaCha(key, nonce, record)
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

// the cipher works in words: from and to buffers of its own that are aligned, it is twice as fast
const sealed = new Uint8Array(18_432)
const opened = new Uint8Array(18_432)

function openChaCha(key: Uint8Array, nonce: Uint8Array, record: Uint8Array): Uint8Array {
  const length = record.length - 16
  sealed.set(record.subarray(0, length))
  return chacha20(key, nonce, sealed.subarray(0, length), opened.subarray(0, length), 1)
}

/** Transcript-Hash; after a retry the first hello stands in as a message_hash (RFC 8446 §4.4.1). */
function transcriptHash(hashing: Hashing, { messages, serverHello }: Transcript): Uint8Array {
  const [first = noContext, ...later] = messages
  if (later.length === 0) return helloState(hashing, first)(serverHello)
  const standIn = join(Uint8Array.of(254, 0, 0, hashing.length), hashing.hash(first))
  return hashing.hash(join(standIn, ...later, serverHello))
}

const helloStates = new WeakMap<Uint8Array, Map<Hashing, (rest: Uint8Array) => Uint8Array>>()

/** The hash begun with a hello, kept: the sweep sends the same hello to every server. */
function helloState(hashing: Hashing, message: Uint8Array): (rest: Uint8Array) => Uint8Array {
  let states = helloStates.get(message)
  if (!states) helloStates.set(message, (states = new Map()))
  let state = states.get(hashing)
  if (!state) states.set(hashing, (state = hashing.begin(message)))
  return state
}
