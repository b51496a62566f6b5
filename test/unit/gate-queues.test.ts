import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { Fifo, Timetable, type Timed } from '../../sensor/scan/queues.ts'

const seed = 20261125

t.test('a fifo gives back what came in, in order, at any mixture of push and shift', (t) => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400, size: 'max' }), (acts) => {
      const fifo = new Fifo<number>()
      const list: number[] = []
      acts.forEach((isPush, number) => {
        if (isPush) {
          fifo.push(number)
          list.push(number)
        } else assert.equal(fifo.shift(), list.shift())
        assert.equal(fifo.size, list.length)
      })
    }),
    { seed, numRuns: 200 }
  )
  t.pass('in every sequence of acts')
  t.end()
})

t.test('a timetable knows the first, whatever is entered, moved and removed', (t) => {
  const anyAct = fc.tuple(fc.constantFrom('set', 'set', 'remove'), fc.nat(40), fc.nat(200))
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 300, size: 'max' }), (acts) => {
      const nodes: Timed[] = Array.from({ length: 41 }, () => ({ at: 0, index: -1 }))
      const table = new Timetable<Timed>()
      const entered = new Map<Timed, number>()
      for (const [act, choice, at] of acts) {
        const node = nodes[choice] as Timed
        if (act === 'set') {
          table.set(node, at)
          entered.set(node, at)
        } else {
          table.remove(node)
          entered.delete(node)
        }
        assert.equal(table.size, entered.size)
        assert.equal(table.has(node), entered.has(node))
        assert.equal(node.index >= 0, entered.has(node))
        assert.equal(table.first?.at, entered.size === 0 ? undefined : Math.min(...entered.values()))
      }
    }),
    { seed, numRuns: 300 }
  )
  t.pass('in every sequence of acts')
  t.end()
})
