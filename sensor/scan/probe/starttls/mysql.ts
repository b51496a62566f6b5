import { alien, Inbox, refused, wait, type Closing, type Prelude } from './prelude.ts'

/**
 * MySQL and MariaDB: the server's greeting, then an SSLRequest packet (MySQL internals, Connection Phase,
 * Protocol::SSLRequest). A handshake that is cut after it counts against the client's address, which is barred
 * after max_connect_errors of them (100 by default) without a success between; a login that is refused does not.
 */
export function mysqlPrelude(): Prelude {
  const inbox = new Inbox()
  return {
    first: null,
    closing: refusedLogin,
    feed(bytes) {
      const data = inbox.add(bytes)
      if (data.length < 5) return wait
      const length = data.readUIntLE(0, 3)
      // 0xff: an error instead of the greeting ("host is not allowed"); 10 and 9: protocol versions
      if (length > 4_096 || data[3] !== 0) return alien
      if (data[4] === 0xff) return refused
      if (data[4] !== 10) return alien
      if (data.length < 4 + length) return wait
      return mysqlOffersTls(data.subarray(4, 4 + length)) ? { kind: 'tls', send: sslRequest } : refused
    }
  }
}

/** CLIENT_SSL of the capability flags, which follow version text, thread id and the first scramble part */
function mysqlOffersTls(greeting: Buffer): boolean {
  const end = greeting.indexOf(0, 1)
  const flags = end + 1 + 4 + 8 + 1
  return end > 0 && greeting.length >= flags + 2 && (greeting.readUInt16LE(flags) & capabilities.ssl) !== 0
}

const capabilities = { longPassword: 1, protocol41: 0x0200, ssl: 0x0800, secureConnection: 0x8000 }

/** capabilities, packets of 16 MB, utf8, 23 bytes of nothing: how SSLRequest and HandshakeResponse41 begin */
const opening: Uint8Array = (() => {
  const { longPassword, protocol41, ssl, secureConnection } = capabilities
  const bytes = Buffer.alloc(32)
  bytes.writeUInt32LE(longPassword | protocol41 | ssl | secureConnection, 0)
  bytes.writeUInt32LE(0x0100_0000, 4)
  bytes[8] = 33
  return bytes
})()

const sslRequest = packet(1, opening)

/** No account is meant: whoever reads the server's log sees who came, and no password is right by this answer. */
const user = 'tlsward'
const wrongProof = Buffer.alloc(20, 0x2d)

/** replies of the server that are answered at most: no real one wants more than two */
const mostReplies = 4

/** A login that the server refuses (Protocol::HandshakeResponse41), and whatever else it asks for until it does. */
function refusedLogin(): Closing {
  const inbox = new Inbox()
  let replies = 0
  return {
    feed(bytes) {
      if (bytes.length === 0) {
        return packet(2, Buffer.concat([opening, Buffer.from(`${user}\0`), Uint8Array.of(20), wrongProof]))
      }
      const data = inbox.add(bytes)
      if (data.length < 5) return nothing
      const [sequence = 0, kind] = data.subarray(3)
      const length = 4 + data.readUIntLE(0, 3)
      // an error, which is what was wanted, or a success, which nobody meant
      if (kind === 0xff || kind === 0 || length > 4_096 || ++replies > mostReplies) return null
      if (data.length < length) return (replies--, nothing)
      inbox.drop(length)
      // 0xfe: prove it in another way; 1: more about that, 4 meaning by the password itself
      if (kind === 0xfe) return packet(sequence + 1, wrongProof)
      return data[5] === 4 ? packet(sequence + 1, Buffer.from('none\0')) : nothing
    }
  }
}

const nothing = new Uint8Array(0)

/** a packet of the protocol: three bytes of length, one of sequence */
function packet(sequence: number, body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4)
  head.writeUIntLE(body.length, 0, 3)
  head[3] = sequence & 255
  return Buffer.concat([head, body])
}
