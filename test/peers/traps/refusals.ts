import type { StartTls } from '../../../sensor/scan/observation.ts'
import type { Link } from '../link.ts'
import { type PeerRow, ends } from '../row.ts'
import { onSocket, startTlsRow } from '../starttls.ts'
import { ldap, mysql, mysqlPacket, postgres } from '../starttls/binary.ts'
import { onlyHybrid, rdp, rdpFailure } from '../starttls/rdp.ts'
import { tds, tdsEncryption } from '../starttls/tds.ts'
import { type Dialogue, converse, ftp, imap, pop3, smtp } from '../starttls/text.ts'
import { converseXmpp, open, xmpp } from '../starttls/xmpp.ts'
import type { Testbed } from '../testbed.ts'
import { type Script, trap } from './trap.ts'
import { hostileText } from './plain.ts'

/** Servers of protocols with STARTTLS that do not start it, and odd ones that do. */
export function startTlsTraps(bed: Testbed): PeerRow[] {
  return [...mailRefusals(), ...otherRefusals(), ...oddButWilling(bed)]
}

/** A server that answers and does not start TLS. */
function refusal(name: string, starttls: StartTls, script: Script): PeerRow {
  return trap(name, ends('no-starttls', { starttls }), script)
}

function mailRefusals(): PeerRow[] {
  const says = (name: string, starttls: StartTls, dialogue: Dialogue) =>
    refusal(name, starttls, (link) => converse(link, dialogue))
  return [
    says('smtp-without-starttls', 'smtp', {
      ...smtp,
      answers: [{ ask: /^EHLO \S+$/i, say: '250-mx.peer.test\r\n250 8BITMIME\r\n' }]
    }),
    says('smtp-454', 'smtp', instead(smtp, /^STARTTLS$/i, '454 4.7.0 TLS not available\r\n')),
    says('smtp-554-greeting', 'smtp', { ...smtp, greeting: '554 5.7.1 no service for you\r\n', answers: [] }),
    says('smtp-without-ehlo', 'smtp', instead(smtp, /^EHLO/i, '502 5.5.2 command not recognized\r\n')),
    says('smtp-hostile', 'smtp', {
      ...smtp,
      greeting: `220 ${hostileText.replaceAll('\r', '')}\r\n`,
      answers: [{ ask: /^EHLO/i, say: '250 ok\r\n' }]
    }),
    refusal('smtp-endless-banner', 'smtp', (link) => forEver(link, '220-all mail is welcome here\r\n')),
    says('imap-without-starttls', 'imap', {
      ...imap,
      greeting: '* OK [CAPABILITY IMAP4rev1] ready\r\n',
      answers: [
        { ask: /^(\S+) CAPABILITY$/i, say: '* CAPABILITY IMAP4rev1\r\n$1 OK done\r\n' },
        { ask: /^(\S+) STARTTLS$/i, say: '$1 BAD unknown command\r\n' }
      ]
    }),
    says('imap-no', 'imap', instead(imap, /^(\S+) STARTTLS$/i, '$1 NO not now\r\n')),
    says('imap-bye', 'imap', { ...imap, greeting: '* BYE overloaded\r\n', answers: [] }),
    says('pop3-without-stls', 'pop3', {
      ...pop3,
      answers: [{ ask: /^CAPA$/i, say: '+OK\r\nTOP\r\n.\r\n' }]
    }),
    says('ftp-500', 'ftp', instead(ftp, /^(AUTH|FEAT)/i, '500 unknown command\r\n')),
    says('ftp-534', 'ftp', instead(ftp, /^AUTH/i, '534 policy requires no TLS\r\n')),
    trap('smtp-then-plain', ends('not-tls', { starttls: 'smtp' }), async (link) => {
      await converse(link, smtp)
      await link.some()
      await link.write('500 5.5.1 what is that?\r\n')
      await link.gone()
    }),
    trap('smtp-never-greets', ends('stalled', { starttls: 'smtp' }), (link) => link.gone()),
    trap('ssh-where-smtp-was-awaited', ends('not-tls', { starttls: 'smtp' }), async (link) => {
      await link.write('SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n')
      await link.gone()
    })
  ]
}

/** The dialogue with another answer to what fits `ask`. */
function instead(dialogue: Dialogue, ask: RegExp, say: string): Dialogue {
  return { ...dialogue, answers: [{ ask: new RegExp(`${ask.source}.*`, 'i'), say }, ...dialogue.answers] }
}

