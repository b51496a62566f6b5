import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { formatAddress, parseAddress } from '../../core/address.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { parseExclusion, parseTarget } from '../../sensor/scan/targets/parse.ts'
import { permutation } from '../../sensor/scan/targets/permutation.ts'
import { parsePorts } from '../../sensor/scan/targets/ports.ts'
import { checkSize, describeSizes, type SpaceSizes } from '../../sensor/scan/targets/sizes.ts'
import { type BuiltSpace, buildSpace, openSpace } from '../../sensor/scan/targets/space.ts'
import type { ResolvedTarget } from '../../sensor/scan/targets/target.ts'
import { everywhere, member, named, request, spared, walked } from './space-universe.ts'

const seed = 20261125

interface Words {
  readonly targets: readonly string[]
  readonly ports?: string
  readonly exclude?: readonly string[]
  readonly doNotScan?: readonly string[]
}

function build({ targets, ports = '443', exclude = [], doNotScan = [] }: Words): BuiltSpace {
  return buildSpace({
    targets: targets.map((text) => parseTarget(text) as ResolvedTarget),
    ports: parsePorts(ports),
    exclude: exclude.map(parseExclusion),
    doNotScan: doNotScan.map(parseExclusion)
  })
}

const pairsOf = (words: Words) => walked(openSpace(build(words).space)).toSorted()
const sorted = (all: Iterable<string>) => [...all].toSorted()

t.test('targets are crossed with the ports, or with their own', async (t) => {
  t.same(pairsOf({ targets: ['10.0.0.1-2', '10.0.0.9:25', '2001:db8::1'], ports: '443,8443' }), [
    '10.0.0.1 443 -',
    '10.0.0.1 8443 -',
    '10.0.0.2 443 -',
    '10.0.0.2 8443 -',
    '10.0.0.9 25 -',
    '2001:db8::1 443 -',
    '2001:db8::1 8443 -'
  ])
})

t.test('what is named twice, in whatever spelling, is there once', async (t) => {
  const targets = [
    '10.0.0.0/30',
    '10.0.0.1-10.0.0.2',
    '::ffff:10.0.0.1',
    '10.0.0.1:443',
    '[::ffff:a00:2]:443'
  ]
  t.same(pairsOf({ targets }), ['10.0.0.0 443 -', '10.0.0.1 443 -', '10.0.0.2 443 -', '10.0.0.3 443 -'])
})

t.test('neighbours are one range, and what has other ports stands beside', async (t) => {
  const { space } = build({
    targets: [
      '10.0.0.0/25',
      '10.0.0.128/25',
      '10.0.1.0-10.0.1.9',
      '10.0.1.4:25',
      '2001:db8::1',
      '2001:db8::2'
    ]
  })
  t.same(space.ranges4, [
    [0x0a00_0000, 0x0a00_0103],
    [0x0a00_0105, 0x0a00_0109]
  ])
  t.same(space.ranges6, [['20010db8000000000000000000000001', '20010db8000000000000000000000002']])
  t.same(space.areas, [
    {
      ranges4: [[0x0a00_0104, 0x0a00_0104]],
      ranges6: [],
      hosts: [],
      ports: [
        [25, 25],
        [443, 443]
      ]
    }
  ])
})

t.test('an exclusion wins in every spelling of an address', async (t) => {
  for (const exclude of [
    '10.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '0:0:0:0:0:FFFF:0A00:0001',
    '10.0.0.0/31'
  ]) {
    t.notOk(pairsOf({ targets: ['10.0.0.0/30'], exclude: [exclude] }).includes('10.0.0.1 443 -'), exclude)
  }
  for (const target of ['10.0.0.1', '10.0.0.1:443', '[::ffff:10.0.0.1]:443', '10.0.0.1-1']) {
    t.same(pairsOf({ targets: [target], exclude: ['10.0.0.0/8'] }), [], `${target} excluded`)
    t.same(pairsOf({ targets: [target], doNotScan: ['10.0.0.1:443'] }), [], `${target} not to be scanned`)
  }
  t.same(pairsOf({ targets: ['2001:db8::1', '10.0.0.1'], exclude: ['::/0'] }), ['10.0.0.1 443 -'])
})

t.test('an exclusion wins over other addresses that lead to the same host', async (t) => {
  const excluded = (target: string, exclude: string) => pairsOf({ targets: [target], exclude: [exclude] })
  for (const target of ['64:ff9b::10.0.0.5', '64:ff9b::a00:5', '2002:a00:5::', '2002:a00:5:ffff::1']) {
    t.same(excluded(target, '10.0.0.4-10.0.0.6'), [], `${target}, by NAT64 or 6to4`)
    t.same(excluded(target, '10.0.0.6-10.0.0.9').length, 1, `${target} is not next to it`)
  }
  t.same(excluded('0.0.0.0', '127.0.0.0/8'), [], 'this machine, by any address')
  t.same(excluded('::', '::1'), [])
  t.same(excluded('0.0.0.0:8443', '127.0.0.1:443'), ['0.0.0.0 8443 -'], 'on another port')
  t.same(excluded('0.0.0.0', '127.0.0.2'), ['0.0.0.0 443 -'])
})

