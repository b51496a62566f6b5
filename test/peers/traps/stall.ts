import type { Link } from '../link.ts'
import { type PeerRow, ends, shows } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { message, messageType, version } from '../wire.ts'
import { type OldServer, eachInRecord, everyVersion, oldFlight, trap } from './trap.ts'

/** Servers that let the client wait. */
export function stallTraps({ rsa }: Testbed): PeerRow[] {
  const server = { certificate: rsa, versions: everyVersion }
  const whole = shows([rsa], { version: version.tls12 })
  return [
    trap('accepts-only', ends('stalled'), (link) => link.gone()),
    trap('drip-for-ever', ends('stalled'), (link) => drip(link, server)),
    trap('stalls-after-server-hello', ends('stalled'), (link) => halt(link, server, 1)),
    trap('stalls-in-a-record', ends('stalled'), (link) => haltInRecord(link, server)),
    trap('stalls-after-certificate', whole, (link) => halt(link, server, 2))
  ]
}

/** A valid start, then a certificate message of 60 kB, all of it one byte each 30 ms. */
async function drip(link: Link, server: OldServer): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  const [hello = Buffer.alloc(0)] = flight.messages
  const certificate = message(messageType.certificate, Buffer.alloc(15_000), 60_000)
  for (const byte of eachInRecord({ ...flight, messages: [hello, certificate] })) {
    await link.write(Buffer.of(byte))
    await link.pause(30)
  }
}

async function halt(link: Link, server: OldServer, afterMessages: number): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  await link.write(eachInRecord({ ...flight, messages: flight.messages.slice(0, afterMessages) }))
  await link.gone()
}

async function haltInRecord(link: Link, server: OldServer): Promise<void> {
  const flight = await oldFlight(link, server)
  if (!flight) return
  const all = eachInRecord(flight)
  await link.write(all.subarray(0, 400))
  await link.gone()
}
