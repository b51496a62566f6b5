import { openSpace } from '../../sensor/scan/targets/space.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { OwnScan } from './scanning.ts'

const pageSize = 1_000

/** The endpoints that answered to a scan, in the order of addresses. */
export function* foundBy({ id, space }: OwnScan, store: Store, now: number): Generator<EndpointRow> {
  const { started } = store.scans.get(id)
  const walk = openSpace(space)
  const query = { filter: {}, order: 'address', limit: pageSize, now } as const
  for (let page = store.pages.page(query); ; page = store.pages.page({ ...query, after: page.next })) {
    for (const row of page.rows) {
      if (row.lastSeen >= started && walk.contains(row.address, row.port)) yield row
    }
    if (page.next === null) return
  }
}
