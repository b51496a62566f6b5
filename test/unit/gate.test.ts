import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { subnetOf } from '../../core/address.ts'
import { seededRandom } from '../../core/random.ts'
import { Gate, type End, type PaceLimits } from '../../sensor/scan/gate.ts'
import { allowedBurst, burstOf, groupStarts, open, World, type Job, type Run } from './gate-world.ts'

const seed = 20261125

function jobs(count: number, address: (index: number) => Job['address'], connections = [50]): Job[] {
  return Array.from({ length: count }, (_, index) => ({
    address: address(index),
    connections,
    end: 'answered' as const
  }))
}

/** every limit holds at every moment, and everything is given once */
function breaches(limits: PaceLimits, offered: readonly Job[], run: Run): string[] {
  const found = [...run.idle]
  const check = (fine: boolean, what: string) => void (fine || found.push(what))
  for (const { at, inFlight, atHost, atSubnet } of run.starts) {
    check(inFlight <= limits.concurrency, `${inFlight} in flight at ${at}`)
    check(atHost <= limits.hostConcurrency, `${atHost} at one host at ${at}`)
    check(atSubnet <= limits.subnetConcurrency, `${atSubnet} in one subnet at ${at}`)
  }
  const within = (starts: Run['starts'], rate: number, of: string) => {
    const burst =
      rate === Infinity
        ? 0
        : burstOf(
            starts.map(({ at }) => at),
            rate
          )
    check(burst <= allowedBurst(rate, limits.jitter), `burst of ${burst} ${of}`)
  }
  within(run.starts, limits.rate, 'in total')
  for (const starts of groupStarts(run.starts, ({ job }) => job.address))
    within(starts, limits.hostRate, 'at a host')
  for (const starts of groupStarts(run.starts, ({ job }) => subnetOf(job.address))) {
    within(starts, limits.subnetRate, 'in a subnet')
  }
  check(run.given.length === offered.length, `${run.given.length} of ${offered.length} given`)
  check(new Set(run.given).size === run.given.length, 'one was given twice')
  const connections = offered.reduce((sum, job) => sum + job.connections.length, 0)
  check(run.starts.length === connections, `${run.starts.length} of ${connections} connections`)
  check(run.gate.inFlight === 0 && run.gate.parked === 0, 'something is left')
  return found
}

const limit = (...choices: number[]) => fc.constantFrom(...choices, Infinity)
const anyLimits: fc.Arbitrary<PaceLimits> = fc.record({
  rate: limit(3, 40, 700),
  concurrency: limit(1, 3, 20),
  hostRate: limit(1, 10, 200),
  hostConcurrency: limit(1, 1, 2, 3),
  subnetRate: limit(2, 30, 500),
  subnetConcurrency: limit(1, 2, 5),
  jitter: fc.constantFrom(0, 0.25, 1)
})
const anyEnd: fc.Arbitrary<End> = fc.constantFrom(
  'answered',
  'answered',
  'closed',
  'silent',
  'reset',
  'local'
)
const anyJob: fc.Arbitrary<Job> = fc.record({
  address: fc.oneof(
    fc.tuple(fc.nat(3), fc.nat(4)).map(([net, host]) => 0xc000_0200 + net * 256 + host),
    fc.tuple(fc.nat(1), fc.nat(3)).map(([net, host]) => (0x2001_0db8n << 96n) + BigInt(net * 2 ** 40 + host))
  ),
  connections: fc.array(fc.nat(400), { minLength: 1, maxLength: 4 }),
  end: anyEnd
})

const anyJobs = fc.array(anyJob, { maxLength: 150, size: 'max' })
const anyTick = fc.constantFrom(0, 10)

t.test('whatever the limits and the hosts: no limit is ever exceeded, everything is given once', (t) => {
  fc.assert(
    fc.property(anyLimits, anyJobs, anyTick, fc.nat(), (limits, offered, tickMs, random) => {
      assert.deepEqual(breaches(limits, offered, new World(limits, offered, tickMs, random).run()), [])
    }),
    { seed, numRuns: 1_000 }
  )
  t.pass('in every world')
  t.end()
})

t.test('where only concurrency limits, nothing that has room ever waits', (t) => {
  const fast = { rate: Infinity, hostRate: Infinity, subnetRate: Infinity }
  fc.assert(
    fc.property(anyLimits, anyJobs, (some, troubled) => {
      const limits = { ...some, ...fast }
      const offered = troubled.map((job): Job => ({ ...job, end: 'answered' }))
      assert.deepEqual(breaches(limits, offered, new World(limits, offered).run()), [])
    }),
    { seed, numRuns: 300 }
  )
  t.pass('in every world')
  t.end()
})

