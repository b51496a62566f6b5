import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import { isJudgedBy, noteJudged, noteMixed } from './basis.ts'
import { createJudge, memberOf, type Trust } from './judging.ts'
import { renewAllKeyFindings } from './key-use.ts'
import type { Store } from '../store/store.ts'

/** What judging everything again works with. */
export interface RefreshDeps {
  readonly store: Store
  readonly trust: Trust
  readonly clock: Clock
  /** hears how many rows are done, of how many */
  readonly tell?: (done: number, size: number) => void
}

/** Rows that one transaction judges. */
const chunk = 200

/**
 * Judges everything that is kept again when other roots are trusted than before, or the rules have changed:
 * chains and their leaves, states, and endpoints with names. Otherwise it does nothing. It works in small
 * transactions and notes at the end that it is done, so that one that was interrupted begins anew. Gives whether
 * there was something to do.
 */
export async function refreshFindings({ store, trust, clock, tell }: RefreshDeps): Promise<boolean> {
  if (isJudgedBy(store, trust.id)) return false
  const judge = createJudge({ store, trust })
  const at = clock.now()
  const size = store.chains.count() + store.states.count()
  let done = 0
  const inChunks = chunkWork(store, (rows) => tell?.((done += rows), Math.max(size, done)))
  // whoever comes after an end in the middle must not take what is half done for whole
  noteMixed(store)

  // each chain may raise the trust in its leaf, none lowers it
  store.certificates.resetTrust()
  await inChunks((after) => {
    const chains = store.chains.after(after, chunk)
    for (const { id } of chains) {
      const members = store.chains.members(id).map((certificate) => memberOf(store, certificate))
      const [leaf] = members
      if (!leaf) continue
      const verdict = judge.verdictOf(members, at)
      store.chains.setVerdict(id, JSON.stringify(verdict.kept))
      judge.chain({ id, leaf, verdict, at })
    }
    return chains
  })
  await inChunks((after) => {
    const states = store.states.after(after, chunk)
    for (const state of states) judge.state(state.id, state)
    return states
  })
  await inChunks((after) => {
    const endpoints = store.endpoints.named(after, chunk)
    for (const { id, name, state } of endpoints) {
      const shown = store.states.byId(state)
      if (shown) judge.name(id, name, shown)
    }
    return endpoints
  })
  await renewAllKeyFindings(store)
  noteJudged(store, trust.id)
  return true
}

/** Does work chunk after chunk, each in a transaction, until one is not full; others get turns between. */
function chunkWork(store: Store, tell: (rows: number) => void) {
  return async (work: (after: number) => readonly { readonly id: number }[]): Promise<void> => {
    for (let after = 0; ;) {
      const rows = store.transaction(() => work(after))
      tell(rows.length)
      if (rows.length < chunk) return
      after = rows.at(-1)?.id ?? after
      await setImmediate()
    }
  }
}
