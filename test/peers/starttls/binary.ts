import type { Link } from '../link.ts'
import { u8 } from '../wire.ts'

/** SSLRequest of PostgreSQL (message formats, "SSLRequest"): length 8, code 80877103; the answer is one byte. */
export async function postgres(link: Link, answer: 'S' | 'N' | Uint8Array = 'S'): Promise<void> {
  const request = await link.bytes(8)
  if (request.readUInt32BE(0) !== 8 || request.readUInt32BE(4) !== 80_877_103) return link.end()
  await link.write(answer)
}

const startTlsOid = '1.3.6.1.4.1.1466.20037'

/** StartTLS of LDAP (RFC 4511 §4.14): an extended request, answered with a result code (0 success). */
export async function ldap(link: Link, resultCode = 0, diagnostic = ''): Promise<void> {
  const head = await link.bytes(2)
  const request = Buffer.concat([head, await link.bytes(head[1] ?? 0)])
  // LDAPMessage: SEQUENCE { messageID INTEGER (of one byte), extendedReq [APPLICATION 23] { requestName [0] } }
  const [sequence, , integer, one, id = 0, extended] = request
  const asks = sequence === 0x30 && integer === 2 && one === 1 && extended === 0x77
  if (!asks || !request.includes(startTlsOid)) return link.end()
  const text = Buffer.from(diagnostic)
  const result = [u8(10), u8(1), u8(resultCode), u8(4), u8(0), u8(4), u8(text.length), text]
  const response = Buffer.concat([u8(0x78), u8(7 + text.length), ...result])
  await link.write(Buffer.concat([u8(0x30), u8(3 + response.length), u8(2), u8(1), u8(id), response]))
}

const clientSsl = 0x0800

/** A packet of the MySQL protocol: three bytes length, one of sequence. */
export function mysqlPacket(sequence: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(payload.length, 0, 3)
  head[3] = sequence
  return Buffer.concat([head, payload])
}

/** Protocol::HandshakeV10 with or without CLIENT_SSL; then the client's SSLRequest is awaited. */
export async function mysql(link: Link, withSsl: 'ssl' | 'no-ssl' = 'ssl'): Promise<void> {
  // LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION
  const low = 0x8201 | (withSsl === 'ssl' ? clientSsl : 0)
  const high = 0x0008
  const greeting = Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.0.36\0'),
    Buffer.from([7, 0, 0, 0]),
    Buffer.from('12345678\0'),
    Buffer.from([low & 0xff, low >> 8, 33, 2, 0, high & 0xff, high >> 8, 21]),
    Buffer.alloc(10),
    Buffer.from('123456789012\0mysql_native_password\0')
  ])
  await link.write(mysqlPacket(0, greeting))
  const head = await link.bytes(4)
  const payload = await link.bytes(head.readUIntLE(0, 3))
  const asksSsl = head[3] === 1 && payload.length === 32 && (payload.readUInt32LE(0) & clientSsl) !== 0
  if (!asksSsl || withSsl === 'no-ssl') link.end()
}
