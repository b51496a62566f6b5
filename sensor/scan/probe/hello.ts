import { ByteWriter } from './bytes.ts'
import { groups, suites, type Suite } from './suites.ts'

/** What a ClientHello offers (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2). */
export interface HelloOffer {
  /** versions, highest first; 0x0304 brings the extensions of TLS 1.3 */
  readonly versions: readonly number[]
  readonly suites: readonly number[]
  /** signature schemes (RFC 8446 §4.2.3); none: no such extension */
  readonly schemes: readonly number[]
  /** key agreement groups in order of preference; none: no such extension */
  readonly groups: readonly number[]
  /** the one key share that is sent, or null for none (then the server asks by a HelloRetryRequest) */
  readonly share: KeyShareOffer | null
  /** server name (RFC 6066 §3), or null */
  readonly name: string | null
  /** application protocols (RFC 7301); null: none offered */
  readonly alpn?: readonly string[]
  /** cookie of a HelloRetryRequest, to be echoed */
  readonly cookie?: Uint8Array
  /** false: a bare hello without any extension, for servers that predate them */
  readonly extensions?: boolean
  /** ask for a stapled OCSP answer (RFC 6066 §8) and a session ticket (RFC 5077) */
  readonly extras?: boolean
  /** compression methods; null only by default. 1 is DEFLATE */
  readonly compression?: readonly number[]
  /** further extensions, by type, with their bodies */
  readonly further?: ReadonlyMap<number, Uint8Array>
}

/** A key share as it stands in the hello. */
export interface KeyShareOffer {
  readonly group: number
  readonly key: Uint8Array
}

/** A ClientHello: the record to send and the handshake message in it (which the transcript wants). */
export interface Hello {
  readonly offer: HelloOffer
  readonly random: Uint8Array
  readonly record: Uint8Array
  readonly message: Uint8Array
}

/** Signature schemes by the key that they ask of the server. */
export const schemes = {
  ECDSA: [0x0403, 0x0503, 0x0603, 0x0203],
  EdDSA: [0x0807, 0x0808],
  RSA: [0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0201, 0x0101],
  DSS: [0x0402, 0x0202]
} as const

/**
 * Every group that a hello names; the first has the key share that costs least (see agreements.ts). No group of
 * RFC 7919: naming one would forbid servers to use other finite-field groups in TLS 1.2 (§4).
 */
export const allGroups: readonly number[] = [
  groups.p256,
  groups.x25519,
  groups.p384,
  groups.p521,
  groups.x448
]

/** The generator of P-256, uncompressed: the public key of the private key 1. */
export const p256Generator: Uint8Array = Uint8Array.from(
  Buffer.from(
    '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296' +
      '4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
    'hex'
  )
)

/** Suites of the table that `choose` accepts, in the order of the table. */
export function suiteIds(choose: (suite: Suite) => boolean): number[] {
  return suites.filter(choose).map(({ id }) => id)
}

/** Writes a hello. `random` gives 64 bytes: the client random and the session id. */
export function writeHello(offer: HelloOffer, random: Uint8Array): Hello {
  const top = Math.max(...offer.versions)
  const legacy = Math.min(top, 0x0303)
  const message = new ByteWriter()
    .u8(1)
    .vector(3, (body) => {
      body.u16(legacy).raw(random.subarray(0, 32))
      // a session id of 32 bytes is what middleboxes expect of TLS 1.3 (RFC 8446 appendix D.4)
      body.vector(1, (id) => (top >= 0x0304 ? id.raw(random.subarray(32, 64)) : id))
      body.vector(2, (list) => writeSuites(list, offer))
      body.vector(1, (list) => (offer.compression ?? [0]).forEach((method) => list.u8(method)))
      if (offer.extensions !== false) body.vector(2, (list) => writeExtensions(list, offer, top))
    })
    .take()
  // the record says TLS 1.0 (RFC 8446 §5.1), SSL 3.0 only where nothing later is offered
  const record = new ByteWriter()
    .u8(22)
    .u16(Math.min(legacy, 0x0301))
    .vector(2, (body) => body.raw(message))
    .take()
  return { offer, random, record, message }
}

function writeSuites(list: ByteWriter, offer: HelloOffer): void {
  for (const id of offer.suites) list.u16(id)
  // secure renegotiation (RFC 5746 §3.3), for hellos that cannot carry the extension
  if (offer.extensions === false) list.u16(0x00ff)
}

function writeExtensions(list: ByteWriter, offer: HelloOffer, top: number): void {
  const extension = (type: number, fill: (body: ByteWriter) => void) => list.u16(type).vector(2, fill)

  if (offer.name !== null) {
    const { name } = offer
    extension(0, (body) => body.vector(2, (names) => names.u8(0).vector(2, (host) => host.text(name))))
  }
  if (offer.extras) extension(5, (body) => body.u8(1).u16(0).u16(0))
  if (offer.groups.length > 0) {
    extension(10, (body) => body.vector(2, (ids) => offer.groups.forEach((id) => ids.u16(id))))
    extension(11, (body) => body.vector(1, (formats) => formats.u8(0)))
  }
  if (offer.schemes.length > 0) {
    extension(13, (body) => body.vector(2, (ids) => offer.schemes.forEach((id) => ids.u16(id))))
  }
  const { alpn } = offer
  if (alpn) {
    extension(16, (body) =>
      body.vector(2, (ids) => alpn.forEach((id) => ids.vector(1, (name) => name.text(id))))
    )
  }
  extension(23, () => {})
  if (offer.extras) extension(35, () => {})
  extension(0xff01, (body) => body.u8(0))
  offer.further?.forEach((bytes, type) => extension(type, (body) => body.raw(bytes)))
  if (top >= 0x0304) writeTls13(list, offer)
}

function writeTls13(list: ByteWriter, offer: HelloOffer): void {
  list.u16(43).vector(2, (body) => body.vector(1, (ids) => offer.versions.forEach((id) => ids.u16(id))))
  list.u16(45).vector(2, (body) => body.vector(1, (modes) => modes.u8(1)))
  const { cookie, share } = offer
  if (cookie) list.u16(44).vector(2, (body) => body.vector(2, (bytes) => bytes.raw(cookie)))
  list.u16(51).vector(2, (body) =>
    body.vector(2, (shares) => {
      if (share) shares.u16(share.group).vector(2, (key) => key.raw(share.key))
    })
  )
}
