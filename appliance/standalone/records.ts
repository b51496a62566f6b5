import { formatAddress } from '../../core/address.ts'
import { createCache } from '../../core/cache.ts'
import { Fault } from '../../core/fault.ts'
import type { Change as ChangeView, StandingView } from '../../sensor/inventory/diff.ts'
import { findingCodes, findingRanks, type FindingCode } from '../../sensor/inventory/findings/codes.ts'
import { suiteName, versionName } from '../../sensor/scan/probe/suites.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { EndpointKey } from '../../sensor/store/endpoints.ts'
import { certificateKinds, type FindingRow, type Subject } from '../../sensor/store/findings.ts'
import type { CertificateRow } from '../../sensor/store/certificates.ts'
import type { ScanRow } from '../../sensor/store/scans.ts'
import type { ScheduleRow } from '../../sensor/store/schedules.ts'
import type { Store } from '../../sensor/store/store.ts'
import { instant, leafRecord } from '../leaf-record.ts'
import type { Change, Endpoint, Finding, Scan, Schedule } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'
import type { StoredRequest } from './request.ts'

/** Makes records of endpoints, as things stand at `now`. What many rows share is read once: one maker a page. */
export function endpointRecords(store: Store, now: number): (row: EndpointRow) => Endpoint {
  const leaves = remembered((chain: number) => leafOf(store, chain))
  const findings = remembered((key: string) => {
    const [kind, id] = key.split(' ')
    return store.findings.of({ kind: kind as Subject['kind'], id: Number(id) }, now)
  })
  return (row) => {
    const chains = [row.chain, row.otherChain].filter((id) => id !== null)
    const certificates = chains.map(leaves)
    const about = (certificate: string | null) => (one: FindingRow) =>
      findingRecord(one, { certificate, firstSeen: row.firstSeen })
    const found = [
      ...[`endpoint ${row.id}`, `look ${row.id}`, `state ${row.state}`].flatMap(findings).map(about(null)),
      ...chains.flatMap((chain) => findings(`chain ${chain}`).map(about(leaves(chain).fingerprint))),
      ...certificates.flatMap(({ id, fingerprint }) =>
        certificateKinds.flatMap((kind) => findings(`${kind} ${id}`)).map(about(fingerprint))
      )
    ]
    return endpointRecord({ ...row, certificates }, found.toSorted(worstFirst))
  }
}

function leafOf(store: Store, chain: number): CertificateRow {
  const row = store.certificates.byId(store.chains.byId(chain)?.leaf ?? 0)
  if (row) return row
  const message = `The inventory refers to chain ${chain}, which is not there. Restore a backup.`
  throw new Fault('store-corrupt', message, { chain })
}

type Shown = EndpointRow & { readonly certificates: readonly CertificateRow[] }

function endpointRecord(row: Shown, findings: readonly Finding[]): Endpoint {
  return {
    type: 'endpoint',
    schema: schemaVersion,
    ...placeRecord(row),
    outcome: (row.why ?? row.outcome) as Endpoint['outcome'],
    state: row.present ? 'present' : 'gone',
    ...answerRecord(row),
    findings,
    owner: row.owner,
    tags: row.tags,
    firstSeen: instant(row.firstSeen),
    lastSeen: instant(row.lastSeen)
  }
}

/** Where an endpoint is. */
export function placeRecord({
  address,
  port,
  name
}: EndpointKey): Pick<Endpoint, 'address' | 'port' | 'name'> {
  return { address: formatAddress(address), port, name }
}

type Answer = Pick<StandingView, 'starttls' | 'version' | 'cipher' | 'clientCertificate' | 'certificates'>

/** What a server answered, with the names of numbers. */
function answerRecord({ starttls, version, cipher, clientCertificate, certificates }: Answer) {
  return {
    starttls,
    version: version === null ? null : versionName(version),
    cipher: cipher === null ? null : suiteName(cipher),
    clientCertificate,
    certificates: certificates.map(leafRecord)
  }
}

const ranks = { critical: 0, warning: 1, note: 2 } as const

/** Orders findings: the worst first, then by what matters most, then the oldest. */
export function worstFirst(a: Finding, b: Finding): number {
  const rank = ({ code }: Finding) => findingRanks.get(code) ?? findingRanks.size
  return ranks[a.severity] - ranks[b.severity] || rank(a) - rank(b) || a.since.localeCompare(b.since)
}

/** What a finding is about, and since when that has been known. */
interface About {
  readonly certificate: string | null
  readonly firstSeen: number
}

/** A finding with what to do about it; what was always so is so since it was seen first. */
export function findingRecord(row: FindingRow, { certificate, firstSeen }: About): Finding {
  const { code, severity, reason, begins } = row
  const { remedy } = findingCodes[code as FindingCode]
  return { code, severity, reason, remedy, since: instant(begins || firstSeen), certificate }
}

/** What scans changed. */
export function changeRecord(view: ChangeView): Change {
  return {
    type: 'change',
    schema: schemaVersion,
    change: view.change,
    ...placeRecord(view),
    before: view.before && standingRecord(view.before),
    after: standingRecord(view.after),
    fields: view.fields
  }
}

function standingRecord(view: StandingView): NonNullable<Change['before']> {
  const { present, outcome, alert, chains } = view
  return {
    state: present ? 'present' : 'gone',
    outcome: outcome as Endpoint['outcome'],
    ...answerRecord(view),
    alert,
    chains
  }
}

/** A scan with its figures. */
export function scanRecord(row: ScanRow, { scope, size }: StoredRequest): Scan {
  return {
    type: 'scan',
    schema: schemaVersion,
    id: row.id,
    parent: row.parent,
    state: row.state,
    scope,
    startedAt: instant(row.started),
    endedAt: row.state === 'running' ? null : instant(row.ended ?? row.lastProgress),
    size,
    done: Object.values(row.counts).reduce((sum, count) => sum + count, 0),
    connections: row.connections,
    outcomes: { ...row.counts },
    endpoints: row.seen,
    certificates: row.certificates,
    appeared: row.added,
    changed: row.changed,
    gone: row.gone,
    returned: row.returned
  }
}

/** A schedule as it is kept. */
export function scheduleRecord({
  name,
  targets,
  ports,
  window,
  recurrence,
  created,
  pace
}: ScheduleRow): Schedule {
  return {
    type: 'schedule',
    schema: schemaVersion,
    name,
    targets,
    ports,
    every: recurrence,
    window,
    pace: JSON.parse(pace) as Schedule['pace'],
    createdAt: instant(created)
  }
}

/** Values that are remembered: enough for what rows beside each other share. */
const rememberedLimit = 20_000

/** A function that seldom works a value out twice. */
function remembered<K, V>(make: (key: K) => V): (key: K) => V {
  const known = createCache<K, V>(rememberedLimit)
  return (key) => {
    const value = known.get(key) ?? make(key)
    known.set(key, value)
    return value
  }
}
