import { u16, u24 } from './bytes.ts'

/**
 * The certificates of a Certificate message body in the order served, as views of it: TLS 1.2 and before
 * (RFC 5246 §7.4.2) or TLS 1.3 with a context and extensions of each (RFC 8446 §4.4.2). Undefined when the
 * lengths do not add up; a list may be empty.
 */
export function readCertificateList(body: Uint8Array, version: number): CertificateList | undefined {
  return version >= 0x0304 ? readTls13List(body) : readPlainList(body)
}

/** What a Certificate message holds. */
export interface CertificateList {
  readonly certificates: readonly Uint8Array[]
  /** the message body that they are views of */
  readonly body: Uint8Array
  /** a stapled OCSP answer of the leaf (TLS 1.3: RFC 8446 §4.4.2.1) */
  readonly staple: Uint8Array | null
}

function readPlainList(body: Uint8Array): CertificateList | undefined {
  if (body.length < 3 || u24(body, 0) !== body.length - 3) return undefined
  const certificates: Uint8Array[] = []
  let at = 3
  while (at < body.length) {
    if (at + 3 > body.length) return undefined
    const end = at + 3 + u24(body, at)
    if (end > body.length || end === at + 3) return undefined
    certificates.push(body.subarray(at + 3, end))
    at = end
  }
  return { certificates, body, staple: null }
}

function readTls13List(body: Uint8Array): CertificateList | undefined {
  const start = 1 + (body[0] ?? 0)
  if (body.length < start + 3 || u24(body, start) !== body.length - start - 3) return undefined
  const certificates: Uint8Array[] = []
  let staple: Uint8Array | null = null
  let at = start + 3
  while (at < body.length) {
    if (at + 3 > body.length) return undefined
    const end = at + 3 + u24(body, at)
    if (end + 2 > body.length || end === at + 3) return undefined
    const next = end + 2 + u16(body, end)
    if (next > body.length) return undefined
    if (certificates.length === 0) staple = stapled(body.subarray(end + 2, next))
    certificates.push(body.subarray(at + 3, end))
    at = next
  }
  return { certificates, body, staple }
}

/** the status_request extension of an entry: CertificateStatus (RFC 6066 §8) */
function stapled(extensions: Uint8Array): Uint8Array | null {
  let at = 0
  while (at + 4 <= extensions.length) {
    const end = at + 4 + u16(extensions, at + 2)
    if (u16(extensions, at) === 5 && end <= extensions.length) return extensions.subarray(at + 8, end)
    at = end
  }
  return null
}
