import { createCache } from '../../core/cache.ts'
import { bytes, type Connection } from './connection.ts'

/** A name that a certificate is for. */
export interface CertificateName {
  readonly kind: 'dns' | 'ip' | 'email' | 'uri'
  readonly value: string
}

/** Who vouches for a certificate: a root of the system, only a root of one's own, or nobody (null). */
export type Trust = 'public' | 'private' | null

/** The columns of one certificate; digests and identifiers in lower-case hex, times in milliseconds. */
export interface CertificateColumns {
  readonly fingerprint: string
  /** what a person calls it: the common name, else the first name, else the subject */
  readonly label: string
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  readonly notBefore: number
  readonly notAfter: number
  readonly keyType: string
  readonly keyBits: number
  readonly curve: string | null
  readonly signatureAlgorithm: string
  readonly spki: string
  readonly subjectKeyId: string | null
  readonly authorityKeyId: string | null
  readonly isCa: boolean
  readonly selfIssued: boolean
  readonly firstSeen: number
}

/** A certificate to keep. */
export interface NewCertificate extends CertificateColumns {
  readonly names: readonly CertificateName[]
  readonly der: Uint8Array
}

/** A certificate as it is kept. */
export interface CertificateRow extends CertificateColumns {
  readonly id: number
  readonly trust: Trust
}

/** The columns of a {@link CertificateRow}, of the table or alias `from`. */
export const certificateColumns = (from: string) =>
  `${from}.id, lower(hex(${from}.fingerprint)) AS fingerprint, ${from}.label, ${from}.subject, ${from}.issuer,
   ${from}.serial, ${from}.not_before AS notBefore, ${from}.not_after AS notAfter, ${from}.key_type AS keyType,
   ${from}.key_bits AS keyBits, ${from}.curve, ${from}.signature_algorithm AS signatureAlgorithm,
   lower(hex(${from}.spki)) AS spki, lower(hex(${from}.subject_key_id)) AS subjectKeyId,
   lower(hex(${from}.authority_key_id)) AS authorityKeyId, ${from}.is_ca AS isCa,
   ${from}.self_issued AS selfIssued, ${from}.trust, ${from}.first_seen AS firstSeen`

/** What SQLite gives for {@link certificateColumns}: no booleans, and hex(NULL) is ''. */
export interface RawCertificate extends Omit<CertificateRow, 'isCa' | 'selfIssued'> {
  readonly isCa: number
  readonly selfIssued: number
}

/** The row behind what SQLite gave. */
export function certificateRow(raw: RawCertificate): CertificateRow {
  return {
    ...raw,
    subjectKeyId: raw.subjectKeyId || null,
    authorityKeyId: raw.authorityKeyId || null,
    isCa: raw.isCa === 1,
    selfIssued: raw.selfIssued === 1
  }
}

/** `www.Example.com` as `com.example.www`: a suffix becomes a prefix, which an index can find. */
export function reversedName(name: string): string {
  return name.toLowerCase().split('.').reverse().join('.')
}

/** Ids of certificates that are remembered by fingerprint, so that a chain need not be looked up. */
const remembered = 20_000

/** Certificates, each once by its SHA-256. */
export function openCertificates(db: Connection) {
  const known = createCache<string, number>(remembered)
  const select = db.prepare<[Buffer], number>('SELECT id FROM certificate WHERE fingerprint = ?').pluck()
  const insert = insertCertificate(db)
  const trust = db.prepare('UPDATE certificate SET trust = ? WHERE id = ?')
  const der = db.prepare<[number], Buffer>('SELECT der FROM certificate_der WHERE certificate = ?').pluck()
  const idOf = (fingerprint: string) => {
    const id = known.get(fingerprint) ?? select.get(bytes(fingerprint))
    if (id !== undefined) known.set(fingerprint, id)
    return id
  }
  return {
    /** the id of a certificate that is kept, or undefined */
    idOf,
    /** keeps a certificate that is not kept yet; gives its id */
    add(certificate: NewCertificate): number {
      const id = insert(certificate)
      known.set(certificate.fingerprint, id)
      return id
    },
    setTrust: (id: number, value: Trust) => void trust.run(value, id),
    /** nobody vouches for anything any more */
    resetTrust: () => void db.prepare('UPDATE certificate SET trust = NULL WHERE trust IS NOT NULL').run(),
    /** the DER of a certificate that is kept */
    der: (id: number): Uint8Array => der.get(id) ?? new Uint8Array(),
    forget: () => known.clear(),
    ...certificateQueries(db)
  }
}

