import type { Link } from '../link.ts'

/** Protocols that a client asks for and a server chooses (MS-RDPBCGR §2.2.1.1.1). */
export const rdpProtocol = { rdp: 0, ssl: 1, hybrid: 2 } as const

/** Reasons of a server that refuses (MS-RDPBCGR §2.2.1.2.2). */
export const rdpFailure = { sslRequired: 1, sslNotAllowed: 2, hybridRequired: 5 } as const

/** What a server does with a client's wishes, a set of protocol bits. */
export type RdpChoice = (asked: number) => { protocol: number } | { failure: number } | 'silent on protocols'

/** Takes TLS, under network level authentication where the client can. */
export const tlsForAll: RdpChoice = (asked) => {
  if (asked & rdpProtocol.hybrid) return { protocol: rdpProtocol.hybrid }
  return asked & rdpProtocol.ssl ? { protocol: rdpProtocol.ssl } : { failure: rdpFailure.sslRequired }
}

/** Takes TLS only together with network level authentication, as Windows does by default. */
export const onlyHybrid: RdpChoice = (asked) =>
  asked & rdpProtocol.hybrid ? { protocol: rdpProtocol.hybrid } : { failure: rdpFailure.hybridRequired }

/** X.224 Connection Request and Confirm (MS-RDPBCGR §2.2.1.1, §2.2.1.2). */
export async function rdp(link: Link, choose: RdpChoice): Promise<void> {
  const tpkt = await link.bytes(4)
  const length = tpkt.readUInt16BE(2)
  if (tpkt[0] !== 3 || length < 11) return link.end()
  const request = await link.bytes(length - 4)
  // length indicator, CR with credit 0, destination reference 0
  if (request[0] !== request.length - 1 || (request[1] ?? 0) >> 4 !== 0xe || request.readUInt16BE(2) !== 0) {
    return link.end()
  }
  const choice = choose(askedProtocols(request))
  if (choice === 'silent on protocols') return link.write(confirm(Buffer.alloc(0)))
  const negotiation = Buffer.alloc(8)
  const [type, value] = 'protocol' in choice ? [2, choice.protocol] : [3, choice.failure]
  negotiation[0] = type
  negotiation.writeUInt16LE(8, 2)
  negotiation.writeUInt32LE(value, 4)
  await link.write(confirm(negotiation))
  if ('failure' in choice) link.end()
}

/** The protocols of RDP_NEG_REQ at the end of the request; none: standard RDP security only. */
function askedProtocols(request: Buffer): number {
  const wish = request.subarray(-8)
  const there = request.length >= 14 && wish[0] === 1 && wish.readUInt16LE(2) === 8
  return there ? wish.readUInt32LE(4) : rdpProtocol.rdp
}

function confirm(negotiation: Buffer): Buffer {
  const x224 = Buffer.concat([Buffer.of(6 + negotiation.length, 0xd0, 0, 0, 0x12, 0x34, 0), negotiation])
  return Buffer.concat([Buffer.of(3, 0, 0, 4 + x224.length), x224])
}
