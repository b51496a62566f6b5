import { readAddress, type AddressColumn, type Connection } from './connection.ts'
import type { EndpointKey } from './endpoints.ts'

/** Where an endpoint stood at some time. */
export interface PastStanding {
  /** id of the state that it showed when TLS last answered */
  readonly state: number
  readonly present: boolean
  readonly why: string | null
}

/** A former standing of an endpoint. */
export interface HistoryRow extends PastStanding {
  readonly since: number
  readonly until: number
  /** the scan that saw the change */
  readonly scan: number
}

/** Changes that one scan saw, or that happened after one time until another (included). */
export type Span = { readonly scan: number } | { readonly after: number; readonly until: number }

/** How an endpoint differs between the beginning and the end of a span. */
export interface Difference extends EndpointKey {
  readonly endpoint: number
  /** null: it was not known before */
  readonly before: PastStanding | null
  readonly after: PastStanding
}

interface RawStanding {
  readonly state: number
  readonly presence: number
  readonly why: string | null
}

/** An endpoint with the first and the last of its history rows in a span. */
interface Touched {
  readonly endpoint: number
  readonly address: AddressColumn
  readonly port: number
  readonly name: string
  readonly first: number
  readonly last: number
}

/** What endpoints were before. */
export function openHistory(db: Connection) {
  const of = db.prepare<[number], RawStanding & Omit<HistoryRow, 'present'>>(
    'SELECT state, presence, why, since, until, scan FROM history WHERE endpoint = ? ORDER BY id'
  )
  return {
    /** the former standings of an endpoint, oldest first */
    of: (endpoint: number): HistoryRow[] =>
      of.all(endpoint).map(({ presence, ...row }) => ({ ...row, present: presence === 1 })),
    ...differences(db)
  }
}

const touchedColumns = 'e.id AS endpoint, e.address, e.port, e.name, min(h.id) AS first, max(h.id) AS last'
const newColumns = 'e.id AS endpoint, e.address, e.port, e.name, 0 AS first'

function differences(db: Connection) {
  const row = db.prepare<[number], RawStanding>('SELECT state, presence, why FROM history WHERE id = ?')
  const next = db.prepare<[number, number], RawStanding>(
    'SELECT state, presence, why FROM history WHERE endpoint = ? AND id > ? ORDER BY id LIMIT 1'
  )
  const present = db.prepare<[number], RawStanding>('SELECT state, presence, why FROM endpoint WHERE id = ?')
  const standing = (raw: RawStanding | undefined): PastStanding => {
    if (!raw) throw new Error('history refers to what is not there')
    return { state: raw.state, present: raw.presence === 1, why: raw.why }
  }
  const difference = (of: Touched, before: PastStanding | null): Difference => ({
    endpoint: of.endpoint,
    address: readAddress(of.address),
    port: of.port,
    name: of.name || null,
    before,
    after: standing(next.get(of.endpoint, of.last) ?? present.get(of.endpoint))
  })
  const lists = spanLists(db)
  return {
    /** endpoints with ids above `after` that were first seen in the span */
    appeared: (span: Span, after: number, limit: number) =>
      lists.appeared(span, after, limit).map((one) => difference(one, null)),
    /** endpoints with ids above `after` that were known before and stand otherwise since */
    moved: (span: Span, after: number, limit: number) =>
      lists.moved(span, after, limit).map((one) => difference(one, standing(row.get(one.first))))
  }
}

function spanLists(db: Connection) {
  const appearedInScan = db.prepare<[number, number, number, number, number], Touched>(
    `SELECT ${newColumns}, coalesce((SELECT max(id) FROM history WHERE endpoint = e.id AND scan = ?), 0) AS last
     FROM endpoint e
     WHERE e.id > max(?, (SELECT endpoints_before FROM scan WHERE id = ?)) AND e.first_scan = ?
     ORDER BY e.id LIMIT ?`
  )
  const appearedInTime = db.prepare<[number, number, number, number, number], Touched>(
    `SELECT ${newColumns}, coalesce((SELECT max(id) FROM history WHERE endpoint = e.id AND until <= ?), 0) AS last
     FROM endpoint e WHERE e.id > ? AND e.first_seen > ? AND e.first_seen <= ? ORDER BY e.id LIMIT ?`
  )
  const movedInScan = db.prepare<[number, number, number, number], Touched>(
    `SELECT ${touchedColumns} FROM history h JOIN endpoint e ON e.id = h.endpoint
     WHERE h.scan = ? AND h.endpoint > ? AND e.first_scan <> ? GROUP BY h.endpoint ORDER BY h.endpoint LIMIT ?`
  )
  const movedInTime = db.prepare<[number, number, number, number, number], Touched>(
    `SELECT ${touchedColumns} FROM history h JOIN endpoint e ON e.id = h.endpoint
     WHERE h.until > ? AND h.until <= ? AND h.endpoint > ? AND e.first_seen <= ?
     GROUP BY h.endpoint ORDER BY h.endpoint LIMIT ?`
  )
  return {
    appeared: (span: Span, after: number, limit: number) =>
      'scan' in span
        ? appearedInScan.all(span.scan, after, span.scan, span.scan, limit)
        : appearedInTime.all(span.until, after, span.after, span.until, limit),
    moved: (span: Span, after: number, limit: number) =>
      'scan' in span
        ? movedInScan.all(span.scan, after, span.scan, limit)
        : movedInTime.all(span.after, span.until, after, span.after, limit)
  }
}
