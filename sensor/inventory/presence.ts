import type { Outcome } from '../scan/observation.ts'
import type { KnownEndpoint, NextStanding } from '../store/endpoints.ts'
import type { KeptState } from '../store/states.ts'

/**
 * What an outcome says about an endpoint: `answers` TLS; `trouble`: something accepts connections, but TLS did
 * not come through this time (an overloaded or rate-limiting server), which is no reason to forget what it
 * shows; `gone`: what was there is there no longer.
 */
export type Sign = 'answers' | 'trouble' | 'gone'

/** The sign of each outcome. */
export const signs: Readonly<Record<Outcome, Sign>> = {
  certificate: 'answers',
  'no-certificate': 'answers',
  'name-required': 'answers',
  alert: 'answers',
  malformed: 'answers',
  'too-large': 'answers',
  reset: 'trouble',
  ended: 'trouble',
  stalled: 'trouble',
  'not-tls': 'gone',
  'no-starttls': 'gone',
  closed: 'gone',
  silent: 'gone',
  unreachable: 'gone'
}

/** Why an endpoint counts as gone when the scan that looked there heard nothing of it. */
export const notSeen = 'not-seen'

/** What a probe of an endpoint said. */
export interface Seen {
  readonly outcome: Outcome
  readonly banner: string | null
  /** the state that it showed, when it answered */
  readonly state: KeptState | null
}

/** What follows for the endpoint. */
export type Step =
  /** it is none, and was none before */
  | { readonly act: 'ignore' }
  /** a new one */
  | { readonly act: 'add'; readonly state: KeptState }
  /** it answers as before */
  | { readonly act: 'confirm' }
  /** it was probed and does not answer, as before */
  | { readonly act: 'leave' }
  | { readonly act: 'move'; readonly to: NextStanding; readonly found: 'changed' | 'gone' | 'returned' }

/** What follows from a probe for an endpoint that is known, or is not. */
export function nextStep(known: KnownEndpoint | undefined, { outcome, banner, state }: Seen): Step {
  if (state) return known ? answered(known, state) : { act: 'add', state }
  if (!known) return { act: 'ignore' }
  const { state: shown, expires } = known
  if (signs[outcome] === 'trouble') {
    // one kind of trouble after the other is not worth a line of history, nor does it bring anything back
    if (!known.present || known.why !== null) return { act: 'leave' }
    return {
      act: 'move',
      found: 'changed',
      to: { state: shown, expires, present: true, why: outcome, banner }
    }
  }
  if (!known.present) return { act: 'leave' }
  return { act: 'move', found: 'gone', to: { state: shown, expires, present: false, why: outcome, banner } }
}

function answered(known: KnownEndpoint, { id, expires }: KeptState): Step {
  if (known.state === id && known.present && known.why === null) return { act: 'confirm' }
  const found = known.present ? 'changed' : 'returned'
  return { act: 'move', found, to: { state: id, expires, present: true, why: null, banner: null } }
}

/** Where an endpoint stands that a whole scan did not see. */
export function missed({ state, expires }: KnownEndpoint): NextStanding {
  return { state, expires, present: false, why: notSeen, banner: null }
}
