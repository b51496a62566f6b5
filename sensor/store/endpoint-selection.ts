import { conditions, type EndpointFilter, type ShownAlias } from './endpoint-filter.ts'

/** A part of a statement with the values of its parameters. */
export interface Sql {
  readonly sql: string
  readonly values: Readonly<Record<string, unknown>>
}

/** New endpoints that are not in the order of expiry yet; the rest of them is. */
export const unsettled = 'e.id > (SELECT endpoint FROM settled)'

/** The conditions of a filter as one text over endpoint `e`. */
export function whereSql(filter: EndpointFilter, now: number): Sql {
  const { presence = 'present' } = filter
  const { sql, values } = joined(filter, now, 'e')
  if (presence === 'any') return { sql, values }
  return { sql: `e.presence = ${presence === 'present' ? 1 : 0} AND ${sql}`, values }
}

/**
 * The conditions of a filter on present endpoints as one text over the order of expiry `x`; when `alone`, they look
 * at nothing else, otherwise at endpoint `e` too.
 */
export function orderedSql(filter: EndpointFilter, now: number): Sql & { readonly alone: boolean } {
  const alone = conditions(filter, now, 'x').every(({ about }) => about === 'shown')
  return { ...joined(filter, now, 'x'), alone }
}

function joined(filter: EndpointFilter, now: number, x: ShownAlias): Sql {
  const all = conditions(filter, now, x)
  const sql = all.map((one) => one.sql).join(' AND ') || 'true'
  return { sql, values: Object.assign({}, ...all.map((one) => one.values)) as Sql['values'] }
}

/** Does the filter mean less than all endpoints that are present, gone, or both? */
export function isNarrow(filter: EndpointFilter, now: number): boolean {
  return conditions(filter, now, 'e').length > 0
}

/** Does the filter mean present endpoints only, so that the order of expiry has them all? */
export function meansPresent({ presence = 'present' }: EndpointFilter): boolean {
  return presence === 'present'
}

/** A query for the states that endpoints show and how many show each, `state` and `n`; a state may come twice. */
export function byStateSql(filter: EndpointFilter, now: number): Sql {
  const { sql, values } = whereSql(filter, now)
  const ordered = orderedSql(filter, now)
  if (!meansPresent(filter) || !ordered.alone) {
    return { sql: `SELECT e.state, count(*) AS n FROM endpoint e WHERE ${sql} GROUP BY e.state`, values }
  }
  return {
    sql: `SELECT x.state, count(*) AS n FROM endpoint_order x WHERE ${ordered.sql} GROUP BY x.expires, x.state
      UNION ALL SELECT e.state, count(*) FROM endpoint e WHERE ${unsettled} AND ${sql} GROUP BY e.state`,
    values
  }
}
