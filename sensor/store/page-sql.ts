import { bindAddress } from './connection.ts'
import type { ShownAlias } from './endpoint-filter.ts'
import type { EndpointOrder, PageQuery } from './endpoint-pages.ts'
import { meansPresent, orderedSql, unsettled, whereSql, type Sql } from './endpoint-selection.ts'

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

/** The tables behind {@link columns} of endpoints alone. */
const joined = 'endpoint e CROSS JOIN state s ON s.id = e.state'

/**
 * The statement of a page that walks the endpoints in its order until the page is full.
 *
 * The values before the row that a page begins after are compared as one row value, so that an index takes the
 * database there: no page counts its way from the start. CROSS JOIN keeps SQLite to the written order of tables.
 * Where the order of expiry is walked, the few new endpoints that are not in it yet are merged in. Only the order by
 * last sight has no index, because every sight would change it: it looks at all endpoints and keeps the best.
 */
export function walkedSql(query: PageQuery): Sql {
  const selects = selectsOf(query)
  const values = Object.assign({}, ...selects.map((one) => one.values)) as Sql['values']
  return ended(selects.map((one) => one.sql).join(' UNION ALL '), values, query)
}

function selectsOf(query: PageQuery): Sql[] {
  const { filter, order, now } = query
  const { sql, values } = whereSql(filter, now)
  const all = (where: string) => ({
    sql: `SELECT ${columns('e')} FROM ${joined} WHERE ${where}${startSql(query, 'e')}`,
    values
  })
  if (order === 'last-seen') return [{ sql: latestSql(query, sql), values }]
  if (order === 'address' || !meansPresent(filter)) return [all(sql)]
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

/** Only the best are read in full. */
function latestSql(query: PageQuery, where: string): string {
  const best = `SELECT e.id FROM endpoint e WHERE ${where}${startSql(query, 'e')}
    ORDER BY e.last_seen DESC, e.id DESC LIMIT @limit`
  return `SELECT ${columns('e')} FROM (${best}) b CROSS JOIN endpoint e ON e.id = b.id
    CROSS JOIN state s ON s.id = e.state`
}

/** The statement of a page of some endpoints, which it sorts. */
export function sortedSql(query: PageQuery, ids: readonly number[]): Sql {
  const from = `json_each(@ids) j CROSS JOIN endpoint e ON e.id = j.value CROSS JOIN state s ON s.id = e.state`
  const select = `SELECT ${columns('e')} FROM ${from} WHERE true${startSql(query, 'e')}`
  return ended(select, { ids: JSON.stringify(ids) }, query)
}

/** The statement for endpoints by id, in the order in which the ids are given (`?`, a JSON array). */
export const byIdsSql = `SELECT ${columns('e')} FROM json_each(?) j CROSS JOIN endpoint e ON e.id = j.value
  CROSS JOIN state s ON s.id = e.state ORDER BY j.key`

function ended(select: string, values: Sql['values'], { order, after, limit }: PageQuery): Sql {
  const direction = order === 'last-seen' ? ' DESC' : ''
  const keys = sortKeys[order].map((key) => key + direction).join(', ')
  const bound = (after ?? []).map((value, at) => [`after${at}`, bindSortValue(order, at, value)])
  return {
    sql: `${select} ORDER BY ${keys} LIMIT @limit`,
    values: { ...values, ...Object.fromEntries(bound), limit }
  }
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

function bindSortValue(order: EndpointOrder, at: number, value: number | string | bigint) {
  return order === 'address' && at === 0 && typeof value !== 'string' ? bindAddress(value) : value
}
