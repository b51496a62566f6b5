import type { Duplex } from 'node:stream'
import { TLSSocket, createSecureContext } from 'node:tls'
import type { StartTls } from '../../sensor/scan/observation.ts'
import type { Certificate } from './certificates.ts'
import { type Link, serveScript } from './link.ts'
import type { Peer, Where } from './peer.ts'
import { type PeerRow, row, shows } from './row.ts'
import { ldap, mysql, postgres } from './starttls/binary.ts'
import { rdp, tlsForAll } from './starttls/rdp.ts'
import { tds, tdsEncryption } from './starttls/tds.ts'
import { converse, ftp, imap, pop3, smtp } from './starttls/text.ts'
import { converseXmpp, xmpp } from './starttls/xmpp.ts'
import type { Testbed } from './testbed.ts'
import { credentials } from './tls.ts'

/** Speaks the clear part; gives the stream on which TLS begins, or nothing when it is not to begin. */
export type Prelude = (link: Link) => Promise<Duplex | undefined>

/** A prelude of a protocol where TLS begins on the connection itself. */
export function onSocket(speak: (link: Link) => Promise<void>): Prelude {
  return async (link) => {
    await speak(link)
    link.release()
    return link.socket
  }
}

/** A working prelude for each protocol. */
export const preludes: Readonly<Record<StartTls, Prelude>> = {
  smtp: onSocket((link) => converse(link, smtp)),
  imap: onSocket((link) => converse(link, imap)),
  pop3: onSocket((link) => converse(link, pop3)),
  ftp: onSocket((link) => converse(link, ftp)),
  ldap: onSocket((link) => ldap(link)),
  postgres: onSocket((link) => postgres(link)),
  mysql: onSocket((link) => mysql(link)),
  xmpp: onSocket((link) => converseXmpp(link, xmpp('client'))),
  'xmpp-server': onSocket((link) => converseXmpp(link, xmpp('server'))),
  rdp: onSocket((link) => rdp(link, tlsForAll)),
  tds: (link) => tds(link, { encryption: tdsEncryption.on, packetSize: 4088 })
}

/** Starts a server that speaks the prelude and then real TLS, in this process. */
export function startStartTls(prelude: Prelude, certificate: Certificate, where?: Where): Promise<Peer> {
  const secureContext = createSecureContext(credentials([certificate]))
  return serveScript(async (link) => {
    const stream = await prelude(link)
    if (!stream || link.socket.destroyed) return
    const secure = new TLSSocket(stream, { isServer: true, secureContext })
    secure.on('error', () => link.socket.destroy())
    secure.resume()
  }, where)
}

/** A row for each protocol that starts TLS. */
export function startTlsRows({ ecdsa }: Testbed): PeerRow[] {
  return Object.entries(preludes).map(([protocol, prelude]) =>
    startTlsRow(`starttls-${protocol}`, { protocol: protocol as StartTls, prelude, certificate: ecdsa })
  )
}

/** A row for one way to start TLS. */
export function startTlsRow(
  name: string,
  { protocol, prelude, certificate }: { protocol: StartTls; prelude: Prelude; certificate: Certificate }
): PeerRow {
  const args = sclientArgs(protocol)
  return row({
    name,
    family: 'starttls',
    expect: shows([certificate], { starttls: protocol }),
    start: (where) => startStartTls(prelude, certificate, where),
    sclient: args ? [{ args, leaf: certificate.fingerprint }] : []
  })
}

/** How openssl is told of a protocol, where it knows it. */
export function sclientArgs(protocol: StartTls, host = 'peer.test'): readonly string[] | undefined {
  if (protocol === 'rdp' || protocol === 'tds') return undefined
  return ['-starttls', protocol, ...(protocol.startsWith('xmpp') ? ['-xmpphost', host] : [])]
}
