import type { StartTls } from '../observation.ts'
import { nextStep, type Climb, type Step } from './ladder.ts'
import type { ProbeOptions } from './probe.ts'
import { startTlsPorts } from './starttls/index.ts'

/** How the ladder is climbed at each port: by the options of a scan, and by the protocol that the port is for. */
export class Climbs {
  readonly #options: ProbeOptions
  readonly #known = new Map<StartTls | null, { readonly climb: Climb; readonly first: Step }>()

  constructor(options: ProbeOptions) {
    this.#options = options
  }

  climb(port: number): Climb {
    return this.#at(port).climb
  }

  firstStep(port: number): Step {
    return this.#at(port).first
  }

  #at(port: number) {
    const { starttls } = this.#options
    const protocol =
      starttls === 'auto' ? (startTlsPorts.get(port) ?? null) : starttls === 'none' ? null : starttls
    const known = this.#known.get(protocol)
    if (known) return known
    const climb = { starttls: protocol, adapt: starttls === 'auto', twin: this.#options.twin }
    const made = { climb, first: nextStep([], climb) as Step }
    this.#known.set(protocol, made)
    return made
  }
}
