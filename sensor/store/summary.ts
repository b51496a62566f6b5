import type { Connection } from './connection.ts'
import type { EndpointFilter } from './endpoint-filter.ts'
import { byStateSql, whereSql } from './endpoint-selection.ts'
import type { Severity } from './findings.ts'

/** How many endpoints have a finding. */
export interface CodeCount {
  readonly code: string
  readonly severity: Severity
  readonly endpoints: number
}

/** Endpoints in figures. */
export interface Summary {
  readonly endpoints: number
  /** certificates that they show as their own */
  readonly certificates: number
  /** endpoints with a finding that is critical or a warning */
  readonly attention: number
  /** endpoints with a finding of the severity */
  readonly bySeverity: Readonly<Record<Severity, number>>
  /** each finding that holds, about the endpoint, its certificates or its chains */
  readonly byCode: readonly CodeCount[]
}

/**
 * What is asked about, as tables of this connection alone. Endpoints are counted by state, because they share those
 * and findings hang on what states show; only findings about single endpoints (for their names) are counted one by
 * one, and not again where the state has the same finding. As parts of one statement these would be written out
 * anew wherever they are used, which with several filters is more than SQLite takes.
 */
const tables = `
  CREATE TEMP TABLE IF NOT EXISTS wanted (state INTEGER PRIMARY KEY, n INTEGER NOT NULL);
  CREATE TEMP TABLE IF NOT EXISTS shown (state INTEGER NOT NULL, chain INTEGER NOT NULL, leaf INTEGER NOT NULL);
  CREATE TEMP TABLE IF NOT EXISTS marked
    (state INTEGER, code TEXT, severity TEXT, PRIMARY KEY (state, code, severity)) WITHOUT ROWID;
  CREATE TEMP TABLE IF NOT EXISTS single (endpoint INTEGER, state INTEGER, code TEXT, severity TEXT);`

const clear = 'DELETE FROM wanted; DELETE FROM shown; DELETE FROM marked; DELETE FROM single;'

const holds = 'h.begins <= @now AND h.ends > @now'

const fillShown = `INSERT INTO shown
  SELECT w.state, c.id, c.leaf FROM wanted w CROSS JOIN state s ON s.id = w.state
    CROSS JOIN chain c ON c.id = s.chain
  UNION ALL SELECT w.state, c.id, c.leaf FROM wanted w CROSS JOIN state s ON s.id = w.state
    CROSS JOIN chain c ON c.id = s.other_chain`

const fillMarked = `INSERT INTO marked
  SELECT s.state, h.code, h.severity FROM shown s CROSS JOIN finding h
    ON h.kind = 'certificate' AND h.subject = s.leaf AND ${holds}
  UNION SELECT s.state, h.code, h.severity FROM shown s CROSS JOIN finding h
    ON h.kind = 'key' AND h.subject = s.leaf AND ${holds}
  UNION SELECT s.state, h.code, h.severity FROM shown s CROSS JOIN finding h
    ON h.kind = 'status' AND h.subject = s.leaf AND ${holds}
  UNION SELECT s.state, h.code, h.severity FROM shown s CROSS JOIN finding h
    ON h.kind = 'chain' AND h.subject = s.chain AND ${holds}
  UNION SELECT w.state, h.code, h.severity FROM wanted w CROSS JOIN finding h
    ON h.kind = 'state' AND h.subject = w.state AND ${holds}`

const byCode = `SELECT code, severity, sum(n) AS endpoints FROM (
    SELECT m.code, m.severity, w.n FROM marked m JOIN wanted w ON w.state = m.state
    UNION ALL SELECT s.code, s.severity, 1 FROM single s WHERE NOT EXISTS
      (SELECT 1 FROM marked m WHERE m.state = s.state AND m.code = s.code AND m.severity = s.severity))
  GROUP BY code, severity ORDER BY code, severity`

/** Endpoints that have at least one finding of these severities. */
const withSeverity = (list: string) => `SELECT
    (SELECT coalesce(sum(n), 0) FROM wanted WHERE state IN (SELECT state FROM marked WHERE severity IN (${list})))
    + (SELECT count(DISTINCT endpoint) FROM single WHERE severity IN (${list})
       AND state NOT IN (SELECT state FROM marked WHERE severity IN (${list})))`

const totals = `SELECT
  (SELECT coalesce(sum(n), 0) FROM wanted) AS endpoints,
  (SELECT count(DISTINCT leaf) FROM shown) AS certificates,
  (${withSeverity("'critical', 'warning'")}) AS attention,
  (${withSeverity("'critical'")}) AS critical,
  (${withSeverity("'warning'")}) AS warning,
  (${withSeverity("'note'")}) AS note`

type Totals = Omit<Summary, 'bySeverity' | 'byCode'> & Record<Severity, number>

/** Figures over endpoints. */
export function openSummary(db: Connection) {
  const fill = (filter: EndpointFilter, now: number) => {
    const { sql: where, values } = whereSql(filter, now)
    const all = { ...values, now }
    db.exec(tables + clear)
    const wanted = `SELECT state, sum(n) FROM (${byStateSql(filter, now).sql}) GROUP BY state`
    db.prepare<[typeof all]>(`INSERT INTO wanted ${wanted}`).run(all)
    db.prepare(fillShown).run()
    db.prepare<[{ now: number }]>(fillMarked).run({ now })
    const single = `SELECT e.id, e.state, h.code, h.severity FROM finding h CROSS JOIN endpoint e ON e.id = h.subject
      WHERE h.kind IN ('endpoint', 'look') AND ${holds} AND ${where}`
    db.prepare<[typeof all]>(`INSERT INTO single ${single}`).run(all)
  }
  return {
    /** the endpoints that the filter means, in figures; `now` (milliseconds) decides what findings hold */
    read(filter: EndpointFilter, now: number): Summary {
      const work = db.transaction(() => {
        fill(filter, now)
        const row = db.prepare<[], Totals>(totals).get()
        if (!row) throw new Error('a statement without a table gave no row')
        const { critical, warning, note, ...counts } = row
        const codes = db.prepare<[], CodeCount>(byCode).all()
        db.exec(clear)
        return { ...counts, bySeverity: { critical, warning, note }, byCode: codes }
      })
      // deferred: what is read is of one moment, and only tables of this connection are written
      return work.deferred()
    }
  }
}
