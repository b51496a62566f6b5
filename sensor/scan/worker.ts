import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/clock.ts'
import { asFault } from '../../core/fault.ts'
import { systemRandom } from '../../core/random.ts'
import { openDialer } from './probe/open-dialer.ts'
import { walkOf, type FromWorker, type ShardData, type ToWorker } from './run.ts'
import type { SweepBatch } from './batch.ts'
import { sweep } from './sweep.ts'

// One shard of a scan in a thread of its own: batches go to the main thread, which alone writes the store.

const { plan, shard, ...begin } = workerData as ShardData
const stop = new AbortController()
const waiting: (() => void)[] = []
let { holdMs } = begin

const send = (message: FromWorker) => parentPort?.postMessage(message)

parentPort?.on('message', (message: ToWorker) => {
  if (message.kind === 'stored') waiting.shift()?.()
  else if (message.kind === 'stop') stop.abort()
  else holdMs = message.ms
})

function deliver(batch: SweepBatch): Promise<void> {
  send({ kind: 'batch', batch })
  return new Promise((resolve) => waiting.push(resolve))
}

const deps = {
  clock: systemClock,
  random: systemRandom,
  dialer: openDialer(plan.dialer),
  deliver,
  closedFor: () => holdMs
}

sweep(walkOf(plan, shard), plan.options, deps, stop.signal).then(
  () => send({ kind: 'done' }),
  (thrown: unknown) => {
    const { code, message } = asFault(thrown)
    send({ kind: 'fault', code, message })
  }
)
