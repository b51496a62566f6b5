/** Record content types (RFC 8446 §5.1). */
export const contentType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const

/** Handshake message types (RFC 8446 §4, RFC 5246 §7.4). */
export const messageType = {
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  encryptedExtensions: 8,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  finished: 20
} as const

/** Protocol versions on the wire. */
export const version = { ssl3: 0x0300, tls10: 0x0301, tls11: 0x0302, tls12: 0x0303, tls13: 0x0304 } as const

export const u8 = (value: number) => Buffer.of(value & 0xff)
export const u16 = (value: number) => Buffer.of((value >>> 8) & 0xff, value & 0xff)
export const u24 = (value: number) => Buffer.of((value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)

/** A vector: its length in 1, 2 or 3 bytes, then its parts. */
export function vector(lengthBytes: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const length = { 1: u8, 2: u16, 3: u24 }[lengthBytes](body.length)
  return Buffer.concat([length, body])
}

/** One record; the length written may lie. */
export function record(type: number, wireVersion: number, body: Uint8Array, claimed = body.length): Buffer {
  return Buffer.concat([u8(type), u16(wireVersion), u16(claimed), body])
}

/** One handshake message; the length written may lie. */
export function message(type: number, body: Uint8Array, claimed = body.length): Buffer {
  return Buffer.concat([u8(type), u24(claimed), body])
}

/** One extension (RFC 8446 §4.2). */
export function extension(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([u16(type), vector(2, body)])
}

/** An alert record. */
export function alert(
  level: 'warning' | 'fatal',
  description: number,
  wireVersion: number = version.tls12
): Buffer {
  return record(contentType.alert, wireVersion, Buffer.of(level === 'warning' ? 1 : 2, description))
}

/** Handshake bytes cut into records of at most `size` bytes. */
export function records(bytes: Uint8Array, wireVersion: number, size = 16_384): Buffer {
  return Buffer.concat(slices(bytes, size).map((part) => record(contentType.handshake, wireVersion, part)))
}

/** The bytes in parts of at most `size`. */
export function slices(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size)
  )
}
