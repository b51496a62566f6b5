import { type Socket, createSocket } from 'node:dgram'
import { once } from 'node:events'
import { assert, constantFrom, property, sample, tuple, uint8Array } from 'fast-check'
import t, { type Test } from 'tap'
import { parseAddress } from '../../core/address.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { productOf } from '../../sensor/identify/product.ts'
import { type Identified, identifyRange } from '../../sensor/identify/range.ts'
import { isBelievable } from '../../sensor/identify/security-level.ts'
import { type SnmpCredentials, identify } from '../../sensor/identify/snmp.ts'

const community: SnmpCredentials = { version: '2c', community: new Secret('c0mmunity') }
const user: SnmpCredentials = {
  version: '3',
  user: 'reader',
  authentication: 'SHA-256',
  authenticationKey: new Secret('authentic-12'),
  privacy: 'AES-128',
  privacyKey: new Secret('privately-12')
}
const products = [{ prefix: '1.3.6.1.4.1.3375', product: 'F5 BIG-IP' }]
const deps = { clock: systemClock, products, timeoutMs: 200 }

interface Arrival {
  readonly message: Buffer
  /** the port that asked: another for each agent */
  readonly from: number
}

/** Something on UDP that answers each message as it is told. */
async function responder(
  t: Test,
  answer: (message: Buffer, n: number) => readonly Buffer[],
  host = '127.0.0.1'
) {
  const socket: Socket = createSocket('udp4')
  const arrivals: Arrival[] = []
  socket.on('message', (message, { port, address }) => {
    arrivals.push({ message, from: port })
    for (const reply of answer(message, arrivals.length)) socket.send(reply, port, address)
  })
  socket.bind(0, host)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return { port: socket.address().port, arrivals }
}

// BER, as far as answers need it
const tlv = (tag: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), body])
}
const int = (value: number) => tlv(2, [value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255])
const text = (value: string) => tlv(4, Buffer.from(value))
// 1.3.6.1.2.1.1.N.0, and an object id of F5
const scalar = (n: number) => tlv(6, [0x2b, 6, 1, 2, 1, 1, n, 0])
const f5 = tlv(6, [0x2b, 6, 1, 4, 1, 0x9a, 0x2f, 2, 1, 3, 4, 43])
const systemGroup = tlv(
  0x30,
  tlv(0x30, scalar(1), text('\u001b[2Jforged\u202e\u0000')),
  tlv(0x30, scalar(2), f5),
  tlv(0x30, scalar(5), text('name'))
)
const pdu = (tag: number, id: number, binds: Buffer) => tlv(tag, int(id), int(0), int(0), binds)

/** msgID of a request of version 3: the first integer of its header. */
const messageId = (request: Buffer): number => {
  const at = request.indexOf(Buffer.from([0x02, 0x01, 0x03, 0x30])) + 5
  const length = request[at + 1] ?? 0
  return request.subarray(at + 2, at + 2 + length).reduce((sum, byte) => sum * 256 + byte, 0)
}
/** an answer of version 3 without authentication and privacy, engine boots and time as given */
const open3 = (request: Buffer, inner: Buffer, [boots, time] = [1, 1]) => {
  const header = tlv(0x30, int(messageId(request)), int(65_507), tlv(4, [0]), int(3))
  const engine = Buffer.from('80001f8804666f7267656421', 'hex')
  const security = tlv(0x30, tlv(4, engine), int(boots), int(time), text('reader'), text(''), text(''))
  return tlv(
    0x30,
    int(3).subarray(0, 0),
    [2, 1, 3],
    header,
    tlv(4, security),
    tlv(0x30, tlv(4, engine), text(''), inner)
  )
}
const unknownEngine = tlv(0x30, tlv(0x30, tlv(6, [0x2b, 6, 1, 6, 3, 15, 1, 1, 4, 0]), tlv(0x41, [1])))
const report = (request: Buffer, clock?: [number, number]) =>
  open3(request, pdu(0xa8, 0, unknownEngine), clock)

t.test('an answer of version 3 that nobody authenticated is not believed', async (t) => {
  const forged = await responder(t, (request, n) =>
    n === 1 ? [report(request)] : [open3(request, pdu(0xa2, 0, systemGroup))]
  )
  const found = await identify({ address: '127.0.0.1', port: forged.port, credentials: user }, deps)
  t.same(found, { outcome: 'silent' })
  t.ok(forged.arrivals.length > 1, 'it was asked after its engine was known')
  t.end()
})

