import { contentType, messageType } from './wire.ts'

/** A ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), or what an SSLv2 one says (RFC 6101 appendix E). */
export interface ClientHello {
  readonly form: 'tls' | 'ssl2'
  /** legacy_version, the highest that the client speaks up to TLS 1.2 */
  readonly version: number
  /** highest of supported_versions (without GREASE), else `version` */
  readonly highest: number
  readonly random: Buffer
  readonly sessionId: Buffer
  readonly suites: readonly number[]
  readonly compressions: readonly number[]
  readonly extensions: ReadonlyMap<number, Buffer>
  /** server_name, or null */
  readonly serverName: string | null
  readonly groups: readonly number[]
  readonly shares: ReadonlyMap<number, Buffer>
  /** the handshake message with its header */
  readonly message: Buffer
}

/** Numbers of extensions that are read or written here. */
export const extensionType = {
  serverName: 0,
  supportedGroups: 10,
  supportedVersions: 43,
  cookie: 44,
  keyShare: 51,
  renegotiationInfo: 0xff01
} as const

/** A place in a buffer that moves as it is read; reading past the end throws a RangeError. */
export function cursor(bytes: Buffer) {
  let at = 0
  const number = (size: number) => {
    const value = bytes.readUIntBE(at, size)
    at += size
    return value
  }
  const take = (length: number) => {
    if (at + length > bytes.length) throw new RangeError(`${length} bytes wanted, ${bytes.length - at} left`)
    at += length
    return bytes.subarray(at - length, at)
  }
  return {
    number,
    take,
    vector: (lengthBytes: number) => take(number(lengthBytes)),
    get left() {
      return bytes.length - at
    }
  }
}

/** What the bytes that a client has sent so far are: a whole hello, not yet one, or something else. */
export type HelloReading = ClientHello | 'incomplete' | 'other'

/** Reads the hello at the start of a connection. */
export function readHello(bytes: Buffer): HelloReading {
  const first = bytes[0]
  if (first === undefined) return 'incomplete'
  if (first >= 0x80) return readSsl2(bytes)
  if (first !== contentType.handshake) return 'other'
  const handshake = joinRecords(bytes)
  if (handshake.length < 4) return 'incomplete'
  if (handshake[0] !== messageType.clientHello) return 'other'
  const length = 4 + handshake.readUIntBE(1, 3)
  return handshake.length < length ? 'incomplete' : parse(handshake.subarray(0, length))
}

function joinRecords(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length && bytes[at] === contentType.handshake;) {
    const end = at + 5 + bytes.readUInt16BE(at + 3)
    parts.push(bytes.subarray(at + 5, end))
    at = end
  }
  return Buffer.concat(parts)
}

function parse(message: Buffer): ClientHello {
  const body = cursor(message.subarray(4))
  const version = body.number(2)
  const random = body.take(32)
  const sessionId = body.vector(1)
  const suites = numbers(body.vector(2), 2)
  const compressions = numbers(body.vector(1), 1)
  const extensions = readExtensions(body.left > 0 ? body.vector(2) : Buffer.alloc(0))
  const versions = numbers(extensions.get(extensionType.supportedVersions)?.subarray(1), 2)
  return {
    form: 'tls',
    version,
    highest: Math.max(version, ...versions.filter((one) => one >> 8 === 3)),
    random,
    sessionId,
    suites,
    compressions,
    extensions,
    serverName: serverName(extensions.get(extensionType.serverName)),
    groups: numbers(extensions.get(extensionType.supportedGroups)?.subarray(2), 2),
    shares: keyShares(extensions.get(extensionType.keyShare)),
    message
  }
}

function numbers(bytes: Buffer | undefined, size: number): number[] {
  if (bytes === undefined) return []
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, at) => bytes.readUIntBE(at * size, size))
}

function readExtensions(bytes: Buffer): Map<number, Buffer> {
  const list = new Map<number, Buffer>()
  for (const body = cursor(bytes); body.left > 0;) list.set(body.number(2), body.vector(2))
  return list
}

function serverName(extension: Buffer | undefined): string | null {
  if (extension === undefined || extension.length < 5) return null
  return extension.subarray(5, 5 + extension.readUInt16BE(3)).toString('latin1')
}

function keyShares(extension: Buffer | undefined): Map<number, Buffer> {
  const shares = new Map<number, Buffer>()
  if (extension === undefined) return shares
  for (const body = cursor(cursor(extension).vector(2)); body.left > 0;)
    shares.set(body.number(2), body.vector(2))
  return shares
}

/** CLIENT-HELLO of SSL 2.0: 2-byte header, type 1, version, three lengths, 3-byte suites, session, challenge. */
function readSsl2(bytes: Buffer): HelloReading {
  if (bytes.length < 2) return 'incomplete'
  const length = bytes.readUInt16BE(0) & 0x7fff
  if (bytes.length < 2 + length) return 'incomplete'
  const message = bytes.subarray(2, 2 + length)
  if (length < 9 || message[0] !== 1) return 'other'
  const body = cursor(message.subarray(1))
  const version = body.number(2)
  const [suites, session, challenge] = [body.number(2), body.number(2), body.number(2)]
  const empty = { compressions: [0], extensions: new Map(), serverName: null, groups: [], shares: new Map() }
  return {
    form: 'ssl2',
    version,
    highest: version,
    suites: numbers(body.take(suites), 3),
    sessionId: body.take(session),
    random: body.take(challenge),
    message,
    ...empty
  }
}