for (const [name, scope] of [
  ['total', { rate: 500 }],
  ['host', { hostRate: 25 }],
  ['subnet', { subnetRate: 125 }]
] as const) {
  for (const jitter of [0, 0.5]) {
    for (const tickMs of [0, 10]) {
      t.test(`the ${name} rate is reached, jitter ${jitter}, timer of ${tickMs} ms`, (t) => {
        const limits = { ...open, ...scope, jitter, hostConcurrency: 4 }
        // four subnets of five hosts: 500 per second in each case
        const list = jobs(3_000, (i) => 0x0a00_0000 + (i % 4) * 256 + (Math.floor(i / 4) % 5), [20])
        const run = new World(limits, list, tickMs).run()
        t.same(breaches(limits, list, run), [])
        const rate = run.starts.length / ((run.starts.at(-1)?.at ?? 0) / 1000)
        t.ok(rate > 490 && rate < 510, `500 per second wanted, ${rate.toFixed(1)} reached`)
        // after the first, which may begin with the burst
        const perSecond = [1, 2, 3, 4].map(
          (second) => run.starts.filter(({ at }) => Math.floor(at / 1000) === second).length
        )
        t.ok(
          perSecond.every((count) => count > 475 && count <= 525),
          `in each second: ${perSecond.join(' ')}`
        )
        t.end()
      })
    }
  }
}

t.test('jitter varies each gap by its share and keeps the mean', (t) => {
  const run = new World(
    { ...open, rate: 1, jitter: 0.5 },
    jobs(2_000, (i) => i)
  ).run()
  const times = run.starts.map(({ at }) => at)
  // without the first, which begins with what a late timer is granted
  const gaps = times
    .slice(1)
    .map((at, i) => at - (times[i] ?? 0))
    .slice(1)
  t.ok(Math.min(...gaps) >= 500 && Math.min(...gaps) < 580, `shortest ${Math.min(...gaps)}`)
  t.ok(Math.max(...gaps) <= 1_500 && Math.max(...gaps) > 1_420, `longest ${Math.max(...gaps)}`)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  t.ok(Math.abs(mean - 1_000) < 1, `mean ${mean}`)
  t.end()
})

t.test('an idle gate does not save up its rate', (t) => {
  const gate = new Gate<Job>({ ...open, rate: 100 }, seededRandom(seed))
  for (const job of jobs(200, (i) => i)) gate.offer(job)
  let given = 0
  while (gate.next(0)) given++
  t.equal(given, 3, 'one, and what a timer that is 25 ms late missed')
  while (gate.next(60_000)) given++
  t.equal(given, 6, 'the same a minute later')
  t.end()
})

t.test('a busy host or subnet does not keep the others from starting', (t) => {
  const busy = { address: 0x0a00_0001, connections: [100_000], end: 'answered' } as const
  const list: Job[] = [busy, ...jobs(5_000, () => busy.address), ...jobs(1_000, (i) => 0x0b00_0000 + i)]
  const run = new World(open, list).run()
  const others = run.starts.filter(({ job }) => job.address !== busy.address)
  t.ok(
    others.every(({ at }) => at === 0),
    'a thousand others start at once'
  )

  const paced = new World({ ...open, subnetRate: 1 }, list).run()
  const first = paced.starts.filter(
    ({ job }) => Number(job.address) % 256 === 0 && job.address >= 0x0b00_0000
  )
  t.equal(first.length, 4)
  t.ok(
    first.every(({ at }) => at === 0),
    'each subnet has its own rate'
  )
  t.end()
})

t.test('those who wait for one host or subnet are served in their order, hosts in turn', (t) => {
  const list = jobs(60, (i) => 0x0a00_0000 + (i % 3))
  const run = new World({ ...open, subnetConcurrency: 1 }, list).run()
  t.same(run.given, list)
  t.end()
})

t.test('everything is taken in only as far as memory stays flat', (t) => {
  const gate = new Gate<Job>(open, seededRandom(seed))
  let offered = 0
  const fill = () => {
    const job: Job = { address: 1, connections: [1], end: 'answered' }
    while (gate.wants() && offered < 1e6) {
      gate.offer(job)
      offered++
    }
  }
  fill()
  t.equal(offered, 256, 'no more before they were looked at')
  for (let before = -1; before < offered; fill()) {
    before = offered
    gate.next(0)
  }
  t.equal(gate.parked, 65_536)
  t.equal(gate.inFlight, 1)
  t.end()
})

