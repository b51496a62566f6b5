import {
  type KeyObject,
  constants,
  createCipheriv,
  createECDH,
  createHash,
  createHmac,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
  sign
} from 'node:crypto'
import type { Certificate } from './certificates.ts'
import { type ClientHello, extensionType } from './client-hello.ts'
import { suite } from './suites.ts'
import {
  contentType,
  extension,
  message,
  messageType,
  record,
  u16,
  u24,
  u8,
  vector,
  version
} from './wire.ts'

/** What is known of a TLS 1.3 suite. */
interface Suite {
  readonly id: number
  readonly hash: 'sha256' | 'sha384'
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305'
  readonly keyLength: number
}

const suites: readonly Suite[] = [
  { id: suite.aes128GcmSha256, hash: 'sha256', cipher: 'aes-128-gcm', keyLength: 16 },
  { id: suite.aes256GcmSha384, hash: 'sha384', cipher: 'aes-256-gcm', keyLength: 32 },
  { id: suite.chacha20Sha256, hash: 'sha256', cipher: 'chacha20-poly1305', keyLength: 32 }
]

/** Named groups (RFC 8446 §4.2.7). */
export const group = { p256: 23, p384: 24, p521: 25, x25519: 29, x448: 30 } as const

/** The server's random that marks a HelloRetryRequest (RFC 8446 §4.1.3). */
const retryRandom = createHash('sha256').update('HelloRetryRequest').digest()

/** What a TLS 1.3 ServerHello says; what is left out is as it should be. */
export interface Hello13 {
  readonly suite?: number
  /** the key_share extension's body, or null for none */
  readonly share?: Buffer | null
  readonly random?: Buffer
  readonly extensions?: readonly Buffer[]
}

/** A ServerHello of TLS 1.3 (RFC 8446 §4.1.3). */
export function serverHello13(hello: ClientHello, say: Hello13 = {}): Buffer {
  const extensions = [
    extension(extensionType.supportedVersions, u16(version.tls13)),
    ...(say.share ? [extension(extensionType.keyShare, say.share)] : []),
    ...(say.extensions ?? [])
  ]
  const body = [
    u16(version.tls12),
    say.random ?? randomBytes(32),
    vector(1, hello.sessionId),
    u16(say.suite ?? suiteFor(hello)?.id ?? suite.aes128GcmSha256),
    u8(0),
    vector(2, ...extensions)
  ]
  return message(messageType.serverHello, Buffer.concat(body))
}

/** A HelloRetryRequest: for a group, a cookie, or both. */
export function retryRequest(hello: ClientHello, ask: { group?: number; cookie?: Buffer }): Buffer {
  return serverHello13(hello, {
    random: retryRandom,
    share: ask.group === undefined ? null : u16(ask.group),
    extensions: ask.cookie ? [extension(extensionType.cookie, vector(2, ask.cookie))] : []
  })
}

/** The first suite of ours that the client offers. */
function suiteFor(hello: ClientHello): Suite | undefined {
  return suites.find(({ id }) => hello.suites.includes(id))
}

/** A server's TLS 1.3 flight that waits to be put into records. */
export interface Flight13 {
  /** in the clear */
  readonly serverHello: Buffer
  /** EncryptedExtensions, Certificate, CertificateVerify, Finished: each apart, in the clear */
  readonly messages: readonly Buffer[]
  /** one encrypted record; successive calls count the sequence number */
  seal(content: Uint8Array, how?: { type?: number; padding?: number }): Buffer
}

/**
 * The flight for a client that offers a share of P-256 or X25519 and one of the three suites; undefined for
 * any other client. `before` are the messages of a HelloRetryRequest round, hashed as RFC 8446 §4.4.1 says.
 */
export function flight13(
  hello: ClientHello,
  certificate: Certificate,
  before: readonly [first: Buffer, retry: Buffer] | null = null
): Flight13 | undefined {
  const chosen = suiteFor(hello)
  const agreed = agree(hello)
  if (!chosen || !agreed) return undefined
  const first = serverHello13(hello, { suite: chosen.id, share: agreed.share })
  const schedule = keySchedule(chosen.hash)
  const history = before
    ? [message(254, createHash(chosen.hash).update(before[0]).digest()), before[1], hello.message]
    : [hello.message]
  const transcript = [...history, first]
  const hashed = () => createHash(chosen.hash).update(Buffer.concat(transcript)).digest()
  const secret = schedule.handshakeSecret(agreed.secret, hashed())

  const say = (type: number, body: Buffer) => {
    const said = message(type, body)
    transcript.push(said)
    return said
  }
  const messages = [
    say(messageType.encryptedExtensions, vector(2)),
    say(messageType.certificate, certificateBody13(certificate.chain.map(({ der }) => der))),
    say(messageType.certificateVerify, verify(certificate.key, hashed())),
    say(messageType.finished, schedule.finished(secret, hashed()))
  ]
  return { serverHello: first, messages, seal: sealer(chosen, schedule, secret) }
}

