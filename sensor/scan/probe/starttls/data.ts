import { alien, Inbox, ready, refused, wait, type Prelude } from './prelude.ts'

/** PostgreSQL: SSLRequest, answered by one byte (PostgreSQL manual, Message Flow, SSL Session Encryption). */
export function postgresPrelude(): Prelude {
  return {
    first: Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f),
    feed(bytes) {
      if (bytes[0] === 0x53) return ready
      // 'N': no TLS; 'E': an ErrorResponse of a server that does not know the request
      return bytes[0] === 0x4e || bytes[0] === 0x45 ? refused : alien
    }
  }
}

/** LDAP: the extended request StartTLS (RFC 4511 §4.14, RFC 4513 §3.1). */
export function ldapPrelude(): Prelude {
  const inbox = new Inbox()
  const oid = Buffer.from('1.3.6.1.4.1.1466.20037')
  return {
    first: Buffer.concat([
      Buffer.from([0x30, oid.length + 7, 0x02, 0x01, 0x01, 0x77, oid.length + 2, 0x80, oid.length]),
      oid
    ]),
    feed(bytes) {
      const data = inbox.add(bytes)
      if (data[0] !== 0x30) return alien
      const [length, start] = berLength(data, 1)
      if (length === undefined || start === undefined || data.length < start + length) return wait
      return ldapStep(data.subarray(start, start + length))
    }
  }
}

/** the result code of an ExtendedResponse [APPLICATION 24], behind the message id */
function ldapStep(message: Buffer) {
  if (message[0] !== 0x02) return alien
  const response = 2 + (message[1] ?? 0)
  if (message[response] !== 0x78) return alien
  const [, start] = berLength(message, response + 1)
  if (start === undefined || message[start] !== 0x0a || message[start + 1] !== 1) return alien
  return message[start + 2] === 0 ? ready : refused
}

/** a BER length at `at`: [length, where the content begins], undefined while bytes are missing */
function berLength(data: Buffer, at: number): [number | undefined, number | undefined] {
  const first = data[at]
  if (first === undefined) return [undefined, undefined]
  if (first < 0x80) return [first, at + 1]
  const count = first & 0x7f
  if (count === 0 || count > 4 || data.length < at + 1 + count) return [undefined, undefined]
  return [data.readUIntBE(at + 1, count), at + 1 + count]
}
