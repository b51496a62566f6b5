import type { Address } from '../../core/address.ts'
import { bindAddress, readAddress, type AddressColumn, type Connection } from './connection.ts'
import { conditions, type EndpointFilter } from './endpoint-filter.ts'

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

/**
 * How each order is walked. The values before the row that a page begins after are compared as one row value,
 * so that an index takes the database there: no page counts its way from the start. CROSS JOIN keeps SQLite to
 * the written order of tables. Only the order by last sight has no index, because every sight would change it:
 * it looks at all endpoints and keeps the best.
 */
const orders: Readonly<Record<EndpointOrder, { from: string; keys: string; descending?: true }>> = {
  expiry: { from: 'endpoint e CROSS JOIN state s ON s.id = e.state', keys: 'e.expires, e.state, e.id' },
  address: { from: 'endpoint e CROSS JOIN state s ON s.id = e.state', keys: 'e.address, e.port, e.name' },
  name: {
    from: 'state s CROSS JOIN endpoint e ON e.expires = s.expires AND e.state = s.id',
    keys: 's.label, s.id, e.id'
  },
  'last-seen': {
    from: 'endpoint e CROSS JOIN state s ON s.id = e.state',
    keys: 'e.last_seen, e.id',
    descending: true
  }
}

const columns = `e.id, e.address, e.port, e.name, e.presence, e.why, e.since, e.first_seen AS firstSeen,
  e.last_seen AS lastSeen, e.banner, e.owner, e.state, e.expires, s.outcome, s.starttls, s.version, s.cipher,
  s.alert, s.client_certificate AS clientCertificate, s.chain, s.other_chain AS otherChain, s.label,
  (SELECT json_group_array(tag) FROM (SELECT tag FROM endpoint_tag WHERE endpoint = e.id ORDER BY tag)) AS tags`

/** Lists of endpoints. */
export function openEndpointPages(db: Connection) {
  const byIds = db.prepare<[string], RawEndpoint>(
    `SELECT ${columns} FROM json_each(?) j CROSS JOIN endpoint e ON e.id = j.value
     CROSS JOIN state s ON s.id = e.state ORDER BY j.key`
  )
  return {
    page({ filter, order, after, limit, now }: PageQuery): EndpointPage {
      const { sql, values } = pageSql({ filter, order, limit, now, ...(after ? { after } : {}) })
      const raw = db.prepare<[typeof values], RawEndpoint>(sql).all(values)
      const last = raw.length === limit ? raw.at(-1) : undefined
      return { rows: raw.map(endpointRow), next: last ? sortValues[order](last) : null }
    },
    /** the endpoints with these ids, in the order of the ids; those that are not there are left out */
    byIds: (ids: readonly number[]): EndpointRow[] => byIds.all(JSON.stringify(ids)).map(endpointRow),
    /** how many endpoints the filter means */
    count(filter: EndpointFilter, now: number): number {
      const { where, values } = whereSql(filter, now)
      const sql = `SELECT count(*) FROM endpoint e WHERE ${where}`
      return db.prepare<[typeof values], number>(sql).pluck().get(values) ?? 0
    }
  }
}

/** The statement of a page: exported so that a test can ask SQLite how it would run it. */
export function pageSql({ filter, order, after, limit, now }: PageQuery) {
  const { from, keys, descending } = orders[order]
  const { where, values } = whereSql(filter, now)
  const names = keys.split(', ').map((_, at) => `@after${at}`)
  const start = after ? ` AND (${keys}) ${descending ? '<' : '>'} (${names.join(', ')})` : ''
  const order_ = descending
    ? keys
        .split(', ')
        .map((key) => `${key} DESC`)
        .join(', ')
    : keys
  return {
    sql: `SELECT ${columns} FROM ${from} WHERE ${where}${start} ORDER BY ${order_} LIMIT @limit`,
    values: {
      ...values,
      limit,
      ...Object.fromEntries((after ?? []).map((value, at) => [`after${at}`, bindSortValue(order, at, value)]))
    }
  }
}

/** The conditions of a filter as one text. */
export function whereSql(filter: EndpointFilter, now: number) {
  const all = conditions(filter, now)
  const where = all.map((one) => one.sql).join(' AND ') || 'true'
  return { where, values: Object.assign({}, ...all.map((one) => one.values)) as Record<string, unknown> }
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
