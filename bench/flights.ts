import {
  createCipheriv,
  createECDH,
  createHash,
  createHmac,
  constants,
  randomBytes,
  sign,
  type KeyObject
} from 'node:crypto'
import type { Chain } from './chains.ts'

/** The bytes that a server answers to one certain ClientHello. */
export interface CannedFlight {
  readonly bytes: Uint8Array
  /** where the record with the Certificate message ends */
  readonly certificateEnd: number
  /** where in the leaf's serial number 8 bytes may be changed at will; 0: the chain is encrypted */
  readonly serialAt: number
}

/** What the answer needs of a ClientHello (RFC 8446 §4.1.2). */
interface ReadHello {
  readonly message: Buffer
  readonly random: Buffer
  readonly sessionId: Buffer
  readonly suites: readonly number[]
  readonly extensions: ReadonlyMap<number, Buffer>
}

const p256 = 23
const tls12Suites = { RSA: 0xc02f, ECDSA: 0xc02b } as const
const ciphers = {
  0x1301: { name: 'aes-128-gcm', hash: 'sha256', keyLength: 16 },
  0x1302: { name: 'aes-256-gcm', hash: 'sha384', keyLength: 32 },
  0x1303: { name: 'chacha20-poly1305', hash: 'sha256', keyLength: 32 }
} as const

/**
 * The TLS 1.2 flight of a server with this chain: ServerHello, Certificate, ServerKeyExchange,
 * ServerHelloDone (RFC 5246 §7.4), with a true signature.
 */
export function tls12Flight(hello: Uint8Array, chain: Chain): CannedFlight {
  const client = readHello(hello)
  const suite = tls12Suites[chain.keyType]
  if (!client.suites.includes(suite))
    throw new Error(`the hello does not offer suite 0x${suite.toString(16)}`)
  const random = randomBytes(32)
  const renegotiation = Buffer.from('ff01000100', 'hex')
  const serverHello = message(2, u16(0x0303), random, vector(1), u16(suite), u8(0), vector(2, renegotiation))
  const certificate = message(11, vector(3, ...chain.certificates.map((der) => vector(3, der))))
  const before = Buffer.concat([record(22, serverHello), record(22, certificate)])
  const bytes = Buffer.concat([
    before,
    record(22, keyExchange(client.random, random, chain)),
    record(22, message(14))
  ])
  return { bytes, certificateEnd: before.length, serialAt: bytes.indexOf(chain.serial) + 4 }
}

function keyExchange(clientRandom: Buffer, serverRandom: Buffer, chain: Chain): Buffer {
  const share = createECDH('prime256v1').generateKeys()
  const parameters = Buffer.concat([u8(3), u16(p256), vector(1, share)])
  const signed = Buffer.concat([clientRandom, serverRandom, parameters])
  const scheme = chain.keyType === 'RSA' ? 0x0401 : 0x0403
  return message(12, parameters, u16(scheme), vector(2, sign('sha256', signed, chain.key)))
}

/**
 * The TLS 1.3 flight of a server with this chain, in the suite that the hello offers first, with a key share
 * of P-256 (RFC 8446 §4): each message is a record of its own, as nginx sends them.
 */
export function tls13Flight(hello: Uint8Array, chain: Chain): CannedFlight {
  const client = readHello(hello)
  const suite = client.suites.find((id): id is keyof typeof ciphers => id in ciphers)
  if (suite === undefined) throw new Error('the hello offers no suite of TLS 1.3')
  const ecdh = createECDH('prime256v1')
  const share = ecdh.generateKeys()
  const extensions = Buffer.concat([
    Buffer.from('002b00020304', 'hex'),
    u16(51),
    vector(2, u16(p256), vector(2, share))
  ])
  const serverHello = message(
    2,
    u16(0x0303),
    randomBytes(32),
    vector(1, client.sessionId),
    u16(suite),
    u8(0),
    vector(2, extensions)
  )
  const secret = ecdh.computeSecret(clientShare(client))
  const handshake = new ServerHandshake(suite, secret, [client.message, serverHello])
  const extensionsRecord = handshake.seal(message(8, vector(2)))
  const entries = chain.certificates.map((der) => Buffer.concat([vector(3, der), vector(2)]))
  const certificateRecord = handshake.seal(message(11, vector(1), vector(3, ...entries)))
  const verifyRecord = handshake.seal(certificateVerify(handshake.transcript(), chain))
  const finishedRecord = handshake.seal(message(20, handshake.verifyData()))
  const before = Buffer.concat([
    record(22, serverHello),
    record(20, u8(1)),
    extensionsRecord,
    certificateRecord
  ])
  const bytes = Buffer.concat([before, verifyRecord, finishedRecord])
  return { bytes, certificateEnd: before.length, serialAt: 0 }
}

