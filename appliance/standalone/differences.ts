import { Fault } from '../../core/fault.ts'
import { changesBetween, changesOfScan, type Change as ChangeView } from '../../sensor/inventory/diff.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Differences } from '../functions.ts'
import type { Change, Scan } from '../records.ts'
import { changeRecord, scanRecord } from './records.ts'
import { storedRequest } from './request.ts'

/**
 * What one scan changed, the last one when none is named; or what changed from the end of one to that of another. A
 * scan and the one for its names are one. Throws scan-missing, and option-malformed for scans in the wrong order.
 */
export function differences(
  store: Store,
  [from, to]: readonly [from: number | undefined, to: number | undefined]
): Differences {
  if (from !== undefined && to !== undefined) {
    const ends = { from: scansOf(store, from), to: scansOf(store, to) }
    return { ...ends, changes: recordsOf(changesBetween(store, { from, to })) }
  }
  const scan = from ?? lastScan(store)
  return { from: null, to: scansOf(store, scan), changes: recordsOf(changesOfScan(store, scan)) }
}

function lastScan(store: Store): number {
  const [last] = store.scans.before(Number.MAX_SAFE_INTEGER, 1)
  if (last) return last.id
  throw new Fault(
    'scan-missing',
    'No scan was made yet, so there is nothing to compare. Begin with: tlsward scan 10.0.0.0/16'
  )
}

function scansOf(store: Store, scan: number): Scan[] {
  store.scans.get(scan)
  return store.scans.family(scan).map((id) => {
    const row = store.scans.get(id)
    return scanRecord(row, storedRequest(row.request))
  })
}

/** a thrown Fault becomes a rejection, as it would coming from another process */
async function* recordsOf(changes: Iterable<ChangeView>): AsyncGenerator<Change> {
  for (const change of changes) yield changeRecord(change)
}
