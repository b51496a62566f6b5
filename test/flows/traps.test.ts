// The traps do what their names say, as seen through a bare socket; those that show a certificate to openssl are
// looked at in peers.test.ts.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { type Case, checker } from '../peers/check.ts'
import { plainHello, realHello, ssl2Hello } from '../peers/hellos.ts'
import { type Meeting, messagesOf, recordsOf, serverHelloOf } from '../peers/raw.ts'
import { trapRows } from '../peers/table.ts'
import { createTestbed } from '../peers/testbed.ts'
import { startTlsTraps } from '../peers/traps/refusals.ts'
import { hostileText } from '../peers/traps/plain.ts'

const bed = createTestbed()
const ofOtherProtocols = new Set(startTlsTraps(bed).map(({ name }) => name))
const rows = trapRows(bed).filter(({ name }) => !ofOtherProtocols.has(name))
const { der } = bed.rsa

const modern = await realHello()
const tls12 = await realHello({ maxVersion: 'TLSv1.2' })
const nothing = ''
const retryRandom = createHash('sha256').update('HelloRetryRequest').digest('hex')

t.jobs = 8
const { check, unseen } = checker(t, rows)

const silentEnd = ({ bytes, end }: Meeting) => [bytes.length, end]
const hex = ({ bytes, end }: Meeting) => [bytes.toString('hex'), end]
const types = ({ bytes, end }: Meeting) => [messagesOf(bytes).map(({ type }) => type), end]
const certificateAt = ({ bytes }: Meeting) => [serverHelloOf(bytes).version, bytes.includes(der)]
const startsWith =
  (length: number) =>
  ({ bytes, end }: Meeting) => [bytes.subarray(0, length).toString(), end]
const alert = (description: number) => `150303000202${description.toString(16)}`

// old
check(
  'ssl3-only',
  { send: modern, sees: certificateAt, wants: [0x300, true] },
  { send: plainHello(0x300), sees: certificateAt, wants: [0x300, true] }
)
check(
  'ssl3-only-strict',
  { send: modern, sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x301), sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x300), sees: certificateAt, wants: [0x300, true] }
)
// header with its high bit, SERVER-HELLO, no session, X.509, version 2
const ssl2Answer = ({ bytes }: Meeting) => [
  (bytes[0] ?? 0) >> 7,
  bytes.subarray(2, 7).toString('hex'),
  bytes.includes(der)
]
check(
  'ssl2-only',
  { send: modern, sees: silentEnd, wants: [0, 'fin'] },
  { send: ssl2Hello, sees: ssl2Answer, wants: [1, '0400010002', true] }
)
check(
  'ssl2-besides-tls',
  { send: ssl2Hello, sees: ssl2Answer, wants: [1, '0400010002', true] },
  { send: plainHello(0x303), sees: certificateAt, wants: [0x301, true] }
)
check(
  'no-extensions-up-to-tls10',
  { send: modern, sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x303), sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x301), sees: certificateAt, wants: [0x301, true] }
)
check(
  'intolerant-of-long-hellos',
  { send: modern, sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x303), sees: certificateAt, wants: [0x303, true] }
)
check(
  'intolerant-of-tls12',
  { send: plainHello(0x303), sees: silentEnd, wants: [0, 'fin'] },
  { send: plainHello(0x302), sees: certificateAt, wants: [0x302, true] }
)
const suite = ({ bytes }: Meeting) => serverHelloOf(bytes).suite
check(
  'rc4-only',
  { send: plainHello(0x303), sees: suite, wants: 0x0005 },
  { send: modern, sees: hex, wants: [alert(40), 'fin'] }
)
check(
  '3des-only',
  { send: plainHello(0x303), sees: suite, wants: 0x000a },
  { send: modern, sees: hex, wants: [alert(40), 'fin'] }
)
check('dhe-1024-only', { send: tls12, sees: types, wants: [[2, 11, 12, 14], 'open'] })
check('compression', {
  send: plainHello(0x303, '002f', '0100'),
  sees: ({ bytes }) => serverHelloOf(bytes).compression,
  wants: 1
})
// a modulus, or a prime, of 64 bytes
const exchangeStart = ({ bytes }: Meeting) => messagesOf(bytes)[2]?.body.subarray(0, 2).toString('hex')
check(
  'rsa-export-only',
  { send: modern, sees: hex, wants: [alert(40), 'fin'] },
  { send: plainHello(0x301, '0003'), sees: exchangeStart, wants: '0040' }
)
check(
  'dhe-export-only',
  { send: modern, sees: hex, wants: [alert(40), 'fin'] },
  { send: plainHello(0x301, '0014'), sees: exchangeStart, wants: '0040' }
)
check('anonymous', { send: modern, sees: types, wants: [[2, 12, 14], 'open'] })
check('psk', { send: modern, sees: types, wants: [[2, 12, 14], 'open'] })

