// The peers that speak something before TLS do what their names say; those that openssl knows are looked at in
// peers.test.ts.
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { type Case, checker } from '../peers/check.ts'
import type { Meeting } from '../peers/raw.ts'
import type { PeerRow } from '../peers/row.ts'
import { startTlsRows } from '../peers/starttls.ts'
import { createTestbed } from '../peers/testbed.ts'
import { startTlsTraps } from '../peers/traps/refusals.ts'

const bed = createTestbed()
const rows = [...startTlsRows(bed), ...startTlsTraps(bed)]
t.jobs = 8
const { check, unseen } = checker(t, rows)

/** The first three characters of each line, and how it ended. */
const codes = ({ bytes, end }: Meeting) => [
  bytes
    .toString()
    .split('\r\n')
    .slice(0, -1)
    .map((line) => line.slice(0, 3)),
  end
]
const text = ({ bytes, end }: Meeting) => [bytes.toString('latin1'), end]
const hex = ({ bytes, end }: Meeting) => [bytes.toString('hex'), end]
const mail = 'EHLO me\r\nSTARTTLS\r\n'
const lines = (send: string, wants: readonly string[], end = 'open'): Case => ({
  send,
  sees: codes,
  wants: [wants, end]
})

check('smtp-without-starttls', {
  send: mail,
  sees: text,
  wants: [
    '220 mx.peer.test ESMTP ready\r\n250-mx.peer.test\r\n250 8BITMIME\r\n502 5.5.1 command not implemented\r\n',
    'open'
  ]
})
check('smtp-454', lines(mail, ['220', '250', '250', '250', '250', '454']))
check('smtp-554-greeting', lines(mail, ['554', '502', '502']))
check('smtp-without-ehlo', lines(mail, ['220', '502', '220']))
check('smtp-hostile', { send: mail, sees: ({ bytes }) => bytes.includes('\u001b[2J'), wants: true })
check('smtp-endless-banner', {
  send: mail,
  sees: ({ bytes, end }) => [new Set(bytes.toString().split('\r\n').slice(0, -1)), end],
  wants: [new Set(['220-all mail is welcome here']), 'endless']
})
check('smtp-then-plain', {
  send: `${mail}hello`,
  sees: ({ bytes }) =>
    bytes.toString().endsWith('220 2.0.0 ready to start TLS\r\n500 5.5.1 what is that?\r\n'),
  wants: true
})
check('smtp-never-greets', lines(mail, []))
check('ssh-where-smtp-was-awaited', lines(mail, ['SSH']))
check('smtp-tarpit', {
  ...lines('EHLO me\r\n', ['220', '250', '250', '250', '250']),
  patience: { quietMs: 400 }
})
check('imap-without-starttls', {
  send: 'a CAPABILITY\r\nb STARTTLS\r\n',
  sees: text,
  wants: [
    '* OK [CAPABILITY IMAP4rev1] ready\r\n* CAPABILITY IMAP4rev1\r\na OK done\r\nb BAD unknown command\r\n',
    'open'
  ]
})
check('imap-no', {
  send: 'b STARTTLS\r\n',
  sees: ({ bytes }) => bytes.toString().endsWith('\r\nb NO not now\r\n'),
  wants: true
})
check('imap-bye', {
  send: 'b STARTTLS\r\n',
  sees: ({ bytes }) => bytes.toString().slice(0, 6),
  wants: '* BYE '
})
check('pop3-without-stls', lines('CAPA\r\nSTLS\r\n', ['+OK', '+OK', 'TOP', '.', '-ER']))
check('ftp-500', lines('AUTH TLS\r\n', ['220', '220', '500']))
check('ftp-534', lines('AUTH TLS\r\n', ['220', '220', '534']))

const sslRequest = Buffer.from('0000000804d2162f', 'hex')
check('postgres-n', { send: sslRequest, sees: text, wants: ['N', 'open'] })
check('postgres-error', {
  send: sslRequest,
  sees: ({ bytes, end }) => [bytes[0], bytes.readUInt32BE(1), bytes.length, end],
  wants: [0x45, 25, 26, 'fin']
})

/** capability flags of the greeting, after the version's text, the thread and eight bytes and a zero */
const capabilities = ({ bytes, end }: Meeting) => [
  bytes[4],
  bytes.readUInt16LE(bytes.indexOf(0, 5) + 14) & 0x0800,
  end
]
check('mysql-without-ssl', { send: '', sees: capabilities, wants: [10, 0, 'open'] })
check('starttls-mysql', { send: '', sees: capabilities, wants: [10, 0x0800, 'open'] })
check('mysql-host-blocked', {
  send: '',
  sees: ({ bytes, end }) => [bytes.readUIntLE(0, 3), bytes[4], end],
  wants: [bytesOfBlocked(), 0xff, 'fin']
})

function bytesOfBlocked(): number {
  return 3 + "Host '127.0.0.1' is blocked".length
}

const startTlsRequest = Buffer.concat([
  Buffer.from('301d02010777188016', 'hex'),
  Buffer.from('1.3.6.1.4.1.1466.20037')
])
/** message id and result code */
const ldapResult = ({ bytes, end }: Meeting) => [bytes[1] === bytes.length - 2, bytes[4], bytes[9], end]
check('ldap-protocol-error', { send: startTlsRequest, sees: ldapResult, wants: [true, 7, 2, 'open'] })
check('ldap-unavailable', { send: startTlsRequest, sees: ldapResult, wants: [true, 7, 52, 'open'] })

const stream =
  "<?xml version='1.0'?><stream:stream to='peer.test' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
