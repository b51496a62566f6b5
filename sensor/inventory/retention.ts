import { setImmediate } from 'node:timers/promises'
import { Fault } from '../../core/fault.ts'
import type { RetentionStep } from '../store/retention.ts'
import type { ScanRow } from '../store/scans.ts'
import type { Store } from '../store/store.ts'

/** What pruning removed. */
export interface Pruned {
  readonly scans: number
  /** former standings of endpoints */
  readonly history: number
  readonly certificates: number
}

/**
 * The scans to forget when the last `keep` are kept, those for names before those that they belong to. A scan and the
 * one for its names are one, as old as the later of them.
 */
export function forgottenScans(scans: readonly Pick<ScanRow, 'id' | 'parent'>[], keep: number): number[] {
  const families = new Map<number, number[]>()
  for (const { id, parent } of scans) {
    const first = parent ?? id
    families.set(first, [...(families.get(first) ?? []), id])
  }
  const latest = (ids: readonly number[]) => Math.max(...ids)
  return [...families.values()]
    .toSorted((a, b) => latest(b) - latest(a))
    .slice(keep)
    .flatMap((ids) => ids.toSorted((a, b) => b - a))
}

/** Rows that one transaction looks at or removes. */
const chunk = 1_000

/**
 * Forgets all but the last `keep` scans (1 or more) with the history that they saw, then certificates, chains and
 * states that nothing refers to any more. Endpoints stay, those that are gone too, with what they showed last. Works
 * in small transactions; what is done when it is interrupted stays done. Throws scan-running while a scan runs.
 */
export async function pruneInventory(store: Store, keep: number): Promise<Pruned> {
  const forgotten = forgottenScans(store.scans.families(), keep)
  const work = chunkWork(store)
  let history = 0
  for (const id of forgotten) {
    history += await work.untilNone(() => store.retention.history(id, id, chunk))
    await work.once(() => store.retention.scan(id))
  }
  // the last of all standings was left when its scan went, and may be the last no longer
  const oldest = store.scans.families()[0]?.id ?? 1
  history += await work.untilNone(() => store.retention.history(0, oldest - 1, chunk))
  await work.through(store.retention.states)
  await work.through(store.retention.chains)
  const certificates = await work.through(store.retention.certificates)
  return { scans: forgotten.length, history, certificates }
}

/** Does work in transactions of one chunk each; others get turns between. */
function chunkWork(store: Store) {
  const once = async <T>(work: () => T): Promise<T> => {
    const checked = () => {
      refuseWhileRunning(store)
      return work()
    }
    const done = store.retention.unchecked(() => store.transaction(checked))
    // what is remembered by id may be gone
    store.forget()
    await setImmediate()
    return done
  }
  return {
    once,
    /** until a chunk is not full; gives the sum */
    async untilNone(work: () => number): Promise<number> {
      for (let sum = 0; ;) {
        const done = await once(work)
        sum += done
        if (done < chunk) return sum
      }
    },
    /** through a whole table; gives how many rows went */
    async through(step: (after: number, limit: number) => RetentionStep): Promise<number> {
      let removed = 0
      for (let after = 0; ;) {
        const done = await once(() => step(after, chunk))
        removed += done.removed
        if (done.last === null) return removed
        after = done.last
      }
    }
  }
}

/** A scan remembers what it met by id: nothing may go away under it. */
function refuseWhileRunning(store: Store): void {
  const [id] = store.scans.running()
  if (id === undefined) return
  const message = `scan ${id}: it is running, and may meet again what would be removed; prune once it has ended`
  throw new Fault('scan-running', message, { id })
}
