import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openAnswerCache, rememberAnswers } from '../../appliance/standalone/answer-cache.ts'
import { createMeter } from '../../appliance/standalone/progress.ts'
import { filterOf, readCursor, writeCursor } from '../../appliance/standalone/query.ts'
import { touches } from '../../appliance/standalone/veto.ts'
import { parseAddress, type Address } from '../../core/address.ts'
import { systemClock, type Clock } from '../../core/clock.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { parseExclusion, parseTarget } from '../../sensor/scan/targets/parse.ts'
import { parsePorts } from '../../sensor/scan/targets/ports.ts'
import { buildSpace } from '../../sensor/scan/targets/space.ts'
import type { HostTarget, ResolvedTarget } from '../../sensor/scan/targets/target.ts'

/** A clock on which whoever waits is served at once, and the time waited has passed. */
function instantClock(): Clock & { at: number } {
  const clock = {
    ...systemClock,
    at: 0,
    now: () => clock.at,
    ticks: () => clock.at,
    after(ms: number, call: () => void) {
      clock.at += ms
      queueMicrotask(call)
      return () => {}
    }
  }
  return clock
}

const address = (text: string): Address => parseAddress(text) ?? 0

t.test('a space that was made before a list grew is known to be touched by it', (t) => {
  const host: HostTarget = {
    kind: 'host',
    address: address('10.2.0.1'),
    name: 'www.test',
    ports: parsePorts('443,8443')
  }
  const targets = ['10.0.0.0/24', '2001:db8::1-2001:db8::9', '10.1.0.1:25'].map(
    parseTarget
  ) as ResolvedTarget[]
  const request = {
    targets: [...targets, host],
    ports: parsePorts('443,8000-8010'),
    exclude: [],
    doNotScan: []
  }
  const { space } = buildSpace(request)
  const touched = (...list: string[]) => touches(space, openExclusions(list.map(parseExclusion)))
  for (const text of [
    '10.0.0.77',
    '10.0.0.0/8',
    '10.0.0.9:8005',
    '::ffff:10.0.0.5',
    '2001:db8::9',
    '10.1.0.1',
    'www.test',
    '10.2.0.1:8443'
  ]) {
    t.ok(touched(text), text)
  }
  for (const text of [
    '10.0.1.0/24',
    '10.0.0.9:22',
    '2001:db8::a',
    '10.1.0.1:443',
    'other.test',
    '10.2.0.1:22'
  ]) {
    t.notOk(touched(text), text)
  }
  t.notOk(touched())
  t.ok(touched('192.0.2.1', '10.0.0.3-10.0.0.4:443'))
  t.end()
})

t.test('the time left is told once the rate is steady, from the last seconds', (t) => {
  const clock = instantClock()
  const meter = createMeter(clock, { size: 1_000, done: 200 })
  clock.at = 1_000
  meter.add(100, 3)
  t.match(meter.read(null), { done: 300, found: 3, rate: 100, leftMs: null })
  clock.at = 6_000
  meter.add(200, 0)
  t.match(meter.read(null), { done: 500, rate: 50, leftMs: 10_000 })
  clock.at = 17_000
  meter.add(220, 0)
  t.equal(meter.read(null).rate, 20, 'what is long past does not count')
  meter.add(280, 0)
  t.match(meter.read('closed'), { done: 1_000, leftMs: null, instead: 'closed' })
  t.end()
})

t.test('a query becomes conditions, and what is none is refused by name', (t) => {
  t.same(filterOf({}, 0), { presence: 'present' })
  t.same(filterOf({ gone: true, expiringMs: 5, key: 'ecdsa', port: 443 }, 100), {
    presence: 'gone',
    expiresBefore: 105,
    keyType: 'ECDSA',
    port: 443
  })
  t.same(filterOf({ search: '*.example.com' }, 0), { presence: 'present', certificateName: '.example.com' })
  t.match(filterOf({ search: 'shop' }, 0), { text: { needle: 'shop', range: null } })
  const begins = { first: address('10.1.0.0'), last: address('10.1.255.255') }
  t.match(filterOf({ search: '10.1.' }, 0), { text: { range: begins } })
  t.match(filterOf({ network: '10.1.0.0/16' }, 0), { network: begins })
  t.match(filterOf({ certificate: 'AB:'.repeat(31) + 'AB' }, 0), { fingerprint: 'ab'.repeat(32) })
  for (const wrong of [{ finding: 'x' }, { key: 'x' }, { network: 'x.test' }, { certificate: 'ab' }]) {
    t.throws(() => filterOf(wrong, 0), { code: 'option-malformed' }, JSON.stringify(wrong))
  }
  t.end()
})

t.test('a cursor comes back as it went out, and only for its own order', (t) => {
  for (const [order, start] of [
    ['expiry', [5, 6, 7]],
    ['address', [address('10.0.0.1'), 443, '']],
    ['address', [address('2001:db8::1'), 443, 'a.test']],
    ['name', ['a "name"', 1, 2]],
    ['last-seen', [1, 2]]
  ] as const) {
    const text = writeCursor(order, start)
    t.match(text, /^[\w-]+$/)
    t.same(readCursor(order, text), start)
    t.throws(() => readCursor(order === 'name' ? 'expiry' : 'name', text), { code: 'option-malformed' })
  }
  for (const wrong of ['', 'x', 'e30', Buffer.from('["expiry",1,2]').toString('base64url')]) {
    t.throws(() => readCursor('expiry', wrong), { code: 'option-malformed' }, wrong)
  }
  t.end()
})

t.test('answers about revocation are kept for as long as they hold', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-answers-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const clock = instantClock()
  const cache = openAnswerCache(join(directory, 'revocation'), clock)
  const bytes = Buffer.from([0, 10, 255])
  t.equal(cache.get('https://crl.test/a'), undefined)
  cache.set('https://crl.test/a', bytes, 1_000)
  t.same(Buffer.from(cache.get('https://crl.test/a') ?? []), bytes)
  clock.at = 1_000
  t.equal(cache.get('https://crl.test/a'), undefined)
  t.same(readdirSync(join(directory, 'revocation')), [], 'and no longer')

  writeFileSync(join(directory, 'file'), '')
  const nowhere = openAnswerCache(join(directory, 'file'), clock)
  nowhere.set('a', bytes, 5_000)
  t.equal(nowhere.get('a'), undefined, 'a place that cannot be written is no fault')
  t.end()
})

t.test('an answer is read once in a run, and what is held in memory is bounded', (t) => {
  const files = new Map<string, Uint8Array>([['a', Buffer.alloc(600)]])
  const reads: string[] = []
  const cache = rememberAnswers(
    {
      get: (key) => (reads.push(key), files.get(key) && Buffer.from(files.get(key) ?? [])),
      set: (key, bytes) => void files.set(key, bytes)
    },
    1_000
  )
  const first = cache.get('a')
  t.equal(cache.get('a'), first, 'the very same bytes, so that what was read from them holds')
  t.same(reads, ['a'])
  const newer = Buffer.alloc(500, 1)
  cache.set('b', newer, 9)
  t.equal(cache.get('b'), newer)
  t.equal(files.get('b'), newer, 'it is kept on disk too')
  t.not(cache.get('a'), first, 'the oldest went: both together are too large')
  cache.set('c', Buffer.alloc(1_001), 9)
  t.equal(reads.length, 2)
  cache.get('c')
  t.equal(reads.length, 3, 'what is too large is not held')
  t.end()
})
