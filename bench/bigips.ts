import { fileURLToPath } from 'node:url'
import { shownAt } from '../test/peers/handshake.ts'
import type { BenchUnit, Calls } from './bigip-unit.ts'
import { startResident } from './process.ts'

/** BIG-IPs, each a process of its own. */
export interface BigIps {
  readonly units: readonly BenchUnit[]
  /** sites that show another certificate than at first */
  replaced(): Promise<number>
  /** ends them; gives the calls that all of them have counted */
  stop(): Promise<Calls>
}

const program = fileURLToPath(new URL('./bigip-unit.ts', import.meta.url))

/** Starts `count` units with `each` sites, every unit at an address of the loopback of its own. */
export async function startBigIps({
  count,
  each
}: {
  readonly count: number
  readonly each: number
}): Promise<BigIps> {
  const residents = await Promise.all(
    Array.from({ length: count }, (_, at) =>
      startResident([process.execPath, program, `127.6.0.${at + 1}`, String(each), `b${at + 1}.test`])
    )
  )
  const units = residents.map(({ firstLine }) => JSON.parse(firstLine) as BenchUnit)
  return {
    units,
    replaced: () => replacedOn(units),
    async stop() {
      const printed = await Promise.all(residents.map((resident) => resident.stop()))
      const sum: Record<string, number> = {}
      for (const text of printed) {
        const calls = JSON.parse(text.trim().split('\n').at(-1) ?? '{}') as Calls
        for (const [call, times] of Object.entries(calls)) sum[call] = (sum[call] ?? 0) + times
      }
      return sum
    }
  }
}

async function replacedOn(units: readonly BenchUnit[]): Promise<number> {
  let count = 0
  for (const { address, sites } of units) {
    for (const { port, name, former } of sites) {
      const shown = await shownAt({ host: address, port, name })
      if (/^[0-9a-f]{64}$/.test(shown) && shown !== former) count++
    }
  }
  return count
}
