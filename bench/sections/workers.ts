import { ourScan } from '../contenders.ts'
import type { Section } from '../context.ts'
import { cpuOf, inTurn, ratio } from '../measure.ts'
import { serve } from '../serve.ts'
import { comparison, number } from '../table.ts'

/** Processor time per endpoint of two worker threads beside that of one. */
export const workers: Section = {
  name: 'workers',
  about: 'one worker thread and two',
  async run(bench) {
    const { tls12 } = await bench.material()
    const server = await serve(bench, { flight: tls12, mode: 'close' })
    const ports = [server.port]
    try {
      const contenders = [
        ourScan(bench, 'one worker', { ports, workers: 1 }),
        ourScan(bench, 'two workers', { ports, workers: 2 }),
        ourScan(bench, 'no worker (the main thread)', { ports, workers: 0 })
      ]
      const lines = await inTurn(contenders, bench.scale.rounds, bench.progress)
      const [one, two] = lines
      const share = one && two ? ratio(two, one, cpuOf) : Number.NaN
      return {
        tables: [
          comparison(lines, {
            title: 'Worker threads, TLS 1.2, server closes',
            thing: 'endpoint',
            notes: ['Workers and server share all processors.']
          })
        ],
        goals: [
          {
            work: 'two workers',
            goal: 'CPU per endpoint ≤ 1.20 × that of one',
            measured: number(share, 2),
            met: share <= 1.2
          }
        ]
      }
    } finally {
      await server.stop()
    }
  }
}
