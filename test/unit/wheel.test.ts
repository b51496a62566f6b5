import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { Wheel } from '../../sensor/scan/wheel.ts'

const seed = 20261125

interface Entry {
  readonly name: number
  readonly at: number
  readonly handle: number
}

/** a wheel beside a plain list that is told the same */
class Pair {
  readonly #wheel: Wheel<number>
  #list: Entry[] = []
  readonly #gone: Entry[] = []
  #now: number
  #names = 0

  constructor(wheel: Wheel<number>, now: number) {
    this.#wheel = wheel
    this.#now = now
  }

  add(ms: number): void {
    const name = this.#names++
    const at = this.#now + ms
    this.#list.push({ name, at, handle: this.#wheel.add(name, at) })
  }

  remove(choice: number): void {
    const entry = this.#list[choice % Math.max(this.#list.length, 1)]
    if (!entry) return
    this.#wheel.remove(entry.handle)
    this.#list = this.#list.filter((other) => other !== entry)
    this.#gone.push(entry)
  }

  /** nothing may happen */
  removeAgain(choice: number): void {
    this.#wheel.remove(this.#gone[choice % Math.max(this.#gone.length, 1)]?.handle ?? 0)
  }

  pass(ms: number): void {
    this.#now += ms
    const expired: number[] = []
    this.#wheel.expire(this.#now, (name) => expired.push(name))
    const due = this.#list.filter(({ at }) => at <= this.#now)
    const names = due.map(({ name }) => name)
    assert.deepEqual(
      expired.toSorted((a, b) => a - b),
      names
    )
    this.#gone.push(...due)
    this.#list = this.#list.filter(({ at }) => at > this.#now)
    assert.equal(this.#wheel.size, this.#list.length)
  }
}

const ms = (min: number, max: number) => fc.double({ min, max, noNaN: true })
const anyAct = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('add' as const), ms(-20, 900)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), fc.nat()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('removeAgain' as const), fc.nat()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), ms(0, 60)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('pass' as const), ms(0, 5_000)) }
)

t.test('it expires what a plain list would, whatever is added, removed and waited for', (t) => {
  const anyTick = fc.constantFrom(1, 7, 10)
  const anySlots = fc.constantFrom(1, 4, 16, 100)
  const anyActs = fc.array(anyAct, { maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(anyTick, anySlots, fc.nat(1e9), anyActs, (tickMs, slots, now, acts) => {
      const pair = new Pair(new Wheel(tickMs, slots), now)
      for (const [act, value] of acts) pair[act](value)
    }),
    { seed, numRuns: 500 }
  )
  t.pass('in every sequence of acts')
  t.end()
})

t.test('items expire in the order of their ticks, and never early', (t) => {
  const wheel = new Wheel<number>(10, 8)
  wheel.expire(1_000, () => t.fail('nothing is in it'))
  for (const at of [1_075, 1_005, 1_300, 1_031, 1_062]) wheel.add(at, at)
  const seen: number[] = []
  wheel.expire(1_004.9, (at) => seen.push(at))
  t.same(seen, [])
  wheel.expire(1_064, (at) => seen.push(at))
  t.same(seen, [1_005, 1_031, 1_062])
  wheel.expire(5_000, (at) => seen.push(at))
  t.same(new Set(seen.slice(3)), new Set([1_075, 1_300]))
  t.end()
})

t.test('what is further ahead than the wheel reaches comes at its time', (t) => {
  const wheel = new Wheel<string>(10, 8)
  wheel.expire(0, () => {})
  wheel.add('far', 10_000)
  const seen: number[] = []
  for (let now = 0; now <= 11_000; now += 5) wheel.expire(now, () => seen.push(now))
  t.same(seen, [10_000])
  t.end()
})

t.test('calls may add and remove: what is removed does not come, what is added waits', (t) => {
  const wheel = new Wheel<string>(10, 8)
  const seen: string[] = []
  wheel.add('first', 50)
  const second = wheel.add('second', 51)
  wheel.expire(60, (item) => {
    seen.push(item)
    wheel.remove(second)
    wheel.add('late', 10)
    wheel.add('soon', 61)
  })
  t.same(seen, ['first'])
  wheel.expire(60, (item) => seen.push(item))
  t.same(seen, ['first', 'late'])
  wheel.expire(61, (item) => seen.push(item))
  t.same(seen, ['first', 'late', 'soon'])
  t.equal(wheel.size, 0)
  t.end()
})

t.test('an old handle does not remove the entry that came in its place', (t) => {
  const wheel = new Wheel<string>(10, 8)
  const old = wheel.add('old', 5)
  wheel.remove(old)
  wheel.remove(0)
  const fresh = wheel.add('fresh', 5)
  t.not(fresh, old)
  wheel.remove(old)
  t.equal(wheel.size, 1)
  const seen: string[] = []
  wheel.expire(5, (item) => seen.push(item))
  wheel.remove(fresh)
  t.same(seen, ['fresh'])
  t.end()
})

t.test('an entry can be used any number of times', (t) => {
  const wheel = new Wheel<number>(10, 8)
  for (let i = 0; i < 10_000; i++) wheel.remove(wheel.add(i, 5))
  t.equal(wheel.size, 0)
  t.ok(wheel.add(1, 5) > 0)
  t.end()
})

t.test('a hundred thousand entries grow it, and all of them come', (t) => {
  const wheel = new Wheel<number>(10, 64)
  for (let i = 0; i < 100_000; i++) wheel.add(i, (i * 7919) % 5_000)
  let sum = 0
  for (let now = 0; now < 5_000; now += 10) wheel.expire(now, (i) => (sum += i))
  wheel.expire(5_000, (i) => (sum += i))
  t.equal(sum, (99_999 * 100_000) / 2)
  t.equal(wheel.size, 0)
  t.end()
})

t.test('more than a million entries are a fault', (t) => {
  const wheel = new Wheel<number>(10, 64)
  const fill = () => {
    for (let i = 0; i < 2 ** 20; i++) wheel.add(i, i)
  }
  t.throws(fill, { code: 'internal' })
  t.ok(wheel.size > 1_000_000)
  t.end()
})
