import { Fault } from '../../core/fault.ts'
import type { CheckedCertificate, CheckedPair } from '../shared/pair.ts'
import type { Step } from '../shared/steps.ts'
import type { ChangeFacts, PairChange } from './facts.ts'
import { createObject, deleteObject, type FileObject } from './file-objects.ts'
import { partsOf } from './full-path.ts'
import { chainHolder } from './objects.ts'
import { certificates, keys } from './readings.ts'
import { removeUpload, upload } from './uploads.ts'
import type { Work } from './work.ts'

/** They are made before the certificate is ordered, and stay when a deployment is undone: it may be tried again. */
export function madeKeys({ changes, units }: ChangeFacts): Step<Work> {
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

/** uploads and creates what is new */
export function objects({ changes, upload: uploaded }: ChangeFacts): Step<Work> {
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
    work.uploaded = true
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
export function chainOf(
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

/** the upload holds a key, unless the device made that */
export function clear({ upload: uploaded, units, changes }: ChangeFacts): Step<Work> {
  const holds = changes.some(({ made }) => !made) ? ', which holds the key' : ''
  const remove = async ({ at, pair, begun, signal }: Work) => {
    // another unit may have been the active one before
    const clients = pair && begun ? pair.seats.map(({ client }) => client) : [at]
    for (const client of clients) await removeUpload(client, uploaded, signal)
  }
  return {
    id: 'clear',
    says: `remove the upload ${uploaded}${holds}${units > 1 ? ', from each unit that has it' : ''}`,
    async apply(work) {
      // another target with the same certificate has made the objects, and nothing was uploaded for this one
      if (work.begun || work.uploaded) await remove(work)
    },
    undo: remove
  }
}
