import t from 'tap'
import { seededRandom } from '../../core/random.ts'
import { Gate, type End, type PaceLimits } from '../../sensor/scan/gate.ts'
import { open } from './gate-world.ts'

interface Item {
  readonly address: number
}

/** a gate whose time is moved by hand */
function bench(limits: Partial<PaceLimits> = {}) {
  const gate = new Gate<Item>({ ...open, ...limits }, seededRandom(1))
  let now = 0
  return {
    gate,
    get now() {
      return now
    },
    pass: (ms: number) => void (now += ms),
    /** offers an item; how long it has to wait until it may start; then it ends as told at once */
    visit: (address: number, end: End) => {
      const item = { address }
      const offeredAt = now
      gate.offer(item)
      for (let given = gate.next(now); given !== item; given = gate.next(now)) now += gate.wake(now)
      const waited = now - offeredAt
      gate.done(item, now, end)
      return waited
    }
  }
}

t.test('closed ports and silence never slow a host', (t) => {
  const { visit } = bench()
  for (let i = 0; i < 1_000; i++) t.equal(visit(9, i % 2 ? 'closed' : 'silent'), 0)
  t.end()
})

t.test('the third reset in a row makes a pause that doubles up to 16 seconds', (t) => {
  const { visit } = bench()
  const waits = Array.from({ length: 10 }, () => visit(9, 'reset'))
  t.same(waits, [0, 0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000])
  t.end()
})

t.test('closed ports between the resets change nothing; answers halve the count', (t) => {
  const { visit } = bench()
  for (const end of ['reset', 'closed', 'reset', 'silent', 'reset', 'closed', 'reset'] as const) visit(9, end)
  t.equal(visit(9, 'answered'), 2_000, 'the pause of the fourth stands')
  visit(9, 'reset')
  t.equal(visit(9, 'answered'), 1_000, 'two were left, so that this was the third')
  visit(9, 'answered')
  t.equal(visit(9, 'reset'), 0)
  t.equal(visit(9, 'reset'), 0)
  t.end()
})

t.test('a host in a pause holds up nobody else, and no further connection of its own goes', (t) => {
  const { visit, gate, now, pass } = bench({ hostConcurrency: 2 })
  const item = { address: 9 }
  gate.offer(item)
  t.equal(gate.next(now), item)
  for (let i = 0; i < 3; i++) visit(9, 'reset')
  t.equal(gate.again(item, now), 1_000)
  t.equal(visit(10, 'answered'), 0)
  pass(1_000)
  t.equal(gate.again(item, 1_000), 0)
  t.end()
})

t.test('five hosts of a subnet that reset give the subnet a pause, other subnets none', (t) => {
  const { visit } = bench()
  for (let host = 0; host < 5; host++) t.equal(visit(0x0a00_0000 + host, 'reset'), 0)
  t.equal(visit(0x0b00_0000, 'answered'), 0, 'another subnet')
  t.equal(visit(0x0a00_00ff, 'reset'), 250, 'a host of this one that did nothing')
  t.equal(visit(0x0a00_00fe, 'answered'), 500)
  t.equal(visit(0x0a00_00fd, 'reset'), 0, 'an answer has halved the six')
  t.equal(visit(0x0a00_00fc, 'reset'), 0)
  t.equal(visit(0x0a00_00fb, 'closed'), 250, 'five again')
  t.end()
})

t.test('after an answer the hosts of a subnet that were forgotten count again', (t) => {
  const { visit } = bench()
  for (let host = 0; host < 5; host++) visit(0x0a00_0000 + host, 'reset')
  visit(0x0a00_00ff, 'answered')
  t.equal(visit(0x0a00_0004, 'reset'), 0, 'two are left, this is the third')
  t.equal(visit(0x0a00_0003, 'reset'), 0)
  t.equal(visit(0x0a00_0000, 'reset'), 0, 'one of the two')
  t.equal(visit(0x0a00_0002, 'reset'), 0)
  t.equal(visit(0x0a00_00ff, 'answered'), 250)
  t.end()
})

t.test('a subnet in which every host resets is visited twice a second, without end', (t) => {
  const { visit } = bench()
  const waits = Array.from({ length: 20 }, (_, i) => visit(0x0a00_0000 + (i % 10), 'reset'))
  t.same(waits.slice(0, 10), [0, 0, 0, 0, 0, 250, 500, 500, 500, 500])
  t.ok(waits.slice(10).every((ms) => ms === 500))
  t.end()
})

t.test('one host that resets again and again gives its subnet no pause', (t) => {
  const { visit } = bench()
  for (let i = 0; i < 20; i++) visit(0x0a00_0001, 'reset')
  t.equal(visit(0x0a00_0002, 'answered'), 0)
  t.end()
})

t.test('resets are remembered for 30 seconds, then everything is forgotten', (t) => {
  const { visit, gate, pass } = bench()
  visit(9, 'reset')
  visit(9, 'reset')
  pass(29_000)
  visit(9, 'reset')
  t.equal(visit(9, 'reset'), 1_000)
  pass(31_000)
  t.equal(visit(9, 'reset'), 0)
  t.equal(visit(9, 'reset'), 0)
  t.equal(visit(9, 'reset'), 0, 'counted from the start')
  pass(31_000)
  visit(0x0b00_0000, 'answered')
  t.equal(gate.known, 0)
  t.end()
})

t.test('a network in which every host resets does not fill the memory', (t) => {
  const { visit, gate } = bench()
  // one host in each of many subnets, all within 30 seconds
  for (let i = 0; i < 70_000; i++) visit(i * 256, 'reset')
  t.ok(gate.known <= 65_537, `${gate.known} known`)
  t.end()
})

t.test('when this machine runs out of ports everything pauses, and half as many may be in flight', (t) => {
  const gate = new Gate<Item>({ ...open, concurrency: 100 }, seededRandom(1))
  const flying: Item[] = []
  const fill = (now: number) => {
    for (let i = 0; ; i++) {
      if (gate.wants()) gate.offer({ address: Math.round(now * 1_000) + i })
      const item = gate.next(now)
      if (!item) return
      flying.push(item)
    }
  }
  const end = (count: number, now: number, end: End) => {
    for (const item of flying.splice(0, count)) gate.done(item, now, end)
  }
  fill(0)
  t.equal(gate.inFlight, 100)
  end(20, 1, 'local')
  fill(1)
  t.equal(gate.inFlight, 80, 'nothing starts')
  end(40, 50, 'answered')
  fill(50)
  t.equal(gate.inFlight, 40, 'nor within 100 ms')
  fill(101)
  t.equal(gate.inFlight, 49, 'then up to half of the 99 that were in flight')
  end(1, 110, 'local')
  fill(209)
  t.equal(gate.inFlight, 48, 'the second pause is twice as long')
  fill(310)
  t.equal(gate.inFlight, 48, 'and half of 48 is not reached yet')
  end(48, 320, 'answered')
  fill(320)
  t.equal(gate.inFlight, 30, '24, and one more for each eight that came about')
  for (let now = 330; now < 1_000; now += 10) {
    end(50, now, 'closed')
    fill(now)
  }
  t.equal(gate.inFlight, 100, 'in the end as before')
  t.end()
})

t.test('a machine on which nothing works tries ever more seldom, at most once in 6.4 seconds', (t) => {
  const { visit } = bench()
  const waits = Array.from({ length: 10 }, () => visit(9, 'local'))
  t.same(waits, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 6_400, 6_400])
  t.end()
})
