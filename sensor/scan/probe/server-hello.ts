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

  const retry = body[2] === 0xcf && retryRandom.equals(body.subarray(2, 34))
  const hello = {
    version: legacy,
    cipher: u16(body, sessionEnd),
    compression: body[sessionEnd + 2] ?? 0,
    retry,
    group: null,
    share: null,
    cookie: null,
    alpn: null,
    extensions: []
  }
  return readExtensions(body, sessionEnd + 3, hello) ? hello : undefined
}

interface Growing extends ServerHello {
  version: number
  group: number | null
  share: Uint8Array | null
  cookie: Uint8Array | null
  alpn: string | null
  readonly extensions: number[]
}

/** reads the extensions from `at` to the end of `body` into the hello; false when they do not add up */
function readExtensions(body: Uint8Array, at: number, hello: Growing): boolean {
  if (at === body.length) return true
  if (at + 2 > body.length || at + 2 + u16(body, at) !== body.length) return false
  let next = at + 2
  while (next < body.length) {
    if (next + 4 > body.length) return false
    const start = next + 4
    const end = start + u16(body, next + 2)
    const type = u16(body, next)
    if (end > body.length) return false
    hello.extensions.push(type)
    if (type === 43 && end - start === 2) hello.version = u16(body, start)
    else if (type === 51 && !readShare(body.subarray(start, end), hello)) return false
    else if (type === 44 && end - start > 2) hello.cookie = copyOf(body.subarray(start + 2, end))
    else if (type === 16) hello.alpn = readAlpn(body.subarray(start, end))
    next = end
  }
  return true
}

/** the key share, or in a HelloRetryRequest the group asked for (RFC 8446 §4.2.8) */
function readShare(share: Uint8Array, hello: Growing): boolean {
  if (share.length < (hello.retry ? 2 : 4)) return false
  hello.group = u16(share, 0)
  if (hello.retry) return true
  hello.share = copyOf(share.subarray(4))
  return u16(share, 2) === share.length - 4
}

function readAlpn(body: Uint8Array): string | null {
  if (body.length < 3 || 3 + (body[2] ?? 0) !== body.length) return null
  return Buffer.from(body.subarray(3)).toString('latin1')
}