/** The body of a Certificate message of TLS 1.3 (RFC 8446 §4.4.2). */
export function certificateBody13(ders: readonly Uint8Array[]): Buffer {
  const entries = ders.map((der) => Buffer.concat([vector(3, der), vector(2)]))
  return Buffer.concat([vector(1), u24(entries.reduce((sum, { length }) => sum + length, 0)), ...entries])
}

function agree(hello: ClientHello): { share: Buffer; secret: Buffer } | undefined {
  const p256 = hello.shares.get(group.p256)
  if (p256) {
    const ours = createECDH('prime256v1')
    const point = ours.generateKeys()
    return { share: Buffer.concat([u16(group.p256), vector(2, point)]), secret: ours.computeSecret(p256) }
  }
  const x25519 = hello.shares.get(group.x25519)
  if (!x25519) return undefined
  const ours = generateKeyPairSync('x25519')
  const theirs = { kty: 'OKP', crv: 'X25519', x: x25519.toString('base64url') }
  const publicKey = createPublicKey({ key: theirs, format: 'jwk' })
  const point = ours.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  return {
    share: Buffer.concat([u16(group.x25519), vector(2, point)]),
    secret: diffieHellman({ privateKey: ours.privateKey, publicKey })
  }
}

/** CertificateVerify (RFC 8446 §4.4.3). */
function verify(key: KeyObject, transcriptHash: Buffer): Buffer {
  const context = `${' '.repeat(64)}TLS 1.3, server CertificateVerify\0`
  const content = Buffer.concat([Buffer.from(context), transcriptHash])
  const rsa = key.asymmetricKeyType === 'rsa'
  const how = rsa ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : key
  return Buffer.concat([u16(rsa ? 0x0804 : 0x0403), vector(2, sign('sha256', content, how))])
}

/** The parts of the key schedule of RFC 8446 §7.1 that a server's first flight needs. */
function keySchedule(hash: 'sha256' | 'sha384') {
  const length = hash === 'sha256' ? 32 : 48
  const zeros = Buffer.alloc(length)
  const hmac = (key: Buffer, data: Buffer) => createHmac(hash, key).update(data).digest()
  // HKDF-Expand-Label; one block of output is enough for every length asked for here
  const expand = (secret: Buffer, label: string, context: Buffer, size: number) => {
    const info = [u16(size), vector(1, Buffer.from(`tls13 ${label}`)), vector(1, context), u8(1)]
    return hmac(secret, Buffer.concat(info)).subarray(0, size)
  }
  const empty = createHash(hash).digest()
  return {
    expand: (secret: Buffer, label: string, size: number) => expand(secret, label, Buffer.alloc(0), size),
    /** server_handshake_traffic_secret */
    handshakeSecret(shared: Buffer, transcriptHash: Buffer): Buffer {
      const early = hmac(zeros, zeros)
      const handshake = hmac(expand(early, 'derived', empty, length), shared)
      return expand(handshake, 's hs traffic', transcriptHash, length)
    },
    finished: (secret: Buffer, transcriptHash: Buffer) =>
      hmac(expand(secret, 'finished', Buffer.alloc(0), length), transcriptHash)
  }
}

function sealer(chosen: Suite, schedule: ReturnType<typeof keySchedule>, secret: Buffer): Flight13['seal'] {
  const key = schedule.expand(secret, 'key', chosen.keyLength)
  const iv = schedule.expand(secret, 'iv', 12)
  let sequence = 0
  return (content, { type = contentType.handshake, padding = 0 } = {}) => {
    const nonce = Buffer.from(iv)
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence++) >>> 0, 8)
    const inner = Buffer.concat([content, u8(type), Buffer.alloc(padding)])
    const header = record(contentType.applicationData, version.tls12, Buffer.alloc(0), inner.length + 16)
    const cipher = createCipheriv(chosen.cipher as 'aes-128-gcm', key, nonce, { authTagLength: 16 })
    cipher.setAAD(header, { plaintextLength: inner.length })
    return Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()])
  }
}
