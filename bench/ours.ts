// Our side of a comparison, as a process of its own so that its time and memory are its alone: one scan as the
// JSON of a Job says (first argument). Prints a JobResult.
import { readFileSync, rmSync } from 'node:fs'
import { parseAddress } from '../core/address.ts'
import { systemClock } from '../core/clock.ts'
import { seededRandom, type Random } from '../core/random.ts'
import { openTrustStore } from '../pki/trust-store.ts'
import { createRecorder } from '../sensor/inventory/recorder.ts'
import { sweepOptions } from '../sensor/scan/defaults.ts'
import type { Outcome } from '../sensor/scan/observation.ts'
import { openDialer, type DialerChoice } from '../sensor/scan/probe/open-dialer.ts'
import type { Area } from '../sensor/scan/space.ts'
import { runScan, type ScanBatch, type ScanPlan } from '../sensor/scan/run.ts'
import { openStore } from '../sensor/store/store.ts'

/** One scan of a bench. */
export interface Job {
  /** inclusive IPv4 range */
  readonly first: string
  readonly last: string
  readonly ports: readonly number[]
  readonly dialer: DialerChoice
  /** 0: no thread of its own */
  readonly workers: number
  readonly concurrency: number
  /** times that a silent pair is asked again */
  readonly repeats: number
  /** the scan is stopped after this time; null: it runs to its end */
  readonly seconds: number | null
  /** a new store that everything is written to; null: none */
  readonly store: JobStore | null
  /** further targets on a port of their own */
  readonly more?: { readonly first: string; readonly last: string; readonly port: number }
}

/** Where a scan is stored. */
export interface JobStore {
  readonly folder: string
  /** file with the DER of the one root that is trusted */
  readonly rootFile: string
}

/** What came out. Times and processor time are those of the scan, without the start of Node. */
export interface JobResult {
  readonly seconds: number
  readonly userUs: number
  readonly sysUs: number
  /** peak memory of the whole process */
  readonly peakKb: number
  /** which way to the network was taken */
  readonly dialer: string
  /** pairs by how their probe ended */
  readonly outcomes: Partial<Record<Outcome, number>>
  readonly connections: number
  /** chains that came with their certificates, thus parsed and handed over */
  readonly chains: number
  /** resident memory each second, kB */
  readonly memory: readonly number[]
}

/** The same hello in every run, so that a canned TLS 1.3 flight fits it; chance is as good as any otherwise. */
function fixedHello(): Random {
  return { ...seededRandom(7), bytes: (count) => new Uint8Array(count).fill(0x42) }
}

function planOf(job: Job): ScanPlan {
  const areas = (job.more ? [job.more] : []).map(({ first, last, port }): Area => ({
    ranges4: [[ipv4(first), ipv4(last)]],
    ranges6: [],
    hosts: [],
    ports: [[port, port]]
  }))
  const unlimited = { rate: Infinity, hostRate: Infinity, subnetRate: Infinity, subnetConcurrency: Infinity }
  return {
    space: { ranges4: [[ipv4(job.first), ipv4(job.last)]], ranges6: [], ports: job.ports, pairs: [], areas },
    seed: 7,
    workers: job.workers,
    dialer: job.dialer,
    options: sweepOptions({
      starttls: 'none',
      twin: false,
      repeats: job.repeats,
      pace: { ...unlimited, concurrency: job.concurrency, jitter: 0 }
    })
  }
}

function ipv4(text: string): number {
  const address = parseAddress(text)
  if (typeof address !== 'number') throw new Error(`${text} is no IPv4 address`)
  return address
}

function statusKb(field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`^${field}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}

/** The function that stores batches as the product does: certificates, endpoints, findings, the scan's cursor. */
function openRecording({ folder, rootFile }: JobStore): (batch: ScanBatch) => void {
  rmSync(folder, { recursive: true, force: true })
  const store = openStore({ directory: folder, busyMs: 1_000 })
  const root = readFileSync(rootFile)
  const trust = { roots: openTrustStore([root]), isPublic: () => true, id: 'bench' }
  const scan = store.scans.begin({ request: '{}', space: '{}', seed: 7, at: systemClock.now() })
  return createRecorder({ store, trust, clock: systemClock }, { scan })
}

async function work(job: Job): Promise<JobResult> {
  const outcomes: Partial<Record<Outcome, number>> = {}
  const memory: number[] = []
  let connections = 0
  let chains = 0
  const keep = job.store ? openRecording(job.store) : () => {}
  const record = (batch: ScanBatch) => {
    keep(batch)
    for (const [outcome, count] of Object.entries(batch.counts) as [Outcome, number][]) {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count
    }
    connections += batch.connections
    for (const seen of batch.observations)
      chains += seen.chains.filter(({ certificates }) => certificates).length
  }
  const stop = new AbortController()
  const cancels = [systemClock.every(1_000, () => memory.push(statusKb('VmRSS')))]
  if (job.seconds !== null) cancels.push(systemClock.after(job.seconds * 1_000, () => stop.abort()))

  const before = process.resourceUsage()
  const start = performance.now()
  await runScan(planOf(job), { clock: systemClock, random: fixedHello(), record }, stop.signal)
  const seconds = (performance.now() - start) / 1_000
  const after = process.resourceUsage()
  for (const cancel of cancels) cancel()
  return {
    seconds,
    userUs: after.userCPUTime - before.userCPUTime,
    sysUs: after.systemCPUTime - before.systemCPUTime,
    peakKb: statusKb('VmHWM'),
    dialer: openDialer(job.dialer).kind,
    outcomes,
    connections,
    chains,
    memory
  }
}

console.log(JSON.stringify(await work(JSON.parse(process.argv[2] ?? '{}') as Job)))
