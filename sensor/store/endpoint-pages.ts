import type { Address } from '../../core/address.ts'
import { bindAddress, readAddress, type AddressColumn, type Connection } from './connection.ts'
import type { EndpointFilter, ShownAlias } from './endpoint-filter.ts'
import { byStateSql, meansPresent, orderedSql, unsettled, whereSql, type Sql } from './endpoint-selection.ts'

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

/** The result columns that each order sorts by, and so what a page begins after. */
const sortKeys: Readonly<Record<EndpointOrder, readonly string[]>> = {
  expiry: ['expires', 'state', 'id'],
  address: ['address', 'port', 'name'],
  name: ['label', 'state', 'id'],
  'last-seen': ['lastSeen', 'id']
}

/** Result columns: those that a page is sorted by come from the table that is walked, under names of their own. */
const columns = (
  x: ShownAlias,
  state = `${x}.state`
) => `${x}.id AS id, e.address AS address, e.port AS port, e.name AS name,
  e.presence, e.why, e.since, e.first_seen AS firstSeen, e.last_seen AS lastSeen, e.banner, e.owner,
  ${state} AS state, ${x}.expires AS expires,
  s.outcome, s.starttls, s.version, s.cipher, s.alert, s.client_certificate AS clientCertificate, s.chain,
  s.other_chain AS otherChain, s.label AS label,
  (SELECT json_group_array(tag) FROM (SELECT tag FROM endpoint_tag WHERE endpoint = e.id ORDER BY tag)) AS tags`

/** Lists of endpoints. */
export function openEndpointPages(db: Connection) {
  const byIds = db.prepare<[string], RawEndpoint>(
    `SELECT ${columns('e')} FROM json_each(?) j CROSS JOIN endpoint e ON e.id = j.value
     CROSS JOIN state s ON s.id = e.state ORDER BY j.key`
  )
  return {
    page(query: PageQuery): EndpointPage {
      const { order, limit } = query
      const { sql, values } = pageSql(query)
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
 * The statement of a page; exported so that a test can ask SQLite how it would run it.
 *
 * The values before the row that a page begins after are compared as one row value, so that an index takes the
 * database there: no page counts its way from the start. CROSS JOIN keeps SQLite to the written order of tables.
 * Where the order of expiry is walked, the few new endpoints that are not in it yet are merged in. Only the order by
 * last sight has no index, because every sight would change it: it looks at all endpoints and keeps the best.
 */
export function pageSql(query: PageQuery): Sql {
  const { order, after, limit } = query
  const direction = order === 'last-seen' ? ' DESC' : ''
  const keys = sortKeys[order].map((key) => key + direction).join(', ')
  const selects = selectsOf(query)
  const bound = (after ?? []).map((value, at) => [`after${at}`, bindSortValue(order, at, value)])
  return {
    sql: `${selects.map((one) => one.sql).join(' UNION ALL ')} ORDER BY ${keys} LIMIT @limit`,
    values: Object.assign(
      { limit },
      Object.fromEntries(bound),
      ...selects.map((one) => one.values)
    ) as Sql['values']
  }
}

function selectsOf(query: PageQuery): Sql[] {
  const { filter, order, now } = query
  const { sql, values } = whereSql(filter, now)
  const all = (where: string) => ({
    sql: `SELECT ${columns('e')} FROM endpoint e CROSS JOIN state s ON s.id = e.state
      WHERE ${where}${startSql(query, 'e')}`,
    values
  })
  if (order === 'address' || order === 'last-seen' || !meansPresent(filter)) return [all(sql)]
  const ordered = orderedSql(filter, now)
  const from =
    order === 'expiry'
      ? `${columns('x')} FROM endpoint_order x CROSS JOIN endpoint e ON e.id = x.id
         CROSS JOIN state s ON s.id = x.state`
      : `${columns('x', 's.id')} FROM state s
         CROSS JOIN endpoint_order x ON x.expires = s.expires AND x.state = s.id
         CROSS JOIN endpoint e ON e.id = x.id`
  const settled = `SELECT ${from} WHERE ${ordered.sql}${startSql(query, 'x')}`
  return [{ sql: settled, values: ordered.values }, all(`${unsettled} AND ${sql}`)]
}

/** The condition that a row comes after the one that the page begins after. */
function startSql({ order, after }: PageQuery, x: ShownAlias): string {
  if (!after) return ''
  const keys: Readonly<Record<EndpointOrder, string>> = {
    expiry: `${x}.expires, ${x}.state, ${x}.id`,
    address: 'e.address, e.port, e.name',
    name: `s.label, s.id, ${x}.id`,
    'last-seen': 'e.last_seen, e.id'
  }
  const values = after.map((_, at) => `@after${at}`).join(', ')
  return ` AND (${keys[order]}) ${order === 'last-seen' ? '<' : '>'} (${values})`
}

/** The sort values of a row, in the order of the keys above. */
const sortValues: Readonly<Record<EndpointOrder, (row: RawEndpoint) => PageStart>> = {
  expiry: (row) => [row.expires, row.state, row.id],
  address: (row) => [readAddress(row.address), row.port, row.name],
  name: (row) => [row.label, row.state, row.id],
  'last-seen': (row) => [row.lastSeen, row.id]
}

function bindSortValue(order: EndpointOrder, at: number, value: number | string | bigint) {
  return order === 'address' && at === 0 && typeof value !== 'string' ? bindAddress(value) : value
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
