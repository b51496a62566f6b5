import type { Certificate } from '../certificates.ts'
import { type ClientHello } from '../client-hello.ts'
import { flightMessages } from '../flight.ts'
import type { Link } from '../link.ts'
import { type PeerRow, ends, shows } from '../row.ts'
import type { Testbed } from '../testbed.ts'
import { alert, version } from '../wire.ts'
import { choose, eachInRecord, finish, refuse, seenBy, trap } from './trap.ts'

const name = 'peer.test'

/** Servers that refuse: always, or without a server name that they know. */
export function alertTraps({ rsa }: Testbed): PeerRow[] {
  const refuses = (description: number) => async (link: Link) => {
    await link.hello()
    await refuse(link, description)
  }
  const seen = shows([rsa], { version: version.tls12 })
  const named = (without: (link: Link) => Promise<void> | void) => (link: Link) =>
    onlyNamed(link, rsa, without)
  const looks = seenBy(seen, '-no_tls1_3', '-servername', name)
  const unrecognized = named((link) => refuse(link, 112))
  const handshakeFailure = named((link) => refuse(link, 40))
  return [
    trap('alert-40', ends('alert', { alert: 40 }), refuses(40)),
    trap('alert-70', ends('alert', { alert: 70 }), refuses(70)),
    trap('alert-80', ends('alert', { alert: 80 }), refuses(80)),
    trap('alert-112', ends('name-required', { alert: 112 }), refuses(112)),
    trap('alert-in-two-writes', ends('alert', { alert: 40 }), alertInTwoWrites),
    trap('needs-name', ends('name-required', { alert: 112 }), unrecognized),
    trap('needs-name-and-gets-it', seen, unrecognized, { serverName: name, ...looks }),
    trap('needs-name-else-alert-40', ends('alert', { alert: 40 }), handshakeFailure),
    trap('needs-name-else-alert-40-and-gets-it', seen, handshakeFailure, { serverName: name, ...looks }),
    trap(
      'needs-name-else-reset',
      ends('reset'),
      named((link) => link.reset())
    ),
    trap(
      'needs-name-else-reset-and-gets-it',
      seen,
      named((link) => link.reset()),
      { serverName: name, ...looks }
    )
  ]
}

async function alertInTwoWrites(link: Link): Promise<void> {
  await link.hello()
  const bytes = alert('fatal', 40)
  await link.write(bytes.subarray(0, 3))
  await link.pause(20)
  await link.write(bytes.subarray(3))
  link.end()
}

async function onlyNamed(
  link: Link,
  certificate: Certificate,
  without: (link: Link) => Promise<void> | void
): Promise<void> {
  const hello: ClientHello = await link.hello()
  if (hello.serverName !== name) return without(link)
  const choice = choose(hello, { certificate, versions: [version.tls12] })
  if (typeof choice === 'number') return refuse(link, choice)
  await link.write(
    eachInRecord({ version: choice.version, messages: flightMessages(hello, choice, certificate) })
  )
  await finish(link)
}
