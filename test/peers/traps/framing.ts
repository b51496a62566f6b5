import type { Certificate } from '../certificates.ts'
import { flight13, retryRequest } from '../flight13.ts'
import type { Link } from '../link.ts'
import { type PeerRow, shows } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { alert, contentType, record, records, slices, version } from '../wire.ts'
import { type OldFlight, eachInRecord, finish, oldFlight, refuse, seenBy, trap } from './trap.ts'

/** Right answers in odd pieces: every one of them shows its certificate to a client that reads by the rules. */
export function framingTraps({ rsa, ecdsa }: Testbed): PeerRow[] {
  const tls12 = shows([rsa], { version: version.tls12 })
  const tls13 = shows([ecdsa], { version: version.tls13 })
  const old = (name: string, pieces: (flight: OldFlight) => readonly Uint8Array[], pauseMs = -1) =>
    trap(name, tls12, (link) => inPieces(link, rsa, { pieces, pauseMs }), seenBy(tls12, '-no_tls1_3'))
  const modern = (name: string, pack: Packing) =>
    trap(name, tls13, (link) => packed(link, ecdsa, pack), seenBy(tls13, '-tls1_3'))
  const joined = ({ messages }: OldFlight) => Buffer.concat(messages)
  return [
    old('tcp-fragments', (flight) => fragments(eachInRecord(flight)), 0),
    old('records-of-64-bytes', (flight) => [records(joined(flight), flight.version, 64)]),
    old('records-of-1-byte', (flight) => [records(joined(flight), flight.version, 1)]),
    old('certificate-over-3-records', (flight) => [overThreeRecords(flight)]),
    old('messages-in-one-record', (flight) => [records(joined(flight), flight.version)]),
    old('slow-answer', (flight) => [eachInRecord(flight)], 800),
    old('warning-before-answer', (flight) => [alert('warning', 112), eachInRecord(flight)]),
    modern('tls13-records-of-1-byte', { cut: 1 }),
    modern('tls13-records-of-64-bytes', { cut: 64 }),
    modern('tls13-one-record', { cut: 16_384 }),
    modern('tls13-padded-records', { cut: 512, padding: 10_000 }),
    modern('tls13-without-change-cipher-spec', { withoutChange: true }),
    modern('tls13-tcp-fragments', { fragmented: true }),
    modern('tls13-cookie', { cookie: true })
  ]
}

/** How the pieces go out: with a pause before each (milliseconds, 0 a turn of the event loop, -1 none). */
interface Pieces {
  readonly pieces: (flight: OldFlight) => readonly Uint8Array[]
  readonly pauseMs: number
}

async function inPieces(link: Link, certificate: Certificate, { pieces, pauseMs }: Pieces): Promise<void> {
  const flight = await oldFlight(link, { certificate, versions: [version.tls12] })
  if (!flight) return
  for (const piece of pieces(flight)) {
    if (pauseMs >= 0) await link.pause(pauseMs)
    await link.write(piece)
  }
  await finish(link)
}

/** Writes of 1 to 7 bytes. */
function fragments(bytes: Buffer): Buffer[] {
  const list: Buffer[] = []
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size % 7) + 1) {
    list.push(bytes.subarray(at, at + size))
  }
  return list
}

/** Every message but the certificate whole, that one cut inside its header and inside its list. */
function overThreeRecords({ messages, version }: OldFlight): Buffer {
  const [hello, certificate, ...rest] = messages
  if (!hello || !certificate) return Buffer.alloc(0)
  const parts = [
    hello,
    certificate.subarray(0, 3),
    certificate.subarray(3, 200),
    certificate.subarray(200),
    ...rest
  ]
  return Buffer.concat(parts.map((part) => record(contentType.handshake, version, part)))
}

/** How the encrypted part of a TLS 1.3 flight is put into records; without `cut`, a record for each message. */
interface Packing {
  readonly cut?: number
  readonly padding?: number
  readonly withoutChange?: boolean
  readonly fragmented?: boolean
  readonly cookie?: boolean
}

async function packed(link: Link, certificate: Certificate, packing: Packing): Promise<void> {
  let hello = await link.hello()
  let before: [Buffer, Buffer] | null = null
  if (packing.cookie) {
    const retry = retryRequest(hello, { cookie: Buffer.from('a cookie that the client must bring back') })
    before = [hello.message, retry]
    await link.write(records(retry, version.tls12))
    await skipChangeCipherSpec(link)
    hello = await link.hello()
  }
  const flight = flight13(hello, certificate, before)
  if (!flight) return refuse(link, hello.highest < version.tls13 ? 70 : 40)
  const parts = packing.cut ? slices(Buffer.concat(flight.messages), packing.cut) : flight.messages
  const { padding = 0 } = packing
  const out = Buffer.concat([
    records(flight.serverHello, version.tls12),
    ...(packing.withoutChange ? [] : [changeCipherSpec]),
    ...parts.map((part) => flight.seal(part, { padding }))
  ])
  for (const piece of packing.fragmented ? fragments(out) : [out]) {
    if (packing.fragmented) await link.pause(0)
    await link.write(piece)
  }
  await finish(link)
}

/** The record of middlebox compatibility (RFC 8446 appendix D.4). */
export const changeCipherSpec: Buffer = record(contentType.changeCipherSpec, version.tls12, Buffer.of(1))

/** A client sends it before its second hello, if it likes. */
async function skipChangeCipherSpec(link: Link): Promise<void> {
  if ((await link.peek()) === contentType.changeCipherSpec) await link.bytes(6)
}
