import type { Connection } from './connection.ts'

/** When a CA wants a certificate to be renewed. */
export interface RenewalWindowRow {
  /** SHA-256 of the certificate, hex */
  readonly fingerprint: string
  readonly begins: number
  readonly ends: number
  readonly explanation: string | null
  readonly asked: number
  /** when to ask again */
  readonly again: number
}

/** The last answer of CAs about renewal, by certificate (RFC 9773). */
export function openRenewalWindows(db: Connection) {
  const select = db.prepare<[string], RenewalWindowRow>('SELECT * FROM renewal_window WHERE fingerprint = ?')
  const upsert = db.prepare(
    `INSERT INTO renewal_window (fingerprint, begins, ends, explanation, asked, again)
     VALUES (@fingerprint, @begins, @ends, @explanation, @asked, @again)
     ON CONFLICT (fingerprint) DO UPDATE SET begins = excluded.begins, ends = excluded.ends,
       explanation = excluded.explanation, asked = excluded.asked, again = excluded.again`
  )
  const remove = db.prepare('DELETE FROM renewal_window WHERE fingerprint = ?')
  return {
    get: (fingerprint: string): RenewalWindowRow | undefined => select.get(fingerprint),
    put: (of: RenewalWindowRow) => void upsert.run(of),
    /** the certificate is served no more */
    remove: (fingerprint: string) => void remove.run(fingerprint)
  }
}
