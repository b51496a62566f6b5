import { bytes, type Connection } from './connection.ts'

/** A leaf certificate that endpoints show at present. */
export interface ServedCertificate {
  readonly id: number
  readonly fingerprint: string
  /** addresses on which it is shown */
  readonly addresses: number
}

/** How one key is in use at present. */
export interface KeyUse {
  readonly served: readonly ServedCertificate[]
  /** ids of certificates with this key that nothing shows as its own at present */
  readonly unserved: readonly number[]
  /** addresses on which the key is in use, whatever the certificate */
  readonly addresses: number
}

/**
 * The addresses of present endpoints that show a leaf certificate with a key, with the certificate; of those that are
 * in the order of expiry.
 */
const shown = ['chain', 'other_chain']
  .map(
    (column) => `SELECT k.id, k.fingerprint, e.address FROM certificate k
      CROSS JOIN chain c ON c.leaf = k.id
      CROSS JOIN state s ON s.${column} = c.id
      CROSS JOIN endpoint_order x ON x.expires = s.expires AND x.state = s.id
      CROSS JOIN endpoint e ON e.id = x.id
      WHERE k.spki = @key`
  )
  .join(' UNION ALL ')

/** A moment in the life of the inventory: everything with higher ids came later. */
export interface Mark {
  readonly endpoint: number
  readonly history: number
}

/** The keys of leaf certificates in what endpoints showed or show, of those that are new or changed since a mark. */
const touched = `WITH
  states (id) AS (
    SELECT state FROM endpoint WHERE id > @endpoint
    UNION SELECT state FROM history WHERE id > @history
    UNION SELECT e.state FROM history h CROSS JOIN endpoint e ON e.id = h.endpoint WHERE h.id > @history),
  chains (id) AS (
    SELECT s.chain FROM states t CROSS JOIN state s ON s.id = t.id
    UNION SELECT s.other_chain FROM states t CROSS JOIN state s ON s.id = t.id)
  SELECT DISTINCT k.spki FROM chains t CROSS JOIN chain c ON c.id = t.id CROSS JOIN certificate k ON k.id = c.leaf`

/** Where keys are in use. */
export function openKeys(db: Connection) {
  const mark = db.prepare<[], Mark>(
    `SELECT (SELECT coalesce(max(id), 0) FROM endpoint) AS endpoint,
       (SELECT coalesce(max(id), 0) FROM history) AS history`
  )
  const served = db.prepare<[{ key: Buffer }], ServedCertificate>(
    `SELECT id, lower(hex(fingerprint)) AS fingerprint, count(DISTINCT address) AS addresses
     FROM (${shown}) GROUP BY id ORDER BY id`
  )
  const addresses = db
    .prepare<[{ key: Buffer }], number>(`SELECT count(DISTINCT address) FROM (${shown})`)
    .pluck()
  const all = db.prepare<[Buffer], number>('SELECT id FROM certificate WHERE spki = ? ORDER BY id').pluck()
  return {
    /** collects the keys whose use may have changed since a mark, in a table of this connection; gives the mark of now */
    gather(since: Mark): Mark {
      db.exec(
        'CREATE TEMP TABLE IF NOT EXISTS gathered (spki BLOB PRIMARY KEY) WITHOUT ROWID; DELETE FROM gathered'
      )
      const work = db.transaction(() => {
        db.prepare<[Mark]>(`INSERT INTO gathered ${touched}`).run(since)
        return mark.get() ?? since
      })
      // deferred: only a table of this connection is written
      return work.deferred()
    },
    /** SHA-256 of the public keys that were gathered (hex), in their order, after `key`; '' for the first */
    gathered: (key: string, limit: number) =>
      db
        .prepare<[Buffer, number], string>(
          'SELECT lower(hex(spki)) FROM gathered WHERE spki > ? ORDER BY spki LIMIT ?'
        )
        .pluck()
        .all(bytes(key), limit),
    use(key: string): KeyUse {
      const certificates = served.all({ key: bytes(key) })
      const ids = new Set(certificates.map((one) => one.id))
      const unserved = all.all(bytes(key)).filter((id) => !ids.has(id))
      const [only] = certificates
      // the addresses of a single certificate have been counted already
      const counted = certificates.length === 1 ? only?.addresses : addresses.get({ key: bytes(key) })
      return { served: certificates, unserved, addresses: counted ?? 0 }
    }
  }
}
