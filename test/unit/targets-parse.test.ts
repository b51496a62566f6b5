import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { formatAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { hostName } from '../../sensor/scan/targets/host-name.ts'
import { parseExclusion, parseTarget } from '../../sensor/scan/targets/parse.ts'
import { formatPorts } from '../../sensor/scan/targets/ports.ts'
import { readExclusions, readTargets } from '../../sensor/scan/targets/target-list.ts'
import { formatTarget } from '../../sensor/scan/targets/target.ts'

const seed = 20261125

/** what a text means, in words: `first last ports` or `name ports` */
function meaning(text: string, parse = parseTarget): string {
  const target = parse(text)
  const ports = target.ports === null ? '' : ` ${formatPorts(target.ports)}`
  if (target.kind === 'name') return `${target.name}${ports}`
  return `${formatAddress(target.first)} ${formatAddress(target.last)}${ports}`
}

function faultOf(act: () => unknown): Fault {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

t.test('each form of a target is read', async (t) => {
  const forms: readonly (readonly [text: string, means: string])[] = [
    ['10.0.0.1', '10.0.0.1 10.0.0.1'],
    [' 10.0.0.1\t', '10.0.0.1 10.0.0.1'],
    ['10.0.0.0/24', '10.0.0.0 10.0.0.255'],
    ['10.0.0.1/32', '10.0.0.1 10.0.0.1'],
    ['0.0.0.0/0', '0.0.0.0 255.255.255.255'],
    ['10.0.0.1-10.0.3.9', '10.0.0.1 10.0.3.9'],
    ['10.0.0.1-9', '10.0.0.1 10.0.0.9'],
    ['10.0.0.1-1', '10.0.0.1 10.0.0.1'],
    ['10.0.0.0/24:443', '10.0.0.0 10.0.0.255 443'],
    ['10.0.0.1-9:8000-8010,443', '10.0.0.1 10.0.0.9 443,8000-8010'],
    ['10.0.0.1:mail,-25', '10.0.0.1 10.0.0.1 110,143,465,587,993,995'],
    ['2001:db8::1', '2001:db8::1 2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1 2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1 2001:db8::1 443'],
    ['2001:db8::/120', '2001:db8:: 2001:db8::ff'],
    ['[2001:db8::/112]:443', '2001:db8:: 2001:db8::ffff 443'],
    ['2001:db8::1-2001:db8::1:0', '2001:db8::1 2001:db8::1:0'],
    ['[2001:db8::1-2001:db8::9]:443', '2001:db8::1 2001:db8::9 443'],
    ['::ffff:10.0.0.1', '10.0.0.1 10.0.0.1'],
    ['::ffff:10.0.0.0/120', '10.0.0.0 10.0.0.255'],
    ['[::ffff:a00:1]:443', '10.0.0.1 10.0.0.1 443'],
    ['::ffff:10.0.0.1-::ffff:10.0.0.9', '10.0.0.1 10.0.0.9'],
    ['www.example.com', 'www.example.com'],
    ['WWW.Example.COM.', 'www.example.com'],
    ['localhost:8443', 'localhost 8443'],
    ['web-1:443', 'web-1 443'],
    ['my_server.corp', 'my_server.corp'],
    ['10-0-0-1.example', '10-0-0-1.example'],
    ['bücher.example:443', 'xn--bcher-kva.example 443'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example']
  ]
  for (const [text, means] of forms) t.equal(meaning(text), means, text)
})

t.test('a network with host bits set is the whole network, and says so', async (t) => {
  const target = parseTarget('10.0.0.77/24')
  t.match(target, { first: 0x0a00_0000, last: 0x0a00_00ff })
  t.match(target, { note: /10\.0\.0\.77\/24.*whole network 10\.0\.0\.0-10\.0\.0\.255/ })
  t.match(parseTarget('10.0.0.0/24'), { note: null })
  t.equal(meaning('10.0.0.0/0'), '0.0.0.0 255.255.255.255', 'its size is judged elsewhere')
})

t.test('each mistake is told by field, value and remedy', async (t) => {
  const mistakes: readonly (readonly [text: string, code: string, says: RegExp])[] = [
    [
      '10.0.0.0/33',
      'target-malformed',
      /"10\.0\.0\.0\/33": the prefix length of an IPv4 network is 0 to 32\. Write/
    ],
    ['10.0.0.0/-1', 'target-malformed', /prefix length/],
    ['10.0.0.0/024', 'target-malformed', /prefix length/],
    ['10.0.0.0/255.255.255.0', 'target-malformed', /prefix length/],
    ['2001:db8::/129', 'target-malformed', /IPv6 network is 0 to 128/],
    ['::ffff:10.0.0.0/24', 'target-malformed', /IPv4-mapped network is 96 to 128/],
    ['example.com/24', 'target-malformed', /"example\.com" is no IPv4 or IPv6 address/],
    [
      '10.0.3.9-10.0.0.1',
      'target-reversed',
      /reversed\. Write the lower address first: 10\.0\.0\.1-10\.0\.3\.9/
    ],
    ['10.0.0.9-1', 'target-reversed', /reversed/],
    ['2001:db8::9-2001:db8::1', 'target-reversed', /reversed/],
    ['10.0.0.1-10.0.0.256', 'target-malformed', /"10\.0\.0\.256" is no IPv4/],
    ['10.0.0.1-300', 'target-malformed', /is no IPv4/],
    ['10.0.0.1-::9', 'target-malformed', /one family/],
    ['10.0.0-3.1', 'target-malformed', /is no IPv4/],
    ['2001:db8::1-9', 'target-malformed', /"9" is no IPv4 or IPv6 address/],
    ['2001:db8::/64', 'target-ipv6-range', /65,536 addresses.*Give a list of hosts/],
    ['2001:db8::-2001:db8::1:0', 'target-ipv6-range', /65,536/],
    ['010.0.0.1', 'target-malformed', /leading zeros, which some tools read as octal/],
    ['0x7f.0.0.1', 'target-malformed', /neither an address nor a host name/],
    ['0x7f000001', 'target-malformed', /neither/],
    ['a.0x1f', 'target-malformed', /neither/],
    ['a.example.1', 'target-malformed', /neither/],
    ['127.1', 'target-malformed', /is no IPv4/],
    ['2130706433', 'target-malformed', /is no IPv4/],
    ['１２７.0.0.1', 'target-malformed', /neither/],
    ['fe80::1%eth0', 'target-malformed', /has a zone/],
    ['10.0.0.1:0', 'port-malformed', /port "0": a port is 1 to 65535/],
    ['10.0.0.1:70000', 'port-malformed', /port "70000": a port is 1 to 65535/],
    ['10.0.0.1:', 'port-malformed', /empty item/],
    ['host:http', 'port-malformed', /"http" is no port, range or named set/],
    ['[2001:db8::1]:x', 'port-malformed', /"x" is no port/],
    ['[10.0.0.1]:443', 'target-malformed', /brackets are for IPv6 only/],
    ['[2001:db8::1', 'target-malformed', /is no IPv4 or IPv6 address/],
    ['https://example.com/', 'target-malformed', /a URL is no target/],
    ['*.example.com', 'target-malformed', /a wildcard names no host/],
    ['-a.example', 'target-malformed', /neither/],
    ['a..example', 'target-malformed', /neither/],
    [`${'a'.repeat(64)}.example`, 'target-malformed', /neither/],
    ['ex%61mple.com', 'target-malformed', /neither/],
    ['a b', 'target-malformed', /neither/],
    ['a,b', 'target-malformed', /neither/],
    ['\u001b[31mred', 'target-malformed', /\\x1b/],
    ['', 'target-malformed', /it is empty/],
    ['x'.repeat(5000), 'target-malformed', /too long/]
  ]
  for (const [text, code, says] of mistakes) {
    const fault = faultOf(() => parseTarget(text))
    t.equal(fault.code, code, `${text.slice(0, 40)} → ${code}`)
    t.match(fault.message, says)
  }
})

t.test('an exclusion may be an IPv6 network of any size', async (t) => {
  t.equal(meaning('2001:db8::/32', parseExclusion), '2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff')
  t.equal(meaning('::/0', parseExclusion).split(' ')[0], '::')
})

t.test('what a target is written as is read as the same target', async () => {
  const ipv4 = fc.tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff)).map((pair) => pair.sort((a, b) => a - b))
  const ipv6 = fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 128n - 70_000n }), fc.nat(65_535))
    .filter(([first]) => first >> 32n < 0xfffen || first >> 32n > 0xffffn)
    .map(([first, count]) => [first, first + BigInt(count)])
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z])?$/)
  const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
  const hosts = fc.oneof(
    fc
      .oneof(ipv4, ipv6)
      .map(([first = 0, last = 0]) => ({ kind: 'range' as const, first, last, note: null })),
    name.filter((one) => hostName(one) === one).map((one) => ({ kind: 'name' as const, name: one }))
  )
  const edges = fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 5 })
  const ports = fc.option(edges.map((ones) => ones.sort((a, b) => a - b)).filter(apart))
  fc.assert(
    fc.property(hosts, ports, (host, single) => {
      const target = { ...host, ports: single === null ? null : single.map((port) => [port, port] as const) }
      assert.deepEqual(parseTarget(formatTarget(target)), target)
    }),
    { seed, numRuns: 1000 }
  )
})

