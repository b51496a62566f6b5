import { u16 } from '../probe/bytes.ts'

/** Bits of the prime in the body of a ServerKeyExchange of DHE (RFC 5246 §7.4.3), or null where it is none. */
export function primeBits(body: Uint8Array): number | null {
  if (body.length < 2 || 2 + u16(body, 0) > body.length) return null
  const prime = body.subarray(2, 2 + u16(body, 0))
  const start = prime.findIndex((byte) => byte !== 0)
  if (start < 0) return null
  return (prime.length - start) * 8 - Math.clz32(prime[start] ?? 0) + 24
}

/** The named group in the body of a ServerKeyExchange of ECDHE (RFC 8422 §5.4), or null where it has none. */
export function namedGroup(body: Uint8Array): number | null {
  return body[0] === 3 && body.length > 3 ? u16(body, 1) : null
}

/** The OCSP response in the body of a CertificateStatus (RFC 6066 §8), or null where it is none. */
export function stapledResponse(body: Uint8Array): Uint8Array | null {
  const length = ((body[1] ?? 0) << 16) | u16(body, 2)
  return body[0] === 1 && body.length === 4 + length && length > 0 ? body.subarray(4) : null
}
