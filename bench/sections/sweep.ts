import { ourSweep } from '../contenders.ts'
import type { Section } from '../context.ts'
import { inTurn, ratio, type Line, type Sample } from '../measure.ts'
import { serve } from '../serve.ts'
import { openSilentSpace, space } from '../silent-space.ts'
import { installedSweepers, sweeperNames } from '../sweepers.ts'
import { comparison, number, type Goal } from '../table.ts'

/** connections in flight: what a limit of 20,000 open files leaves */
const inFlight = 19_000
const once = 'ours, one pass'
const repeated = 'ours, silent pairs asked twice'

/** A /16 that is 99 % silent, swept by our scan and by port scanners. */
export const sweep: Section = {
  name: 'sweep',
  about: 'a /16 that is 99 % silent, beside nmap, masscan and zmap',
  async run(bench) {
    const { sweepPorts: ports, sweepRounds } = bench.scale
    const { tls12 } = await bench.material()
    const silence = await openSilentSpace(ports, bench.signal)
    if (typeof silence === 'string') return { skipped: silence }
    const server = await serve(bench, { flight: tls12, mode: 'close', at: { ports, inside: silence.far } })
    try {
      const wishes = { first: space.first, last: space.last, ports, concurrency: inFlight }
      const inside = silence.near
      const { contenders, missing } = installedSweepers(bench, silence)
      const lines = await inTurn(
        [
          ourSweep(bench, once, { wishes: { ...wishes, repeats: 0 }, inside }),
          ourSweep(bench, repeated, { wishes: { ...wishes, repeats: 1 }, inside }),
          ...contenders
        ],
        sweepRounds,
        bench.progress
      )
      const notes = [
        `${silence.open} pairs take connections. Ours reads the certificate of each, without any special right; the others send raw packets (-sT: connects) and learn that the port is open.`,
        'Times are those of whole processes.',
        ...(missing.length > 0 ? [`Not installed: ${missing.join(', ')}.`] : [])
      ]
      const title = `Sweep of a /16 × ${ports.length} ports, 99 % silent`
      return {
        tables: [comparison(lines, { title, thing: 'pair', notes })],
        goals: goalsOf(lines, silence.open)
      }
    } finally {
      await server.stop()
      await silence.close()
    }
  }
}

/** how many times as long as the other; who finds less has met nothing */
const goals = [
  { ours: once, peer: sweeperNames.nmap, faster: 2.5 },
  { ours: once, peer: sweeperNames.masscan, slower: 1.6 },
  { ours: repeated, peer: sweeperNames.nmap, faster: 1.3 },
  { ours: repeated, peer: sweeperNames.masscanTwice, slower: 1.5 }
] as const

function goalsOf(lines: readonly Line[], open: number): Goal[] {
  const secondsOf = ({ seconds }: Sample) => seconds
  return goals.flatMap((wanted) => {
    const ours = lines.find(({ name }) => name === wanted.ours)
    const peer = lines.find(({ name }) => name === wanted.peer)
    if (!ours || !peer) return []
    const whole = ours.samples.every(({ ok }) => ok === open)
    const work = `sweep: ${wanted.ours}`
    const measured = (times: number) => `${number(times, 2)} ×${whole ? '' : ', not all found'}`
    if ('faster' in wanted) {
      const times = ratio(peer, ours, secondsOf)
      const goal = `≥ ${wanted.faster} × faster than ${wanted.peer}`
      return [{ work, goal, measured: measured(times), met: times >= wanted.faster && whole }]
    }
    const times = ratio(ours, peer, secondsOf)
    const goal = `≤ ${wanted.slower} × the time of ${wanted.peer}`
    return [{ work, goal, measured: measured(times), met: times <= wanted.slower && whole }]
  })
}
