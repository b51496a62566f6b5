import { formatAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { findingCodes, type FindingCode } from '../../sensor/inventory/findings/codes.ts'
import { suiteName, versionName } from '../../sensor/scan/probe/suites.ts'
import type { Outcome } from '../../sensor/scan/observation.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { FindingRow } from '../../sensor/store/findings.ts'
import type { PastStanding } from '../../sensor/store/history.ts'
import type { ScanRow } from '../../sensor/store/scans.ts'
import type { ScheduleRow } from '../../sensor/store/schedules.ts'
import type { Store } from '../../sensor/store/store.ts'
import { instant, leafRecord } from '../leaf-record.ts'
import type { Change, Endpoint, Finding, Leaf, Scan, Schedule } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'
import type { StoredRequest } from './request.ts'

/** Makes records out of rows, as things stand at `now`. What many rows share is read once. */
export interface RecordMaker {
  endpoint(row: EndpointRow): Endpoint
  /** a former standing */
  standing(of: PastStanding): NonNullable<Change['before']>
}

/** A maker of records for one page: it remembers, so make a new one for each. */
export function recordMaker(store: Store, now: number): RecordMaker {
  const leaves = remembered((chain: number) => leafOf(store, chain))
  const findings = remembered((key: string) => {
    const [kind, id] = key.split(' ')
    return store.findings.of({ kind: kind as FindingRow['kind'], id: Number(id) }, now)
  })
  const chainsOf = ({ chain, otherChain }: { chain: number | null; otherChain: number | null }) =>
    [chain, otherChain].filter((id) => id !== null)
  return {
    endpoint(row) {
      const chains = chainsOf(row)
      const about = (certificate: string | null) => ({ certificate, firstSeen: row.firstSeen })
      const served = chains.map((chain) => ({ chain, ...leaves(chain) }))
      const found = [
        ...findings(`endpoint ${row.id}`).map((one) => findingRecord(one, about(null))),
        ...findings(`state ${row.state}`).map((one) => findingRecord(one, about(null))),
        ...served.flatMap(({ chain, certificate, leaf }) =>
          [`chain ${chain}`, `certificate ${certificate}`, `key ${certificate}`].flatMap((key) =>
            findings(key).map((one) => findingRecord(one, about(leaf.fingerprint)))
          )
        )
      ]
      return endpointRecord(
        row,
        served.map(({ leaf }) => leaf),
        found.toSorted(worstFirst)
      )
    },
    standing({ state, present, why }) {
      const row = store.states.byId(state)
      const certificates = row && present ? chainsOf(row).map((chain) => leaves(chain).leaf) : []
      return { outcome: (why ?? row?.outcome ?? 'silent') as Outcome, certificates }
    }
  }
}

function endpointRecord(
  row: EndpointRow,
  certificates: readonly Leaf[],
  findings: readonly Finding[]
): Endpoint {
  return {
    type: 'endpoint',
    schema: schemaVersion,
    address: formatAddress(row.address),
    port: row.port,
    name: row.name,
    outcome: (row.why ?? row.outcome) as Outcome,
    state: row.present ? 'present' : 'gone',
    starttls: row.starttls,
    version: row.version === null ? null : versionName(row.version),
    cipher: row.cipher === null ? null : suiteName(row.cipher),
    clientCertificate: row.clientCertificate,
    certificates,
    findings,
    owner: row.owner,
    tags: row.tags,
    firstSeen: instant(row.firstSeen),
    lastSeen: instant(row.lastSeen)
  }
}

function leafOf(store: Store, chain: number): { certificate: number; leaf: Leaf } {
  const row = store.certificates.byId(store.chains.byId(chain)?.leaf ?? 0)
  if (!row)
    throw new Fault(
      'store-corrupt',
      `The inventory refers to chain ${chain}, which is not there. Restore a backup.`
    )
  return { certificate: row.id, leaf: leafRecord(row) }
}

const ranks = { critical: 0, warning: 1, note: 2 } as const

/** Orders findings: the worst first, then the oldest. */
export function worstFirst(a: Finding, b: Finding): number {
  return ranks[a.severity] - ranks[b.severity] || a.since.localeCompare(b.since)
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

/** A scan with its figures. */
export function scanRecord(row: ScanRow, { scope, size }: StoredRequest): Scan {
  const done = Object.values(row.counts).reduce((sum, count) => sum + count, 0)
  return {
    type: 'scan',
    schema: schemaVersion,
    id: row.id,
    state: row.state,
    scope,
    startedAt: instant(row.started),
    endedAt: row.state === 'running' ? null : instant(row.ended ?? row.lastProgress),
    size,
    done,
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
export function scheduleRecord(row: ScheduleRow): Schedule {
  const { name, targets, ports, window, recurrence, created } = row
  return {
    type: 'schedule',
    schema: schemaVersion,
    name,
    targets,
    ports,
    every: recurrence,
    window,
    pace: JSON.parse(row.pace) as Schedule['pace'],
    createdAt: instant(created)
  }
}

/** A function that works each value out once. */
function remembered<K, V>(make: (key: K) => V): (key: K) => V {
  const known = new Map<K, V>()
  return (key) => {
    const value = known.get(key) ?? make(key)
    known.set(key, value)
    return value
  }
}
