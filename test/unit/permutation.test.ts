import * as fc from 'fast-check'
import t from 'tap'
import { maxPermutation, permutation } from '../../sensor/scan/targets/permutation.ts'

const seed = 20261125

/** does it hit every index of 0 … size − 1 once? */
function isBijection(size: number, key: number): boolean {
  const at = permutation(size, key)
  const seen = new Uint8Array(size)
  for (let position = 0; position < size; position++) {
    const index = at(position)
    if (!(Number.isInteger(index) && index >= 0 && index < size) || seen[index] === 1) return false
    seen[index] = 1
  }
  return true
}

t.test('every size up to 600 is a bijection', async (t) => {
  for (let size = 1; size <= 600; size++) {
    if (![0, 1, 4_294_967_295].every((key) => isBijection(size, key))) t.fail(`size ${size}`)
  }
})

t.test('primes, squares, powers of two and their neighbours are bijections', async (t) => {
  const sizes = [
    65_535, 65_536, 65_537, 46_656, 46_655, 46_657, 104_729, 1_048_575, 1_048_576, 1_048_577, 1_000_003
  ]
  for (const size of sizes) t.ok(isBijection(size, 7), String(size))
})

t.test('random sizes and seeds are bijections', async () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 20_000 }), fc.maxSafeNat(), isBijection), {
    seed,
    numRuns: 300
  })
})

t.test('large sizes, sampled: in range, and no index twice', async (t) => {
  const large = [
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    16_777_216 * 65_535,
    94_906_265 ** 2,
    2 ** 53 - 1,
    maxPermutation
  ]
  for (const size of large) {
    const at = permutation(size, 3)
    const seen = new Set<number>()
    let inRange = true
    const visit = (position: number) => {
      const index = at(position)
      inRange &&= Number.isSafeInteger(index) && index >= 0 && index < size
      seen.add(index)
    }
    const count = 30_000
    for (let one = 0; one < count; one++) {
      visit(one)
      visit(size - 1 - one)
      visit(Math.floor(size / 2) + one)
    }
    t.ok(inRange, `${size} in range`)
    t.equal(seen.size, 3 * count, `${size} injective`)
  }
})

t.test('an order never changes: stopped scans go on by it', async (t) => {
  const first = (size: number, key: number) =>
    Array.from({ length: 6 }, (_, at) => permutation(size, key)(at))
  t.equal(permutation(1, 1)(0), 0)
  t.same(first(10, 1), [1, 7, 3, 2, 5, 8])
  t.same(first(65_536, 42), [4261, 27974, 15820, 53988, 8115, 61084])
  t.same(first(369_098_752, 20_261_125), [30803924, 196764614, 172974305, 245881935, 154347727, 293647163])
  t.same(
    first(2 ** 53, 2 ** 40 + 1),
    [
      5150257950435663, 1761973182653153, 3774466113350507, 5338349974211253, 4121899522805330,
      2499063164262956
    ]
  )
})

t.test(
  'other seeds give other orders, also neighbouring ones and those that differ beyond 32 bits',
  async (t) => {
    const size = 65_536
    for (const [one, other] of [
      [1, 2],
      [7, 8],
      [1, 2 ** 32 + 1],
      [0, 2 ** 52]
    ] as const) {
      const [a, b] = [permutation(size, one), permutation(size, other)]
      let same = 0
      for (let position = 0; position < size; position++) if (a(position) === b(position)) same++
      t.ok(same < 12, `${one} and ${other} agree at ${same} of ${size} places, where chance gives 1`)
    }
  }
)

t.test('load is spread: neighbours in time are no neighbours in the network', async (t) => {
  const [subnets, each] = [4096, 256 * 22]
  const size = subnets * each
  const at = permutation(size, 5)
  let again = 0
  let steps = 0
  let before = -1
  let longest = 0
  let run = 0
  const buckets = new Uint32Array(256)
  const count = 1_000_000
  for (let position = 0; position < count; position++) {
    const index = at(position)
    const subnet = Math.floor(index / each)
    run = subnet === Math.floor(before / each) ? run + 1 : 0
    if (run > 0) again++
    if (Math.abs(index - before) <= 22) steps++
    longest = Math.max(longest, run)
    buckets[Math.floor((index / size) * 256)]!++
    before = index
  }
  const expected = count / subnets
  t.ok(
    Math.abs(again - expected) < 5 * Math.sqrt(expected),
    `same /24 again ${again} times, by chance ${expected}`
  )
  t.ok(longest <= 3, `longest run in a /24: ${longest + 1}`)
  t.ok(steps < 12, `same or next address ${steps} times, by chance 2`)
  const share = count / 256
  const chi = buckets.reduce((sum, seen) => sum + (seen - share) ** 2 / share, 0)
  t.ok(chi < 330, `every part gets its share from the beginning on: chi² ${chi.toFixed(0)} of 255`)
})

t.test('within one /24 no run of addresses is visible, whatever the seed', async (t) => {
  let adjacent = 0
  let equalSteps = 0
  const seeds = 400
  for (let key = 0; key < seeds; key++) {
    const order = Array.from({ length: 256 }, (_, position) => permutation(256, key)(position))
    const step = order.map((index, position) => index - (order[position - 1] ?? NaN))
    adjacent += step.filter((one) => Math.abs(one) === 1).length
    equalSteps += step.filter((one, position) => one === step[position - 1]).length
  }
  t.ok(adjacent / seeds < 3, `next address ${adjacent / seeds} times per /24, by chance 2`)
  t.ok(equalSteps / seeds < 2, `same stride twice ${equalSteps / seeds} times per /24, by chance 0.7`)
})

t.test('a size that cannot be walked is refused', async (t) => {
  for (const size of [0, -1, 1.5, 2 ** 53 + 2, NaN]) t.throws(() => permutation(size, 1), RangeError)
})