// framing: what is shown is looked at by openssl, here it is how
const claimed =
  (type: number) =>
  ({ bytes }: Meeting) =>
    recordsOf(bytes).flatMap((one) => (one.type === type ? [one.claimed] : []))
const sizesOf = (type: number) => (meeting: Meeting) => [...new Set(claimed(type)(meeting))].slice(0, -1)
const messageTypes = ({ bytes }: Meeting) => messagesOf(bytes).map(({ type }) => type)
check('tcp-fragments', { send: tls12, sees: ({ chunks }) => chunks > 50, wants: true })
check('records-of-64-bytes', { send: tls12, sees: sizesOf(22), wants: [64] })
check('records-of-1-byte', {
  send: tls12,
  sees: (meeting) => new Set(claimed(22)(meeting)),
  wants: new Set([1])
})
check('certificate-over-3-records', {
  send: tls12,
  sees: (meeting) => [claimed(22)(meeting).length, claimed(22)(meeting)[1], messageTypes(meeting)],
  wants: [5, 3, [2, 11, 14]]
})
check('messages-in-one-record', {
  send: tls12,
  sees: (meeting) => [claimed(22)(meeting).length, messageTypes(meeting)],
  wants: [1, [2, 11, 14]]
})
check('slow-answer', {
  send: tls12,
  sees: ({ firstMs }) => firstMs >= 795,
  wants: true,
  patience: { quietMs: 1_500 }
})
check('warning-before-answer', {
  send: tls12,
  sees: ({ bytes }) => bytes.subarray(0, 8).toString('hex'),
  wants: '1503030002017016'
})
const sealedSizes = (meeting: Meeting) => new Set(claimed(23)(meeting))
// one byte, the content type and the tag
check('tls13-records-of-1-byte', { send: modern, sees: sealedSizes, wants: new Set([18]) })
check('tls13-records-of-64-bytes', { send: modern, sees: sizesOf(23), wants: [81] })
check('tls13-one-record', { send: modern, sees: (meeting) => claimed(23)(meeting).length, wants: 1 })
check('tls13-padded-records', {
  send: modern,
  sees: (meeting) => claimed(23)(meeting).every((size) => size > 10_000 && size <= 2 ** 14 + 256),
  wants: true
})
check('tls13-without-change-cipher-spec', {
  send: modern,
  sees: ({ bytes }) => recordsOf(bytes).map(({ type }) => type),
  wants: [22, 23, 23, 23, 23]
})
check('tls13-tcp-fragments', { send: modern, sees: ({ chunks }) => chunks > 50, wants: true })
check('tls13-cookie', {
  send: modern,
  sees: ({ bytes }) => [serverHelloOf(bytes).random === retryRandom, serverHelloOf(bytes).extensions.has(44)],
  wants: [true, true]
})

// stall
check('accepts-only', { send: modern, sees: silentEnd, wants: [0, 'open'] })
check('drip-for-ever', {
  send: modern,
  sees: ({ bytes, end }) => [
    bytes.subarray(0, 3).toString('hex'),
    bytes.length >= 4 && bytes.length <= 20,
    end
  ],
  wants: ['160303', true, 'open'],
  patience: { wholeMs: 500 }
})
check('stalls-after-server-hello', { send: modern, sees: types, wants: [[2], 'open'] })
check('stalls-in-a-record', {
  send: modern,
  sees: ({ bytes, end }) => [
    bytes.length,
    recordsOf(bytes).some(({ claimed, body }) => claimed > body.length),
    end
  ],
  wants: [400, true, 'open']
})
check('stalls-after-certificate', { send: modern, sees: types, wants: [[2, 11], 'open'] })

