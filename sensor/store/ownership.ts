import type { Address } from '../../core/address.ts'
import { bindAddress, type Connection } from './connection.ts'
import type { EndpointFilter } from './endpoint-filter.ts'
import { whereSql } from './endpoint-selection.ts'

/** What people say about endpoints; what is left out stays as it is. */
export interface Ownership {
  /** null takes the owner away */
  readonly owner?: string | null
  readonly addTags?: readonly string[]
  readonly removeTags?: readonly string[]
}

/** The endpoints of an address; null means any port, any server name. */
export interface Place {
  readonly address: Address
  readonly port: number | null
  readonly name: string | null
}

/** Owners and tags of endpoints. */
export function openOwnership(db: Connection) {
  const owner = db.prepare('UPDATE endpoint SET owner = ? WHERE id = ?')
  const tag = db.prepare('INSERT OR IGNORE INTO endpoint_tag (tag, endpoint) VALUES (?, ?)')
  const untag = db.prepare('DELETE FROM endpoint_tag WHERE tag = ? AND endpoint = ?')
  const at = db
    .prepare<[{ address: bigint | Buffer; port: number | null; name: string | null }], number>(
      `SELECT id FROM endpoint
       WHERE address = @address AND (@port IS NULL OR port = @port) AND (@name IS NULL OR name = @name)`
    )
    .pluck()
  const set = (id: number, of: Ownership) => {
    if (of.owner !== undefined) owner.run(of.owner, id)
    for (const name of of.addTags ?? []) tag.run(name, id)
    for (const name of of.removeTags ?? []) untag.run(name, id)
  }
  return {
    /** sets it for one endpoint */
    set,
    /** sets it for every endpoint that the filter means; gives their number */
    setWhere(filter: EndpointFilter, now: number, ownership: Ownership): number {
      const { sql: where, values } = whereSql(filter, now)
      const sql = `SELECT e.id FROM endpoint e WHERE ${where}`
      const work = db.transaction(() => {
        const ids = db.prepare<[typeof values], number>(sql).pluck().all(values)
        for (const id of ids) set(id, ownership)
        return ids.length
      })
      return work.immediate()
    },
    /** sets it for the endpoints of a place; gives their number */
    setAt(place: Place, ownership: Ownership): number {
      const ids = at.all({ ...place, address: bindAddress(place.address) })
      for (const id of ids) set(id, ownership)
      return ids.length
    },
    /** every tag that is in use */
    tags: () => db.prepare<[], string>('SELECT DISTINCT tag FROM endpoint_tag ORDER BY tag').pluck().all()
  }
}
