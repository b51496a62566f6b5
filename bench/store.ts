// The store alone: a million endpoints written by the real recording function, written again unchanged, and
// asked for what expires. By itself: node bench/store.ts [ENDPOINTS] [BATCH]
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
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
  /** rows per second in each tenth of the pass, to see whether it slows down */
  readonly tenths: readonly number[]
  /** resident memory after each tenth, MB */
  readonly memoryMb: readonly number[]
}

/** What was measured. */
export interface StoreBench {
  readonly first: StorePass
  readonly again: StorePass
  readonly finishSeconds: number
  /** median milliseconds from opening the database to the first page of what expires in 30 days */
  readonly expiringMs: number
  readonly expiringRows: number
  /** the figures of everything that expires in 30 days, milliseconds */
  readonly summaryMs: number
  readonly databaseMb: number
}

/** Fills a store in a directory of its own and measures; the directory is removed afterwards. */
export async function benchStore(options: StoreBenchOptions): Promise<StoreBench> {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-bench-store-'))
  try {
    options.progress('making certificates')
    const now = systemClock.now()
    const material = makeStoreMaterial(Math.ceil(options.endpoints / options.perCertificate), now)
    const store = openStore({ directory, busyMs: 5_000 })
    const world = { store, material, now, directory }
    const first = recordAll(world, options, 1)
    const again = recordAll(world, options, 2)
    const finishStart = systemClock.ticks()
    await finishScan({ store, clock: systemClock }, { scan: again.scan, contains: () => true })
    const finishSeconds = (systemClock.ticks() - finishStart) / 1000
    store.close()
    return {
      first: first.pass,
      again: again.pass,
      finishSeconds,
      ...queryExpiring(directory, options.queries),
      databaseMb: statSync(join(directory, 'tlsward.db')).size / 2 ** 20
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

interface World {
  readonly store: Store
  readonly material: StoreMaterial
  readonly now: number
}

const parts = 10

/** Records every endpoint once, in a random order of its own. */
function recordAll({ store, material, now }: World, options: StoreBenchOptions, turn: number) {
  const { endpoints, batch } = options
  const scan = store.scans.begin({ request: '{}', space: '{}', seed: turn, at: now + turn })
  const trust = { roots: openTrustStore(material.roots), isPublic: () => true, id: 'bench' }
  const record = createRecorder({ store, clock: systemClock, trust }, { scan })
  const order = permutation(endpoints, turn)
  const observe = observer(material, { now: now + turn, order })
  const [tenths, memoryMb]: [number[], number[]] = [[], []]
  let spent = 0
  let cpuSpent = 0
  let inPart = 0
  for (let at = 0; at < endpoints; at += batch) {
    const observations = Array.from({ length: Math.min(batch, endpoints - at) }, (_, offset) =>
      observe(at + offset)
    )
    const progress = { low: at + observations.length, done: new Uint8Array(batch / 8) }
    const cpuStart = process.cpuUsage()
    const start = systemClock.ticks()
    const counts = { certificate: observations.length, silent: 10 }
    record({ shard: 0, observations, counts, connections: observations.length, progress })
    const took = systemClock.ticks() - start
    spent += took
    const cpu = process.cpuUsage(cpuStart)
    cpuSpent += cpu.user + cpu.system
    inPart += took
    if (Math.floor((at * parts) / endpoints) !== Math.floor(((at + batch) * parts) / endpoints)) {
      tenths.push(Math.round(endpoints / parts / (inPart / 1000)))
      memoryMb.push(Math.round(process.memoryUsage.rss() / 2 ** 20))
      inPart = 0
    }
  }
  if (turn === 1) store.scans.end(scan, 'finished', now)
  const seconds = spent / 1000
  const pass: StorePass = {
    seconds,
    rowsPerSecond: endpoints / seconds,
    cpuUs: cpuSpent / endpoints,
    tenths,
    memoryMb
  }
  options.progress(`pass ${turn}: ${Math.round(pass.rowsPerSecond)} rows/s`)
  return { scan, pass }
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
    const { id, leaf, certificates } = made
    const chain: ServedChain = handedOver.has(id) ? { id, leaf } : { id, leaf, certificates }
    handedOver.add(id)
    return {
      address: formatAddress(0x0a00_0000 + index * 16),
      port: 443,
      name:
        index % 20 === 0
          ? `host-${index % chains.length}.department-${(index % chains.length) % 97}.bench.test`
          : null,
      at: now,
      outcome: 'certificate',
      starttls: null,
      version: index % 50 === 0 ? 0x0301 : 0x0304,
      cipher: 0x1301,
      alert: null,
      clientCertificate: null,
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
  const [endpoints = 1_000_000, batch = 4_000] = process.argv.slice(2).map(Number)
  const result = await benchStore({
    endpoints,
    perCertificate: 50,
    batch,
    queries: 11,
    progress: (text) => console.error(text)
  })
  console.log(JSON.stringify(result, null, 2))
}