function certificateVerify(transcript: Buffer, { keyType, key }: Chain): Buffer {
  const context = Buffer.from(`${' '.repeat(64)}TLS 1.3, server CertificateVerify\0`)
  const signed = Buffer.concat([context, transcript])
  const [scheme, signature] =
    keyType === 'RSA' ? [0x0804, signPss(signed, key)] : [0x0403, sign('sha256', signed, key)]
  return message(15, u16(scheme), vector(2, signature))
}

function signPss(signed: Buffer, key: KeyObject): Buffer {
  return sign('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
}

/** The server's handshake keys and the messages so far (RFC 8446 §7.1, §5.2). */
class ServerHandshake {
  readonly #cipher: (typeof ciphers)[keyof typeof ciphers]
  readonly #messages: Buffer[]
  readonly #traffic: Buffer
  #sequence = 0

  constructor(suite: keyof typeof ciphers, secret: Buffer, messages: readonly Buffer[]) {
    this.#cipher = ciphers[suite]
    this.#messages = [...messages]
    const none = Buffer.alloc(this.#length)
    const derived = this.#expand(this.#hmac(none, none), 'derived', this.#hash(), this.#length)
    this.#traffic = this.#expand(this.#hmac(derived, secret), 's hs traffic', this.transcript(), this.#length)
  }

  transcript(): Buffer {
    return this.#hash(...this.#messages)
  }

  verifyData(): Buffer {
    const key = this.#expand(this.#traffic, 'finished', Buffer.alloc(0), this.#length)
    return this.#hmac(key, this.transcript())
  }

  /** a message as a protected record of its own; it joins the transcript */
  seal(plain: Buffer): Buffer {
    this.#messages.push(plain)
    const empty = Buffer.alloc(0)
    const key = this.#expand(this.#traffic, 'key', empty, this.#cipher.keyLength)
    const nonce = this.#expand(this.#traffic, 'iv', empty, 12)
    nonce[11] = (nonce[11] ?? 0) ^ this.#sequence++
    const header = Buffer.concat([Buffer.from('170303', 'hex'), u16(plain.length + 17)])
    // the types of node:crypto know each cipher name alone, not their union
    const cipher = createCipheriv(this.#cipher.name as 'aes-128-gcm', key, nonce, { authTagLength: 16 })
    cipher.setAAD(header)
    return Buffer.concat([
      header,
      cipher.update(Buffer.concat([plain, u8(22)])),
      cipher.final(),
      cipher.getAuthTag()
    ])
  }

  get #length(): number {
    return this.#cipher.hash === 'sha256' ? 32 : 48
  }

  #hash(...pieces: readonly Buffer[]): Buffer {
    return createHash(this.#cipher.hash).update(Buffer.concat(pieces)).digest()
  }

  #hmac(key: Buffer, data: Buffer): Buffer {
    return createHmac(this.#cipher.hash, key).update(data).digest()
  }

  #expand(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
    const info = Buffer.concat([
      u16(length),
      vector(1, Buffer.from(`tls13 ${label}`)),
      vector(1, context),
      u8(1)
    ])
    return this.#hmac(secret, info).subarray(0, length)
  }
}

function readHello(bytes: Uint8Array): ReadHello {
  const message = Buffer.from(bytes).subarray(5)
  const random = message.subarray(6, 38)
  const sessionId = message.subarray(39, 39 + message.readUInt8(38))
  let at = 39 + sessionId.length
  const suites: number[] = []
  for (let end = at + 2 + message.readUInt16BE(at), next = at + 2; next < end; next += 2) {
    suites.push(message.readUInt16BE(next))
  }
  at += 2 + 2 * suites.length
  at += 1 + message.readUInt8(at) + 2
  const extensions = new Map<number, Buffer>()
  while (at < message.length) {
    const end = at + 4 + message.readUInt16BE(at + 2)
    extensions.set(message.readUInt16BE(at), message.subarray(at + 4, end))
    at = end
  }
  return { message, random, sessionId, suites, extensions }
}

function clientShare({ extensions }: ReadHello): Buffer {
  const shares = extensions.get(51) ?? Buffer.alloc(2)
  for (let at = 2; at < shares.length; at += 4 + shares.readUInt16BE(at + 2)) {
    if (shares.readUInt16BE(at) === p256) return shares.subarray(at + 4, at + 4 + shares.readUInt16BE(at + 2))
  }
  throw new Error('the hello has no key share of P-256')
}

const u8 = (value: number) => Buffer.of(value)
const u16 = (value: number) => Buffer.of(value >>> 8, value & 255)

/** Bytes behind their length in `size` bytes. */
function vector(size: 1 | 2 | 3, ...pieces: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(pieces)
  const length = Buffer.alloc(size)
  length.writeUIntBE(body.length, 0, size)
  return Buffer.concat([length, body])
}

function message(type: number, ...pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat([u8(type), vector(3, ...pieces)])
}

function record(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([u8(type), u16(0x0303), vector(2, body)])
}
