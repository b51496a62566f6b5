import type { Connection } from './connection.ts'

/** One thing that was done to a device. */
export interface JournalRow {
  readonly id: number
  readonly deployment: number
  /** id of a step of the plan */
  readonly step: string
  readonly what: 'done' | 'undone'
  readonly at: number
}

/** What was done to devices, in order; rows are only added. */
export function openJournal(db: Connection) {
  const insert = db.prepare('INSERT INTO journal (deployment, step, what, at) VALUES (?, ?, ?, ?)')
  const of = db.prepare<[number], JournalRow>(
    'SELECT id, deployment, step, what, at FROM journal WHERE deployment = ? ORDER BY id'
  )
  return {
    add: ({ deployment, step, what, at }: Omit<JournalRow, 'id'>) =>
      void insert.run(deployment, step, what, at),
    of: (deployment: number): JournalRow[] => of.all(deployment)
  }
}
