import type { Connection } from './connection.ts'

/** One thing that happened to an event. */
export interface HistoryEntry {
  readonly event: number
  /** the part that it happened to; null: the event as a whole */
  readonly deployment: number | null
  readonly order: number | null
  readonly at: number
  /** a person's account, or `tlsward` */
  readonly who: string
  /** the state that it came to, or stays in */
  readonly state: string
  /** a sentence */
  readonly why: string
}

/** An entry as it is kept. */
export type HistoryEntryRow = HistoryEntry & { readonly id: number }

/** Who did what to which event, when and why; rows are only added. */
export function openEventHistory(db: Connection) {
  const insert = db.prepare(
    `INSERT INTO event_history (event, deployment, certificate_order, at, who, state, why)
     VALUES (@event, @deployment, @order, @at, @who, @state, @why)`
  )
  const of = db.prepare<[number], HistoryEntryRow>(
    `SELECT id, event, deployment, certificate_order AS "order", at, who, state, why FROM event_history
     WHERE event = ? ORDER BY id`
  )
  return {
    add: (entry: HistoryEntry) => void insert.run(entry),
    of: (event: number): HistoryEntryRow[] => of.all(event)
  }
}
