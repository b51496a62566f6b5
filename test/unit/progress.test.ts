import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { Progress, type SavedProgress } from '../../sensor/scan/progress.ts'

const seed = 20261125

/** the same by a list of everything: what a cursor means, without regard to cost */
class NaiveProgress {
  readonly #states: ('open' | 'begun' | 'finished')[]
  readonly #windowLimit: number

  constructor(total: number, saved: SavedProgress | undefined, windowLimit: number) {
    const isSaved = (position: number) =>
      saved !== undefined && (position < saved.low || isMarked(saved, position))
    this.#states = Array.from({ length: total }, (_, position) => (isSaved(position) ? 'finished' : 'open'))
    this.#windowLimit = windowLimit
  }

  take(): number {
    const position = this.#states.indexOf('open')
    const low = this.#states.findIndex((state) => state !== 'finished')
    if (position < 0) return -1
    if (position - low >= this.#windowLimit) return -2
    this.#states[position] = 'begun'
    return position
  }

  finish(position: number): void {
    this.#states[position] = 'finished'
  }

  get begun(): number {
    return this.#states.filter((state) => state !== 'open').length
  }

  get finished(): number {
    return this.#states.filter((state) => state === 'finished').length
  }

  get unfinished(): number[] {
    return [...this.#states.keys()].filter((position) => this.#states[position] !== 'finished')
  }
}

function isMarked({ low, done }: SavedProgress, position: number): boolean {
  const bit = position - low
  return (((done[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1
}

/** everything that a walk would still do */
function rest(progress: Progress): number[] {
  const positions: number[] = []
  for (let position = progress.take(); position >= 0; position = progress.take()) positions.push(position)
  return positions
}

type Act = 'take' | 'take and finish' | { finish: number } | { goOnWith: number }

const anyWindow = fc.constantFrom(1, 2, 7, 8, 9, 40, 64, 1 << 20)
const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Act[]>('take', 'take and finish') },
  { weight: 3, arbitrary: fc.record({ finish: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ goOnWith: anyWindow }) }
)

/** a cursor beside a list that is told the same */
class Pair {
  readonly #total: number
  #progress: Progress
  #naive: NaiveProgress
  #begun: number[] = []

  constructor(total: number, windowLimit: number) {
    this.#total = total
    this.#progress = new Progress(total, undefined, windowLimit)
    this.#naive = new NaiveProgress(total, undefined, windowLimit)
  }

  do(act: Act): void {
    if (act === 'take') this.#take()
    else if (act === 'take and finish') this.#finish(this.#take())
    else if ('finish' in act) this.#finish(this.#begun[act.finish % Math.max(this.#begun.length, 1)] ?? -1)
    else this.#restart(act.goOnWith)
    assert.equal(this.#progress.begun, this.#naive.begun)
    assert.equal(this.#progress.finished, this.#naive.finished)
    assert.equal(this.#progress.isDone, this.#naive.finished === this.#total)
    const restored = new Progress(this.#total, this.#progress.save(), this.#total + 1)
    assert.deepEqual(rest(restored), this.#naive.unfinished)
  }

  #take(): number {
    const position = this.#progress.take()
    assert.equal(position, this.#naive.take())
    if (position >= 0) this.#begun.push(position)
    return position
  }

  #finish(position: number): void {
    if (position < 0) return
    this.#begun = this.#begun.filter((other) => other !== position)
    this.#progress.finish(position)
    this.#progress.finish(position)
    this.#naive.finish(position)
  }

  #restart(windowLimit: number): void {
    const saved = this.#progress.save()
    this.#progress = new Progress(this.#total, saved, windowLimit)
    this.#naive = new NaiveProgress(this.#total, saved, windowLimit)
    this.#begun = []
  }
}

t.test('it takes, counts, saves and restores as a list of all positions would', (t) => {
  const anyActs = fc.array(anyAct, { maxLength: 200, size: 'max' })
  fc.assert(
    fc.property(fc.nat(150), anyWindow, anyActs, (total, windowLimit, acts) => {
      const pair = new Pair(total, windowLimit)
      for (const act of acts) pair.do(act)
    }),
    { seed, numRuns: 300 }
  )
  t.pass('in every sequence of acts')
  t.end()
})

t.test('a window that is full opens when its oldest position is finished', (t) => {
  const progress = new Progress(100, undefined, 4)
  t.same(
    [0, 1, 2, 3, 4, 5].map(() => progress.take()),
    [0, 1, 2, 3, -2, -2]
  )
  progress.finish(2)
  t.equal(progress.take(), -2)
  progress.finish(0)
  t.same([progress.take(), progress.take()], [4, -2])
  progress.finish(1)
  t.same([progress.take(), progress.take(), progress.take()], [5, 6, -2])
  t.end()
})

t.test('what was finished before the save is skipped exactly, also where it fills up while walking', (t) => {
  const done = Uint8Array.of(0b1111_1110, 0b1111_1100, 0b1111_1110, 0b1111_1111)
  const progress = new Progress(40, { low: 0, done })
  t.equal(progress.take(), 0)
  for (const position of [8, 9]) {
    t.equal(progress.take(), position)
    progress.finish(position)
  }
  t.same(rest(progress), [16, 32, 33, 34, 35, 36, 37, 38, 39])
  t.end()
})

t.test('positions near 2^53 are exact', (t) => {
  const total = Number.MAX_SAFE_INTEGER
  const low = total - 20
  const progress = new Progress(total, { low, done: Uint8Array.of(0b0000_0101, 0xff) })
  t.equal(progress.finished, low + 10)
  t.same(
    rest(progress).map((position) => position - low),
    [1, 3, 4, 5, 6, 7, 16, 17, 18, 19]
  )
  t.end()
})

t.test('a save is a copy: later finishing does not change it', (t) => {
  const progress = new Progress(20)
  for (let i = 0; i < 10; i++) progress.take()
  progress.finish(3)
  const saved = progress.save()
  progress.finish(4)
  progress.finish(0)
  t.same(saved, { low: 0, done: Uint8Array.of(0b0000_1000, 0) })
  t.end()
})

t.test('a save in the middle of a large window is quick and of the size of the window', (t) => {
  const progress = new Progress(2 ** 40)
  for (let i = 0; i < 1 << 20; i++) progress.take()
  for (let i = 1; i < 1 << 20; i += 2) progress.finish(i)
  t.equal(progress.take(), -2)
  const start = performance.now()
  for (let i = 0; i < 20; i++) progress.save()
  t.ok(performance.now() - start < 200, 'twenty of them')
  t.equal(progress.save().done.length, (1 << 20) / 8)
  t.end()
})

t.test('marks beyond the end of the walk mean nothing', (t) => {
  const progress = new Progress(3, { low: 0, done: Uint8Array.of(0xff, 0xff) })
  t.equal(progress.finished, 3)
  t.ok(progress.isDone)
  t.equal(progress.take(), -1)
  t.end()
})

t.test('an empty walk is done from the start', (t) => {
  const progress = new Progress(0)
  t.ok(progress.isDone)
  t.equal(progress.take(), -1)
  t.end()
})

t.test('a cursor of another walk, and the finishing of what was never begun, are faults', (t) => {
  for (const low of [11, -1, 1.5, Number.NaN]) {
    t.throws(() => new Progress(10, { low, done: new Uint8Array(0) }), Fault, String(low))
  }
  const progress = new Progress(10)
  progress.take()
  t.throws(() => progress.finish(1), { code: 'internal' })
  t.equal(progress.finished, 0)
  t.end()
})
