import { formatAddress } from '../../core/address.ts'
import type { Difference, Span } from '../../sensor/store/history.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Change } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'
import { recordMaker, type RecordMaker } from './records.ts'

const pageSize = 1_000

/**
 * What one scan changed (`from` alone, or neither: the last scan), or what happened after the scan `from` until
 * the end of the scan `to`. Throws `scan-missing`.
 */
export function differences(
  store: Store,
  now: number,
  [from, to]: readonly [number | undefined, number | undefined]
): Change[] {
  const span = spanOf(store, now, [from, to])
  if (!span) return []
  const maker = recordMaker(store, now)
  return [...walk(store.history.appeared, span), ...walk(store.history.moved, span)]
    .map((difference) => changeRecord(difference, maker))
    .filter((change) => change !== undefined)
}

function spanOf(
  store: Store,
  now: number,
  [from, to]: readonly [number | undefined, number | undefined]
): Span | undefined {
  const endOf = (id: number) => {
    const { state, ended, lastProgress } = store.scans.get(id)
    return state === 'running' ? now : (ended ?? lastProgress)
  }
  if (from !== undefined && to !== undefined) return { after: endOf(from), until: endOf(to) }
  const id = from ?? store.scans.before(Number.MAX_SAFE_INTEGER, 1)[0]?.id
  return id === undefined ? undefined : { scan: store.scans.get(id).id }
}

type Page = (span: Span, after: number, limit: number) => Difference[]

function* walk(page: Page, span: Span): Generator<Difference> {
  for (let after = 0; ;) {
    const rows = page(span, after, pageSize)
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < pageSize) return
    after = last.endpoint
  }
}

/** The change behind a difference; nothing when it was never there, or stands as it stood. */
function changeRecord(difference: Difference, maker: RecordMaker): Change | undefined {
  const { address, port, name, before, after } = difference
  const was = before?.present === true ? before : null
  const is = after.present ? after : null
  if (!was && !is) return undefined
  if (was && is && was.state === is.state && was.why === is.why) return undefined
  return {
    type: 'change',
    schema: schemaVersion,
    change: was === null ? 'new' : is === null ? 'gone' : 'changed',
    address: formatAddress(address),
    port,
    name,
    before: was && maker.standing(was),
    after: is && maker.standing(is)
  }
}
