import type { Store } from '../../sensor/store/store.ts'
import type { InventoryPage, InventoryQuery } from '../functions.ts'
import type { Endpoint } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'
import { filterOf, readCursor, writeCursor } from './query.ts'
import { endpointRecords } from './records.ts'

/** A page of the inventory, with figures of everything that the query means. */
export function inventoryPage(store: Store, query: InventoryQuery, now: number): InventoryPage {
  const { sort: order, limit, after: cursor, ...filters } = query
  const filter = filterOf(filters, now)
  const after = cursor === undefined ? {} : { after: readCursor(order, cursor) }
  const { rows, next } = store.pages.page({ filter, order, limit, now, ...after })
  const { endpoints, certificates, attention, bySeverity } = store.summary.read(filter, now)
  return {
    endpoints: rows.map(endpointRecords(store, now)),
    summary: {
      type: 'summary',
      schema: schemaVersion,
      endpoints,
      certificates,
      attention,
      ...bySeverity,
      next: next && writeCursor(order, next)
    }
  }
}

/** Endpoints that are read at once where all are wanted. */
const chunk = 5_000

/** Every endpoint that a query means, in its order; as things stand at `now`, though others may write meanwhile. */
export function* everyEndpoint(
  store: Store,
  { sort: order, after: cursor, ...filters }: Omit<InventoryQuery, 'limit'>,
  now: number
): Generator<Endpoint> {
  const query = { filter: filterOf(filters, now), order, limit: chunk, now } as const
  const recordOf = endpointRecords(store, now)
  let after = cursor === undefined ? null : readCursor(order, cursor)
  do {
    const { rows, next } = store.pages.page(after === null ? query : { ...query, after })
    for (const row of rows) yield recordOf(row)
    after = next
  } while (after !== null)
}