function apart(ports: readonly number[]): boolean {
  return ports.every((port, at) => at === 0 || port > (ports[at - 1] ?? 0) + 1)
}

t.test('100,000 strings of garbage give a target or a fault, never another error', async (t) => {
  const near = fc.string({ unit: fc.constantFrom(...'0123459/:-.,[]*%xfgâ# \u0000'.split('')) })
  const pieces = fc.constantFrom(
    '10.0.0.1',
    '/24',
    '-',
    '2001:db8::',
    ':443',
    '[',
    ']',
    'a.example',
    ',',
    '/',
    '::ffff:'
  )
  const joined = fc.array(pieces, { maxLength: 6 }).map((all) => all.join(''))
  const garbage = fc.oneof(near, joined, fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))
  const counts = { targets: 0, faults: 0 }
  fc.assert(
    fc.property(garbage, (text) => {
      try {
        const again = parseTarget(formatTarget(parseTarget(text)))
        counts.targets++
        return again.kind === 'name' ? hostName(again.name) === again.name : again.first <= again.last
      } catch (thrown) {
        counts.faults++
        return thrown instanceof Fault && thrown.message.length < 600
      }
    }),
    { seed, numRuns: 100_000 }
  )
  t.ok(counts.targets > 1000 && counts.faults > 1000, `${counts.targets} targets, ${counts.faults} faults`)
})

