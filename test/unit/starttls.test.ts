import t, { type Test } from 'tap'
import { seededRandom } from '../../core/random.ts'
import type { StartTls } from '../../sensor/scan/observation.ts'
import { openPrelude, protocolOf } from '../../sensor/scan/probe/starttls/index.ts'
import type { PreludeStep } from '../../sensor/scan/probe/starttls/prelude.ts'

const protocols: StartTls[] = [
  'smtp',
  'imap',
  'pop3',
  'ftp',
  'ldap',
  'postgres',
  'mysql',
  'xmpp',
  'xmpp-server',
  'rdp',
  'tds'
]

const starts = ['220 ', '* OK', '+OK ', '\x30\x84', '\x03\0\0', '\x04\x01\0', '<st', '\x10\0\0\0\x0a', 'S']

/** the kinds of steps that a talk takes, whole and byte by byte: they must be the same */
function talk(t: Test, protocol: StartTls, said: readonly string[]): PreludeStep['kind'] {
  const ends = [Infinity, 1].map((size) => {
    const prelude = openPrelude(protocol, 'mx.test')
    for (const text of said) {
      const bytes = Buffer.from(text, 'latin1')
      for (let at = 0; at < bytes.length; at += Math.min(size, bytes.length)) {
        const step = prelude.feed(bytes.subarray(at, at + Math.min(size, bytes.length)))
        if (step.kind !== 'wait') return step.kind
      }
    }
    return 'wait'
  })
  t.equal(ends[0], ends[1], `${protocol}: the same in one piece and byte by byte`)
  return ends[0] ?? 'wait'
}

t.test('mail protocols: consent, refusal, something else', (t) => {
  const ehlo = '250-mx.test\r\n250-SIZE 10240\r\n250-STARTTLS\r\n250 SMTPUTF8\r\n'
  t.equal(talk(t, 'smtp', ['220-mx.test ESMTP\r\n220 ready\r\n', ehlo, '220 go ahead\r\n']), 'tls')
  t.equal(talk(t, 'smtp', ['220 mx\r\n', '250-mx\r\n250 SIZE 1\r\n']), 'refused')
  t.equal(talk(t, 'smtp', ['220 mx\r\n', ehlo, '454 TLS not available\r\n']), 'refused')
  t.equal(talk(t, 'smtp', ['554 no service\r\n']), 'refused')
  t.equal(talk(t, 'smtp', ['SSH-2.0-OpenSSH_9.2\r\n']), 'alien')
  t.equal(talk(t, 'imap', ['* OK ready\r\n', '* CAPABILITY IMAP4rev1\r\nt1 OK begin\r\n']), 'tls')
  t.equal(talk(t, 'imap', ['* OK ready\r\n', 't1 BAD no\r\n']), 'refused')
  t.equal(talk(t, 'imap', ['+OK pop\r\n']), 'alien')
  t.equal(talk(t, 'pop3', ['+OK pop\r\n', '+OK begin\r\n']), 'tls')
  t.equal(talk(t, 'pop3', ['+OK pop\r\n', '-ERR no\r\n']), 'refused')
  t.equal(talk(t, 'ftp', ['220-Welcome\r\n to this\r\n220 server\r\n', '234 AUTH TLS OK\r\n']), 'tls')
  t.equal(talk(t, 'ftp', ['220 ready\r\n', '500 what\r\n']), 'refused')
  t.equal(talk(t, 'ftp', ['530 go away\r\n']), 'refused')
  t.end()
})

t.test('data and directory protocols: consent, refusal, something else', (t) => {
  t.equal(talk(t, 'postgres', ['S']), 'tls')
  t.equal(talk(t, 'postgres', ['N']), 'refused')
  t.equal(talk(t, 'postgres', ['HTTP/1.1 400\r\n']), 'alien')
  t.equal(talk(t, 'mysql', [mysqlGreeting(0x0800)]), 'tls')
  t.equal(talk(t, 'mysql', [mysqlGreeting(0)]), 'refused')
  t.equal(talk(t, 'mysql', ['\x10\0\0\0\xff\x6a\x04Host is blocked']), 'refused')
  t.equal(talk(t, 'mysql', ['220 smtp\r\n']), 'alien')
  t.equal(talk(t, 'ldap', ['\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00']), 'tls')
  t.equal(talk(t, 'ldap', ['\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00']), 'refused')
  t.equal(talk(t, 'ldap', ['\x30\x84\0\0\0\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00']), 'tls')
  t.equal(talk(t, 'ldap', ['hello']), 'alien')
  t.end()
})

