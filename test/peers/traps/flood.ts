import { randomBytes } from 'node:crypto'
import type { Link } from '../link.ts'
import { type PeerRow, ends } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { alert, contentType, message, messageType, record, version } from '../wire.ts'
import { changeCipherSpec } from './framing.ts'
import { type OldServer, eachInRecord, everyVersion, oldFlight, trap } from './trap.ts'

/** Servers that send, or announce, more than anybody should take. */
export function floodTraps({ rsa }: Testbed): PeerRow[] {
  const server = { certificate: rsa, versions: everyVersion }
  const empty = record(contentType.handshake, version.tls12, Buffer.alloc(0))
  return [
    trap('flood-of-warnings', ends('too-large'), (link) => flood(link, alert('warning', 90))),
    trap('flood-of-change-cipher-specs', ends('too-large'), (link) => flood(link, changeCipherSpec)),
    trap('flood-of-hello-requests', ends('too-large'), (link) => flood(link, helloRequest)),
    // forbidden by RFC 8446 §5.1 and RFC 5246 §6.2.1: the first one is already wrong
    trap('flood-of-empty-records', ends('malformed'), (link) => flood(link, empty)),
    trap('endless-certificate', ends('too-large'), (link) => endlessCertificate(link, server)),
    trap('claims-16-mb-certificate', ends('too-large'), (link) => claims(link, server)),
    trap('claims-long-record', ends('too-large'), (link) => longRecord(link, server)),
    trap('endless-garbage', ends('not-tls'), garbage)
  ]
}

/** What a server of TLS ≤ 1.2 may send to ask for a renegotiation: ignored during a handshake. */
const helloRequest = record(contentType.handshake, version.tls12, message(0, Buffer.alloc(0)))

/** The same record for ever, many at a time. */
async function flood(link: Link, one: Buffer): Promise<void> {
  await link.hello()
  const many = Buffer.concat(Array.from({ length: 500 }, () => one))
  for (;;) {
    await link.write(many)
    await link.pause(0)
  }
}

/** A certificate message of the greatest length, and all of it comes. */
async function endlessCertificate(link: Link, server: OldServer): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  const [hello = Buffer.alloc(0)] = flight.messages
  // a list of nearly 16 MB whose first certificate has nearly that length
  const start = message(messageType.certificate, Buffer.from('ffffefffffec', 'hex'), 0xfffff2)
  await link.write(eachInRecord({ ...flight, messages: [hello, start] }))
  for (;;) {
    await link.write(record(contentType.handshake, version.tls12, Buffer.alloc(16_384, 0x30)))
    await link.pause(0)
  }
}

async function claims(link: Link, server: OldServer): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  const [hello = Buffer.alloc(0)] = flight.messages
  const certificate = message(messageType.certificate, Buffer.alloc(64), 0xffffff)
  await link.write(eachInRecord({ ...flight, messages: [hello, certificate] }))
  await link.gone()
}

/** RFC 8446 §5.2 allows 2^14 + 256, RFC 5246 §6.2.3 2^14 + 2048. */
async function longRecord(link: Link, server: OldServer): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  const [hello = Buffer.alloc(0)] = flight.messages
  await link.write(eachInRecord({ ...flight, messages: [hello] }))
  await link.write(record(contentType.handshake, version.tls12, Buffer.alloc(64), 0x4000 + 2049))
  await link.gone()
}

/** Random bytes, the first of them no content type. */
async function garbage(link: Link): Promise<void> {
  await link.hello()
  await link.write(Buffer.of(0xee))
  for (;;) {
    await link.write(randomBytes(4096))
    await link.pause(0)
  }
}
