import { copyOf, u16 } from './bytes.ts'

/** A ServerHello or HelloRetryRequest as it stands on the wire (RFC 8446 §4.1.3, RFC 5246 §7.4.1.3). */
export interface ServerHello {
  /** the version chosen: of supported_versions where that is there */
  readonly version: number
  readonly cipher: number
  readonly compression: number
  /** a HelloRetryRequest, told by its random (RFC 8446 §4.1.3) */
  readonly retry: boolean
  /** group of the key share, or the group a HelloRetryRequest asks for */
  readonly group: number | null
  readonly share: Uint8Array | null
  readonly cookie: Uint8Array | null
  /** application protocol chosen (RFC 7301), of TLS 1.2 and before */
  readonly alpn: string | null
  /** types of all extensions in their order */
  readonly extensions: readonly number[]
}

const retryRandom = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')

/** The hello in `body` (the message without its header), or undefined when it is not well-formed. */
export function readServerHello(body: Uint8Array): ServerHello | undefined {
  if (body.length < 38) return undefined
  const legacy = u16(body, 0)
  if (legacy < 0x0300 || legacy > 0x0304) return undefined
  const sessionEnd = 35 + (body[34] ?? 0)
  if ((body[34] ?? 0) > 32 || body.length < sessionEnd + 3) return undefined

  const extensions = readExtensions(body, sessionEnd + 3)
  if (!extensions) return undefined
  const retry = body[2] === 0xcf && retryRandom.equals(body.subarray(2, 34))
  const chosen = extensions.get(43)
  const shared = extensions.get(51)
  if (shared && shared.length < (retry ? 2 : 4)) return undefined
  if (shared && !retry && u16(shared, 2) !== shared.length - 4) return undefined
  const cookie = extensions.get(44)
  return {
    version: chosen?.length === 2 ? u16(chosen, 0) : legacy,
    cipher: u16(body, sessionEnd),
    compression: body[sessionEnd + 2] ?? 0,
    retry,
    group: shared ? u16(shared, 0) : null,
    share: shared && !retry ? copyOf(shared.subarray(4)) : null,
    cookie: cookie && cookie.length > 2 ? copyOf(cookie.subarray(2)) : null,
    alpn: readAlpn(extensions.get(16)),
    extensions: [...extensions.keys()]
  }
}

/** Extensions by type, from `at` to the end of `body`; undefined when their lengths do not add up. */
export function readExtensions(body: Uint8Array, at: number): Map<number, Uint8Array> | undefined {
  const extensions = new Map<number, Uint8Array>()
  if (at === body.length) return extensions
  if (at + 2 > body.length || at + 2 + u16(body, at) !== body.length) return undefined
  let next = at + 2
  while (next < body.length) {
    if (next + 4 > body.length) return undefined
    const end = next + 4 + u16(body, next + 2)
    if (end > body.length) return undefined
    extensions.set(u16(body, next), body.subarray(next + 4, end))
    next = end
  }
  return extensions
}

function readAlpn(body: Uint8Array | undefined): string | null {
  if (!body || body.length < 3 || 3 + (body[2] ?? 0) !== body.length) return null
  return Buffer.from(body.subarray(3)).toString('latin1')
}
