import { formatAddress, parseAddress } from '../../core/address.ts'
import { runJob } from '../contenders.ts'
import type { Section } from '../context.ts'
import { median } from '../measure.ts'
import { serve } from '../serve.ts'
import { number } from '../table.ts'

const targets = 10_000_000
const answering = 100_000
const first = '127.64.0.0'
/** discard (RFC 863): nothing listens there */
const closedPort = 9

/** Memory of a scan of 10 million targets, of which 1 % answer, each with a leaf of its own. */
export const memory: Section = {
  name: 'memory',
  about: 'memory of a scan of 10 million targets',
  async run(bench) {
    const { tls12 } = await bench.material()
    const server = await serve(bench, { flight: tls12, mode: 'close', unique: true })
    const at = (offset: number) => formatAddress(Number(parseAddress(first)) + offset)
    try {
      bench.progress(bench.scale.memorySeconds === null ? 'to its end' : `for ${bench.scale.memorySeconds} s`)
      const result = await runJob(
        {
          first,
          last: at(targets - answering - 1),
          ports: [closedPort],
          more: { first: at(targets - answering), last: at(targets - 1), port: server.port },
          concurrency: 1_000,
          // as `tlsward scan` does it
          workers: 1,
          seconds: bench.scale.memorySeconds
        },
        { signal: bench.signal, pin: true, timeoutMs: 3_600_000 }
      )
      const done = Object.values(result.outcomes).reduce((sum, count) => sum + count, 0)
      const mb = (kb: number) => number(kb / 1024, 0)
      const quarters = quartersOf(result.memory).map((part) => median(part))
      const [, second = Number.NaN, , last = Number.NaN] = quarters
      // the first seconds of a process are growth whatever it does
      const judged = result.seconds >= 30
      const flat = judged
        ? `last quarter ${number(last / second, 2)} × the second`
        : 'too short to tell whether it stays'
      return {
        tables: [
          {
            title:
              'Memory of a scan of 10,000,000 targets, 1 % of which answer, each with another certificate',
            cells: [
              ['done', 'of', 'certificates', 'seconds', 'peak MB', 'MB in each quarter of the time'],
              [
                String(done),
                String(targets),
                String(result.outcomes.certificate ?? 0),
                number(result.seconds, 0),
                mb(result.peakKb),
                quarters.map(mb).join(', ')
              ]
            ],
            notes: done < targets ? ['Stopped early; --full runs it to its end.'] : []
          }
        ],
        goals: [
          {
            work: 'scan of 10 million targets',
            goal: 'peak memory < 300 MB, flat',
            measured: `${mb(result.peakKb)} MB, ${flat}`,
            met: result.peakKb < 300 * 1024 && (!judged || last <= 1.15 * second)
          }
        ]
      }
    } finally {
      await server.stop()
    }
  }
}

function quartersOf(samples: readonly number[]): number[][] {
  const size = samples.length / 4
  return [0, 1, 2, 3].map((part) => samples.slice(Math.floor(part * size), Math.floor((part + 1) * size)))
}