function insertCertificate(db: Connection) {
  const row = db.prepare(
    `INSERT INTO certificate (fingerprint, label, subject, issuer, serial, not_before, not_after, key_type,
       key_bits, curve, signature_algorithm, spki, subject_key_id, authority_key_id, is_ca, self_issued,
       first_seen, search)
     VALUES (@fingerprint, @label, @subject, @issuer, @serial, @notBefore, @notAfter, @keyType, @keyBits, @curve,
       @signatureAlgorithm, @spki, @subjectKeyId, @authorityKeyId, @isCa, @selfIssued,
       @firstSeen, @search)`
  )
  const der = db.prepare('INSERT INTO certificate_der (certificate, der) VALUES (?, ?)')
  const name = db.prepare(
    'INSERT OR IGNORE INTO certificate_name (kind, value, certificate) VALUES (?, ?, ?)'
  )
  const text = db.prepare('INSERT INTO certificate_text (rowid, text) VALUES (?, ?)')
  return ({ names, der: encoded, ...columns }: NewCertificate): number => {
    const search = [columns.subject, ...names.map((one) => one.value)].join('\n').toLowerCase()
    const { lastInsertRowid } = row.run({
      ...columns,
      fingerprint: bytes(columns.fingerprint),
      spki: bytes(columns.spki),
      subjectKeyId: columns.subjectKeyId === null ? null : bytes(columns.subjectKeyId),
      authorityKeyId: columns.authorityKeyId === null ? null : bytes(columns.authorityKeyId),
      isCa: Number(columns.isCa),
      selfIssued: Number(columns.selfIssued),
      search
    })
    const id = Number(lastInsertRowid)
    der.run(id, encoded)
    for (const one of names) name.run(one.kind, nameKey(one), id)
    text.run(id, search)
    return id
  }
}

/** What a name is found by. */
function nameKey({ kind, value }: CertificateName): string {
  return kind === 'dns' ? reversedName(value) : value
}

function certificateQueries(db: Connection) {
  const columns = certificateColumns('c')
  const byId = db.prepare<[number], RawCertificate>(`SELECT ${columns} FROM certificate c WHERE c.id = ?`)
  const byRange = db.prepare<[Buffer, Buffer, number], RawCertificate>(
    `SELECT ${columns} FROM certificate c WHERE c.fingerprint BETWEEN ? AND ? ORDER BY c.fingerprint LIMIT ?`
  )
  const leaves = db.prepare<[number, number], RawCertificate>(
    `SELECT ${columns} FROM certificate c
     WHERE c.id > ? AND EXISTS (SELECT 1 FROM chain WHERE leaf = c.id) ORDER BY c.id LIMIT ?`
  )
  const bySubjectKey = db.prepare<[Buffer], RawCertificate>(
    `SELECT ${columns} FROM certificate c WHERE c.subject_key_id = ? ORDER BY c.id LIMIT 100`
  )
  return {
    byId(id: number): CertificateRow | undefined {
      const raw = byId.get(id)
      return raw && certificateRow(raw)
    },
    /** certificates whose fingerprint begins with these hex digits, in its order */
    byPrefix(digits: string, limit: number): CertificateRow[] {
      const [low, high] = [bytes(digits.padEnd(64, '0')), bytes(digits.padEnd(64, 'f'))]
      return byRange.all(low, high, limit).map(certificateRow)
    },
    /** certificates that head a chain, by id, after the id `after` */
    leavesAfter: (after: number, limit: number) => leaves.all(after, limit).map(certificateRow),
    /** certificates with this subject key identifier: those that may have issued what names it */
    bySubjectKeyId: (hex: string) => bySubjectKey.all(bytes(hex)).map(certificateRow)
  }
}
