import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { openStore } from '../../sensor/store/store.ts'
import type { Functions, Progress } from '../functions.ts'
import type { Places } from '../places.ts'
import { readTrustRoots } from '../trust-roots.ts'
import { differences } from './differences.ts'
import { judgeBy } from './judged.ts'
import { applyLabels } from './labels.ts'
import { everyEndpoint, inventoryPage } from './pages.ts'
import { scanRecord, scheduleRecord } from './records.ts'
import { storedRequest } from './request.ts'
import type { ScansDeps } from './scans.ts'

/** How long a command waits for another process that writes, milliseconds. */
const busyMs = 3_000

/** Scans that a list shows. */
const listed = 1_000

/**
 * The functions of the appliance served by this process, on the inventory in the state directory; `authorities`
 * are files of own roots; `tell` hears how far it has come
 * when everything known must first be judged again, which roots that were added make necessary. What only some functions need (probing, full parsing) is loaded by them.
 */
export function openStandalone(
  where: Places,
  authorities: readonly string[],
  tell: (progress: Progress | null) => void = () => {}
): Functions {
  const store = openStore({ directory: where.state, busyMs })
  const clock = systemClock
  const judged = async () => {
    const roots = readTrustRoots(where, authorities)
    await judgeBy(roots, { store, clock, tell })
    return roots
  }
  const scanning = async () => {
    const roots = await judged()
    const [scans, { openTrust }] = await Promise.all([import('./scans.ts'), import('./trust.ts')])
    const deps: ScansDeps = {
      store,
      clock,
      random: systemRandom,
      trust: openTrust(roots),
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
    async inventory(query) {
      await judged()
      return inventoryPage(store, query, clock.now())
    },
    async *endpoints(query) {
      await judged()
      yield* everyEndpoint(store, query, clock.now())
    },
    async endpoint(place) {
      await judged()
      const { endpointDetails } = await import('./endpoint-details.ts')
      return endpointDetails(store, place, clock.now())
    },
    async certificates(which) {
      await judged()
      const { certificatesOf } = await import('./certificates.ts')
      return certificatesOf(store, which, clock.now())
    },
    async scans() {
      const rows = store.scans.before(Number.MAX_SAFE_INTEGER, listed)
      return rows.map((row) => scanRecord(row, storedRequest(row.request)))
    },
    async scanById(id) {
      const row = store.scans.get(id)
      return scanRecord(row, storedRequest(row.request))
    },
    differences: async (from, to) => differences(store, [from, to]),
    async prune(keep) {
      const { pruneInventory } = await import('../../sensor/inventory/retention.ts')
      return pruneInventory(store, keep)
    },
    schedules: async () => store.schedules.list().map(scheduleRecord),
    async addSchedule(schedule, maxTargets) {
      const { addSchedule } = await import('./schedules.ts')
      await addSchedule(schedule, maxTargets, { store, clock, where })
    },
    removeSchedule: async (name) => store.schedules.remove(name),
    label: async (labels) => applyLabels(store, labels, clock.now()),
    close: async () => store.close()
  }
}
