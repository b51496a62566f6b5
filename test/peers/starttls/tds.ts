import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { Link } from '../link.ts'
import { u16, u8, slices } from '../wire.ts'

/** Packet types of MS-TDS §2.2.3.1.1. */
const packetType = { tabularResult: 0x04, preLogin: 0x12 } as const

/** ENCRYPTION values of PRELOGIN (MS-TDS §2.2.6.5). */
export const tdsEncryption = { off: 0, on: 1, notSupported: 2, required: 3 } as const

/** How a SQL Server answers. */
export interface Tds {
  readonly encryption: number
  /** bytes of TLS in one packet */
  readonly packetSize: number
}

/** Answers PRELOGIN, and gives the stream inside which TLS goes on; undefined when there is to be none. */
export async function tds(link: Link, { encryption, packetSize }: Tds): Promise<Duplex | undefined> {
  const head = await link.bytes(8)
  const [type, status] = head
  const request = await link.bytes(Math.max(head.readUInt16BE(2) - 8, 0))
  const wanted = option(request, 1)
  const version = option(request, 0)
  if (type !== packetType.preLogin || status !== 1 || version?.length !== 6 || wanted?.length !== 1) {
    link.end()
    return undefined
  }
  await link.write(packet(packetType.tabularResult, preLogin(encryption)))
  if (encryption === tdsEncryption.notSupported || wanted[0] === tdsEncryption.notSupported) return undefined
  link.release()
  return insidePackets(link.socket, packetSize)
}

/** An option of PRELOGIN: a list of token, offset, length, closed by 0xff. */
function option(body: Buffer, token: number): Buffer | undefined {
  for (let at = 0; at + 5 <= body.length && body[at] !== 0xff; at += 5) {
    if (body[at] !== token) continue
    const offset = body.readUInt16BE(at + 1)
    return body.subarray(offset, offset + body.readUInt16BE(at + 3))
  }
  return undefined
}

/** VERSION 15.0.4000, ENCRYPTION, INSTOPT. */
function preLogin(encryption: number): Buffer {
  const values = [Buffer.from([15, 0, 15, 160, 0, 0]), u8(encryption), u8(0)]
  let offset = values.length * 5 + 1
  const entries = values.map((value, token) => {
    const entry = Buffer.concat([u8(token), u16(offset), u16(value.length)])
    offset += value.length
    return entry
  })
  return Buffer.concat([...entries, u8(0xff), ...values])
}

function packet(type: number, body: Uint8Array, status: 0 | 1 = 1, number = 1): Buffer {
  return Buffer.concat([u8(type), u8(status), u16(body.length + 8), u16(0), u8(number), u8(0), body])
}

/** A stream whose bytes travel in PRELOGIN packets, as TLS does until the login is over (MS-TDS §2.2.6.5). */
function insidePackets(socket: Socket, packetSize: number): Duplex {
  let received = Buffer.alloc(0)
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const parts = slices(chunk, packetSize)
      const packets = parts.map((part, at) =>
        packet(packetType.preLogin, part, at === parts.length - 1 ? 1 : 0, at + 1)
      )
      socket.write(Buffer.concat(packets), done)
    },
    final(done) {
      socket.end(done)
    },
    destroy(error, done) {
      socket.destroy()
      done(error)
    }
  })
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 8 && received.length >= received.readUInt16BE(2)) {
      const length = received.readUInt16BE(2)
      // anything but PRELOGIN is no TLS: a client that speaks it here has made a mistake
      if (received[0] !== packetType.preLogin || length < 8) {
        stream.destroy()
        return
      }
      stream.push(received.subarray(8, length))
      received = received.subarray(length)
    }
  })
  socket.on('close', () => stream.destroy())
  socket.on('end', () => stream.push(null))
  socket.resume()
  return stream
}
