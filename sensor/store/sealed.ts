import type { Connection } from './connection.ts'
import { durably } from './durable.ts'

/** Where a sealed value belongs. */
export interface SealedPlace {
  readonly ownerKind: string
  readonly ownerId: string
  readonly field: string
}

/** A sealed value; only the vault can open it. */
export interface SealedRecord extends SealedPlace {
  /** version of the key that sealed it */
  readonly keyVersion: number
  readonly blob: Uint8Array
  /** when the value was given, milliseconds; sealing it anew leaves it */
  readonly changed: number
}

/** A record with its number, by which all of them can be gone through in pages. */
export interface SealedRow extends SealedRecord {
  readonly id: number
}

/** The key that seals the records, sealed itself. */
export interface SealedKey {
  readonly version: number
  /** what opens it, as JSON of the vault */
  readonly source: string
  readonly wrapped: Uint8Array
  readonly created: number
}

/** What the vault keeps its records in. */
export type SealedStore = ReturnType<typeof openSealed>

const columns = `id, owner_kind AS ownerKind, owner_id AS ownerId, field, key_version AS keyVersion, blob, changed`
const at = 'owner_kind = @ownerKind AND owner_id = @ownerId'

/**
 * Sealed values. What is written is on the disk before the function returns, and what it replaces or drops is
 * overwritten, not only given free: an old value could still be read out of the file by whoever has its key.
 */
export function openSealed(db: Connection) {
  const key = db.prepare<[], SealedKey>(
    'SELECT version, source, wrapped, created FROM sealed_key ORDER BY version DESC LIMIT 1'
  )
  const get = db.prepare<[SealedPlace], SealedRow>(
    `SELECT ${columns} FROM sealed WHERE ${at} AND field = @field`
  )
  const page = db.prepare<[number, number], SealedRow>(
    `SELECT ${columns} FROM sealed WHERE id > ? ORDER BY id LIMIT ?`
  )
  const fields = db.prepare<[Omit<SealedPlace, 'field'>], { field: string; changed: number }>(
    `SELECT field, changed FROM sealed WHERE ${at} ORDER BY field`
  )
  return {
    /** does all of the work, on the disk before it returns, or nothing of it */
    durably: <T>(work: () => T): T => erasing(db, work),
    /** the newest key; undefined before the first use */
    key: (): SealedKey | undefined => key.get(),
    get: (place: SealedPlace): SealedRow | undefined => get.get(place),
    /** at most `limit` records with ids above `after`, in the order of their ids */
    page: (after: number, limit: number): SealedRow[] => page.all(after, limit),
    /** what is kept for an owner, by name only */
    fields: (owner: Omit<SealedPlace, 'field'>) => fields.all(owner),
    count: (): number => db.prepare<[], number>('SELECT count(*) FROM sealed').pluck().get() ?? 0,
    ...writers(db)
  }
}

function writers(db: Connection) {
  const upsert = db.prepare(
    `INSERT INTO sealed (owner_kind, owner_id, field, key_version, blob, changed)
     VALUES (@ownerKind, @ownerId, @field, @keyVersion, @blob, @changed)
     ON CONFLICT (owner_kind, owner_id, field)
     DO UPDATE SET key_version = excluded.key_version, blob = excluded.blob, changed = excluded.changed`
  )
  const reseal = db.prepare('UPDATE sealed SET key_version = ?, blob = ? WHERE id = ?')
  const drop = db.prepare(`DELETE FROM sealed WHERE ${at}`)
  const addKey = db.prepare(
    'INSERT INTO sealed_key (version, source, wrapped, created) VALUES (@version, @source, @wrapped, @created)'
  )
  const rewrap = db.prepare('UPDATE sealed_key SET source = ?, wrapped = ? WHERE version = ?')
  const dropKeys = db.prepare('DELETE FROM sealed_key WHERE version < ?')
  return {
    /** keeps a record, instead of the one that was in its place */
    put: (record: SealedRecord): void =>
      erasing(db, () => void upsert.run({ ...record, blob: Buffer.from(record.blob) })),
    /** the same value under another key */
    reseal: (id: number, keyVersion: number, blob: Uint8Array): void =>
      erasing(db, () => void reseal.run(keyVersion, Buffer.from(blob), id)),
    /** forgets everything of an owner; gives the number of its records */
    drop: (owner: Omit<SealedPlace, 'field'>): number => erasing(db, () => drop.run(owner).changes),
    addKey: (row: SealedKey): void =>
      erasing(db, () => void addKey.run({ ...row, wrapped: Buffer.from(row.wrapped) })),
    /** the same key, opened by another source */
    rewrap: (version: number, source: string, wrapped: Uint8Array): void =>
      erasing(db, () => void rewrap.run(source, Buffer.from(wrapped), version)),
    /** forgets every key older than a version; fails while a record is sealed by one */
    dropKeysBefore: (version: number): void => erasing(db, () => void dropKeys.run(version)),
    /**
     * Moves everything out of the write-ahead log and empties it: it still held what was overwritten since. Another
     * connection that reads meanwhile can keep it from that; the log is emptied at a later time then.
     */
    settle: (): void => void db.pragma('wal_checkpoint(TRUNCATE)')
  }
}

/** Durable work that overwrites what it deletes (PRAGMA secure_delete). */
function erasing<T>(db: Connection, work: () => T): T {
  const before = db.pragma('secure_delete', { simple: true }) as number
  db.pragma('secure_delete = ON')
  try {
    return durably(db, work)
  } finally {
    db.pragma(`secure_delete = ${before}`)
  }
}
