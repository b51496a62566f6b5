import {
  type KeyObject,
  constants,
  createHash,
  generateKeyPairSync,
  generatePrimeSync,
  getDiffieHellman,
  privateEncrypt,
  randomBytes,
  sign
} from 'node:crypto'
import type { Certificate } from './certificates.ts'
import { type ClientHello, extensionType } from './client-hello.ts'
import { type KeyExchange, keyExchangeOf, renegotiationSignal } from './suites.ts'
import { extension, message, messageType, u16, u8, vector, version } from './wire.ts'

/** What a server chose. */
export interface Choice {
  readonly version: number
  readonly suite: number
  /** 0 none, 1 DEFLATE */
  readonly compression?: number
  /** the server's random; default 32 fresh bytes */
  readonly random?: Buffer
}

/** ServerHello up to TLS 1.2 (RFC 5246 §7.4.1.3). */
export function serverHello(hello: ClientHello, choice: Choice): Buffer {
  const { random = randomBytes(32), compression = 0 } = choice
  // openssl refuses a server without this (RFC 5746), and a server sends it only when the client signals it
  const signalled =
    hello.suites.includes(renegotiationSignal) || hello.extensions.has(extensionType.renegotiationInfo)
  const extensions = signalled ? [vector(2, extension(extensionType.renegotiationInfo, vector(1)))] : []
  const body = [u16(choice.version), random, vector(1, randomBytes(32)), u16(choice.suite), u8(compression)]
  return message(messageType.serverHello, Buffer.concat([...body, ...extensions]))
}

/** Certificate up to TLS 1.2: a list of DER (RFC 5246 §7.4.2). */
export function certificateMessage(ders: readonly Uint8Array[]): Buffer {
  return message(messageType.certificate, vector(3, ...ders.map((der) => vector(3, der))))
}

/** ServerHelloDone. */
export const serverHelloDone: Buffer = message(messageType.serverHelloDone, Buffer.alloc(0))

/** The messages of a server's first flight up to TLS 1.2, each apart: hello, certificate, key exchange, done. */
export function flightMessages(hello: ClientHello, choice: Choice, certificate: Certificate): Buffer[] {
  const random = choice.random ?? randomBytes(32)
  const exchange = keyExchangeOf(choice.suite)
  const anonymous = exchange === 'anonymous' || exchange === 'psk'
  const parameters = exchangeParameters(exchange)
  const signed = parameters && !anonymous
  return [
    serverHello(hello, { ...choice, random }),
    ...(anonymous ? [] : [certificateMessage(certificate.chain.map(({ der }) => der))]),
    ...(parameters
      ? [
          message(
            messageType.serverKeyExchange,
            signed
              ? Buffer.concat([
                  parameters,
                  signature(certificate.key, choice.version, [hello.random, random, parameters])
                ])
              : parameters
          )
        ]
      : []),
    serverHelloDone
  ]
}

function exchangeParameters(exchange: KeyExchange): Buffer | undefined {
  switch (exchange) {
    case 'rsa':
      return undefined
    case 'psk':
      return vector(2, Buffer.from('hint'))
    case 'ecdhe': {
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      // the point is the end of the SubjectPublicKeyInfo
      const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65)
      return Buffer.concat([u8(3), u16(23), vector(1, point)])
    }
    case 'rsa-export': {
      const jwk = generateKeyPairSync('rsa', { modulusLength: 512 }).publicKey.export({ format: 'jwk' })
      return Buffer.concat([jwk.n, jwk.e].map((text) => vector(2, Buffer.from(text ?? '', 'base64url'))))
    }
    case 'dhe-export':
      return dhParameters(Buffer.from(generatePrimeSync(512)))
    default:
      return dhParameters(getDiffieHellman('modp2').getPrime())
  }
}

function dhParameters(prime: Buffer): Buffer {
  const publicValue = randomBytes(prime.length)
  publicValue[0] = 1
  return Buffer.concat([vector(2, prime), vector(2, u8(2)), vector(2, publicValue)])
}

/** The signature of ServerKeyExchange by an RSA key (RFC 5246 §7.4.3; before TLS 1.2, RFC 2246 §7.4.3). */
function signature(key: KeyObject, wireVersion: number, signed: readonly Buffer[]): Buffer {
  const data = Buffer.concat(signed)
  if (wireVersion >= version.tls12) return Buffer.concat([u16(0x0401), vector(2, sign('sha256', data, key))])
  const digest = (name: string) => createHash(name).update(data).digest()
  const both = Buffer.concat([digest('md5'), digest('sha1')])
  return vector(2, privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, both))
}