t.test('an excluded port takes that port only', async (t) => {
  const words = {
    targets: ['10.0.0.0/31'],
    ports: '25,443',
    exclude: ['10.0.0.0/24:25'],
    doNotScan: ['10.0.0.1:443']
  }
  t.same(pairsOf(words), ['10.0.0.0 443 -'])
})

t.test('a name that leads to an excluded address is dropped and reported', async (t) => {
  const [address, other] = [parseAddress('10.0.0.1') ?? 0, parseAddress('10.0.0.2') ?? 0]
  const { space, dropped, sizes } = buildSpace({
    targets: [
      { kind: 'host', address, name: 'a.example', ports: null },
      { kind: 'host', address: other, name: 'a.example', ports: null },
      { kind: 'host', address: other, name: 'b.example', ports: null }
    ],
    ports: [[443, 443]],
    exclude: [parseExclusion('10.0.0.1')],
    doNotScan: [parseExclusion('B.example.')]
  })
  t.same(walked(openSpace(space)), ['10.0.0.2 443 a.example'])
  t.same(dropped, [
    { name: 'a.example', address: '10.0.0.1' },
    { name: 'b.example', address: '10.0.0.2' }
  ])
  t.same(sizes, { addresses: 1, ports: 1, pairs: 1, excluded: 2 })
})

t.test(
  'a space equals plain sets: each pair once, none excluded, sizes exact, through JSON and in any shards',
  async () => {
    const world = everywhere()
    fc.assert(
      fc.property(request, fc.integer({ min: 1, max: 5 }), (asked, of) => {
        const exclusions = [...asked.exclude, ...asked.doNotScan]
        const wanted = named(asked.targets, asked.ports)
        const expected = spared(wanted, exclusions)
        const { space: data, sizes } = buildSpace(asked)
        const stored = JSON.parse(JSON.stringify(data)) as SpaceData
        const space = openSpace(stored)
        assert.deepEqual(walked(space).toSorted(), sorted(expected))
        assert.deepEqual(sizes, sizesOf(expected, wanted))

        const shards = Array.from({ length: of }, (_, index) => openSpace(stored, { index, of }))
        assert.deepEqual(shards.flatMap(walked).toSorted(), sorted(expected))
        const homes = shards.map((shard) => new Set(walked(shard).map(addressOf)))
        const all = new Set([...expected].map(addressOf))
        assert.equal(
          homes.reduce((sum, home) => sum + home.size, 0),
          all.size,
          'an address has one shard'
        )
        const counts = homes.map((home) => home.size)
        assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, 'shards are even')

        const places = new Set([...expected].map((pair) => pair.split(' ').slice(0, 2).join(' ')))
        for (const [address, port] of world) {
          const inside = places.has(`${formatAddress(address)} ${port}`)
          assert.equal(space.contains(address, port), inside)
          const holders = shards.filter((shard) => shard.contains(address, port)).length
          assert.equal(holders, inside ? 1 : 0)
        }
      }),
      { seed, numRuns: 400 }
    )
  }
)

const addressOf = (pair: string) => pair.split(' ')[0] ?? ''

function sizesOf(pairs: ReadonlySet<string>, wanted: ReadonlySet<string>): SpaceSizes {
  const part = (at: number) => new Set([...pairs].map((pair) => pair.split(' ')[at])).size
  return { addresses: part(0), ports: part(1), pairs: pairs.size, excluded: wanted.size - pairs.size }
}

t.test('exclusions judge single pairs as the space does', async () => {
  fc.assert(
    fc.property(request, (asked) => {
      const exclusions = [...asked.exclude, ...asked.doNotScan]
      const opened = openExclusions(exclusions)
      for (const [address, port] of everywhere()) {
        for (const name of [null, 'a.example']) {
          const left = spared(new Set([member(address, port, name)]), exclusions)
          assert.equal(opened.covers(address, port, name), left.size === 0)
        }
      }
    }),
    { seed, numRuns: 50 }
  )
})

t.test('a space that others made, with single pairs only, is walked too', async (t) => {
  const data: SpaceData = {
    ranges4: [],
    ranges6: [],
    ports: [443],
    pairs: [
      ['10.0.0.1', 443, null],
      ['10.0.0.1', 25, 'a.example'],
      ['2001:db8::1', 443, null]
    ]
  }
  t.same(walked(openSpace(data)).toSorted(), ['10.0.0.1 25 a.example', '10.0.0.1 443 -', '2001:db8::1 443 -'])
  const halves = [0, 1].map((index) => walked(openSpace(data, { index, of: 2 })))
  t.same(new Set(halves.map((half) => half.length)), new Set([1, 2]))
  t.equal(openSpace({ ...data, pairs: [] }).size, 0)
})

