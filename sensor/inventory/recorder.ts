import { parseAddress } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Observation, Outcome } from '../scan/observation.ts'
import type { EndpointKey, KnownEndpoint, Sight } from '../store/endpoints.ts'
import type { Ownership } from '../store/ownership.ts'
import type { Found } from '../store/scans.ts'
import type { StateColumns } from '../store/states.ts'
import type { Store } from '../store/store.ts'
import { createKeeping, type KeepingDeps } from './keeping.ts'
import { answered, signs, unanswered, type Step } from './presence.ts'

/** What one shard of a scan hands over, to be stored whole or not at all. */
export interface Batch {
  readonly shard: number
  readonly observations: readonly Observation[]
  /** probes of this batch by outcome, also those that nothing was observed of */
  readonly counts: Readonly<Partial<Record<Outcome, number>>>
  /** connections made since the batch before */
  readonly connections: number
  /** where the shard goes on once this is stored */
  readonly progress: { readonly low: number; readonly done: Uint8Array }
}

/** What recording works with. */
export interface RecorderDeps extends KeepingDeps {
  readonly clock: Clock
}

/** Which scan is recorded, and what is said of every endpoint that it sees. */
export interface RecordedScan {
  readonly scan: number
  readonly labels?: Ownership
}

/** What came of a batch. */
export interface Recorded {
  readonly found: Found
  /** ids of the endpoints that answered */
  readonly endpoints: readonly number[]
}

/** New endpoints that wait for their place in the order of expiry at most; readers look at each of them. */
const settleAt = 65_536

/** Figures that grow while a batch is recorded. */
type Tally = { -readonly [K in keyof Found]: number }

type Keeping = ReturnType<typeof createKeeping>

/**
 * Makes the function that writes a batch of a scan in one transaction: certificates and chains once, endpoints,
 * their history where they changed, findings, and the scan's cursor and figures. After a Fault (store-full,
 * store-locked, …) nothing of the batch is stored, and the same batch may be given again.
 */
export function createRecorder(deps: RecorderDeps, { scan, labels }: RecordedScan) {
  const { store, clock } = deps
  const keeping = createKeeping(deps)
  const record = observationRecorder(deps, { scan, keeping })

  function write({ shard, observations, counts, connections, progress }: Batch): Recorded {
    const found = { ...noneFound(), connections }
    const endpoints: number[] = []
    for (const observation of observations) {
      const id = record(observation, found)
      if (id === undefined) continue
      endpoints.push(id)
      if (labels) store.ownership.set(id, labels)
    }
    store.scans.progress(scan, { at: clock.now(), counts, cursors: [{ shard, ...progress }], found })
    store.endpoints.settle(settleAt)
    return { found, endpoints }
  }

  return (batch: Batch): Recorded => {
    try {
      return store.transaction(() => write(batch))
    } catch (thrown) {
      keeping.forget()
      throw thrown
    }
  }
}

/** Outcomes without a connection. */
const unconnected: ReadonlySet<Outcome> = new Set<Outcome>(['closed', 'silent', 'unreachable'])

/** Nothing found yet. */
export function noneFound(): Tally {
  return { connections: 0, seen: 0, certificates: 0, added: 0, changed: 0, gone: 0, returned: 0 }
}

