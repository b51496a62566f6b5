import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Clock } from '../../core/clock.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import type { FindingCode } from '../../sensor/inventory/findings/codes.ts'
import type { Finding } from '../../sensor/inventory/findings/finding.ts'
import type { Trust } from '../../sensor/inventory/judging.ts'
import {
  createRecorder,
  type Batch,
  type Recorded,
  type RecordedScan
} from '../../sensor/inventory/recorder.ts'
import type { Observation, Outcome, ServedChain } from '../../sensor/scan/observation.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { createAuthority, createCertificate, type Certificate } from '../peers/certificates.ts'

export const day = 86_400_000

/** The time at which tests begin; certificates are made for the days around it. */
export const start = Date.UTC(2026, 10, 1)

/** A clock that is moved by hand. */
export interface HandClock extends Clock {
  time: number
}

export function handClock(time = start): HandClock {
  const nothing = () => () => {}
  const clock: HandClock = {
    time,
    now: () => clock.time,
    ticks: () => clock.time,
    soon: (call) => call(),
    after: nothing,
    every: nothing
  }
  return clock
}

type Wishes = NonNullable<Parameters<typeof createCertificate>[0]>

/** An authority for years around the beginning of the tests. */
export function authority(name: string, wishes: Wishes = {}): Certificate {
  return createAuthority(name, { notBefore: start - 1000 * day, notAfter: start + 1000 * day, ...wishes })
}

/** A public authority: a root that every client has, and its intermediate. */
export const publicRoot = authority('Public Root')
export const publicIssuer = authority('Public Issuing', { issuer: publicRoot })
/** An authority of one's own, and one that nobody knows. */
export const ownRoot = authority('Own Root')
export const strangeRoot = authority('Strange Root')

/** A leaf of the public authority, valid for 90 days of which 80 are left. */
export function leaf(name: string, wishes: Wishes = {}): Certificate {
  return createCertificate({
    names: [name],
    issuer: publicIssuer,
    notBefore: start - 10 * day,
    notAfter: start + 80 * day,
    ...wishes
  })
}

/** A chain as a server sends it. */
export function chainOf(...certificates: readonly Certificate[]): ServedChain {
  return servedChain(...certificates.map(({ der }) => der))
}

export function servedChain(...ders: readonly Uint8Array[]): ServedChain {
  const sha256 = (...parts: readonly Uint8Array[]) => {
    const sum = createHash('sha256')
    for (const part of parts) sum.update(part)
    return sum.digest('hex')
  }
  return { id: sha256(...ders), leaf: sha256(...ders.slice(0, 1)), certificates: ders }
}

/** What a probe of `address:port` saw; TLS 1.3 with whatever chain is given. */
export function observed(place: string, wishes: Partial<Observation> = {}): Observation {
  const [address = '', port = '443'] = place.includes('[') ? place.slice(1).split(']:') : place.split(':')
  const outcome: Outcome = wishes.chains ? 'certificate' : 'no-certificate'
  return {
    address,
    port: Number(port),
    name: null,
    at: start,
    outcome,
    starttls: null,
    version: 0x0304,
    cipher: 0x1301,
    alert: null,
    clientCertificate: false,
    banner: null,
    chains: [],
    connections: 1,
    ms: 4,
    ...wishes
  }
}

export function batchOf(observations: readonly Observation[], wishes: Partial<Batch> = {}): Batch {
  const counts: Partial<Record<Outcome, number>> = {}
  for (const { outcome } of observations) counts[outcome] = (counts[outcome] ?? 0) + 1
  const progress = { low: observations.length, done: new Uint8Array(0) }
  return { shard: 0, observations, counts, connections: observations.length, progress, ...wishes }
}

/** Trust in the public root and in one's own. */
export function trust(roots = [publicRoot, ownRoot], id = 'usual'): Trust {
  return {
    roots: openTrustStore(roots.map(({ der }) => der)),
    isPublic: (fingerprint) => fingerprint === publicRoot.fingerprint,
    id
  }
}

/** A scan under way. */
export interface RecordedWorld {
  readonly id: number
  readonly record: (...seen: readonly Observation[]) => Recorded
}

/** An inventory in a directory of its own that goes with the test. */
export interface World {
  readonly store: Store
  readonly clock: HandClock
  readonly directory: string
  readonly trust: Trust
  /** begins a scan; its observations are recorded as one batch each time */
  readonly scan: (wishes?: Partial<RecordedScan> & { readonly parent?: number }) => RecordedWorld
}

export function directoryFor(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-test-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export function world(t: Test): World {
  const directory = directoryFor(t)
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const clock = handClock()
  const trusted = trust()
  return {
    store,
    clock,
    directory,
    trust: trusted,
    scan({ parent, ...wishes } = {}) {
      const asked = { request: '{}', space: '{}', seed: 7, at: clock.now() }
      const id = store.scans.begin(parent === undefined ? asked : { ...asked, parent })
      const record = createRecorder({ store, clock, trust: trusted }, { scan: id, ...wishes })
      return { id, record: (...seen) => record(batchOf(seen)) }
    }
  }
}

/** Codes of the findings that hold at `now` about the endpoint with this id, its certificates and its chains. */
export function codesOf(store: Store, endpoint: number, now: number): string[] {
  const [row] = store.pages.byIds([endpoint])
  if (!row) throw new Error(`there is no endpoint ${endpoint}`)
  const chains = [row.chain, row.otherChain].filter((id) => id !== null)
  const leaves = chains.map((id) => store.chains.byId(id)?.leaf ?? 0)
  const subjects = [
    ...chains.map((id) => ({ kind: 'chain', id }) as const),
    ...leaves.flatMap((id) => [{ kind: 'certificate', id } as const, { kind: 'key', id } as const]),
    { kind: 'state', id: row.state } as const,
    { kind: 'endpoint', id: row.id } as const
  ]
  return subjects
    .flatMap((one) => store.findings.of(one, now))
    .map(({ code }) => code)
    .sort()
}

/** The findings that hold at a time. */
export function holdAt(findings: readonly Finding[], time: number): Finding[] {
  return findings.filter(({ begins, ends }) => begins <= time && time < ends)
}

/** Their codes. */
export function codesAt(findings: readonly Finding[], time: number): FindingCode[] {
  return holdAt(findings, time).map(({ code }) => code)
}
