// The store alone: a million endpoints written by the real recording function, written again unchanged, and
// asked for what expires. By itself: node bench/store.ts [ENDPOINTS] [BATCH]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatAddress } from '../core/address.ts'
import { systemClock } from '../core/clock.ts'
import { openTrustStore } from '../pki/trust-store.ts'
import { finishScan } from '../sensor/inventory/finish.ts'
import { createRecorder } from '../sensor/inventory/recorder.ts'
import type { Observation, ServedChain } from '../sensor/scan/observation.ts'
import { permutation } from '../sensor/scan/targets/permutation.ts'
import { openStore, type Store } from '../sensor/store/store.ts'
import { median } from './measure.ts'
import { makeStoreMaterial, type StoreMaterial } from './store-material.ts'

/** What the store is to be filled with. */
export interface StoreBenchOptions {
  readonly endpoints: number
  /** endpoints that share one certificate */
  readonly perCertificate: number
  /** endpoints in one transaction */
  readonly batch: number
  /** times that the query is made, each in a fresh process */
  readonly queries: number
  readonly progress: (text: string) => void
}

/** One way through all endpoints. */
export interface StorePass {
  readonly seconds: number
  readonly rowsPerSecond: number
  /** processor time, user and system, microseconds a row */
  readonly cpuUs: number
  /** the longest that one batch took, a checkpoint of the log included, milliseconds */
  readonly longestMs: number
  /** rows per second in each tenth of the pass, to see whether it slows down */
  readonly tenths: readonly number[]
  /** resident memory after each tenth, MB */
  readonly memoryMb: readonly number[]
  /** looking for what was missed and for keys in many places, at the end */
  readonly finishSeconds: number
}

/** What was measured. */
export interface StoreBench {
  readonly first: StorePass
  readonly again: StorePass
  /** median milliseconds from opening the database to the first page of what expires in 30 days */
  readonly expiringMs: number
  readonly expiringRows: number
  /** the figures of everything that expires in 30 days, milliseconds */
  readonly summaryMs: number
  readonly databaseMb: number
}

/** Fills a store in a directory of its own and measures; the directory is removed afterwards. */
export async function benchStore(options: StoreBenchOptions): Promise<StoreBench> {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-store-'))
  try {
    options.progress('making certificates')
    const now = systemClock.now()
    const material = makeStoreMaterial(Math.ceil(options.endpoints / options.perCertificate), now)
    const store = openStore({ directory, busyMs: 5_000 })
    const first = await recordAll({ store, material, now, turn: 1 }, options)
    const again = await recordAll({ store, material, now: now + 1, turn: 2 }, options)
    store.close()
    const databaseMb = statSync(join(directory, 'tlsward.db')).size / 2 ** 20
    return { first, again, ...queryExpiring(directory, options.queries), databaseMb }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Turn {
  readonly store: Store
  readonly material: StoreMaterial
  readonly now: number
  readonly turn: number
}

/** Records every endpoint once, in a random order of its own. */
async function recordAll(
  { store, material, now, turn }: Turn,
  options: StoreBenchOptions
): Promise<StorePass> {
  const { endpoints, batch, progress: tell } = options
  const scan = store.scans.begin({ request: '{}', space: '{}', seed: turn, at: now })
  const trust = { roots: openTrustStore(material.roots), isPublic: () => true, id: 'bench' }
  const record = createRecorder({ store, clock: systemClock, trust }, { scan })
  const observe = observer(material, { now, order: permutation(endpoints, turn) })
  const meter = createMeter(endpoints)
  for (let at = 0; at < endpoints; at += batch) {
    const count = Math.min(batch, endpoints - at)
    const observations = Array.from({ length: count }, (_, offset) => observe(at + offset))
    const progress = { low: at + count, done: new Uint8Array(Math.ceil(batch / 8)) }
    const counts = { certificate: count, silent: 9 * count }
    meter.time(count, () => record({ shard: 0, observations, counts, connections: count, progress }))
  }
  const start = systemClock.ticks()
  await finishScan({ store, clock: systemClock }, { scan, contains: () => true })
  const pass = { ...meter.result(), finishSeconds: (systemClock.ticks() - start) / 1000 }
  tell(`pass ${turn}: ${Math.round(pass.rowsPerSecond)} rows/s`)
  return pass
}

/** Adds up what the timed parts take, by tenths of the rows. */
function createMeter(rows: number) {
  const parts = Array.from({ length: 10 }, () => ({ rows: 0, ms: 0, memoryMb: 0 }))
  let done = 0
  let cpu = 0
  let longestMs = 0
  return {
    time(count: number, work: () => void): void {
      const part = parts[Math.floor((done * 10) / rows)]
      const [start, cpuStart] = [systemClock.ticks(), process.cpuUsage()]
      work()
      const ms = systemClock.ticks() - start
      const { user, system } = process.cpuUsage(cpuStart)
      cpu += user + system
      longestMs = Math.max(longestMs, ms)
      done += count
      if (!part) return
      part.rows += count
      part.ms += ms
      part.memoryMb = Math.round(process.memoryUsage.rss() / 2 ** 20)
    },
    result(): Omit<StorePass, 'finishSeconds'> {
      const seconds = parts.reduce((sum, { ms }) => sum + ms, 0) / 1000
      return {
        seconds,
        rowsPerSecond: done / seconds,
        cpuUs: cpu / done,
        longestMs,
        tenths: parts.map((part) => Math.round((part.rows * 1000) / part.ms)),
        memoryMb: parts.map(({ memoryMb }) => memoryMb)
      }
    }
  }
}

interface Order {
  readonly now: number
  readonly order: (position: number) => number
}

/** What the scan hands over for each position of its walk; a chain brings its certificates once. */
function observer({ chains }: StoreMaterial, { now, order }: Order): (position: number) => Observation {
  const handedOver = new Set<string>()
  return (position) => {
    const index = order(position)
    const made = chains[index % chains.length]
    if (!made) throw new Error('there are no chains')
    const { id, leaf, host, certificates } = made
    const chain: ServedChain = handedOver.has(id) ? { id, leaf } : { id, leaf, certificates }
    handedOver.add(id)
    return {
      address: formatAddress(0x0a00_0000 + index * 16),
      port: 443,
      name: index % 20 === 0 ? host : null,
      at: now,
      outcome: 'certificate',
      starttls: null,
      version: index % 50 === 0 ? 0x0301 : 0x0304,
      cipher: 0x1301,
      alert: null,
      clientCertificate: false,
      banner: null,
      chains: [chain],
      connections: 1,
      ms: 3
    }
  }
}

/** Each query in a process of its own, as a command would make it. */
function queryExpiring(directory: string, times: number) {
  const script = fileURLToPath(new URL('./store-query.ts', import.meta.url))
  const runs = Array.from({ length: times }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, [script, directory], {
      encoding: 'utf8',
      timeout: 60_000
    })
    if (stdout === '') throw new Error(`the query failed: ${stderr}`)
    return JSON.parse(stdout) as { ms: number; rows: number; summaryMs: number }
  })
  return {
    expiringMs: median(runs.map(({ ms }) => ms)),
    expiringRows: runs[0]?.rows ?? 0,
    summaryMs: median(runs.map(({ summaryMs }) => summaryMs))
  }
}

if (import.meta.main) {
  const [endpoints = 1_000_000, batch = 5_000] = process.argv.slice(2).map(Number)
  const result = await benchStore({
    endpoints,
    perCertificate: 50,
    batch,
    queries: 11,
    progress: (text) => console.error(text)
  })
  console.log(JSON.stringify(result, null, 2))
}
