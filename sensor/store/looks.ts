import type { Address } from '../../core/address.ts'
import { bindAddress, bytes, type Connection } from './connection.ts'

/** What a closer look showed, to be kept. */
export interface NewLook {
  readonly kind: string
  /** milliseconds */
  readonly at: number
  /** the scan that it followed */
  readonly scan: number
  /** JSON of the caller */
  readonly report: string
  /** SHA-256, hex, of what must not change for two reports to say the same */
  readonly digest: string
}

/** A look as it is kept: the latest of its kind about its subject, or the one before that said otherwise. */
export interface LookRow extends Omit<NewLook, 'digest'> {
  readonly latest: boolean
  /** when it was first so, milliseconds */
  readonly since: number
}

/** Where something answered; `name`: the server name asked for, null for none. */
export interface LookPlace {
  readonly address: Address
  readonly port: number
  readonly name: string | null
}

interface RawLook extends Omit<LookRow, 'latest'> {
  readonly latest: number
}

const lookColumns = 'kind, latest, since, at, scan, report'

/** What closer looks showed: the latest report of a kind, and once the one before it that differed. */
export function openLooks(db: Connection) {
  const keepAtPlace = keeping(db, 'place_look', ['address', 'port', 'name'])
  const keepOfCertificate = keeping(db, 'certificate_look', ['certificate'])
  const atPlace = db.prepare<[bigint | Buffer, number, string], RawLook>(
    `SELECT ${lookColumns} FROM place_look WHERE address = ? AND port = ? AND name = ? ORDER BY kind, latest DESC`
  )
  const names = db
    .prepare<[bigint | Buffer, number], string>(
      'SELECT DISTINCT name FROM place_look WHERE address = ? AND port = ? ORDER BY name'
    )
    .pluck()
  const ofCertificate = db.prepare<[number], RawLook>(
    `SELECT ${lookColumns} FROM certificate_look WHERE certificate = ? ORDER BY kind, latest DESC`
  )
  return {
    /** keeps a look at a place */
    keepAt({ address, port, name }: LookPlace, look: NewLook): void {
      keepAtPlace([bindAddress(address), port, name ?? ''], look)
    },
    /** keeps a look at a certificate, by its id */
    keepOf: (certificate: number, look: NewLook): void => keepOfCertificate([certificate], look),
    /** the looks at a place by kind, of each the latest first */
    at: ({ address, port, name }: LookPlace): LookRow[] =>
      atPlace.all(bindAddress(address), port, name ?? '').map(lookRow),
    /** the server names for which an address and port were looked at; null for none */
    namesAt: (address: Address, port: number): (string | null)[] =>
      names.all(bindAddress(address), port).map((name) => name || null),
    /** the looks at a certificate, likewise */
    of: (certificate: number): LookRow[] => ofCertificate.all(certificate).map(lookRow)
  }
}

type Key = readonly (number | bigint | Buffer | string)[]

/** Keeps a look under a key: over the latest one where that said the same, else that one becomes the one before. */
function keeping(db: Connection, table: string, key: readonly string[]): (of: Key, look: NewLook) => void {
  const where = `${key.map((column) => `${column} = ?`).join(' AND ')} AND kind = ?`
  const latest = db.prepare<unknown[], { id: number; digest: Buffer }>(
    `SELECT id, digest FROM ${table} WHERE ${where} AND latest = 1`
  )
  const renew = db.prepare(`UPDATE ${table} SET at = ?, scan = ?, report = ? WHERE id = ?`)
  const dropBefore = db.prepare(`DELETE FROM ${table} WHERE ${where} AND latest = 0`)
  const pass = db.prepare(`UPDATE ${table} SET latest = 0 WHERE id = ?`)
  const insert = db.prepare(
    `INSERT INTO ${table} (${key.join(', ')}, kind, latest, digest, since, at, scan, report)
     VALUES (${key.map(() => '?').join(', ')}, ?, 1, ?, ?, ?, ?, ?)`
  )
  const work = db.transaction((of: Key, { kind, at, scan, report, digest }: NewLook) => {
    const known = latest.get(...of, kind)
    const mark = bytes(digest)
    if (known?.digest.equals(mark)) {
      renew.run(at, scan, report, known.id)
      return
    }
    if (known) {
      dropBefore.run(...of, kind)
      pass.run(known.id)
    }
    insert.run(...of, kind, mark, at, at, scan, report)
  })
  return (of, look) => work.immediate(of, look)
}

function lookRow({ latest, ...raw }: RawLook): LookRow {
  return { ...raw, latest: latest === 1 }
}
