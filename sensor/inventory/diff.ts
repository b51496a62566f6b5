import { createCache } from '../../core/cache.ts'
import type { Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { CertificateRow } from '../store/certificates.ts'
import type { EndpointKey } from '../store/endpoints.ts'
import type { Difference, PastStanding, Span } from '../store/history.ts'
import type { ScanRow } from '../store/scans.ts'
import type { Store } from '../store/store.ts'

/** What an endpoint showed at one time. */
export interface StandingView {
  readonly present: boolean
  /** why TLS did not answer, null when it did */
  readonly why: string | null
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
export type ChangedField = Exclude<keyof StandingView, 'present'>

/** How one endpoint differs between two times. */
export interface Change extends EndpointKey {
  /** `returned`: it was gone at the first time and answers at the second */
  readonly change: 'new' | 'changed' | 'gone' | 'returned'
  /** null: it was not known before */
  readonly before: StandingView | null
  readonly after: StandingView
  /** what differs between before and after */
  readonly fields: readonly ChangedField[]
}

/** Differences that are read at once. */
const chunk = 1_000

/** What one scan found new, changed and gone. Streams: a first scan may have found a million. */
export function* changesOfScan(store: Store, scan: number): Generator<Change> {
  store.scans.get(scan)
  yield* changes(store, { scan })
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
  const [after, until] = [endOf(store.scans.get(from)), endOf(store.scans.get(to))]
  if (after > until) {
    const message = `scans ${from} and ${to}: the first ended after the second; name the earlier one first`
    throw new Fault('option-malformed', message, { from, to })
  }
  for (const change of changes(store, { after, until })) {
    if (contains(change.address, change.port)) yield change
  }
}

/** When a scan stored its last word. */
function endOf({ ended, lastProgress }: ScanRow): number {
  return ended ?? lastProgress
}

function* changes(store: Store, span: Span): Generator<Change> {
  const view = createStandingViews(store)
  for (const list of [store.history.appeared, store.history.moved]) {
    for (let after = 0; ;) {
      const differences = list(span, after, chunk)
      for (const difference of differences) {
        const change = changeOf(difference, view)
        if (change) yield change
      }
      if (differences.length < chunk) break
      after = differences.at(-1)?.endpoint ?? after
    }
  }
}

/** Undefined when both ends are alike: it came and went, or changed and changed back. */
function changeOf(of: Difference, view: (standing: PastStanding) => StandingView): Change | undefined {
  const { address, port, name } = of
  const [before, after] = [of.before && view(of.before), view(of.after)]
  const key = { address, port, name }
  if (!before) return after.present ? { ...key, change: 'new', before, after, fields: [] } : undefined
  if (!before.present && !after.present) return undefined
  const fields = changedFields(before, after)
  if (before.present && !after.present) return { ...key, change: 'gone', before, after, fields }
  if (!before.present) return { ...key, change: 'returned', before, after, fields }
  return fields.length > 0 ? { ...key, change: 'changed', before, after, fields } : undefined
}

function changedFields(before: StandingView, after: StandingView): ChangedField[] {
  const simple = ['why', 'outcome', 'starttls', 'version', 'cipher', 'alert', 'clientCertificate'] as const
  const changed: ChangedField[] = simple.filter((field) => before[field] !== after[field])
  const leaves = ({ certificates }: StandingView) => certificates.map((one) => one.fingerprint).join(' ')
  if (leaves(before) !== leaves(after)) changed.push('certificates')
  if (before.chains.join(' ') !== after.chains.join(' ')) changed.push('chains')
  return changed
}

/** States that are remembered: many endpoints share each. */
const remembered = 2_000

function createStandingViews(store: Store): (standing: PastStanding) => StandingView {
  const known = createCache<number, Omit<StandingView, 'present' | 'why'>>(remembered)
  return ({ state, present, why }) => {
    const shown = known.get(state) ?? shownBy(store, state)
    known.set(state, shown)
    return { ...shown, present, why }
  }
}

function shownBy(store: Store, state: number): Omit<StandingView, 'present' | 'why'> {
  const row = store.states.byId(state)
  if (!row) throw new Fault('internal', `Tlsward made a mistake: state ${state} is not there`)
  const { outcome, starttls, version, cipher, alert, clientCertificate, chain, otherChain } = row
  const chains = [chain, otherChain].flatMap((id) => (id === null ? [] : (store.chains.byId(id) ?? [])))
  const certificates = chains.flatMap(({ leaf }) => store.certificates.byId(leaf) ?? [])
  const hashes = chains.map(({ hash }) => hash)
  return { outcome, starttls, version, cipher, alert, clientCertificate, certificates, chains: hashes }
}
