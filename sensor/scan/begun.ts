import type { HeldBytes } from './probe/held-bytes.ts'
import type { Probe } from './probe/probe.ts'

/** A probe on its way, as far as ending it goes; `place` is kept here. */
interface Underway {
  readonly probe: Probe
  place: number
}

/** Probes that are begun and not done, in any order; each knows its place. */
export class Begun<R extends Underway> {
  readonly #runs: R[] = []

  get size(): number {
    return this.#runs.length
  }

  add(run: R): void {
    run.place = this.#runs.push(run) - 1
  }

  /** Takes one out: the last one gets its place. */
  remove(run: R): void {
    const last = this.#runs.pop()
    if (last === undefined || last === run) return
    this.#runs[run.place] = last
    last.place = run.place
  }

  /** Cuts every connection: none of the probes is heard of again. */
  abandonAll(): void {
    for (const { probe } of this.#runs) probe.abandon()
    this.#runs.length = 0
  }

  /** Ends the largest unfinished answers until the rest fits. */
  endLargest(held: HeldBytes): void {
    const largest = this.#runs.toSorted((one, other) => other.probe.held - one.probe.held)
    for (const { probe } of largest) {
      if (!held.crowded) return
      probe.giveWay()
    }
  }
}
