import type { Connection } from './connection.ts'
import type { Severity } from './findings.ts'

/** The inventory in figures, as it stands. */
export interface Summary {
  /** endpoints that are there, and those that were */
  readonly present: number
  readonly gone: number
  /** certificates that present endpoints show first */
  readonly certificates: number
  /**
   * Findings that hold: one for each certificate, chain or endpoint concerned. What certificates and chains
   * that nobody shows any more have wrong does not count.
   */
  readonly findings: Readonly<Record<Severity, number>>
  /** the same by code */
  readonly byCode: readonly { readonly code: string; readonly severity: Severity; readonly count: number }[]
}

/** What present endpoints show: each state with the number of its endpoints, their chains, and their leaves. */
const live = `WITH
  live (state, count) AS MATERIALIZED
    (SELECT state, count(*) FROM endpoint WHERE presence = 1 GROUP BY expires, state),
  live_chain (id) AS MATERIALIZED (
    SELECT s.chain FROM live JOIN state s ON s.id = live.state WHERE s.chain IS NOT NULL
    UNION SELECT s.other_chain FROM live JOIN state s ON s.id = live.state WHERE s.other_chain IS NOT NULL),
  live_leaf (id) AS MATERIALIZED
    (SELECT DISTINCT c.leaf FROM live_chain l JOIN chain c ON c.id = l.id)`

/** Figures over the whole inventory. */
export function openSummary(db: Connection) {
  const endpoints = db.prepare<[], { presence: number; count: number }>(
    `SELECT 1 AS presence, count(*) AS count FROM endpoint WHERE presence = 1
     UNION ALL SELECT 0, (SELECT count(*) FROM endpoint) - (SELECT count(*) FROM endpoint WHERE presence = 1)`
  )
  const certificates = db.prepare<[], number>(`${live} SELECT count(*) FROM live_leaf`).pluck()
  const holds = 'begins <= @now AND ends > @now'
  const findings = db.prepare<[{ now: number }], Summary['byCode'][number]>(
    `${live}
     SELECT code, severity, sum(n) AS count FROM (
       SELECT code, severity, 1 AS n FROM finding
         WHERE kind IN ('certificate', 'key') AND ${holds} AND subject IN (SELECT id FROM live_leaf)
       UNION ALL SELECT code, severity, 1 FROM finding
         WHERE kind = 'chain' AND ${holds} AND subject IN (SELECT id FROM live_chain)
       UNION ALL SELECT code, severity, live.count FROM finding JOIN live ON live.state = subject
         WHERE kind = 'state' AND ${holds}
       UNION ALL SELECT code, severity, 1 FROM finding
         WHERE kind = 'endpoint' AND ${holds}
           AND subject IN (SELECT id FROM endpoint WHERE presence = 1 AND name <> ''))
     GROUP BY code, severity ORDER BY code, severity`
  )
  return {
    /** the figures at `now` (milliseconds), which decides what findings hold */
    read(now: number): Summary {
      const byPresence = endpoints.all()
      const count = (presence: number) => byPresence.find((one) => one.presence === presence)?.count ?? 0
      const byCode = findings.all({ now })
      const total = { critical: 0, warning: 0, note: 0 }
      for (const { severity, count } of byCode) total[severity] += count
      return {
        present: count(1),
        gone: count(0),
        certificates: certificates.get() ?? 0,
        findings: total,
        byCode
      }
    }
  }
}
