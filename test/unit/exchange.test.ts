import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { StartTls } from '../../sensor/scan/observation.ts'
import { Exchange } from '../../sensor/scan/probe/exchange.ts'
import { Hellos } from '../../sensor/scan/probe/hellos.ts'
import type { Dialer, LineHandler } from '../../sensor/scan/probe/line.ts'
import { flightLimits } from '../../sensor/scan/probe/flight.ts'
import { preludeLimit } from '../../sensor/scan/probe/starttls/prelude.ts'

const hello = new Hellos(randomBytes(64)).for('modern', null)

/** An exchange on a line of which the test is the other end. */
function begin(address = '192.0.2.1', starttls: StartTls | null = null) {
  const exchange = new Exchange(
    { address, port: 443, hello, starttls },
    { exchangeOpened() {}, exchangeEnded() {} }
  )
  let line: LineHandler | undefined
  const dialer: Dialer = {
    kind: 'socket',
    dial: (_address, _port, handler) => {
      line = handler
      return { send() {}, abort() {} }
    }
  }
  exchange.start(dialer)
  if (!line) throw new Error('nobody was dialled')
  return { exchange, line }
}

function failed(code: string, address?: string): string | undefined {
  const { exchange, line } = begin(address)
  line.onFail(code)
  return exchange.end?.kind
}

t.test('whatever the network says of an address, it is not taken for want of our own', (t) => {
  // a host may answer by any ICMP message: 3/5 and 3/8 come as the last two
  for (const code of ['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'EACCES', 'EPROTO', 'ENOTSUP', 'ENONET'])
    t.equal(failed(code), 'unreachable', code)
  t.equal(failed('ECONNREFUSED'), 'closed')
  t.equal(failed('ETIMEDOUT'), 'silent')
  t.equal(failed('ECONNRESET'), 'reset')
  t.end()
})

t.test('this machine is short of something only when it says so', (t) => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRINUSE', 'EADDRNOTAVAIL'])
    t.equal(failed(code), 'local', code)
  t.equal(failed('EADDRNOTAVAIL', '2001:db8::1'), 'unreachable', 'a machine without IPv6')
  t.equal(failed('EMFILE', '2001:db8::1'), 'local')
  t.end()
})

t.test('a server that wraps nothing in packets without end is left', (t) => {
  const { exchange, line } = begin('192.0.2.1', 'tds')
  line.onOpen()
  // PRELOGIN: version at 11, encryption at 17: on
  line.onBytes(Buffer.from('0401001a0000010000000b00060100110001ff09000000000001', 'hex'))
  const empty = Buffer.from('1201000800000000'.repeat(8_192), 'hex')
  let heard = 0
  for (; exchange.end === null && heard < 2 ** 26; heard += empty.length) line.onBytes(empty)
  t.equal(exchange.end?.kind, 'too-large')
  t.ok(heard <= 3 * flightLimits.bytes, `${heard} bytes`)
  t.end()
})

t.test('a talk in the clear that goes on and on is left before it costs anything', (t) => {
  const { exchange, line } = begin('192.0.2.1', 'xmpp')
  line.onOpen()
  let heard = 0
  for (; exchange.end === null && heard < 2 ** 20; heard++) line.onBytes(Buffer.of(0x3c))
  t.equal(exchange.end?.kind, 'no-starttls')
  t.equal(heard, preludeLimit + 1)
  t.ok(preludeLimit <= 16_384, 'each byte is looked at as often as bytes come')
  t.end()
})
