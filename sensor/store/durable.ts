import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** PRAGMA synchronous: 2 is FULL, every commit reaches the disk before it returns. */
const full = 2

/**
 * Does the work in one transaction that a power cut no longer takes back once this returns. The database syncs its
 * log at checkpoints only (see openDatabase); for this one transaction it syncs at the commit, which costs a flush
 * of the disk. What was committed before is in the same log, so that it is safe too.
 *
 * Inside of another transaction the outer one decides when things reach the disk: it has to be such a one itself.
 */
export function durably<T>(db: Connection, work: () => T): T {
  if (db.inTransaction) {
    if (db.pragma('synchronous', { simple: true }) === full) return work()
    const message =
      'a write that a power cut may not take back was put into a transaction that it may take back'
    throw new Fault('internal', message)
  }
  db.pragma('synchronous = FULL')
  try {
    return db.transaction(work).immediate()
  } finally {
    db.pragma('synchronous = NORMAL')
  }
}