t.test('XMPP, RDP and TDS: consent, refusal, something else', (t) => {
  const features = "<?xml version='1.0'?><stream:stream id='1'><stream:features>"
  const offer = `${features}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`
  t.equal(talk(t, 'xmpp', [offer, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]), 'tls')
  t.equal(talk(t, 'xmpp', [`${features}</stream:features>`]), 'refused')
  t.equal(talk(t, 'xmpp', ['<stream:stream><stream:error><host-unknown/></stream:error>']), 'refused')
  t.equal(talk(t, 'xmpp-server', [offer, '<failure/>']), 'refused')
  t.equal(talk(t, 'xmpp', ['220 smtp\r\n']), 'alien')
  const confirm = '\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0'
  t.equal(talk(t, 'rdp', [`${confirm}\x02\0\x08\0\x01\0\0\0`]), 'tls')
  t.equal(talk(t, 'rdp', [`${confirm}\x03\0\x08\0\x02\0\0\0`]), 'refused')
  t.equal(talk(t, 'rdp', ['\x03\0\0\x0b\x06\xd0\0\0\x12\x34\0']), 'refused')
  t.equal(talk(t, 'rdp', ['SSH-2.0\r\n']), 'alien')
  const prelogin = (encryption: string) => `\x04\x01\0\x0f\0\0\x01\0\x01\0\x06\0\x01\xff${encryption}`
  t.equal(talk(t, 'tds', [prelogin('\x01')]), 'tls')
  t.equal(talk(t, 'tds', [prelogin('\x02')]), 'refused')
  t.equal(talk(t, 'tds', ['HTTP/1.1']), 'alien')
  t.end()
})

t.test('TLS in TDS packets is packed and unpacked, however it is cut', (t) => {
  const prelude = openPrelude('tds', null)
  const packed = prelude.wrap?.(Buffer.from('hello')) ?? new Uint8Array(0)
  t.equal(packed.length, 8 + 5)
  const out: Buffer[] = []
  for (const byte of [...packed, ...packed])
    out.push(Buffer.from(prelude.unwrap?.(Uint8Array.of(byte)) ?? []))
  t.equal(Buffer.concat(out).toString(), 'hellohello')
  t.equal(prelude.unwrap?.(Buffer.from('garbage garbage')), undefined)
  t.end()
})

t.test('a protocol is told by its greeting', (t) => {
  t.equal(protocolOf(Buffer.from('220 mx.test ESMTP Postfix\r\n')), 'smtp')
  t.equal(protocolOf(Buffer.from('220 (vsFTPd 3.0.3)\r\n')), 'ftp')
  t.equal(protocolOf(Buffer.from('* OK IMAP4rev1\r\n')), 'imap')
  t.equal(protocolOf(Buffer.from('+OK hello\r\n')), 'pop3')
  t.equal(protocolOf(Buffer.from(mysqlGreeting(0x0800), 'latin1')), 'mysql')
  t.equal(protocolOf(Buffer.from('SSH-2.0-x\r\n')), null)
  t.end()
})

t.test('20,000 random talks: no throw', (t) => {
  const random = seededRandom(3)
  for (let round = 0; round < 20_000; round++) {
    const prelude = openPrelude(protocols[round % protocols.length] ?? 'smtp', null)
    for (let turn = 0; turn < 3; turn++) {
      const start = turn === 0 && random.word() % 2 ? (starts[random.word() % starts.length] ?? '') : ''
      const bytes = Buffer.concat([Buffer.from(start, 'latin1'), random.bytes(1 + (random.word() % 40))])
      if (prelude.feed(bytes).kind !== 'wait') break
    }
    prelude.unwrap?.(random.bytes(20))
  }
  t.pass()
  t.end()
})

function mysqlGreeting(flags: number): string {
  const body = Buffer.concat([
    Buffer.from('\x0a8.0.36\0'),
    Buffer.alloc(4 + 8 + 1),
    Buffer.from([flags & 255, flags >> 8, 33, 2, 0, 0, 0, 21])
  ])
  return Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]).toString('latin1')
}
