import type { Link } from '../link.ts'

/** What a server says to a line of the client's, and what it does next. */
export interface Answer {
  /** the whole line without its end */
  readonly ask: RegExp
  /** `$1`, … are parts of the line */
  readonly say: string
  readonly next?: 'tls' | 'close'
}

/** A protocol of lines: the greeting and the answers, the first that fits. */
export interface Dialogue {
  readonly greeting: string
  readonly answers: readonly Answer[]
  /** to a line that nothing fits */
  readonly otherwise: string
}

/** Holds the dialogue; resolves when TLS is to begin, never when it does not come to that. */
export async function converse(link: Link, { greeting, answers, otherwise }: Dialogue): Promise<void> {
  await link.write(greeting)
  for (;;) {
    const line = (await link.until('\r\n')).trimEnd()
    const answer = answers.find(({ ask }) => ask.test(line))
    await link.write(answer ? line.replace(answer.ask, answer.say) : otherwise)
    if (answer?.next === 'tls') return
    if (answer?.next === 'close') link.end()
  }
}

/** RFC 3207. */
export const smtp: Dialogue = {
  greeting: '220 mx.peer.test ESMTP ready\r\n',
  answers: [
    { ask: /^EHLO \S+$/i, say: '250-mx.peer.test\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n250 8BITMIME\r\n' },
    { ask: /^STARTTLS$/i, say: '220 2.0.0 ready to start TLS\r\n', next: 'tls' },
    { ask: /^QUIT$/i, say: '221 2.0.0 bye\r\n', next: 'close' }
  ],
  otherwise: '502 5.5.1 command not implemented\r\n'
}

/** RFC 9051 §6.2.1. */
export const imap: Dialogue = {
  greeting: '* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n',
  answers: [
    { ask: /^(\S+) CAPABILITY$/i, say: '* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n$1 OK done\r\n' },
    { ask: /^(\S+) STARTTLS$/i, say: '$1 OK begin TLS negotiation now\r\n', next: 'tls' },
    { ask: /^(\S+) LOGOUT$/i, say: '* BYE\r\n$1 OK done\r\n', next: 'close' }
  ],
  otherwise: '* BAD what?\r\n'
}

/** RFC 2595 §4. */
export const pop3: Dialogue = {
  greeting: '+OK POP3 ready\r\n',
  answers: [
    { ask: /^CAPA$/i, say: '+OK\r\nTOP\r\nSTLS\r\nUIDL\r\n.\r\n' },
    { ask: /^STLS$/i, say: '+OK begin TLS negotiation\r\n', next: 'tls' },
    { ask: /^QUIT$/i, say: '+OK bye\r\n', next: 'close' }
  ],
  otherwise: '-ERR unknown command\r\n'
}

/** RFC 4217 §4. */
export const ftp: Dialogue = {
  greeting: '220-Welcome\r\n220 FTP ready\r\n',
  answers: [
    { ask: /^FEAT$/i, say: '211-Features:\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End\r\n' },
    { ask: /^AUTH TLS(-C)?$/i, say: '234 proceed with negotiation\r\n', next: 'tls' },
    { ask: /^QUIT$/i, say: '221 goodbye\r\n', next: 'close' }
  ],
  otherwise: '530 please login with USER and PASS\r\n'
}