t.test('hosts and subnets are forgotten when they are idle and their pace allows', (t) => {
  const gate = new Gate<Job>({ ...open, hostRate: 0.5, subnetRate: 1_000 }, seededRandom(seed))
  for (const job of jobs(10_000, (i) => i)) {
    gate.offer(job)
    const given = gate.next(job.address as number)
    if (given) gate.done(given, job.address as number, 'closed')
  }
  t.ok(gate.known > 2_000 && gate.known < 2_100, `one host per ms, each remembered for 2 s: ${gate.known}`)
  t.equal(gate.next(20_000), undefined)
  t.equal(gate.known, 0)
  t.end()
})

for (const [name, scope] of [
  ['total', { rate: 100, concurrency: 20 }],
  ['host', { hostRate: 100, hostConcurrency: 20 }],
  ['subnet', { subnetRate: 100, subnetConcurrency: 20 }]
] as const) {
  t.test(`again counts towards the ${name} rate, keeps the place, and goes before new items`, (t) => {
    const limits = { ...open, ...scope }
    const list = jobs(200, (i) => (name === 'host' ? 1 : i), [5, 5, 5, 5])
    const run = new World(limits, list, 10).run()
    t.same(breaches(limits, list, run), [])
    const waits = run.starts.map((start, at) => {
      const before = run.starts.slice(0, at).findLast(({ job }) => job === start.job)
      return before ? start.at - before.at : 0
    })
    t.ok(Math.max(...waits) < 300, `the longest wait for a turn: ${Math.max(...waits)} of ${run.endedAt} ms`)
    const rate = run.starts.length / (run.endedAt / 1000)
    t.ok(rate > 95, `and the rate is reached: ${rate.toFixed(1)}`)
    t.end()
  })
}

t.test('one that was told to wait and never asks again does not stop the others for long', (t) => {
  const gate = new Gate<Job>({ ...open, rate: 10 }, seededRandom(seed))
  const [first, second, ...more] = jobs(20, (i) => i)
  gate.offer(first as Job)
  gate.offer(second as Job)
  t.equal(gate.next(1_000), first)
  t.equal(gate.again(first as Job, 1_000), 75, 'a gap of 100 ms, less what late timers are granted')
  for (const job of more) gate.offer(job)
  t.equal(gate.next(1_200), undefined, 'its turn is kept')
  t.ok(gate.wake(1_200) > 0)
  t.equal(gate.next(2_100), second)
  t.end()
})

t.test('of those that want another connection the first to be told to wait goes first', (t) => {
  const gate = new Gate<Job>({ ...open, rate: 10 }, seededRandom(seed))
  const [first, second] = jobs(2, (i) => i) as [Job, Job]
  gate.offer(first)
  gate.offer(second)
  gate.next(0)
  gate.next(75)
  t.equal(gate.again(first, 80), 95)
  t.equal(gate.again(second, 180), 95, 'a turn is there, but it is not for this one')
  t.equal(gate.again(first, 181), 0)
  t.equal(gate.again(second, 275), 0)
  t.end()
})

t.test('an item that waits for another connection and is given up frees its turn', (t) => {
  const gate = new Gate<Job>({ ...open, rate: 10 }, seededRandom(seed))
  const [first, second] = jobs(2, (i) => i)
  gate.offer(first as Job)
  gate.offer(second as Job)
  t.equal(gate.next(0), first)
  t.ok(gate.again(first as Job, 0) > 0)
  gate.done(first as Job, 10, 'silent')
  t.equal(gate.next(75), second)
  t.equal(gate.inFlight, 1)
  t.end()
})

t.test('wake says when there is something, and Infinity when only a done helps', (t) => {
  const gate = new Gate<Job>({ ...open, hostRate: 2 }, seededRandom(seed))
  t.equal(gate.wake(5), Infinity, 'nothing was offered')
  const list = jobs(2, () => 7)
  for (const job of list) gate.offer(job)
  t.equal(gate.wake(5), 0)
  const first = gate.next(5) as Job
  t.equal(gate.next(5), undefined)
  t.equal(gate.wake(5), Infinity, 'the host is busy')
  gate.done(first, 6, 'answered')
  t.equal(gate.wake(6), 474, 'its next turn is 500 ms after the first, less 25')
  t.equal(gate.next(480), list[1])
  t.end()
})
