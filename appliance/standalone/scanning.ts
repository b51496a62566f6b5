import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/random.ts'
import type { Trust } from '../../sensor/inventory/judging.ts'
import { createRecorder } from '../../sensor/inventory/recorder.ts'
import { hoursAllow } from '../../core/hours.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import type { SavedProgress } from '../../sensor/scan/progress.ts'
import { runScan, shardsOf, type ScanBatch } from '../../sensor/scan/run.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { knownPlaces } from '../../sensor/scan/known-places.ts'
import { openSpace } from '../../sensor/scan/targets/space.ts'
import type { PresentPlace } from '../../sensor/store/endpoints.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { ScanWatch } from '../functions.ts'
import { createMeter } from './progress.ts'
import { endpointRecords } from './records.ts'
import type { StoredRequest } from './request.ts'

/** What a scan works with. */
export interface ScanningDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly trust: Trust
}

/** A scan that this process runs: begun or resumed in the store. */
export interface OwnScan {
  readonly id: number
  readonly request: StoredRequest
  readonly space: SpaceData
  /** which observations are kept; left out: all */
  readonly keeps?: (observation: Observation) => boolean
  /** hears of every observation */
  readonly hears?: (observation: Observation) => void
}

const progressEach = 250
/** a scan rests for so long at a time while its watcher is behind */
const behindMs = 1_000

/** Runs a scan until it is done or `signal` aborts; everything found is stored then. */
export async function runOwnScan(
  own: OwnScan,
  watch: ScanWatch,
  deps: ScanningDeps,
  signal: AbortSignal
): Promise<void> {
  const { store, clock, random, trust } = deps
  const { id, request, space } = own
  const { owner, tags } = request
  const labels =
    owner === null && tags.length === 0
      ? {}
      : { labels: { ...(owner === null ? {} : { owner }), addTags: tags } }
  const record = createRecorder({ store, trust, clock }, { scan: id, ...labels })
  const before = Object.values(store.scans.get(id).counts).reduce((sum, count) => sum + count, 0)
  const meter = createMeter(clock, { size: request.size, done: before })

  const closedFor = () => (watch.isBehind?.() === true ? behindMs : closedMs(request, clock))
  const tell = () => watch.progress(meter.read(null, opensAt(request, clock)))
  const keep = (batch: ScanBatch) => {
    if (own.hears) batch.observations.forEach(own.hears)
    const observations = own.keeps ? batch.observations.filter(own.keeps) : batch.observations
    const { endpoints } = record({ ...batch, observations })
    meter.add(
      Object.values(batch.counts).reduce((sum, count) => sum + count, 0),
      endpoints.length
    )
    if (!watch.endpoint || endpoints.length === 0) return
    const recordOf = endpointRecords(store, clock.now())
    for (const row of store.pages.byIds(endpoints)) watch.endpoint(recordOf(row))
  }

  const cancel = clock.every(progressEach, tell)
  try {
    const { seed } = store.scans.get(id)
    const plan = { space, seed, workers: request.workers, options: request.options, dialer: request.dialer }
    await runScan(
      { ...plan, saved: savedCursors(store, own), known: knownPlaces(knownIn(own, store)) },
      { clock, random, record: keep, closedFor },
      signal
    )
  } finally {
    cancel()
    tell()
  }
}

const chunk = 10_000

/** Endpoints that are there as far as is known, in the space of a scan. */
function* knownIn({ space }: OwnScan, store: Store): Generator<PresentPlace> {
  const walk = openSpace(space)
  for (let after = 0; ;) {
    const rows = store.endpoints.present(after, chunk)
    for (const row of rows) if (walk.contains(row.address, row.port)) yield row
    if (rows.length < chunk) return
    after = rows.at(-1)?.id ?? after
  }
}

/** Where each shard goes on. */
function savedCursors(store: Store, { id, request }: OwnScan): (SavedProgress | undefined)[] {
  const cursors = store.scans.cursors(id)
  return Array.from({ length: shardsOf(request) }, (_, shard) => cursors.find((one) => one.shard === shard))
}

/** Milliseconds until the hours in which a scan may connect, 0 for now. */
export function closedMs(request: StoredRequest, clock: Clock): number {
  const at = opensAt(request, clock)
  return at === null ? 0 : Math.max(0, at - clock.now())
}

/** When the hours begin in which a scan may connect, milliseconds; null: it may now. */
function opensAt({ hours }: StoredRequest, clock: Clock): number | null {
  if (hours === null) return null
  const { open, until } = hoursAllow(hours, clock.now())
  return open ? null : until
}
