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

/** How many endpoints were meant, and how many of them are otherwise now. */
export interface Applied {
  readonly met: number
  readonly changed: number
}

/** Owners and tags of endpoints. */
export function openOwnership(db: Connection) {
  const owner = db.prepare('UPDATE endpoint SET owner = ? WHERE id = ? AND owner IS NOT ?')
  const tag = db.prepare('INSERT OR IGNORE INTO endpoint_tag (tag, endpoint) VALUES (?, ?)')
  const untag = db.prepare('DELETE FROM endpoint_tag WHERE tag = ? AND endpoint = ?')
  const at = db
    .prepare<[{ address: bigint | Buffer; port: number | null; name: string | null }], number>(
      `SELECT id FROM endpoint
       WHERE address = @address AND (@port IS NULL OR port = @port) AND (@name IS NULL OR name = @name)`
    )
    .pluck()
  const set = (id: number, of: Ownership): boolean => {
    let changes = 0
    if (of.owner !== undefined) changes += owner.run(of.owner, id, of.owner).changes
    for (const name of of.addTags ?? []) changes += tag.run(name, id).changes
    for (const name of of.removeTags ?? []) changes += untag.run(name, id).changes
    return changes > 0
  }
  const setAll = (ids: readonly number[], of: Ownership): Applied => ({
    met: ids.length,
    changed: ids.filter((id) => set(id, of)).length
  })
  return {
    /** sets it for one endpoint; was it otherwise before? */
    set,
    /** sets it for every endpoint that the filter means */
    setWhere(filter: EndpointFilter, now: number, ownership: Ownership): Applied {
      const { sql: where, values } = whereSql(filter, now)
      const sql = `SELECT e.id FROM endpoint e WHERE ${where}`
      const work = db.transaction(() => {
        return setAll(db.prepare<[typeof values], number>(sql).pluck().all(values), ownership)
      })
      return work.immediate()
    },
    /** sets it for the endpoints of a place */
    setAt(place: Place, ownership: Ownership): Applied {
      return setAll(at.all({ ...place, address: bindAddress(place.address) }), ownership)
    },
    /** every tag that is in use */
    tags: () => db.prepare<[], string>('SELECT DISTINCT tag FROM endpoint_tag ORDER BY tag').pluck().all()
  }
}