// cut
check('resets-at-once', { send: nothing, sees: silentEnd, wants: [0, 'reset'] })
check('resets-upon-hello', { send: modern, sees: silentEnd, wants: [0, 'reset'] })
check('closes-at-once', { send: nothing, sees: silentEnd, wants: [0, 'fin'] })
check('closes-upon-hello', { send: modern, sees: silentEnd, wants: [0, 'fin'] })
check('closes-after-server-hello', { send: modern, sees: types, wants: [[2], 'fin'] })
check(
  'first-connection-only',
  { send: modern, sees: certificateAt, wants: [0x303, true] },
  { send: modern, sees: silentEnd, wants: [0, 'reset'] }
)

// floods
const all =
  (record: string) =>
  ({ bytes, end }: Meeting) => [
    bytes.subarray(0, record.length * 50).toString('hex') === record.repeat(100),
    end
  ]
const flood = (record: string): Case => ({ send: modern, sees: all(record), wants: [true, 'endless'] })
check('flood-of-warnings', flood('1503030002015a'))
check('flood-of-change-cipher-specs', flood('140303000101'))
check('flood-of-hello-requests', flood('160303000400000000'))
check('flood-of-empty-records', flood('1603030000'))
const second = ({ bytes, end }: Meeting) => [messagesOf(bytes)[1]?.type, messagesOf(bytes)[1]?.claimed, end]
check('endless-certificate', { send: modern, sees: second, wants: [11, 0xfffff2, 'endless'] })
check('claims-16-mb-certificate', { send: modern, sees: second, wants: [11, 0xffffff, 'open'] })
check('claims-long-record', {
  send: modern,
  sees: ({ bytes, end }) => [recordsOf(bytes).map(({ claimed }) => claimed > 2 ** 14 + 2048), end],
  wants: [[false, true], 'open']
})
check('endless-garbage', {
  send: modern,
  sees: ({ bytes, end }) => [bytes[0], end],
  wants: [0xee, 'endless']
})

// broken up to TLS 1.2: a ServerHello, then
const certificateBody = ({ bytes }: Meeting) => messagesOf(bytes)[1]?.body ?? Buffer.alloc(0)
/** lengths of the message, of the list and of its first entry as they are written */
const lengths = (meeting: Meeting) => {
  const body = certificateBody(meeting)
  return [body.length, ...[0, 3].map((at) => (body.length >= at + 3 ? body.readUIntBE(at, 3) : null))]
}
const size = der.length
check('garbage-after-server-hello', {
  send: modern,
  sees: ({ bytes }) => [recordsOf(bytes)[0]?.body[0], recordsOf(bytes)[1]?.type],
  wants: [2, 0xee]
})
check('certificate-longer-than-list', { send: tls12, sees: lengths, wants: [103, 100, 5000] })
check('list-longer-than-message', { send: tls12, sees: lengths, wants: [6 + size, 90_000, size] })
check('list-shorter-than-message', { send: tls12, sees: lengths, wants: [13 + size, 3 + size, size] })
check('empty-certificate-list', { send: tls12, sees: lengths, wants: [3, 0, null] })
check('empty-certificate', { send: tls12, sees: lengths, wants: [6, 3, 0] })
check('certificate-is-no-der', { send: tls12, sees: lengths, wants: [706, 703, 700] })
check('certificate-is-other-der', {
  send: tls12,
  sees: (meeting) => certificateBody(meeting).subarray(6, 8).toString('hex'),
  wants: '3082'
})
check('application-data-in-handshake', {
  send: tls12,
  sees: ({ bytes }) => recordsOf(bytes).map(({ type }) => type),
  wants: [22, 23]
})

