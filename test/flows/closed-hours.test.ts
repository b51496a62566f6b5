import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { sweepOptions } from '../../sensor/scan/defaults.ts'
import { runScan } from '../../sensor/scan/run.ts'
import { startCountingServer } from './counting-server.ts'

t.test('outside of its hours a scan makes no connection, with threads or without', async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  const range = [0x7f1a_0000, 0x7f1a_00ff] as const
  const space = { ranges4: [range], ranges6: [], ports: [server.port], pairs: [] }
  const options = sweepOptions()
  for (const workers of [0, 2]) {
    const stop = new AbortController()
    let asked = 0
    // asked again when a thread has begun, and a second later
    const closedFor = () => {
      if (++asked > workers) setTimeout(() => stop.abort(), 500)
      return 60_000
    }
    const plan = { space, seed: 1, workers, options, dialer: 'auto' as const }
    const deps = { clock: systemClock, random: systemRandom, record() {}, closedFor }
    await runScan(plan, deps, stop.signal)
    t.equal(server.arrivals.length, 0, `${workers} threads`)
  }
})