t.test('a list has comments, blank lines and several targets on a line', async (t) => {
  const lines = [
    '\ufeff# hosts',
    '10.0.0.1  10.0.0.2:443 # two',
    '',
    '   ',
    'a.example\tb.example\r',
    '#10.0.0.3',
    '::1'
  ]
  const targets = await readTargets(lines, 'hosts.txt')
  const shown = ['10.0.0.1', '10.0.0.2:443', 'a.example', 'b.example', '::1']
  t.same(targets.map(formatTarget), shown)

  async function* slowly() {
    for (const line of lines) yield await Promise.resolve(line)
  }
  t.same((await readTargets(slowly(), 'standard input')).map(formatTarget), shown, 'a stream of lines too')
})

t.test('a mistake in a list names the list and the line', async (t) => {
  const lines = ['# hosts', '10.0.0.1', '10.0.0.2 10.0.0.0/33']
  await t.rejects(readTargets(lines, 'hosts.txt'), {
    code: 'target-malformed',
    message: /^hosts\.txt, line 3: target "10\.0\.0\.0\/33"/,
    facts: { source: 'hosts.txt', line: 3, value: '10.0.0.0/33' }
  })
  await t.rejects(readTargets(['2001:db8::/64'], 'x'), { code: 'target-ipv6-range' })
  t.equal((await readExclusions(['2001:db8::/64'], 'x')).length, 1)
  // a comment must not hide what is to be spared behind it, in a file with the line ends of an old Macintosh
  const old = await readExclusions(['# payments\r10.0.0.1\r# the rest\r10.0.0.2'], 'x')
  t.same(old.map(formatTarget), ['10.0.0.1', '10.0.0.2'])
})
