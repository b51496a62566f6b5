import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Bench } from './context.ts'
import type { CannedFlight } from './flights.ts'
import { pinned, startResident, type Place } from './process.ts'

/** How a canned server behaves. */
export interface Serving {
  readonly flight: CannedFlight
  /** close: closes after its flight; keep: leaves the connection open until the client goes */
  readonly mode: 'close' | 'keep'
  /** a leaf of its own for every connection */
  readonly unique?: boolean
  /** where it listens: loopback on a free port when left out */
  readonly at?: {
    readonly ports: readonly number[]
    readonly inside: Place
  }
}

/** A canned server that runs. */
export interface Server {
  readonly port: number
  /** ends it; gives the number of hellos that it answered */
  stop(): Promise<number>
}

/** Starts a canned server: the C program, or where there is no compiler the same in Node. */
export async function serve(bench: Bench, serving: Serving): Promise<Server> {
  const { flight, mode, unique, at } = serving
  const file = join(bench.folder, 'flight.bin')
  writeFileSync(file, flight.bytes)
  const program = bench.native
    ? [bench.native.responder]
    : [process.execPath, fileURLToPath(new URL('./responder.ts', import.meta.url))]
  const patch = String(unique ? flight.serialAt : 0)
  const args = [file, mode, patch, at ? '-' : 'lo', ...(at?.ports ?? [0]).map(String)]
  const command = pinned('server', [...program, ...args])
  const resident = await startResident(at ? at.inside(command) : command)
  return {
    port: Number(resident.firstLine.split(' ', 1)[0]),
    async stop() {
      const lines = (await resident.stop()).trim().split('\n')
      return Number(lines.at(-1))
    }
  }
}
