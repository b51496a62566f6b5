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

/** Where keys are in use. */
export function openKeys(db: Connection) {
  const after = db
    .prepare<[Buffer, number], string>(
      'SELECT DISTINCT lower(hex(spki)) FROM certificate WHERE spki > ? ORDER BY spki LIMIT ?'
    )
    .pluck()
  const served = db.prepare<[{ key: Buffer }], ServedCertificate>(
    `SELECT id, lower(hex(fingerprint)) AS fingerprint, count(DISTINCT address) AS addresses
     FROM (${shown}) GROUP BY id ORDER BY id`
  )
  const addresses = db
    .prepare<[{ key: Buffer }], number>(`SELECT count(DISTINCT address) FROM (${shown})`)
    .pluck()
  const all = db.prepare<[Buffer], number>('SELECT id FROM certificate WHERE spki = ? ORDER BY id').pluck()
  return {
    /** SHA-256 of public keys (hex), in their order, after `key`; '' for the first */
    after: (key: string, limit: number) => after.all(bytes(key), limit),
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
