import { createCache } from '../../core/cache.ts'
import type { Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { CertificateRow } from '../store/certificates.ts'
import type { EndpointKey } from '../store/endpoints.ts'
import type { Difference, PastStanding, Span } from '../store/history.ts'
import type { Store } from '../store/store.ts'

/** What an endpoint showed at one time; nothing while it is gone. */
export interface StandingView {
  readonly present: boolean
  /** how the last probe of that time ended; `not-seen`: no probe told */
  readonly outcome: string
  readonly starttls: string | null
  readonly version: number | null
  readonly cipher: number | null
  readonly alert: number | null
  readonly clientCertificate: boolean | null
  /** the leaf of each chain */
  readonly certificates: readonly CertificateRow[]
  /** what identifies each chain as served */
  readonly chains: readonly string[]
}

/** Fields of a {@link StandingView} that can change. */
export const changedFields = [
  'outcome',
  'starttls',
  'version',
  'cipher',
  'alert',
  'clientCertificate',
  'certificates',
  'chains'
] as const
export type ChangedField = (typeof changedFields)[number]

/** How one endpoint differs between two times. */
export interface Change extends EndpointKey {
  /** `returned`: it was gone at the first time and answers at the second */
  readonly change: 'new' | 'changed' | 'gone' | 'returned'
  /** null: it was not known before */
  readonly before: StandingView | null
  readonly after: StandingView
  /** what differs in what is shown; of one that returned: from what it showed before it went */
  readonly fields: readonly ChangedField[]
}

/** Differences that are read at once. */
const chunk = 1_000

/**
 * What one scan found new, changed and gone, together with the scan for names that followed it, by address. Streams: a
 * first scan may have found a million. Throws scan-missing.
 */
export function* changesOfScan(store: Store, scan: number): Generator<Change> {
  store.scans.get(scan)
  yield* changes(store, { scans: store.scans.family(scan) })
}

/** Two scans whose results are compared. */
export interface ComparedScans {
  readonly from: number
  readonly to: number
  /** looks at these places only, such as those that both scans covered */
  readonly contains?: (address: Address, port: number) => boolean
}

/**
 * How the inventory differed when one scan ended from when an earlier one did, whatever saw the changes. Throws
 * scan-missing, and option-malformed when `from` did not end before `to`.
 */
export function* changesBetween(
  store: Store,
  { from, to, contains = () => true }: ComparedScans
): Generator<Change> {
  const [after, until] = [endOf(store, from), endOf(store, to)]
  if (after > until) {
    const message = `scans ${from} and ${to}: the first ended after the second; name the earlier one first`
    throw new Fault('option-malformed', message, { from, to })
  }
  for (const change of changes(store, { after, until })) {
    if (contains(change.address, change.port)) yield change
  }
}

/** When a scan, with that for its names, stored its last word. */
function endOf(store: Store, scan: number): number {
  store.scans.get(scan)
  const ends = store.scans.family(scan).map((id) => {
    const { ended, lastProgress } = store.scans.get(id)
    return ended ?? lastProgress
  })
  return Math.max(...ends)
}

function* changes(store: Store, span: Span): Generator<Change> {
  const view = createStandingViews(store)
  const list = store.history.gather(span)
  try {
    for (let after = 0; ;) {
      const differences = store.history.gathered(list, after, chunk)
      for (const difference of differences) {
        const change = changeOf(difference, view)
        if (change) yield change
      }
      if (differences.length < chunk) return
      after = differences.at(-1)?.place ?? after
    }
  } finally {
    store.history.release(list)
  }
}

/** Undefined when both ends are alike: it came and went, or changed and changed back. */
function changeOf(of: Difference, view: (standing: PastStanding) => StandingView): Change | undefined {
  const { address, port, name, after: now } = of
  const key = { address, port, name }
  if (!of.before) {
    return now.present ? { ...key, change: 'new', before: null, after: view(now), fields: [] } : undefined
  }
  if (!of.before.present && !now.present) return undefined
  const shown = { before: told(view(of.before)), after: told(view(now)) }
  if (!now.present) return { ...key, change: 'gone', ...shown, fields: [] }
  const fields = fieldsThatDiffer(
    view({ ...of.before, why: of.before.present ? of.before.why : null }),
    view(now)
  )
  if (!of.before.present) return { ...key, change: 'returned', ...shown, fields }
  return fields.length > 0 ? { ...key, change: 'changed', ...shown, fields } : undefined
}

const nothingShown = {
  starttls: null,
  version: null,
  cipher: null,
  alert: null,
  clientCertificate: null,
  certificates: [],
  chains: []
} as const

/** What is told of a standing: what is gone shows nothing, whatever is remembered of it. */
function told(view: StandingView): StandingView {
  return view.present ? view : { ...view, ...nothingShown }
}

function fieldsThatDiffer(before: StandingView, after: StandingView): ChangedField[] {
  return changedFields.filter((field) => fieldText(before, field) !== fieldText(after, field))
}

function fieldText(view: StandingView, field: ChangedField): string {
  if (field === 'certificates') return view.certificates.map((one) => one.fingerprint).join(' ')
  return field === 'chains' ? view.chains.join(' ') : String(view[field])
}

/** States that are remembered: many endpoints share each. */
const remembered = 2_000

function createStandingViews(store: Store): (standing: PastStanding) => StandingView {
  const known = createCache<number, Omit<StandingView, 'present'>>(remembered)
  return ({ state, present, why }) => {
    const shown = known.get(state) ?? shownBy(store, state)
    known.set(state, shown)
    return { ...shown, present, outcome: why ?? shown.outcome }
  }
}

function shownBy(store: Store, state: number): Omit<StandingView, 'present'> {
  const row = store.states.byId(state)
  if (!row) throw new Fault('internal', `Tlsward made a mistake: state ${state} is not there`)
  const { outcome, starttls, version, cipher, alert, clientCertificate, chain, otherChain } = row
  const chains = [chain, otherChain].flatMap((id) => (id === null ? [] : (store.chains.byId(id) ?? [])))
  const certificates = chains.flatMap(({ leaf }) => store.certificates.byId(leaf) ?? [])
  const hashes = chains.map(({ hash }) => hash)
  return { outcome, starttls, version, cipher, alert, clientCertificate, certificates, chains: hashes }
}
