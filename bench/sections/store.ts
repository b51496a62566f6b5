import { fileURLToPath } from 'node:url'
import type { Section } from '../context.ts'
import { output } from '../process.ts'
import type { StoreBench, StorePass } from '../store.ts'
import { number } from '../table.ts'

const leastRows = 40_000
const mostMs = 50

/** The store alone, in a process of its own: endpoints written, and the first page of what expires. */
export const store: Section = {
  name: 'store',
  about: 'endpoints into the store, and the first page of what expires',
  async run({ scale, signal, progress }) {
    const program = fileURLToPath(new URL('../store.ts', import.meta.url))
    progress(`${scale.rows} endpoints`)
    const text = await output([process.execPath, program, String(scale.rows)], { timeoutMs: 600_000, signal })
    const { first, again, expiringMs, expiringRows, databaseMb } = JSON.parse(text) as StoreBench
    const head = [
      'pass',
      'endpoints',
      'seconds',
      'rows/s',
      'slowest tenth, rows/s',
      'CPU µs/row',
      'resident MB'
    ]
    const size = `${number(databaseMb, 0)} MB on disk`
    return {
      tables: [
        {
          title: `${scale.rows.toLocaleString('en')} endpoints into the store, 50 to a certificate`,
          cells: [
            head,
            passCells('new', scale.rows, first),
            passCells('again, unchanged', scale.rows, again)
          ],
          notes: [
            `${size}. First page of what expires in 30 days (${expiringRows} rows), each time in a fresh process: ${number(expiringMs, 1)} ms.`
          ]
        }
      ],
      goals: [
        {
          work: 'endpoints into the store',
          goal: `≥ ${leastRows} rows/s sustained`,
          measured: number(first.rowsPerSecond, 0),
          met: first.rowsPerSecond >= leastRows
        },
        {
          work: `inventory --expiring 30d over ${scale.rows.toLocaleString('en')} endpoints`,
          goal: `first page < ${mostMs} ms in the process`,
          measured: `${number(expiringMs, 1)} ms`,
          met: expiringMs < mostMs
        }
      ]
    }
  }
}

function slowest({ rowsPerSecond, tenths }: StorePass): number {
  return Math.min(rowsPerSecond, ...tenths)
}

function passCells(name: string, rows: number, pass: StorePass): string[] {
  return [
    name,
    String(rows),
    number(pass.seconds, 1),
    number(pass.rowsPerSecond, 0),
    number(slowest(pass), 0),
    number(pass.cpuUs, 1),
    String(pass.memoryMb.at(-1) ?? '–')
  ]
}