t.test('the levels of messages are told apart', (t) => {
  const request = report(Buffer.from([0x02, 0x01, 0x03, 0x30, 0x82, 0x02, 0x01, 5]))
  t.ok(isBelievable(report(request)))
  t.notOk(isBelievable(open3(request, pdu(0xa2, 0, systemGroup))))
  for (let length = 0; length < request.length; length++) t.notOk(isBelievable(request.subarray(0, length)))
  assert(property(uint8Array({ maxLength: 60 }), (bytes) => typeof isBelievable(bytes) === 'boolean'))
  t.end()
})

t.test('an agent that asks for its engine again and again is given up on', async (t) => {
  const loop = await responder(t, (request) => [report(request, [0, 0])])
  const found = await identify(
    { address: '127.0.0.1', port: loop.port, credentials: user },
    { ...deps, timeoutMs: 50 }
  )
  t.not(found.outcome, 'identified')
})

t.test('whatever comes back, the outcome is a value', async (t) => {
  const heads = [
    Buffer.alloc(0),
    Buffer.from([0x30, 0x82]),
    Buffer.from('300b020101', 'hex'),
    Buffer.from('3003020103', 'hex')
  ]
  const bytes = tuple(constantFrom(...heads), uint8Array({ maxLength: 200 }))
  const junk = { next: Buffer.alloc(0) }
  const { port } = await responder(t, (request) => {
    // half of them are the request itself, bent
    const bent = Buffer.from(request)
    for (const [at, byte] of junk.next.subarray(0, 6).entries()) bent[(byte * 7 + at) % bent.length] = byte
    return [junk.next, bent]
  })
  for (const credentials of [community, user]) {
    for (const [head, tail] of sample(bytes, { numRuns: 150, seed: 20_261_125 })) {
      junk.next = Buffer.concat([head, tail])
      const found = await identify({ address: '127.0.0.1', port, credentials }, { ...deps, timeoutMs: 5 })
      if (found.outcome === 'identified') t.notMatch(found.description, /[\u0000-\u001f]/)
    }
  }
  t.pass('none of them ended the process')
})