t.test('the largest spaces are numbered exactly', async (t) => {
  const { space: data, sizes } = build({
    targets: ['10.0.0.0/8', '0.0.0.0/0:443'],
    ports: 'all',
    exclude: ['10.0.0.0']
  })
  t.equal(sizes.pairs, (2 ** 24 - 1) * 65_535 + 2 ** 32 - 2 ** 24)
  t.equal(sizes.addresses, 2 ** 32 - 1)
  const space = openSpace(data)
  t.equal(space.size, sizes.pairs)
  const seen = new Set<string>()
  for (let step = 0; step < 10_000; step++) {
    const { address, port, name } = space.at(Math.floor((step / 9999) * (space.size - 1)))
    if (!space.contains(address, port)) t.fail(`${formatAddress(address)} ${port}`)
    seen.add(member(address, port, name))
  }
  t.equal(seen.size, 10_000)
  t.throws(() => space.at(space.size), RangeError)
  t.throws(() => space.at(-1), RangeError)
})

t.test('many single hosts with ports of their own stay compact', async (t) => {
  const targets = Array.from(
    { length: 20_000 },
    (_, at) => `10.${at >> 12}.${(at >> 4) & 255}.${at & 15}:${1 + (at % 40)}`
  )
  const { space, sizes } = build({ targets })
  t.equal(sizes.pairs, 20_000)
  t.equal(openSpace(space).size, 20_000)
  t.ok(JSON.stringify(space).length < 800_000)
})

t.test('16 million pairs are walked in random order, each once, on a heap that stays flat', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { space: data } = build({ targets: ['10.0.0.0/12', '172.16.0.0/13:1-3'], ports: '1-14' })
  const space = openSpace(data)
  const order = permutation(space.size, 1)
  t.ok(space.size > 16_000_000, `${space.size} pairs`)
  const seen = new Uint8Array(Math.ceil(space.size / 8))
  let twice = 0
  const walk = (from: number, to: number) => {
    for (let position = from; position < to; position++) {
      const index = order(position)
      const bit = 1 << (index & 7)
      const at = index >>> 3
      if ((seen[at]! & bit) !== 0) twice++
      seen[at]! |= bit
      if (space.at(index).port === 0) twice++
    }
  }
  walk(0, 100_000)
  collect()
  const before = process.memoryUsage().heapUsed
  walk(100_000, space.size)
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.equal(twice, 0)
  t.ok(grown < 2_000_000, `the heap grew by ${grown} bytes`)
})

t.test('the size is told before the start', async (t) => {
  const { sizes } = build({ targets: ['10.0.0.0/16'], ports: 'default', exclude: ['10.0.1.0/24'] })
  t.equal(
    describeSizes(sizes, { leastMs: 718_000, mostMs: 1_436_000 }),
    '65,280 addresses, 22 ports: 1,436,160 pairs (5,632 excluded), about 12 min if all answer, about 24 min if none does'
  )
  t.equal(
    describeSizes({ addresses: 1, ports: 1, pairs: 1, excluded: 0 }, { leastMs: 5, mostMs: 500 }),
    '1 address, 1 port: 1 pair, under 1 s'
  )
  const all = build({ targets: ['10.0.0.0/8'], ports: 'all' }).sizes
  t.match(describeSizes(all, { leastMs: 2.2e11, mostMs: 2.2e11 }), /1,099,494,850,560 pairs, about 7 years/)
})

t.test('a size over the limit wants a yes, nothing at all is refused', async (t) => {
  const { sizes } = build({ targets: ['10.0.0.0/0'] })
  t.throws(() => checkSize(sizes, { maxPairs: 1_000_000, confirmed: false }), {
    code: 'confirmation-needed',
    message:
      /^targets: 4,294,967,296 pairs of address and port are over the limit of 1,000,000\. Repeat with --yes/
  })
  t.doesNotThrow(() => checkSize(sizes, { maxPairs: 1_000_000, confirmed: true }))
  t.doesNotThrow(() => checkSize(sizes, { maxPairs: 2 ** 32, confirmed: false }))
  t.throws(() => checkSize({ ...sizes, pairs: 2 ** 53 }, { maxPairs: 1, confirmed: true }), {
    code: 'target-too-large'
  })
  const none = build({ targets: ['10.0.0.1'], exclude: ['10.0.0.0/8'] }).sizes
  t.throws(() => checkSize(none, { maxPairs: 10, confirmed: true }), {
    code: 'target-none',
    message: /^targets: 1 pair, all excluded\. Name at least one/
  })
})
