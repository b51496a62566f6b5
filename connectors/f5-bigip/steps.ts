import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import type { CheckedCertificate, CheckedPair } from '../shared/pair.ts'
import type { Step } from '../shared/steps.ts'
import {
  bindPairs,
  certificates,
  clientSslProfile,
  createObject,
  deleteObject,
  type FileObject,
  keys,
  partsOf,
  removeUpload,
  save,
  upload
} from './calls.ts'
import { type Certificate, certificateOf } from './certificates.ts'
import type { Client } from './client.ts'
import { type ChangeFacts, formerEntries, isFresh, type PairChange } from './facts.ts'
import { chainHolder } from './objects.ts'
import { changed, entryBody, type Profile, profileOf } from './profiles.ts'
import { bringOver, type Pair, type Seat } from './units.ts'

/** What the steps of a change work with. */
export interface Work {
  /** the unit that changes are made on */
  readonly at: Client
  /** null: it is single */
  readonly pair: Pair | null
  readonly facts: ChangeFacts
  /** checked, with the keys that are uploaded; empty for a rollback */
  readonly pairs: readonly (CheckedPair | CheckedCertificate)[]
  /** the profile and the certificates, as they were when the work began */
  readonly reading: Reading
  /** had something been written before this call? */
  readonly begun: boolean
  /** has this call written something that is to be saved? */
  touched: boolean
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** What a unit holds of a target. */
export interface Reading {
  /** undefined: the profile is gone */
  readonly profile: Profile | undefined
  readonly certificates: ReadonlyMap<string, Certificate>
}

/** Reads a target on a unit: two requests. */
export async function readingOf(client: Client, fullPath: string, signal: AbortSignal): Promise<Reading> {
  const reply = await clientSslProfile(client, fullPath, signal)
  const held = (await certificates(client, signal)).map(certificateOf)
  return {
    profile: reply && profileOf(reply),
    certificates: new Map(held.map((one) => [one.fullPath, one]))
  }
}

/** The steps of a change, made from its facts alone. */
export function stepsOf(facts: ChangeFacts): Step<Work>[] {
  const made = facts.changes.some((change) => change.made) ? [madeKeys(facts)] : []
  const steps = [look(facts), ...made, objects(facts), clear(facts), bind(facts), saveStep()]
  return facts.units > 1 ? [...steps, synchronise()] : steps
}

/** noted before the first write: an undo knows by it that there may be something to save */
function look({ profile, units }: ChangeFacts): Step<Work> {
  return {
    id: 'look',
    says: `see that ${profile} is as planned${units > 1 ? ', and that its units are in sync' : ''}`,
    // done before the first step, since all others rest on it
    apply: () => Promise.resolve(),
    async undo(work) {
      if (!work.begun && !work.touched) return
      await save(work.at, work.signal)
      if (work.pair) await synchroniseFrom(work, work.pair)
    }
  }
}

/** They are made before the certificate is ordered, and stay when a deployment is undone: it may be tried again. */
function madeKeys({ changes, units }: ChangeFacts): Step<Work> {
  const kept = {
    normal: '',
    fips: ', in its security module',
    nethsm: ', in the security module on the network'
  }
  const names = changes.flatMap(({ fresh, made }) =>
    made ? [`${fresh.key} (${made.type}${kept[made.security]})`] : []
  )
  return {
    id: 'key',
    says: `before the certificate is ordered, have the device make ${names.join(' and ')}, which never leaves it, and save its configuration${units > 1 ? ' on both units' : ''}`,
    async apply({ at, signal }) {
      const there = new Set((await keys(at, signal)).map(({ fullPath }) => fullPath))
      for (const { fresh } of changes.filter(({ made }) => made)) {
        if (there.has(fresh.key)) continue
        const message = `The key ${fresh.key} that ${at.name} made for the certificate is gone: begin a new event.`
        throw new Fault('device-refused', message, { key: fresh.key })
      }
    },
    undo: () => Promise.resolve()
  }
}

function objects({ changes, upload: uploaded }: ChangeFacts): Step<Work> {
  const names = changes.flatMap(({ fresh, made }) => (made ? [fresh.cert] : [fresh.key, fresh.cert]))
  return {
    id: 'objects',
    says: `upload and create ${names.join(', ')}, and the chain where no object holds it yet`,
    async apply(work) {
      for (const change of changes) {
        const pair = work.pairs.find(({ family }) => family === change.family)
        if (pair) await createPair(work, change, pair)
      }
    },
    async undo(work) {
      const { at, signal } = work
      const there = new Set(
        [...(await certificates(at, signal)), ...(await keys(at, signal))].map(({ fullPath }) => fullPath)
      )
      for (const { fresh, made } of changes) {
        // the certificate first: where it is, its key is too
        const mine: readonly FileObject[] = [
          { kind: 'ssl-cert', fullPath: fresh.cert },
          ...(made ? [] : [{ kind: 'ssl-key', fullPath: fresh.key } as const]),
          { kind: 'ssl-cert', fullPath: fresh.chain }
        ]
        for (const one of mine.filter(({ fullPath }) => there.has(fullPath))) {
          work.touched = true
          const done = await deleteObject(at, one, signal)
          // another target has the same certificate: its own undo, or clean-up, takes it away
          if (done === 'in use') work.log.info('f5-object-in-use', { object: one.fullPath, upload: uploaded })
        }
      }
    }
  }
}

async function createPair(
  work: Work,
  { fresh }: PairChange,
  pair: CheckedPair | CheckedCertificate
): Promise<void> {
  const { at, reading, signal } = work
  const there = reading.certificates.get(fresh.cert)
  if (there) {
    if (there.fingerprint === pair.fingerprint) return
    throw new Fault(
      'device-changed',
      `${fresh.cert} on ${at.name} is there, and holds another certificate.`,
      {
        object: fresh.cert
      }
    )
  }
  const name = work.facts.upload
  const make = async (kind: FileObject['kind'], fullPath: string, content: CheckedPair['key'] | string) => {
    await upload(at, { name, content }, signal)
    await createObject(at, { kind, fullPath }, { uploaded: name, signal })
  }
  work.touched = true
  if ('key' in pair) await make('ssl-key', fresh.key, pair.key)
  if (chainOf(work, fresh, pair) === fresh.chain && !reading.certificates.has(fresh.chain)) {
    await make('ssl-cert', fresh.chain, pair.chain)
  }
  // the last one: that it is there says that the others are
  await make('ssl-cert', fresh.cert, pair.leaf)
}

/** the object that holds the chain, or will; null: there is no chain */
function chainOf(
  { reading, facts, pairs }: Work,
  { cert, chain }: PairChange['fresh'],
  pair: CheckedCertificate
): string | null {
  if (pair.chain === '') return null
  const { partition } = partsOf(cert)
  const holder = chainHolder([...reading.certificates.values()], pair.chain, partition)
  if (holder !== undefined) return holder
  // both kinds of key mostly come from one authority
  const sharer = facts.changes.find(({ family, fresh }) => {
    const isSame = pairs.find((one) => one.family === family)?.chain === pair.chain
    return isSame && [partition, 'Common'].includes(partsOf(fresh.chain).partition)
  })
  return sharer?.fresh.chain ?? chain
}

function clear({ upload: uploaded, units, changes }: ChangeFacts): Step<Work> {
  const holds = changes.some(({ made }) => !made) ? ', which holds the key' : ''
  const remove = async ({ at, pair, begun, signal }: Work) => {
    // another unit may have been the active one before
    const clients = pair && begun ? pair.seats.map(({ client }) => client) : [at]
    for (const client of clients) await removeUpload(client, uploaded, signal)
  }
  return {
    id: 'clear',
    says: `remove the upload ${uploaded}${holds}${units > 1 ? ', from each unit that has it' : ''}`,
    apply: remove,
    undo: remove
  }
}

function bind({ profile: fullPath, changes }: ChangeFacts): Step<Work> {
  const pairs = changes.map(({ entry, former, fresh }) =>
    former === null
      ? `add ${fresh.cert} as ${entry}`
      : `${entry}: ${fresh.cert} instead of ${former.cert ?? 'none'}`
  )
  return {
    id: 'bind',
    says: `change ${fullPath} in one transaction: ${pairs.join('; ')}; other pairs stay`,
    async apply(work) {
      const { at, reading, signal } = work
      const entries = reading.profile?.entries ?? []
      if (changes.every((change) => entries.some((entry) => isFresh(entry, change)))) return
      const wanted = changes.flatMap((change) => {
        const pair = work.pairs.find(({ family }) => family === change.family)
        if (!pair) return []
        const { cert, key } = change.fresh
        return { name: change.entry, cert, key, chain: chainOf(work, change.fresh, pair) }
      })
      work.touched = true
      await bindPairs(at, [{ profile: fullPath, entries: changed(entries, wanted).map(entryBody) }], signal)
    },
    async undo(work) {
      const { at, signal } = work
      const reply = await clientSslProfile(at, fullPath, signal)
      const entries = reply ? profileOf(reply).entries : []
      // somebody else's certificate is not ours to take away
      if (!changes.some((change) => entries.some((entry) => isFresh(entry, change)))) return
      work.touched = true
      const former = formerEntries(entries, changes)
      await bindPairs(at, [{ profile: fullPath, entries: former.map(entryBody) }], signal)
    }
  }
}

function saveStep(): Step<Work> {
  return {
    id: 'save',
    says: 'save the configuration, and with it what others have changed and not saved',
    apply: ({ at, signal }) => save(at, signal),
    // what is saved is put right at the end, when all else is undone
    undo: () => Promise.resolve()
  }
}

function synchronise(): Step<Work> {
  return {
    id: 'synchronise',
    says: 'bring the other unit in sync, see that it holds the same, and save there too',
    async apply(work) {
      if (work.pair) await synchroniseFrom(work, work.pair)
    },
    undo: () => Promise.resolve()
  }
}

async function synchroniseFrom(work: Work, pair: Pair): Promise<void> {
  const { clock, signal } = work
  const arrived = async () => {
    const wanted = await partOf(work, pair.lead)
    for (const seat of pair.others) if ((await partOf(work, seat)) !== wanted) return false
    return true
  }
  await bringOver(pair.lead, pair, { clock, signal, arrived })
  for (const { client } of pair.others) await save(client, signal)
}

/** what a unit holds of the target and of our objects, to be compared */
async function partOf({ facts, signal }: Work, { client }: Seat): Promise<string> {
  const { profile, certificates: held } = await readingOf(client, facts.profile, signal)
  const mine = facts.changes.map(({ fresh }) => [
    held.get(fresh.cert)?.checksum ?? null,
    held.get(fresh.chain)?.checksum ?? null
  ])
  const entries = profile?.entries.map(({ name, cert, key, chain }) => [name, cert, key, chain]) ?? null
  return JSON.stringify([entries, mine])
}
