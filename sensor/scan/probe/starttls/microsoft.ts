import { alien, Inbox, ready, refused, wait, type Prelude } from './prelude.ts'

/**
 * RDP: an X.224 connection request that asks for TLS or CredSSP over TLS (MS-RDPBCGR §2.2.1.1), answered by
 * a confirm with the protocol chosen (§2.2.1.2).
 */
export function rdpPrelude(): Prelude {
  const inbox = new Inbox()
  return {
    // TPKT(19) · X.224 CR(14) · RDP_NEG_REQ: PROTOCOL_SSL | PROTOCOL_HYBRID
    first: Uint8Array.of(3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0),
    feed(bytes) {
      const data = inbox.add(bytes)
      if (data[0] !== 3 || (data.length > 1 && data[1] !== 0)) return alien
      if (data.length < 6) return wait
      const length = data.readUInt16BE(2)
      if (length > 512 || (data[5] ?? 0) >> 4 !== 0xd) return alien
      if (data.length < length) return wait
      // no negotiation response, or a failure (3): only the old RDP security
      if (length < 19 || data[11] !== 2) return refused
      return data.readUInt32LE(15) === 0 ? refused : ready
    }
  }
}

const packetHeader = 8
const preloginType = 0x12

/**
 * SQL Server: PRELOGIN that offers encryption, then TLS in TDS packets of the same type (MS-TDS §2.2.6.5,
 * §3.2.5.1).
 */
export function tdsPrelude(): Prelude {
  const inbox = new Inbox()
  const carried = new Inbox()
  return {
    // options VERSION (at 11, 6 bytes), ENCRYPTION (at 17, 1 byte): ENCRYPT_ON
    first: tdsPacket(Uint8Array.of(0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 9, 0, 0, 0, 0, 0, 1)),
    feed(bytes) {
      const data = inbox.add(bytes)
      if (data[0] !== 4 && data[0] !== preloginType) return alien
      if (data.length < packetHeader) return wait
      const length = data.readUInt16BE(2)
      if (length < packetHeader || length > 4_096) return alien
      if (data.length < length) return wait
      const encryption = tdsEncryption(data.subarray(packetHeader, length))
      if (encryption === undefined) return alien
      return encryption === 2 ? refused : ready // ENCRYPT_NOT_SUP
    },
    wrap: tdsPacket,
    unwrap(bytes) {
      const pieces: Uint8Array[] = []
      let data = carried.add(bytes)
      while (data.length >= packetHeader) {
        const length = data.readUInt16BE(2)
        if ((data[0] !== preloginType && data[0] !== 4) || length < packetHeader) return undefined
        if (data.length < length) break
        pieces.push(data.subarray(packetHeader, length))
        data = data.subarray(length)
        carried.drop(length)
      }
      return Buffer.concat(pieces)
    }
  }
}

function tdsPacket(body: Uint8Array): Uint8Array {
  const length = packetHeader + body.length
  return Buffer.concat([Uint8Array.of(preloginType, 1, length >>> 8, length & 255, 0, 0, 0, 0), body])
}

/** the ENCRYPTION option of a PRELOGIN answer, undefined where the answer is none */
function tdsEncryption(body: Buffer): number | undefined {
  for (let at = 0; at + 5 <= body.length && body[at] !== 0xff; at += 5) {
    if (body[at] === 1) return body[body.readUInt16BE(at + 1)]
  }
  return undefined
}
