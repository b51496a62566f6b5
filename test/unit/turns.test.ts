import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { addressBudgets, lookBudget } from '../../appliance/standalone/look-budget.ts'
import { createTurns, type Turns } from '../../appliance/standalone/turns.ts'
import { systemClock, type Clock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { deepBudget } from '../../sensor/scan/deep/deep-probe.ts'
import type { PaceLimits } from '../../sensor/scan/gate.ts'
import { open as unlimited } from './gate-world.ts'

/** A clock whose time passes when everybody waits. */
function waitingClock(): Clock & { at: number; pass(until: () => boolean): Promise<void> } {
  const timers = new Map<() => void, number>()
  const clock = {
    ...systemClock,
    at: 0,
    now: () => clock.at,
    ticks: () => clock.at,
    after(ms: number, call: () => void) {
      const timer = () => call()
      timers.set(timer, clock.at + ms)
      return () => void timers.delete(timer)
    },
    async pass(until: () => boolean) {
      for (let round = 0; round < 10_000; round++) {
        await nextTurn()
        if (until()) return
        const [first] = [...timers].toSorted(([, one], [, other]) => one - other)
        if (!first) throw new Error('everybody waits for ever')
        timers.delete(first[0])
        clock.at = Math.max(clock.at, first[1])
        first[0]()
      }
    }
  }
  return clock
}

interface World {
  readonly pace?: Partial<PaceLimits>
  readonly closedFor?: (now: number) => number
  readonly signal?: AbortSignal
}

/** Visits addresses, each with so many connections; gives when each connection was made, in milliseconds. */
async function visits(
  plan: Readonly<Record<string, number>>,
  world: World
): Promise<Record<string, number[]>> {
  const clock = waitingClock()
  const { pace, closedFor = () => 0, signal = new AbortController().signal } = world
  const turns: Turns = createTurns({
    clock,
    random: systemRandom,
    pace: { ...unlimited, ...pace },
    closedFor: () => closedFor(clock.at),
    signal
  })
  const made: Record<string, number[]> = {}
  let open = Object.keys(plan).length
  for (const [address, connections] of Object.entries(plan)) {
    const times: number[] = (made[address] = [])
    const visit = turns.at(address, async (turn) => {
      for (let count = 0; count < connections; count++) {
        await turn()
        times.push(Math.round(clock.at))
        await new Promise<void>((resolve) => clock.after(10, resolve))
      }
    })
    void visit.then(() => open--)
  }
  await clock.pass(() => open === 0)
  return made
}

/** Turns 100 ms apart; a gate makes up for 25 ms at most that were missed. */
const paced = (count: number) => [0, 75, 175, 275].slice(0, count)

t.test('closer looks keep to the rate of an address', async (t) => {
  const made = await visits({ '10.0.0.1': 3, '10.0.1.1': 2 }, { pace: { hostRate: 10 } })
  t.same(made, { '10.0.0.1': paced(3), '10.0.1.1': paced(2) })
})

t.test('to the whole rate', async (t) => {
  const made = await visits({ '10.0.0.1': 2, '10.0.1.1': 2 }, { pace: { rate: 10 } })
  const all = Object.values(made)
    .flat()
    .toSorted((one, other) => one - other)
  t.same(all, paced(4))
})

t.test('to the rate of a subnet, which leaves others alone', async (t) => {
  const made = await visits({ '10.0.0.1': 2, '10.0.0.2': 2, '10.0.1.1': 2 }, { pace: { subnetRate: 10 } })
  const { '10.0.1.1': other = [], ...near } = made
  t.same(other, paced(2))
  t.same(
    Object.values(near)
      .flat()
      .toSorted((one, two) => one - two),
    paced(4)
  )
})

t.test('to the connections at once to a subnet', async (t) => {
  const made = await visits({ '10.0.0.1': 2, '10.0.0.2': 2 }, { pace: { subnetConcurrency: 1 } })
  t.same(made, { '10.0.0.1': [0, 10], '10.0.0.2': [20, 30] })
})

t.test('and to the hours', async (t) => {
  const made = await visits({ '10.0.0.1': 2 }, { closedFor: (now) => (now < 90_000 ? 90_000 - now : 0) })
  t.same(made, { '10.0.0.1': [90_000, 90_010] })
  const closing = (now: number) => (now > 5 && now < 200_000 ? 200_000 - now : 0)
  t.same(await visits({ '10.0.0.1': 2 }, { closedFor: closing }), { '10.0.0.1': [0, 200_000] })
})

t.test('a stop waits for nothing', async (t) => {
  const stopped = AbortSignal.abort()
  const made = await visits({ '10.0.0.1': 2, '10.0.0.2': 1 }, { closedFor: () => 1e9, signal: stopped })
  t.same(made, { '10.0.0.1': [0, 10], '10.0.0.2': [0] })
})

t.test('the looks of a kind share the budget of their address', (t) => {
  const clock = waitingClock()
  const { deep, ssh } = addressBudgets(clock)
  t.same(deep.partOf(deepBudget), deepBudget, 'one look has its own budget, as long as there is enough')
  deep.spend(lookBudget.connections - 5)
  t.equal(deep.partOf(deepBudget).connections, 5)
  t.ok(ssh.affords(12), 'another kind has one of its own')
  deep.spend(5)
  t.equal(deep.partOf(deepBudget).connections, 0)
  clock.at += lookBudget.ms - 1_000
  t.equal(deep.partOf(deepBudget).ms, 1_000)
  clock.at += 2_000
  t.equal(deep.partOf(deepBudget).ms, 0)
  t.notOk(ssh.affords(1), 'time is over for both')
  t.end()
})
