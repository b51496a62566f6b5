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

/** Changes that some scans saw, or that happened after one time until another (included). */
export type Span = { readonly scans: readonly number[] } | { readonly after: number; readonly until: number }

/** How an endpoint differs between the beginning and the end of a span. */
export interface Difference extends EndpointKey {
  /** its place in the list, which is in the order of addresses, ports and names */
  readonly place: number
  /** null: it was not known before */
  readonly before: PastStanding | null
  readonly after: PastStanding
}

interface RawStanding {
  readonly state: number
  readonly presence: number
  readonly why: string | null
}

/** An endpoint with the first and the last of its history rows in a span; first is 0 when it was not known before. */
interface Touched {
  readonly place: number
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

/**
 * A list is a table of this connection alone: what moved and what appeared is found by different ways, and is told in
 * one order.
 */
const listTable = (list: number) => `differing_${list}`
const listColumns =
  '(place INTEGER PRIMARY KEY, address, port INTEGER, name TEXT, endpoint INTEGER, first INTEGER, last INTEGER)'

const ofScans = 'IN (SELECT value FROM json_each(@scans))'

const inScans = `
  SELECT e.address, e.port, e.name, e.id, 0 AS first,
    coalesce((SELECT max(id) FROM history WHERE endpoint = e.id AND scan ${ofScans}), 0) AS last
  FROM endpoint e
  WHERE e.id > (SELECT min(endpoints_before) FROM scan WHERE id ${ofScans}) AND e.first_scan ${ofScans}
  UNION ALL SELECT e.address, e.port, e.name, e.id, min(h.id), max(h.id)
  FROM history h JOIN endpoint e ON e.id = h.endpoint
  WHERE h.scan ${ofScans} AND e.first_scan NOT ${ofScans} GROUP BY h.endpoint`

const inTime = `
  SELECT e.address, e.port, e.name, e.id, 0 AS first,
    coalesce((SELECT max(id) FROM history WHERE endpoint = e.id AND until <= @until), 0) AS last
  FROM endpoint e WHERE e.first_seen > @after AND e.first_seen <= @until
  UNION ALL SELECT e.address, e.port, e.name, e.id, min(h.id), max(h.id)
  FROM history h JOIN endpoint e ON e.id = h.endpoint
  WHERE h.until > @after AND h.until <= @until AND e.first_seen <= @after GROUP BY h.endpoint`

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
  const difference = ({ place, endpoint, address, port, name, first, last }: Touched): Difference => ({
    place,
    address: readAddress(address),
    port,
    name: name || null,
    before: first === 0 ? null : standing(row.get(first)),
    after: standing(next.get(endpoint, last) ?? present.get(endpoint))
  })
  let lists = 0
  return {
    /** lists the endpoints that were seen first in the span, or stand otherwise since; gives the number of the list */
    gather(span: Span): number {
      const list = ++lists
      db.exec(`CREATE TEMP TABLE ${listTable(list)} ${listColumns}`)
      const bound = 'scans' in span ? { scans: JSON.stringify(span.scans) } : span
      const found = 'scans' in span ? inScans : inTime
      const sql = `INSERT INTO ${listTable(list)} (address, port, name, endpoint, first, last)
        SELECT * FROM (${found}) ORDER BY 1, 2, 3`
      const work = db.transaction(() => db.prepare<[typeof bound]>(sql).run(bound))
      // deferred: only a table of this connection is written
      work.deferred()
      return list
    },
    /** what a list holds after the place `after`, 0 for its beginning */
    gathered: (list: number, after: number, limit: number): Difference[] =>
      db
        .prepare<[number, number], Touched>(
          `SELECT * FROM ${listTable(list)} WHERE place > ? ORDER BY place LIMIT ?`
        )
        .all(after, limit)
        .map(difference),
    /** forgets a list */
    release: (list: number) => void db.exec(`DROP TABLE IF EXISTS ${listTable(list)}`)
  }
}
