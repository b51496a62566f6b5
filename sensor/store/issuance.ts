import type { Connection } from './connection.ts'

/** A certificate that an own CA signed and took back. */
export interface RevokedRow {
  readonly serial: string
  readonly at: number
  /** a word of the issuer */
  readonly reason: string
}

/** A request that people take to a CA. */
export interface RequestRow {
  readonly id: string
  readonly names: readonly string[]
  readonly pem: string
  readonly fileName: string
}

/** A certificate that was bought elsewhere. */
export interface ShelvedRow {
  readonly issuer: string
  /** SHA-256 of the leaf, hex */
  readonly fingerprint: string
  /** PEM, leaf first */
  readonly chain: string
  readonly imported: number
}

/** What issuers keep. Nothing here is durable by itself: whoever promises that writes in `store.durable`. */
export function openIssuance(db: Connection) {
  return { ...register(db), ...desk(db), ...shelf(db), ...memory(db) }
}

function register(db: Connection) {
  const find = db
    .prepare<[string, string], Buffer>(
      'SELECT certificate FROM issued_certificate WHERE issuer = ? AND serial = ?'
    )
    .pluck()
  const insert = db.prepare(
    `INSERT INTO issued_certificate (issuer, serial, certificate, not_after)
     VALUES (@issuer, @serial, @certificate, @notAfter) ON CONFLICT DO NOTHING`
  )
  const revoke = db.prepare(
    `UPDATE issued_certificate SET revoked = @at, reason = @reason
     WHERE issuer = @issuer AND serial = @serial AND revoked IS NULL`
  )
  const revoked = db.prepare<[string, number], RevokedRow>(
    `SELECT serial, revoked AS at, reason FROM issued_certificate INDEXED BY issued_certificate_revoked
     WHERE issuer = ? AND not_after > ? AND revoked IS NOT NULL ORDER BY serial`
  )
  const number = db
    .prepare<[string], number>(
      `INSERT INTO revocation_list (issuer, number) VALUES (?, 1)
       ON CONFLICT (issuer) DO UPDATE SET number = number + 1 RETURNING number`
    )
    .pluck()
  return {
    /** the certificate of a serial number, DER */
    issued: (issuer: string, serial: string): Uint8Array | undefined => find.get(issuer, serial),
    /** keeps it unless there is one of the serial */
    keepIssued: (of: { issuer: string; serial: string; certificate: Uint8Array; notAfter: number }): void =>
      void insert.run({ ...of, certificate: Buffer.from(of.certificate) }),
    /** a second time changes nothing */
    revokeIssued: (issuer: string, of: RevokedRow): void => void revoke.run({ issuer, ...of }),
    /** those that have not expired at `now` */
    revoked: (issuer: string, now: number): RevokedRow[] => revoked.all(issuer, now),
    /** a higher one each time */
    nextCrlNumber: (issuer: string): number => number.get(issuer) ?? 1
  }
}

function desk(db: Connection) {
  const show = db.prepare(
    `INSERT INTO certificate_request (id, names, pem, file_name) VALUES (@id, @names, @pem, @fileName)
     ON CONFLICT DO NOTHING`
  )
  const handIn = db.prepare(
    `INSERT INTO certificate_request (id, names, pem, file_name, handed_in)
     VALUES (@id, @names, @pem, @fileName, @file)
     ON CONFLICT (id) DO UPDATE SET handed_in = excluded.handed_in`
  )
  const handedIn = db
    .prepare<[string], Buffer | null>('SELECT handed_in FROM certificate_request WHERE id = ?')
    .pluck()
  const row = ({ names, ...of }: RequestRow) => ({ ...of, names: JSON.stringify(names) })
  return {
    /** keeps a request; the same one is kept once */
    showRequest: (of: RequestRow): void => void show.run(row(of)),
    handIn: (of: RequestRow, file: Uint8Array): void =>
      void handIn.run({ ...row(of), file: Buffer.from(file) }),
    /** what was handed in for a request */
    handedIn: (id: string): Uint8Array | null => handedIn.get(id) ?? null
  }
}

function shelf(db: Connection) {
  const add = db.prepare(
    `INSERT INTO shelved_certificate (issuer, fingerprint, chain, imported)
     VALUES (@issuer, @fingerprint, @chain, @imported) ON CONFLICT DO NOTHING`
  )
  const of = db.prepare<[string], ShelvedRow>(
    'SELECT issuer, fingerprint, chain, imported FROM shelved_certificate WHERE issuer = ? ORDER BY imported'
  )
  return {
    /** keeps a certificate; false: it is there already */
    shelve: (row: ShelvedRow): boolean => add.run(row).changes === 1,
    shelved: (issuer: string): ShelvedRow[] => of.all(issuer)
  }
}

function memory(db: Connection) {
  const read = db.prepare<[string], string>('SELECT memory FROM issuer_memory WHERE issuer = ?').pluck()
  const write = db.prepare(
    'INSERT INTO issuer_memory (issuer, memory) VALUES (?, ?) ON CONFLICT DO UPDATE SET memory = excluded.memory'
  )
  const forgets = ['issued_certificate', 'revocation_list', 'shelved_certificate', 'issuer_memory'].map(
    (table) => db.prepare(`DELETE FROM ${table} WHERE issuer = ?`)
  )
  return {
    memoryOf: (issuer: string): string | null => read.get(issuer) ?? null,
    remember: (issuer: string, text: string): void => void write.run(issuer, text),
    /** forgets everything that an issuer keeps */
    forgetIssuer: (issuer: string): void => forgets.forEach((one) => one.run(issuer))
  }
}
