// Records batches of a scan until something stops it, and says what it did, a line each:
//   node store-writer.ts DIRECTORY [halt]
// `stored N`: so many endpoints are acknowledged; `inside`: the transaction of the last batch is open, and stays
// so for a minute; `fault CODE`: that was the end.
import { writeSync } from 'node:fs'
import { asFault } from '../../core/fault.ts'
import { createRecorder } from '../../sensor/inventory/recorder.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import { openStore } from '../../sensor/store/store.ts'
import { batchOf, chainOf, handClock, leaf, observed, start, trust } from './inventory-world.ts'

export const batchSize = 500

const say = (text: string) => writeSync(1, `${text}\n`)

/** The endpoints of one batch, each batch with a certificate of its own. */
export function batchNumber(number: number): Observation[] {
  const chains = [chainOf(leaf(`batch-${number}.example`))]
  return Array.from({ length: batchSize }, (_, at) =>
    observed(`10.${number >> 8}.${number & 255}.${at & 255}:${at < 256 ? 443 : 8443}`, { chains })
  )
}

/** Three whole batches are enough for a test of the fourth. */
const haltAt = 3

class Halting extends Array<Observation> {
  override *[Symbol.iterator](): Generator<Observation, undefined> {
    for (let at = 0; at < this.length; at++) {
      if (at === this.length / 2) {
        say('inside')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
      }
      const one = this[at]
      if (one) yield one
    }
    return undefined
  }
}

function write(directory: string, halts: boolean): void {
  try {
    const store = openStore({ directory, busyMs: 0 })
    const scan = store.scans.begin({ request: '{}', space: '{}', seed: 1, at: start })
    const record = createRecorder({ store, clock: handClock(), trust: trust() }, { scan })
    for (let number = 0; number < 250; number++) {
      const observations = batchNumber(number)
      const low = (number + 1) * batchSize
      const given = halts && number === haltAt ? Halting.from(observations) : observations
      record(
        batchOf(given, {
          progress: { low, done: new Uint8Array(0) },
          counts: { certificate: batchSize }
        })
      )
      say(`stored ${low}`)
    }
  } catch (thrown) {
    say(`fault ${asFault(thrown).code}`)
  }
}

if (import.meta.main) write(process.argv[2] ?? '', process.argv[3] === 'halt')
