import { Worker } from 'node:worker_threads'
import type { Clock } from '../../core/clock.ts'
import { asFault, Fault, type FaultCode } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import type { PaceLimits } from './gate.ts'
import type { KnownPlaces } from './known-places.ts'
import { openDialer, type DialerChoice } from './probe/open-dialer.ts'
import type { SavedProgress } from './progress.ts'
import type { SpaceData } from './space.ts'
import type { SweepBatch } from './batch.ts'
import { sweep, type SweepOptions, type Walk } from './sweep.ts'
import { openSpace } from './targets/space.ts'
import { permutation } from './targets/permutation.ts'

/** A scan, as plain data that can be stored and sent to a worker. */
export interface ScanPlan {
  readonly space: SpaceData
  /** decides the order; the same seed resumes the same walk */
  readonly seed: number
  /** threads that probe; 0: this thread does. Addresses are split among them, limits of pace too */
  readonly workers: number
  readonly options: SweepOptions
  readonly dialer: DialerChoice
  /** where each shard goes on, as the batches said */
  readonly saved?: readonly (SavedProgress | undefined)[]
  /** where endpoints are known: the batches tell when they do not answer */
  readonly known?: KnownPlaces
}

/** A batch of one shard. */
export interface ScanBatch extends SweepBatch {
  readonly shard: number
}

/** What a scan works with. */
export interface ScanDeps {
  readonly clock: Clock
  readonly random: Random
  /** stores a batch, durable when it returns; what it throws ends the scan */
  record(batch: ScanBatch): void
  /** milliseconds until scanning is allowed again (windows of time), 0 for now */
  readonly closedFor?: () => number
}

/**
 * Space for the young objects of a worker, in MB. A scan makes garbage all the time; V8 would let three times as much
 * lie, for no speed, and with it the connections' memory outside of its heap.
 */
const youngMb = 24

/** Number of shards that a plan is walked in; `saved` has as many places. */
export function shardsOf(plan: Pick<ScanPlan, 'workers'>): number {
  return Math.max(1, plan.workers)
}

/**
 * Probes every pair of the plan's space and records batch by batch. Resolves when all is recorded, or within
 * a second after `signal` aborts. At most `options.batch` pairs per shard are begun and not recorded at any
 * time. Rejects by what `record` throws, or by a `local-limit` fault.
 */
export async function runScan(plan: ScanPlan, deps: ScanDeps, signal: AbortSignal): Promise<void> {
  if (plan.workers > 0) return runInWorkers(plan, deps, signal)
  const { clock, random, closedFor } = deps
  const deliver = (batch: SweepBatch): void => {
    deps.record({ ...batch, shard: 0 })
  }
  const dialer = openDialer(plan.dialer)
  const tools = { clock, random, dialer, deliver, ...(closedFor ? { closedFor } : {}) }
  await sweep(walkOf(plan, 0), plan.options, tools, signal)
}

/** The walk of one shard. */
export function walkOf(plan: ScanPlan, shard: number): Walk {
  const space = openSpace(plan.space, { index: shard, of: shardsOf(plan) })
  const saved = plan.saved?.[shard]
  const order = space.size > 0 ? permutation(space.size, plan.seed + shard) : (position: number) => position
  return { space, order, ...(saved ? { saved } : {}), ...(plan.known ? { known: plan.known } : {}) }
}

/** What a worker begins with. */
export interface ShardData {
  readonly plan: ScanPlan
  readonly shard: number
  /** milliseconds until connections may be made */
  readonly holdMs: number
}

/** Messages to a worker. */
export type ToWorker =
  { readonly kind: 'stored' } | { readonly kind: 'stop' } | { readonly kind: 'hold'; readonly ms: number }

/** Messages from a worker; the last one is `done` or `fault`. */
export type FromWorker =
  | { readonly kind: 'batch'; readonly batch: SweepBatch }
  | { readonly kind: 'done' }
  | { readonly kind: 'fault'; readonly code: FaultCode; readonly message: string }

async function runInWorkers(plan: ScanPlan, deps: ScanDeps, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const all = AbortSignal.any([signal, stop.signal])
  const part = { ...plan, options: { ...plan.options, pace: share(plan.options.pace, plan.workers) } }
  const shards = Array.from({ length: plan.workers }, (_, shard) =>
    runShard(part, { shard, deps, signal: all })
  )
  // one shard's fault stops the others, whose finished pairs are still recorded
  const results = await Promise.allSettled(
    shards.map((done) => done.catch((fault: unknown) => (stop.abort(), Promise.reject(fault))))
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}

/** limits that hold for all workers together, divided; never less than one connection */
function share(pace: PaceLimits, workers: number): PaceLimits {
  const part = (limit: number) => (limit === Infinity ? limit : Math.max(1, Math.floor(limit / workers)))
  return {
    ...pace,
    rate: pace.rate / workers,
    concurrency: part(pace.concurrency),
    subnetRate: pace.subnetRate / workers,
    subnetConcurrency: part(pace.subnetConcurrency)
  }
}

interface ShardRun {
  readonly shard: number
  readonly deps: ScanDeps
  readonly signal: AbortSignal
}

async function runShard(plan: ScanPlan, { shard, deps, signal }: ShardRun): Promise<void> {
  const file = new URL(`./worker${import.meta.url.slice(-3)}`, import.meta.url)
  const { closedFor } = deps
  // known before the first connection: a message would come after it
  const holdMs = closedFor?.() ?? 0
  const worker = new Worker(file, {
    workerData: { plan, shard, holdMs } satisfies ShardData,
    resourceLimits: { maxYoungGenerationSizeMb: youngMb }
  })
  const tell = (message: ToWorker) => worker.postMessage(message)
  const stop = () => tell({ kind: 'stop' })
  const cancel = closedFor ? deps.clock.every(1_000, () => tell({ kind: 'hold', ms: closedFor() })) : () => {}
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    await recorded(worker, (batch) => {
      deps.record({ ...batch, shard })
      tell({ kind: 'stored' })
    })
  } finally {
    cancel()
    signal.removeEventListener('abort', stop)
    await worker.terminate()
  }
}

/** records the batches of a worker until it says that it is done */
function recorded(worker: Worker, record: (batch: SweepBatch) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'done') return resolve()
      if (message.kind === 'fault') return reject(new Fault(message.code, message.message))
      try {
        record(message.batch)
      } catch (fault) {
        reject(asFault(fault))
      }
    })
    worker.on('error', (error) => reject(asFault(error)))
    worker.on('exit', (code) =>
      reject(new Fault('internal', `A scan worker ended by itself (code ${code}).`))
    )
  })
}
