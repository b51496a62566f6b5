import type { Connection } from './connection.ts'
import { certificateKinds, type SubjectKind } from './findings.ts'

/** What came of one step through a table. */
export interface RetentionStep {
  /** id of the last row that was looked at; null: there was none left */
  readonly last: number | null
  readonly removed: number
}

/** Removes what is no longer wanted: each function does one bounded step, to be called in a transaction. */
export function openRetention(db: Connection) {
  const orphans = { states: unusedStates(db), chains: unusedChains(db), certificates: unusedCertificates(db) }
  const history = db.prepare(
    `DELETE FROM history WHERE id IN (SELECT id FROM history
       WHERE scan BETWEEN @first AND @last AND id < (SELECT max(id) FROM history) LIMIT @limit)`
  )
  const ofScan = ['scan_count', 'scan_cursor'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE scan = ?`)
  )
  const scan = db.prepare('DELETE FROM scan WHERE id = ?')
  return {
    /**
     * Does work without the database looking for references to each row that goes: there is no index for that, and
     * the steps below remove only what nothing refers to.
     */
    unchecked<T>(work: () => T): T {
      db.pragma('foreign_keys = OFF')
      try {
        return work()
      } finally {
        db.pragma('foreign_keys = ON')
      }
    },
    /**
     * removes former standings that scans with these ids saw the end of; gives how many. The last one of all stays:
     * its id marks how far the use of keys is known, and must not be given again
     */
    history: (first: number, last: number, limit: number): number =>
      history.run({ first, last, limit }).changes,
    /** removes a scan, of which no history is left */
    scan(id: number): void {
      for (const statement of ofScan) statement.run(id)
      scan.run(id)
    },
    ...orphans
  }
}

function findingRemover(db: Connection, kinds: readonly SubjectKind[]) {
  const remove = db.prepare('DELETE FROM finding WHERE kind = ? AND subject = ?')
  return (id: number) => {
    for (const kind of kinds) remove.run(kind, id)
  }
}

type Step = (after: number, limit: number) => RetentionStep

/** A step over a table by id: `unused` selects the ids from `@first` to `@last` that nothing refers to. */
function stepOver(
  db: Connection,
  table: string,
  unused: string,
  remove: (ids: readonly number[]) => void
): Step {
  const rows = db
    .prepare<[number, number], number>(`SELECT id FROM ${table} WHERE id > ? ORDER BY id LIMIT ?`)
    .pluck()
  return (after, limit) => {
    const ids = rows.all(after, limit)
    const [first, last] = [ids[0], ids.at(-1)]
    if (first === undefined || last === undefined) return { last: null, removed: 0 }
    const gone = db.prepare<[{ first: number; last: number }], number>(unused).pluck().all({ first, last })
    remove(gone)
    return { last, removed: gone.length }
  }
}

/** States that no endpoint and no history refers to. Those in use are listed once, and again after anybody else wrote. */
function unusedStates(db: Connection): Step {
  const removeFindings = findingRemover(db, ['state'])
  const remove = db.prepare('DELETE FROM state WHERE id = ?')
  const lastScan = db.prepare<[], number | null>('SELECT max(id) FROM scan').pluck()
  let listedAt = ''
  const listUsed = () => {
    const now = `${String(db.pragma('data_version', { simple: true }))} ${lastScan.get()}`
    if (now === listedAt) return
    db.exec(`CREATE TEMP TABLE IF NOT EXISTS used_state (id INTEGER PRIMARY KEY);
      DELETE FROM used_state;
      INSERT INTO used_state SELECT state FROM endpoint UNION SELECT state FROM history;`)
    listedAt = now
  }
  const step = stepOver(
    db,
    'state',
    'SELECT id FROM state WHERE id BETWEEN @first AND @last AND id NOT IN (SELECT id FROM used_state)',
    (ids) => {
      for (const id of ids) {
        removeFindings(id)
        remove.run(id)
      }
    }
  )
  return (after, limit) => {
    // what was read before this step may have changed since: history that went frees states
    if (after === 0) listedAt = ''
    listUsed()
    return step(after, limit)
  }
}

/** Chains that no state refers to. */
function unusedChains(db: Connection): Step {
  const removeFindings = findingRemover(db, ['chain'])
  const members = db.prepare('DELETE FROM chain_member WHERE chain = ?')
  const remove = db.prepare('DELETE FROM chain WHERE id = ?')
  const unused = `SELECT id FROM chain c WHERE id BETWEEN @first AND @last
    AND NOT EXISTS (SELECT 1 FROM state WHERE chain = c.id)
    AND NOT EXISTS (SELECT 1 FROM state WHERE other_chain = c.id)`
  return stepOver(db, 'chain', unused, (ids) => {
    for (const id of ids) {
      removeFindings(id)
      members.run(id)
      remove.run(id)
    }
  })
}

/** Certificates that no chain refers to. */
function unusedCertificates(db: Connection): Step {
  const removeFindings = findingRemover(db, certificateKinds)
  const text = db.prepare(
    "INSERT INTO certificate_text (certificate_text, rowid, text) SELECT 'delete', id, search FROM certificate WHERE id = ?"
  )
  // names are found by value only: one look through the table for all that go in a step
  const names = db.prepare(
    'DELETE FROM certificate_name WHERE certificate IN (SELECT value FROM json_each(?))'
  )
  const ofCertificate = ['certificate_look', 'certificate_der'].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE certificate = ?`)
  )
  const remove = db.prepare('DELETE FROM certificate WHERE id = ?')
  const unused = `SELECT id FROM certificate c WHERE id BETWEEN @first AND @last
    AND NOT EXISTS (SELECT 1 FROM chain_member WHERE certificate = c.id)
    AND NOT EXISTS (SELECT 1 FROM chain WHERE leaf = c.id)`
  return stepOver(db, 'certificate', unused, (ids) => {
    if (ids.length > 0) names.run(JSON.stringify(ids))
    for (const id of ids) {
      removeFindings(id)
      text.run(id)
      for (const statement of ofCertificate) statement.run(id)
      remove.run(id)
    }
  })
}
