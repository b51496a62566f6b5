import type { Address } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import { isKnown, type KnownPlaces } from './known-places.ts'
import type { Observation, Outcome } from './observation.ts'
import { Offences } from './offence.ts'
import type { Probe } from './probe/probe.ts'
import type { SavedProgress } from './progress.ts'

/** Counts of finished pairs by outcome. */
export type OutcomeCounts = Partial<Record<Outcome, number>>

/** What a sweep hands over at once; to be stored whole or not at all. */
export interface SweepBatch {
  /** what was seen where something answered; of closed, silent and unreachable pairs, only those that were known */
  readonly observations: readonly Observation[]
  /** counts of this batch */
  readonly counts: OutcomeCounts
  /** connections made since the batch before */
  readonly connections: number
  /** the cursor that holds once this batch is stored */
  readonly progress: SavedProgress
}

/** What finished pairs leave behind until it is handed over. */
export class Batch {
  readonly #clock: Clock
  readonly #known: KnownPlaces | undefined
  readonly #offences = new Offences()
  #observations: Observation[] = []
  #counts: OutcomeCounts = {}
  #connections = 0
  /** pairs that are finished and not handed over */
  size = 0

  /** `known`: where endpoints are known */
  constructor(clock: Clock, known?: KnownPlaces) {
    this.#clock = clock
    this.#known = known
  }

  /** Keeps what a probe saw that just ended, after `ms`. */
  add(probe: Probe, ms: number): void {
    const { outcome } = probe
    const { address } = probe.pair
    this.#connections += probe.connections
    this.#offences.saw(address, outcome)
    const isNothing = outcome === 'closed' || outcome === 'silent' || outcome === 'unreachable'
    if (isNothing && !this.#knows(probe)) return this.count(outcome)
    const seen = probe.observation(this.#clock.now(), ms)
    const kept = this.#offences.affords(address, newBytes(seen)) ? seen : withoutChains(seen)
    this.count(kept.outcome)
    this.#observations.push(kept)
  }

  /** Counts a pair of which nothing is kept. */
  count(outcome: Outcome): void {
    this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1
  }

  /** Has the host reset so often that its other ports are not worth a connection? */
  resetsAll(address: Address): boolean {
    return this.#offences.resetsAll(address)
  }

  #knows({ pair }: Probe): boolean {
    return this.#known !== undefined && isKnown(this.#known, pair.address, pair.port)
  }

  /** Gives all of it away, with the cursor that holds then, and begins anew. */
  take(progress: SavedProgress): SweepBatch {
    const batch = {
      observations: this.#observations,
      counts: this.#counts,
      connections: this.#connections,
      progress
    }
    this.#observations = []
    this.#counts = {}
    this.#connections = 0
    this.size = 0
    return batch
  }
}

/** bytes of certificates that come for the first time */
function newBytes({ chains }: Observation): number {
  let bytes = 0
  for (const { certificates } of chains) for (const der of certificates ?? []) bytes += der.length
  return bytes
}

function withoutChains(seen: Observation): Observation {
  return { ...seen, outcome: 'too-large', chains: [] }
}