async function forEver(link: Link, text: string): Promise<void> {
  for (;;) {
    await link.write(text.repeat(100))
    await link.pause(0)
  }
}

function otherRefusals(): PeerRow[] {
  const blocked = Buffer.concat([Buffer.from('ff6904', 'hex'), Buffer.from("Host '127.0.0.1' is blocked")])
  return [
    refusal('postgres-n', 'postgres', async (link) => {
      await postgres(link, 'N')
      await link.gone()
    }),
    refusal('postgres-error', 'postgres', async (link) => {
      await postgres(link, Buffer.from('E\0\0\0\u0019SFATAL\0C53300\0Mfull\0\0', 'latin1'))
      link.end()
    }),
    refusal('mysql-without-ssl', 'mysql', (link) => mysql(link, 'no-ssl')),
    refusal('mysql-host-blocked', 'mysql', async (link) => {
      await link.write(mysqlPacket(0, blocked))
      link.end()
    }),
    refusal('ldap-protocol-error', 'ldap', (link) => ldap(link, 2, 'unsupported extended operation')),
    refusal('ldap-unavailable', 'ldap', (link) => ldap(link, 52, 'TLS not started')),
    refusal('xmpp-without-starttls', 'xmpp', (link) =>
      converseXmpp(link, { ...xmpp('client'), features: '' })
    ),
    refusal('xmpp-failure', 'xmpp', (link) => converseXmpp(link, { ...xmpp('client'), answer: xmppFailure })),
    refusal('xmpp-host-unknown', 'xmpp', async (link) => {
      await link.until('>')
      await link.write(
        `${open('client')}<stream:error><host-unknown xmlns='${streamErrors}'/></stream:error>`
      )
      await link.write('</stream:stream>')
      link.end()
    }),
    refusal('rdp-without-tls', 'rdp', (link) => rdp(link, () => ({ failure: rdpFailure.sslNotAllowed }))),
    refusal('rdp-before-negotiation', 'rdp', (link) => rdp(link, () => 'silent on protocols')),
    refusal('tds-without-encryption', 'tds', async (link) => {
      await tds(link, { encryption: tdsEncryption.notSupported, packetSize: 4088 })
    })
  ]
}

const streamErrors = 'urn:ietf:params:xml:ns:xmpp-streams'
const xmppFailure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"

/** Servers that start TLS after all. */
function oddButWilling({ ecdsa, rsa }: Testbed): PeerRow[] {
  const willing = (name: string, protocol: StartTls, speak: (link: Link) => Promise<void>) =>
    startTlsRow(name, { protocol, prelude: onSocket(speak), certificate: ecdsa })
  const longGreeting = Array.from({ length: 30 }, (_, at) => `220-line ${at} of our terms of use\r\n`).join(
    ''
  )
  return [
    willing('smtp-long-banner', 'smtp', (link) =>
      converse(link, { ...smtp, greeting: `${longGreeting}220 ready\r\n` })
    ),
    // openssl takes the first half of the last reply for the whole
    { ...willing('smtp-tarpit', 'smtp', (link) => converse(slow(link), smtp)), sclient: [] },
    willing('imap-without-announcement', 'imap', (link) =>
      converse(link, { ...imap, greeting: '* OK ready, and not a word on what I can\r\n' })
    ),
    willing('rdp-nla-only', 'rdp', (link) => rdp(link, onlyHybrid)),
    startTlsRow('tds-small-packets', {
      protocol: 'tds',
      prelude: (link) => tds(link, { encryption: tdsEncryption.required, packetSize: 100 }),
      certificate: rsa
    }),
    startTlsRow('tds-login-only', {
      protocol: 'tds',
      prelude: (link) => tds(link, { encryption: tdsEncryption.off, packetSize: 4088 }),
      certificate: rsa
    })
  ]
}

/** The same connection, whose server takes 150 ms for each half of what it says. */
function slow(link: Link): Link {
  return {
    ...link,
    async write(text) {
      const bytes = Buffer.from(text)
      const half = Math.ceil(bytes.length / 2)
      for (const part of [bytes.subarray(0, half), bytes.subarray(half)]) {
        await link.pause(150)
        await link.write(part)
      }
    }
  }
}
