import type { Address } from '../../core/address.ts'
import { readAddress, type AddressColumn, type Connection } from './connection.ts'
import type { EndpointFilter } from './endpoint-filter.ts'
import { byStateSql, isNarrow, orderedSql, whereSql } from './endpoint-selection.ts'
import { byIdsSql, sortedSql, walkedSql } from './page-sql.ts'

/** Orders that a list of endpoints can have; `name` is by what the certificate is called. */
export type EndpointOrder = 'expiry' | 'address' | 'name' | 'last-seen'

/** Where a page begins: the sort values of the row before it, as {@link EndpointPage} gave them. */
export type PageStart = readonly (number | string | bigint)[]

/** What to show. */
export interface PageQuery {
  readonly filter: EndpointFilter
  readonly order: EndpointOrder
  /** undefined for the first page */
  readonly after?: PageStart
  readonly limit: number
  /** decides which findings hold, milliseconds */
  readonly now: number
}

/** An endpoint as it is listed. */
export interface EndpointRow {
  readonly id: number
  readonly address: Address
  readonly port: number
  readonly name: string | null
  readonly present: boolean
  /** why TLS did not answer at the last probe, null while it answers */
  readonly why: string | null
  readonly since: number
  readonly firstSeen: number
  readonly lastSeen: number
  readonly banner: string | null
  readonly owner: string | null
  readonly tags: readonly string[]
  readonly state: number
  readonly outcome: string
  readonly starttls: string | null
  readonly version: number | null
  readonly cipher: number | null
  readonly alert: number | null
  readonly clientCertificate: boolean | null
  readonly chain: number | null
  readonly otherChain: number | null
  /** when the first of its leaf certificates expires; endOfTime without any */
  readonly expires: number
  /** what its certificate is called, '' without any */
  readonly label: string
}

/** Rows, and where the next page begins; null after the last. */
export interface EndpointPage {
  readonly rows: readonly EndpointRow[]
  readonly next: PageStart | null
}

interface RawEndpoint extends Omit<
  EndpointRow,
  'address' | 'name' | 'present' | 'tags' | 'clientCertificate'
> {
  readonly address: AddressColumn
  readonly name: string
  readonly presence: number
  readonly tags: string
  readonly clientCertificate: number | null
}

/** Endpoints that are sorted rather than looked for in their order. */
const few = 5_000

/** Lists of endpoints. */
export function openEndpointPages(db: Connection) {
  const byIds = db.prepare<[string], RawEndpoint>(byIdsSql)
  return {
    page(query: PageQuery): EndpointPage {
      const { order, limit } = query
      const ids = isSlowToWalk(query) ? fewIds(db, query) : undefined
      const { sql, values } = ids ? sortedSql(query, ids) : walkedSql(query)
      const raw = db.prepare<[typeof values], RawEndpoint>(sql).all(values)
      const last = raw.length === limit ? raw.at(-1) : undefined
      return { rows: raw.map(endpointRow), next: last ? sortValues[order](last) : null }
    },
    /** the endpoints with these ids, in the order of the ids; those that are not there are left out */
    byIds: (ids: readonly number[]): EndpointRow[] => byIds.all(JSON.stringify(ids)).map(endpointRow),
    /** how many endpoints the filter means */
    count(filter: EndpointFilter, now: number): number {
      const { sql: states, values } = byStateSql(filter, now)
      const sql = `SELECT sum(n) FROM (${states})`
      return db.prepare<[typeof values], number>(sql).pluck().get(values) ?? 0
    }
  }
}

/**
 * Walking an order is quick when most endpoints on the way are wanted, or when the index that is walked can tell
 * which are. Otherwise each is read from another place of the file, while looking through the whole file for the
 * few that are wanted reads it as it lies.
 */
function isSlowToWalk({ filter, order, now }: PageQuery): boolean {
  if (order === 'last-seen') return false
  return order === 'address' ? isNarrow(filter, now) : !orderedSql(filter, now).alone
}

/** The ids of the endpoints that the filter means, when they are few. */
function fewIds(db: Connection, { filter, now }: PageQuery): number[] | undefined {
  const { sql, values } = whereSql(filter, now)
  const statement = db.prepare<[typeof values], number>(
    `SELECT e.id FROM endpoint e WHERE ${sql} LIMIT ${few + 1}`
  )
  const ids = statement.pluck().all(values)
  return ids.length > few ? undefined : ids
}

/** The sort values of a row, in the order of the keys above. */
const sortValues: Readonly<Record<EndpointOrder, (row: RawEndpoint) => PageStart>> = {
  expiry: (row) => [row.expires, row.state, row.id],
  address: (row) => [readAddress(row.address), row.port, row.name],
  name: (row) => [row.label, row.state, row.id],
  'last-seen': (row) => [row.lastSeen, row.id]
}

function endpointRow({ presence, ...raw }: RawEndpoint): EndpointRow {
  return {
    ...raw,
    address: readAddress(raw.address),
    name: raw.name || null,
    present: presence === 1,
    tags: JSON.parse(raw.tags) as string[],
    clientCertificate: raw.clientCertificate === null ? null : raw.clientCertificate === 1
  }
}
