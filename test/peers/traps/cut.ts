import { type PeerRow, ends, shows } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { version } from '../wire.ts'
import { eachInRecord, finish, oldFlight, trap } from './trap.ts'
import type { Link } from '../link.ts'

/** Servers that cut the connection. */
export function cutTraps({ rsa }: Testbed): PeerRow[] {
  const server = { certificate: rsa, versions: [version.tls12] }
  const once = shows([rsa], { version: version.tls12 })
  const answer = async (link: Link) => {
    const flight = await oldFlight(link, server)
    if (!flight) return
    await link.write(eachInRecord(flight))
    await finish(link)
  }
  return [
    trap('resets-at-once', ends('reset'), (link) => link.reset()),
    trap('resets-upon-hello', ends('reset'), async (link) => {
      await link.hello()
      link.reset()
    }),
    trap('closes-at-once', ends('ended'), (link) => link.end()),
    trap('closes-upon-hello', ends('ended'), async (link) => {
      await link.hello()
      link.end()
    }),
    trap('closes-after-server-hello', ends('malformed'), async (link) => {
      const flight = await oldFlight(link, server)
      if (!flight) return
      await link.write(eachInRecord({ ...flight, messages: flight.messages.slice(0, 1) }))
      link.end()
    }),
    trap('first-connection-only', once, (link) => (link.turn === 1 ? answer(link) : link.reset()))
  ]
}
