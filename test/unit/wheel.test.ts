import * as fc from 'fast-check'
import t from 'tap'
import { Wheel } from '../../sensor/scan/wheel.ts'

const seed = 20261125

interface Entry {
  readonly name: number
  readonly at: number
  readonly handle: number
}

type Act = { add: number } | { remove: number } | { pass: number }

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: fc.double({ min: -20, max: 900, noNaN: true }) }) },
  { weight: 2, arbitrary: fc.record({ remove: fc.nat(10_000) }) },
  { weight: 2, arbitrary: fc.record({ pass: fc.double({ min: 0, max: 60, noNaN: true }) }) },
  { weight: 1, arbitrary: fc.record({ pass: fc.double({ min: 0, max: 5_000, noNaN: true }) }) }
)

t.test('it expires what a plain list would, whatever is added, removed and waited for', (t) => {
  const anyWheel = fc.record({ tickMs: fc.constantFrom(1, 7, 10), slots: fc.constantFrom(1, 4, 16, 100) })
  fc.assert(
    fc.property(
      anyWheel,
      fc.nat(1e9),
      fc.array(anyAct, { maxLength: 300, size: 'max' }),
      (shape, start, acts) => {
        const wheel = new Wheel<number>(shape.tickMs, shape.slots)
        let list: Entry[] = []
        const gone: Entry[] = []
        let now = start
        acts.forEach((act, name) => {
          if ('add' in act) list.push({ name, at: now + act.add, handle: wheel.add(name, now + act.add) })
          else if ('remove' in act) {
            // now and then one that is no longer there: nothing may happen
            const from = act.remove % 5 === 0 ? gone : list
            const entry = from[act.remove % Math.max(from.length, 1)]
            wheel.remove(entry?.handle ?? 0)
            if (entry && from === list) gone.push(entry)
            list = list.filter((other) => other !== entry)
          } else {
            now += act.pass
            const expired: number[] = []
            wheel.expire(now, (name) => expired.push(name))
            const due = list.filter(({ at }) => at <= now)
            t.same(
              expired.toSorted((a, b) => a - b),
              due.map(({ name }) => name)
            )
            gone.push(...due)
            list = list.filter(({ at }) => at > now)
          }
          if (wheel.size !== list.length) t.fail(`${wheel.size} instead of ${list.length} entries`)
        })
      }
    ),
    { seed, numRuns: 300 }
  )
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
