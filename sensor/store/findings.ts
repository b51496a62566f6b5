import type { Connection } from './connection.ts'

/**
 * What a finding hangs on. Endpoints share states and states share certificates, so that most findings are
 * written once for many endpoints. `key` and `status` are a certificate again (its id), for what is true of its key
 * in the light of all others, and for what its issuer said of it when it was asked; `look` is an endpoint again, for
 * what deeper looks showed. A scan leaves those alone: they are renewed by their own passes.
 */
export type SubjectKind = CertificateKind | 'chain' | 'state' | 'endpoint' | 'look'

/** The kinds whose subject is a certificate. */
export const certificateKinds = ['certificate', 'key', 'status'] as const
type CertificateKind = (typeof certificateKinds)[number]

/** How bad a finding is. */
export type Severity = 'critical' | 'warning' | 'note'

/** Small values that a finding rests on. */
export type Facts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** A finding, true from `begins` (included) until `ends` (excluded); 0 and endOfTime for always. */
export interface NewFinding {
  readonly code: string
  readonly severity: Severity
  readonly begins: number
  readonly ends: number
  readonly reason: string
  readonly facts: Facts
}

/** A finding as it is kept. */
export interface FindingRow extends NewFinding {
  readonly kind: SubjectKind
  readonly subject: number
}

/** What a finding can hang on. */
export interface Subject {
  readonly kind: SubjectKind
  readonly id: number
}

/** Findings with the time for which they are true: what holds now is a matter of the question, not of a run. */
export function openFindings(db: Connection) {
  const insert = db.prepare(
    `INSERT INTO finding (kind, subject, code, begins, ends, severity, reason, facts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const remove = db.prepare('DELETE FROM finding WHERE kind = ? AND subject = ?')
  const select = db.prepare<[string, number, number, number], Omit<FindingRow, 'facts'> & { facts: string }>(
    `SELECT kind, subject, code, begins, ends, severity, reason, facts FROM finding
     WHERE kind = ? AND subject = ? AND begins <= ? AND ends > ? ORDER BY code, begins`
  )
  const add = ({ kind, id }: Subject, findings: readonly NewFinding[]) => {
    for (const one of findings) {
      const span = [one.begins, one.ends]
      insert.run(kind, id, one.code, ...span, one.severity, one.reason, JSON.stringify(one.facts))
    }
  }
  return {
    /** findings of a subject that has none yet */
    add,
    /** the findings of a subject, instead of those it had */
    replace(subject: Subject, findings: readonly NewFinding[]): void {
      remove.run(subject.kind, subject.id)
      add(subject, findings)
    },
    /** the findings of a subject that hold at `now` */
    of: ({ kind, id }: Subject, now: number): FindingRow[] =>
      select.all(kind, id, now, now).map((raw) => ({ ...raw, facts: JSON.parse(raw.facts) as Facts }))
  }
}
