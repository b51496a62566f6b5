import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { changesBetween, changesOfScan, type Change } from '../../sensor/inventory/diff.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import type { Functions } from '../functions.ts'
import type { Places } from '../places.ts'
import { applyLabels } from './labels.ts'
import { inventoryPage } from './pages.ts'
import { changeRecord, scanRecord, scheduleRecord } from './records.ts'
import { storedRequest } from './request.ts'
import type { ScansDeps } from './scans.ts'

/** How long a command waits for another process that writes, milliseconds. */
const busyMs = 3_000

/** Scans that a list shows. */
const listed = 1_000

/**
 * The functions of the appliance served by this process, on the inventory in the state directory; `authorities`
 * are files of own roots. What only some functions need (probing, full parsing) is loaded by them.
 */
export function openStandalone(where: Places, authorities: readonly string[]): Functions {
  const store = openStore({ directory: where.state, busyMs })
  const clock = systemClock
  const scanning = async () => {
    const [scans, { openTrust }] = await Promise.all([import('./scans.ts'), import('./trust.ts')])
    const deps: ScansDeps = {
      store,
      clock,
      random: systemRandom,
      trust: openTrust(where, authorities),
      where
    }
    return { ...scans, deps }
  }
  // a thrown Fault becomes a rejection, as it would coming from another process
  return {
    async scan(request, watch, signal) {
      const { makeScan, deps } = await scanning()
      return makeScan(request, watch, deps, signal)
    },
    async resume(id, watch, signal) {
      const { resumeScan, deps } = await scanning()
      return resumeScan(id, watch, deps, signal)
    },
    inventory: async (query) => inventoryPage(store, query, clock.now()),
    async endpoint(place) {
      const { endpointDetails } = await import('./endpoint-details.ts')
      return endpointDetails(store, place, clock.now())
    },
    async certificate(digits) {
      const { certificateByDigits } = await import('./certificates.ts')
      return certificateByDigits(store, digits, clock.now())
    },
    async scans() {
      const rows = store.scans.before(Number.MAX_SAFE_INTEGER, listed)
      return rows.map((row) => scanRecord(row, storedRequest(row.request)))
    },
    async scanById(id) {
      const row = store.scans.get(id)
      return scanRecord(row, storedRequest(row.request))
    },
    async *differences(from, to) {
      for (const change of differences(store, [from, to])) yield changeRecord(change)
    },
    schedules: async () => store.schedules.list().map(scheduleRecord),
    async addSchedule(schedule) {
      const { addSchedule } = await import('./schedules.ts')
      addSchedule(store, schedule, clock.now())
    },
    removeSchedule: async (name) => store.schedules.remove(name),
    label: async (labels) => applyLabels(store, labels, clock.now()),
    close: async () => store.close()
  }
}

/** What one scan changed, the last one when none is named; or what changed from the end of one to that of another. */
function differences(
  store: Store,
  [from, to]: readonly [number | undefined, number | undefined]
): Iterable<Change> {
  if (from !== undefined && to !== undefined) return changesBetween(store, { from, to })
  const scan = from ?? store.scans.before(Number.MAX_SAFE_INTEGER, 1)[0]?.id
  return scan === undefined ? [] : changesOfScan(store, scan)
}