const startTls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
const has = (send: string, part: string): Case => ({
  send,
  sees: ({ bytes }) => bytes.includes(part),
  wants: true
})
check('xmpp-without-starttls', has(stream, '<stream:features></stream:features>'))
check('xmpp-failure', has(stream + startTls, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"))
check('xmpp-host-unknown', has(stream, '<host-unknown'))

/** Connection Request with a cookie and a wish for protocols; without a wish when it is null. */
function connectionRequest(protocols: number | null): Buffer {
  const wish = protocols === null ? [] : [1, 0, 8, 0, protocols, 0, 0, 0]
  const rest = Buffer.concat([Buffer.from('Cookie: mstshash=probe\r\n'), Buffer.from(wish)])
  return Buffer.concat([Buffer.of(3, 0, 0, 11 + rest.length, 6 + rest.length, 0xe0, 0, 0, 0, 0, 0), rest])
}
/** Connection Confirm up to the type of the negotiation: 2 response, 3 failure */
const confirmed = '030000130ed000001234000'
check('rdp-without-tls', {
  send: connectionRequest(3),
  sees: hex,
  wants: [`${confirmed}300080002000000`, 'fin']
})
check('rdp-before-negotiation', {
  send: connectionRequest(3),
  sees: hex,
  wants: ['0300000b06d00000123400', 'open']
})
check(
  'rdp-nla-only',
  { send: connectionRequest(1), sees: hex, wants: [`${confirmed}300080005000000`, 'fin'] },
  { send: connectionRequest(3), sees: hex, wants: [`${confirmed}200080002000000`, 'open'] }
)
check(
  'starttls-rdp',
  { send: connectionRequest(1), sees: hex, wants: [`${confirmed}200080001000000`, 'open'] },
  { send: connectionRequest(null), sees: hex, wants: [`${confirmed}300080001000000`, 'fin'] }
)

/** PRELOGIN with VERSION and ENCRYPTION on. */
const preLogin = Buffer.concat([
  // packet of 26 bytes; where version (6 bytes) and encryption (1 byte) are; their values
  Buffer.from('1201001a00000100', 'hex'),
  Buffer.from('00000b00060100110001ff', 'hex'),
  Buffer.from('0f000000000001', 'hex')
])
/** packet type, its length, and the value of ENCRYPTION */
const encryption = ({ bytes, end }: Meeting) => [
  bytes[0],
  bytes.readUInt16BE(2) === bytes.length,
  bytes[8 + bytes.readUInt16BE(14)],
  end
]
check('tds-without-encryption', { send: preLogin, sees: encryption, wants: [4, true, 2, 'open'] })
check('tds-login-only', { send: preLogin, sees: encryption, wants: [4, true, 0, 'open'] })
check('tds-small-packets', { send: preLogin, sees: encryption, wants: [4, true, 3, 'open'] })
check('starttls-tds', { send: preLogin, sees: encryption, wants: [4, true, 1, 'open'] })

t.test('no peer is left unseen', (t) => {
  t.same(unseen(), [])
  t.end()
})

/** TLS by Node's client over a stream; gives the fingerprint of the certificate. */
async function fingerprintOver(stream: Duplex): Promise<string> {
  const secure = connectTls({ socket: stream, rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  const { fingerprint256 } = secure.getPeerCertificate()
  secure.destroy()
  return fingerprint256.replaceAll(':', '').toLowerCase()
}

/** The client's side of TLS in PRELOGIN packets. */
function inPackets(socket: Socket, sizes: Set<number>): Duplex {
  let received = Buffer.alloc(0)
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      const head = Buffer.from('1201000000000000', 'hex')
      head.writeUInt16BE(chunk.length + 8, 2)
      socket.write(Buffer.concat([head, chunk]), done)
    }
  })
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    for (let length = 0; received.length >= 8; received = received.subarray(length)) {
      length = received.readUInt16BE(2)
      if (received.length < length) return
      sizes.add(length)
      stream.push(received.subarray(8, length))
    }
  })
  return stream
}

async function started(name: string): Promise<{ row: PeerRow; socket: Socket; close: () => Promise<void> }> {
  const row = rows.find((one) => one.name === name)
  if (!row) throw new Error(`no peer is called ${name}`)
  const peer = await row.start()
  const socket = connect(peer.port, peer.host)
  const close = async () => {
    socket.destroy()
    await peer.close()
  }
  return { row, socket, close }
}

for (const name of ['starttls-rdp', 'rdp-nla-only']) {
  t.test(`${name} shows its certificate`, async (t) => {
    const { row, socket, close } = await started(name)
    socket.write(connectionRequest(3))
    await once(socket, 'data')
    t.equal(await fingerprintOver(socket), row.expect.leafs[0])
    await close()
  })
}

for (const name of ['starttls-tds', 'tds-small-packets', 'tds-login-only']) {
  t.test(`${name} shows its certificate`, async (t) => {
    const { row, socket, close } = await started(name)
    socket.write(preLogin)
    await once(socket, 'data')
    const sizes = new Set<number>()
    t.equal(await fingerprintOver(inPackets(socket, sizes)), row.expect.leafs[0])
    t.equal(
      Math.max(...sizes) <= 108,
      name === 'tds-small-packets',
      'small packets only where they are meant to be'
    )
    await close()
  })
}

t.test('the slow server shows its certificate in the end', async (t) => {
  const { row, socket, close } = await started('smtp-tarpit')
  for (const [send, last] of [
    ['', '220 mx'],
    ['EHLO me\r\n', '250 8BITMIME'],
    ['STARTTLS\r\n', '220 2.0.0']
  ] as const) {
    socket.write(send)
    let said = ''
    do {
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      said += chunk.toString()
    } while (!said.endsWith('\r\n') || !said.includes(last))
  }
  t.equal(await fingerprintOver(socket), row.expect.leafs[0])
  await close()
})
