import { setImmediate } from 'node:timers/promises'
import type { Address } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import type { Store } from '../store/store.ts'
import { renewKeyFindings } from './key-use.ts'
import { missed } from './presence.ts'
import { noneFound } from './recorder.ts'

/** What finishing works with. */
export interface FinishDeps {
  readonly store: Store
  readonly clock: Clock
}

/** A scan that came to the end of its walk. */
export interface FinishedScan {
  readonly scan: number
  /** was this address and port part of what was scanned, under any server name? */
  readonly contains: (address: Address, port: number) => boolean
}

/** Endpoints that one transaction looks at. */
const chunk = 2_000

/**
 * Ends a scan that ran through its whole space: what was known there and was neither seen by it nor by another
 * scan since it started is gone from now on; what is said of keys in many places is renewed. Gives the number
 * of endpoints gone.
 *
 * A scan probes an address and port under the names that it was given, and reports ports that are closed only where
 * an endpoint is known. So a known name that it did not ask for counts as missed only where nothing at that address and port
 * answered.
 */
export async function finishScan(
  { store, clock }: FinishDeps,
  { scan, contains }: FinishedScan
): Promise<number> {
  const { started } = store.scans.get(scan)
  let gone = 0
  for (let after = 0; ;) {
    const step = store.transaction(() => {
      const unseen = store.endpoints.unseen({ id: scan, started }, after, chunk)
      const lost = unseen.filter(
        ({ address, port }) =>
          contains(address, port) && !store.endpoints.answered({ id: scan, started }, address, port)
      )
      const at = clock.now()
      for (const endpoint of lost) store.endpoints.move(endpoint, missed(endpoint), { scan, at })
      const found = { ...noneFound(), gone: lost.length }
      if (lost.length > 0) store.scans.progress(scan, { at, counts: {}, cursors: [], found })
      return { last: unseen.length < chunk ? undefined : unseen.at(-1)?.id, lost: lost.length }
    })
    gone += step.lost
    if (step.last === undefined) break
    after = step.last
    // whoever waits for this thread gets a turn
    await setImmediate()
  }
  await renewKeyFindings(store)
  store.scans.end(scan, 'finished', clock.now())
  return gone
}
