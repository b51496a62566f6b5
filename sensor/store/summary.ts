import type { Connection } from './connection.ts'
import type { EndpointFilter } from './endpoint-filter.ts'
import { whereSql } from './endpoint-pages.ts'
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
 * What is asked about, as tables of the statement. Endpoints are counted by state, because they share those and
 * findings hang on what states show; only findings about single endpoints (for their names) are counted one by
 * one, and not again where the state has the same finding.
 */
function tables(where: string): string {
  return `WITH
    wanted (state, n) AS MATERIALIZED
      (SELECT e.state, count(*) FROM endpoint e WHERE ${where} GROUP BY e.expires, e.state),
    shown (state, chain, leaf) AS MATERIALIZED (
      SELECT w.state, c.id, c.leaf FROM wanted w CROSS JOIN state s ON s.id = w.state
        CROSS JOIN chain c ON c.id = s.chain
      UNION ALL SELECT w.state, c.id, c.leaf FROM wanted w CROSS JOIN state s ON s.id = w.state
        CROSS JOIN chain c ON c.id = s.other_chain),
    holding (kind, subject, code, severity) AS MATERIALIZED
      (SELECT kind, subject, code, severity FROM finding WHERE begins <= @now AND ends > @now),
    marked (state, code, severity) AS MATERIALIZED (
      SELECT s.state, h.code, h.severity FROM shown s JOIN holding h
        ON h.kind IN ('certificate', 'key') AND h.subject = s.leaf
      UNION SELECT s.state, h.code, h.severity FROM shown s JOIN holding h
        ON h.kind = 'chain' AND h.subject = s.chain
      UNION SELECT w.state, h.code, h.severity FROM wanted w JOIN holding h
        ON h.kind = 'state' AND h.subject = w.state),
    single (endpoint, state, code, severity) AS MATERIALIZED (
      SELECT e.id, e.state, h.code, h.severity FROM holding h CROSS JOIN endpoint e ON e.id = h.subject
        WHERE h.kind = 'endpoint' AND ${where})`
}

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
  return {
    /** the endpoints that the filter means, in figures; `now` (milliseconds) decides what findings hold */
    read(filter: EndpointFilter, now: number): Summary {
      const { where, values } = whereSql(filter, now)
      const all = { ...values, now }
      const sql = tables(where)
      const row = db.prepare<[typeof all], Totals>(`${sql} ${totals}`).get(all)
      if (!row) throw new Error('a statement without a table gave no row')
      const { critical, warning, note, ...counts } = row
      const codes = db.prepare<[typeof all], CodeCount>(`${sql} ${byCode}`).all(all)
      return { ...counts, bySeverity: { critical, warning, note }, byCode: codes }
    }
  }
}