// broken in TLS 1.3
const hello13 = ({ bytes, end }: Meeting) => {
  const { extensions, random } = serverHelloOf(bytes)
  const share = extensions.get(51)
  return {
    is13: extensions.get(43) === '0304',
    retry: random === retryRandom,
    group: share === undefined ? null : parseInt(share.slice(0, 4), 16),
    shareLength: share === undefined ? null : share.length / 2 - 4,
    end
  }
}
const says = (group: number | null, shareLength: number | null): Case => ({
  send: modern,
  sees: hello13,
  wants: { is13: true, retry: false, group, shareLength, end: 'open' }
})
check('tls13-share-off-the-curve', says(23, 65))
check('tls13-short-share', says(23, 3))
check('tls13-unknown-group', says(0x1a1a, 32))
check('tls13-no-share', says(null, null))
check('tls13-unknown-cipher', says(23, 65), { send: modern, sees: suite, wants: 0x13ff })
check('tls13-undecryptable', says(23, 65), {
  send: modern,
  sees: ({ bytes }) => recordsOf(bytes).map(({ type, claimed }) => [type, type === 23 ? claimed : 0]),
  wants: [
    [22, 0],
    [20, 0],
    [23, 60],
    [23, 900],
    [23, 280],
    [23, 58]
  ]
})
const asks = (group: number | null): Case => ({
  send: modern,
  sees: hello13,
  wants: { is13: true, retry: true, group, shareLength: group === null ? null : -2, end: 'open' }
})
check('tls13-retry-unknown-group', asks(0x1a1a))
check('tls13-retry-for-nothing', asks(null))
check('tls13-retry-for-ever', asks(24))

void t.test('tls13-retry-for-ever asks for every hello', async (t) => {
  const peer = await rows.find(({ name }) => name === 'tls13-retry-for-ever')?.start()
  if (!peer) throw new Error('no such trap')
  const socket = connect(peer.port, peer.host)
  for (let turn = 1; turn <= 3; turn++) {
    // the record of middlebox compatibility may stand before a second hello
    socket.write(turn === 1 ? modern : Buffer.concat([Buffer.from('140303000101', 'hex'), modern]))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    t.equal(serverHelloOf(answer).random, retryRandom)
  }
  socket.destroy()
  await peer.close()
})

// something else than TLS
check('http', { send: modern, sees: startsWith(24), wants: ['HTTP/1.1 400 Bad Request', 'fin'] })
check('ssh-banner', { send: nothing, sees: startsWith(7), wants: ['SSH-2.0', 'open'] })
check('smtp-banner', {
  send: 'EHLO me\r\nSTARTTLS\r\n',
  sees: ({ bytes }) =>
    bytes
      .toString()
      .split('\r\n')
      .map((line) => line.slice(0, 3)),
  wants: ['220', '250', '500', '']
})
check('hostile-banner', {
  send: nothing,
  sees: ({ bytes }) => bytes.toString(),
  wants: `220 ${hostileText}\n`
})
check('banner-without-end', {
  send: nothing,
  sees: ({ bytes, end }) => [bytes.length, bytes.includes('\n'), end],
  wants: [100_000, false, 'open']
})
check('echo', { send: 'hello', sees: ({ bytes }) => bytes.toString(), wants: 'hello' })

// alerts
for (const description of [40, 70, 80, 112]) {
  check(`alert-${description}`, { send: modern, sees: hex, wants: [alert(description), 'fin'] })
}
check('alert-in-two-writes', { send: modern, sees: hex, wants: [alert(40), 'fin'] })
const named = await realHello({ servername: 'peer.test' })
const otherName = await realHello({ servername: 'other.test' })
const needsName = (refused: Pick<Case, 'sees' | 'wants'>): Case[] => [
  { send: modern, ...refused },
  { send: otherName, ...refused },
  { send: named, sees: certificateAt, wants: [0x303, true] }
]
check('needs-name', ...needsName({ sees: hex, wants: [alert(112), 'fin'] }))
check('needs-name-else-alert-40', ...needsName({ sees: hex, wants: [alert(40), 'fin'] }))
check('needs-name-else-reset', ...needsName({ sees: silentEnd, wants: [0, 'reset'] }))

void t.test('no trap is left unseen', (t) => {
  t.same(unseen(), [])
  t.end()
})