t.test('text of an agent does nothing to a terminal', async (t) => {
  const { port } = await responder(t, (request) => {
    const id = request.indexOf(0xa0) + 2
    const length = request[id + 1] ?? 0
    const number = request.subarray(id + 2, id + 2 + length).reduce((sum, byte) => sum * 256 + byte, 0)
    return [tlv(0x30, [2, 1, 1], text('c0mmunity'), pdu(0xa2, number, systemGroup))]
  })
  const found = await identify({ address: '127.0.0.1', port, credentials: community }, deps)
  t.match(found, { outcome: 'identified', product: 'F5 BIG-IP', description: /^\\x1b\[2Jforged\\u\{202e\}$/ })
})

t.test('an agent is asked once more, and no oftener', async (t) => {
  const { port, arrivals } = await responder(t, () => [])
  t.same(await identify({ address: '127.0.0.1', port, credentials: community }, deps), { outcome: 'silent' })
  t.equal(arrivals.length, 2)
})

t.test('an abort ends the question', async (t) => {
  const { port, arrivals } = await responder(t, () => [])
  const stop = new AbortController()
  const slow = { ...deps, timeoutMs: 60_000, signal: stop.signal }
  const asked = identify({ address: '127.0.0.1', port, credentials: community }, slow)
  while (arrivals.length === 0) await new Promise((go) => setImmediate(go))
  stop.abort()
  t.same(await asked, { outcome: 'silent' })
})

/** A clock that goes on when it is told to. */
function stoppedClock() {
  let now = 0
  const waiting = new Map<() => void, number>()
  const clock: Clock = {
    ...systemClock,
    ticks: () => now,
    after(ms, call) {
      waiting.set(call, now + ms)
      return () => void waiting.delete(call)
    }
  }
  const advance = (ms: number) => {
    now += ms
    for (const [call, at] of waiting) if (at <= now && waiting.delete(call)) call()
  }
  return { clock, advance }
}

const askers = (arrivals: readonly Arrival[]) => new Set(arrivals.map(({ from }) => from)).size

t.test('a range keeps its pace', async (t) => {
  const { port, arrivals } = await responder(t, () => [], '0.0.0.0')
  const other = await responder(t, () => [])
  const { clock, advance } = stoppedClock()
  const wishes = { credentials: community, port, atOnce: 100, perSecond: 2 }
  const looking = identifyRange(range('127.0.0.1', '127.0.0.9'), wishes, { ...deps, clock, timeoutMs: 20 })
  for (let count = 1; count <= 4; count++) {
    const found = await looking.next()
    t.match(found.value, { identification: { outcome: 'silent' }, done: count, total: 9 })
    t.equal(askers(arrivals), count, 'one at a time, as slowly as that')
    const next = looking.next()
    advance(499)
    // as long as a question takes, nobody else is asked
    await identify(
      { address: '127.0.0.1', port: other.port, credentials: community },
      { ...deps, timeoutMs: 20 }
    )
    t.equal(askers(arrivals), count)
    advance(1)
    t.match((await next).value, { done: ++count })
    t.equal(askers(arrivals), count)
    advance(500)
  }
  await looking.return()
})

t.test('a range keeps its limit of questions at once', async (t) => {
  const { port, arrivals } = await responder(t, () => [], '0.0.0.0')
  const wishes = { credentials: community, port, atOnce: 3, perSecond: 100_000 }
  let found = 0
  for await (const { identification } of identifyRange(range('127.0.0.1', '127.0.0.12'), wishes, {
    ...deps,
    timeoutMs: 20
  })) {
    found++
    t.equal(identification.outcome, 'silent')
    t.ok(askers(arrivals) < found + 3)
  }
  t.equal(found, 12)
  t.equal(askers(arrivals), 12)
})

t.test('nothing more is sent once a range is left, or aborted', async (t) => {
  const { port, arrivals } = await responder(t, () => [], '0.0.0.0')
  const wishes = { credentials: community, port, atOnce: 2, perSecond: 1_000 }
  for await (const one of identifyRange(range('127.0.0.1', '127.0.255.254'), wishes, {
    ...deps,
    timeoutMs: 20
  })) {
    if (one.done === 3) break
  }
  const left = arrivals.length
  t.ok(left < 20)
  const stop = new AbortController()
  const found: Identified[] = []
  const ways = { ...deps, timeoutMs: 20, signal: stop.signal }
  for await (const one of identifyRange(range('127.0.0.1', '127.0.255.254'), wishes, ways)) {
    found.push(one)
    if (one.done === 3) stop.abort()
  }
  t.equal(found.length, 3)
})

t.test('a range that is wrong is refused before anything is sent', async (t) => {
  const wishes = { credentials: community, atOnce: 1, perSecond: 1 }
  for (const [first, last, code] of [
    ['127.0.0.2', '127.0.0.1', 'target-reversed'],
    ['127.0.0.1', '::1', 'target-ipv6-range'],
    ['::1', '::1:0:0', 'target-too-large']
  ] as const) {
    await t.rejects(identifyRange(range(first, last), wishes, deps).next(), { code })
  }
})

t.test('a product is found by whole parts of its object id, the longest first', (t) => {
  const rows = [
    { prefix: '1.3.6.1.4.1.3375', product: 'F5' },
    { prefix: '1.3.6.1.4.1.3375.2.1', product: 'BIG-IP' },
    { prefix: '1.3.6.1.4.1.5951.1', product: 'NetScaler' }
  ]
  const product = (id: string) => productOf(id, rows)?.product
  t.equal(product('1.3.6.1.4.1.3375.2.1.3.4.43'), 'BIG-IP')
  t.equal(product('1.3.6.1.4.1.3375.2.10'), 'F5')
  t.equal(product('1.3.6.1.4.1.33750.2'), undefined)
  t.equal(product('1.3.6.1.4.1.5951.1'), 'NetScaler')
  t.equal(product('1.3.6.1.4.1.12276.1'), undefined)
  t.equal(product(''), undefined)
  t.end()
})

function range(first: string, last: string) {
  const [from, to] = [first, last].map(parseAddress)
  if (from === undefined || to === undefined) throw new Error(`${first}-${last}`)
  return { first: from, last: to }
}