/** Writes one observation; gives the id of the endpoint when it answered. */
function observationRecorder(deps: RecorderDeps, { scan, keeping }: { scan: number; keeping: Keeping }) {
  const { endpoints } = deps.store
  const settled = stateSettler(deps.store)
  const onlyLearnt = learning(deps.store)
  // A first scan finds one new endpoint after the other, a later one hardly any: whatever the last one was is tried
  // first, which saves a look-up for each
  let expectsNew = true

  function columnsOf(seen: Observation, tally: Tally): StateColumns {
    const [chain, otherChain] = seen.chains.map((served) => {
      const { id, added } = keeping.chain(served, seen.at)
      tally.certificates += added
      return id
    })
    const { outcome, starttls, version, cipher, alert, clientCertificate } = seen
    const chains = { chain: chain ?? null, otherChain: otherChain ?? null }
    const twinUnasked = seen.chains.length === 1 && (seen.twinUnasked ?? false)
    return { outcome, starttls, version, cipher, alert, clientCertificate, ...chains, twinUnasked }
  }

  function apply(known: KnownEndpoint, step: Step, { sight, tally }: Writing): void {
    if (step.act === 'confirm') endpoints.seen(known.id, sight)
    if (step.act === 'leave') endpoints.probed(known.id, sight.scan)
    if (step.act === 'learn') endpoints.learn(known, step.of, sight)
    if (step.act !== 'move') return
    endpoints.move(known, step.to, sight)
    tally[step.found]++
  }

  function add(key: EndpointKey, columns: StateColumns, { sight, tally }: Writing): number | undefined {
    const id = endpoints.add(key, keeping.state(columns), sight)
    if (id === undefined) return undefined
    tally.added++
    if (key.name !== null) keeping.name(id, key.name, columns)
    return id
  }

  function meet(
    known: KnownEndpoint,
    seen: StateColumns,
    writing: Writing & { name: string | null }
  ): number {
    const columns = settled(seen, known)
    const kept = keeping.state(columns)
    const learnt = kept.id !== known.state && onlyLearnt(columns, known)
    const step = learnt ? ({ act: 'learn', of: kept } as const) : answered(known, kept)
    apply(known, step, writing)
    if (writing.name !== null && step.act === 'move') keeping.name(known.id, writing.name, columns)
    return known.id
  }

  /** Where there is no connection, there is none under any name. */
  function concerned(key: EndpointKey, outcome: Outcome): readonly KnownEndpoint[] {
    if (key.name === null && unconnected.has(outcome)) return endpoints.at(key.address, key.port)
    const known = endpoints.find(key)
    return known ? [known] : []
  }

  return (seen: Observation, tally: Tally): number | undefined => {
    const key = keyOf(seen)
    const writing = { sight: { scan, at: seen.at }, tally }
    if (signs[seen.outcome] !== 'answers') {
      for (const known of concerned(key, seen.outcome))
        apply(known, unanswered(known, seen.outcome, seen.banner), writing)
      return undefined
    }
    tally.seen++
    const columns = columnsOf(seen, tally)
    // what a known endpoint shows may have to be settled before it is kept as a state
    const isPlain = columns.clientCertificate !== null
    const added = expectsNew && isPlain ? add(key, columns, writing) : undefined
    if (added !== undefined) return added
    const known = endpoints.find(key)
    expectsNew = known === undefined
    return known ? meet(known, columns, { ...writing, name: key.name }) : add(key, columns, writing)
  }
}

/** When something is written, and where it is counted. */
interface Writing {
  readonly sight: Sight
  readonly tally: Tally
}

/**
 * Settles what a known endpoint shows: what was not looked for this time is no change. A connection may end before
 * the server could ask for a client certificate, and the certificate of the other key type may not have been asked for.
 */
function stateSettler({ states }: Store) {
  return (columns: StateColumns, known: KnownEndpoint): StateColumns => {
    const { twinUnasked } = columns
    if ((columns.clientCertificate !== null && !twinUnasked) || states.find(columns)?.id === known.state) {
      return columns
    }
    const before = states.byId(known.state)
    if (!before) return columns
    const isOneOfBoth = [before.chain, before.otherChain].includes(columns.chain)
    const chains =
      twinUnasked && isOneOfBoth
        ? { chain: before.chain, otherChain: before.otherChain, twinUnasked: before.twinUnasked }
        : {}
    const clientCertificate = columns.clientCertificate ?? before.clientCertificate
    const merged = { ...columns, ...chains, clientCertificate }
    return states.find(merged)?.id === known.state ? merged : columns
  }
}

/**
 * Is all that is new about what a known endpoint shows that it has no certificate of the other key type, for which it
 * was not asked before? The endpoint did not change then; more is known of it.
 */
function learning({ states }: Store) {
  return (columns: StateColumns, known: KnownEndpoint): boolean => {
    const answersStill = known.present && known.why === null
    if (!answersStill || columns.twinUnasked || columns.chain === null || columns.otherChain !== null)
      return false
    return states.find({ ...columns, twinUnasked: true })?.id === known.state
  }
}

function keyOf({ address: text, port, name }: Observation): EndpointKey {
  const address = parseAddress(text)
  if (address === undefined) throw new Fault('internal', `Tlsward made a mistake: ${text} is no address`)
  return { address, port, name }
}
