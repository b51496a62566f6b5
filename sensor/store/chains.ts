import { createCache } from '../../core/cache.ts'
import { bytes, type Connection } from './connection.ts'

/** A chain as served. */
export interface ChainRow {
  readonly id: number
  /** what identifies it, lower-case hex */
  readonly hash: string
  /** id of the first certificate */
  readonly leaf: number
  /** what the chain check said, as JSON of the caller */
  readonly verdict: string
}

/** Chains that are remembered by hash: one endpoint after the other shows the same few. */
const remembered = 50_000

/** Chains, each once by the hash of its certificates in the order served. */
export function openChains(db: Connection) {
  const columns = 'id, lower(hex(hash)) AS hash, leaf, verdict'
  const known = createCache<string, number>(remembered)
  const select = db.prepare<[Buffer], number>('SELECT id FROM chain WHERE hash = ?').pluck()
  const insert = db.prepare('INSERT INTO chain (hash, leaf, verdict) VALUES (?, ?, ?)')
  const member = db.prepare('INSERT INTO chain_member (chain, position, certificate) VALUES (?, ?, ?)')
  const members = db
    .prepare<[number], number>('SELECT certificate FROM chain_member WHERE chain = ? ORDER BY position')
    .pluck()
  const byId = db.prepare<[number], ChainRow>(`SELECT ${columns} FROM chain WHERE id = ?`)
  const byLeaf = db.prepare<[number], ChainRow>(`SELECT ${columns} FROM chain WHERE leaf = ? ORDER BY id`)
  const after = db.prepare<[number, number], ChainRow>(
    `SELECT ${columns} FROM chain WHERE id > ? ORDER BY id LIMIT ?`
  )
  const verdict = db.prepare('UPDATE chain SET verdict = ? WHERE id = ?')
  const count = db.prepare<[], number>('SELECT count(*) FROM chain').pluck()
  return {
    /** how many are kept */
    count: () => count.get() ?? 0,
    /** the id of a chain that is kept, or undefined */
    idOf(hash: string): number | undefined {
      const id = known.get(hash) ?? select.get(bytes(hash))
      if (id !== undefined) known.set(hash, id)
      return id
    },
    /** keeps a chain that is not kept yet: ids of its certificates, leaf first; gives its id */
    add(hash: string, certificates: readonly [leaf: number, ...rest: number[]], verdict: string): number {
      const id = Number(insert.run(bytes(hash), certificates[0], verdict).lastInsertRowid)
      for (const [position, certificate] of certificates.entries()) member.run(id, position, certificate)
      known.set(hash, id)
      return id
    },
    setVerdict: (id: number, value: string) => void verdict.run(value, id),
    byId: (id: number) => byId.get(id),
    /** ids of its certificates in the order served */
    members: (id: number) => members.all(id),
    /** the chains that this certificate heads */
    byLeaf: (leaf: number) => byLeaf.all(leaf),
    /** chains by id, after the id `id` */
    after: (id: number, limit: number) => after.all(id, limit),
    forget: () => known.clear()
  }
}
