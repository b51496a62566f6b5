import type { StartTls } from '../../observation.ts'
import { ldapPrelude, postgresPrelude } from './data.ts'
import { ftpPrelude, imapPrelude, pop3Prelude, smtpPrelude } from './mail.ts'
import { rdpPrelude, tdsPrelude } from './microsoft.ts'
import { mysqlPrelude } from './mysql.ts'
import type { Prelude } from './prelude.ts'
import { xmppPrelude } from './xmpp.ts'

/** The clear-text talk that begins TLS in a protocol; `name` is the server name, for protocols that say it. */
export function openPrelude(protocol: StartTls, name: string | null): Prelude {
  return preludes[protocol](name)
}

const preludes: Readonly<Record<StartTls, (name: string | null) => Prelude>> = {
  smtp: smtpPrelude,
  imap: imapPrelude,
  pop3: pop3Prelude,
  ftp: ftpPrelude,
  ldap: ldapPrelude,
  postgres: postgresPrelude,
  mysql: mysqlPrelude,
  xmpp: (name) => xmppPrelude(name, 'client'),
  'xmpp-server': (name) => xmppPrelude(name, 'server'),
  rdp: rdpPrelude,
  tds: tdsPrelude
}

/** Ports where a protocol begins in the clear by its registration. */
export const startTlsPorts: ReadonlyMap<number, StartTls> = new Map([
  [21, 'ftp'],
  [25, 'smtp'],
  [110, 'pop3'],
  [143, 'imap'],
  [389, 'ldap'],
  [587, 'smtp'],
  [1433, 'tds'],
  [2525, 'smtp'],
  [3268, 'ldap'],
  [3306, 'mysql'],
  [3389, 'rdp'],
  [5222, 'xmpp'],
  [5269, 'xmpp-server'],
  [5432, 'postgres']
])

/** The protocol whose server spoke these first bytes unasked, or null. */
export function protocolOf(greeting: Buffer): StartTls | null {
  const text = greeting.subarray(0, 512).toString('latin1')
  if (/^\* (OK|PREAUTH|BYE)/i.test(text)) return 'imap'
  if (/^\+OK/i.test(text)) return 'pop3'
  if (/^220[ -]/.test(text)) return /ftp/i.test(text) && !/smtp/i.test(text) ? 'ftp' : 'smtp'
  const isMysql = greeting.length > 5 && greeting[3] === 0 && greeting[4] === 10 && greeting[2] === 0
  return isMysql ? 'mysql' : null
}
