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

/** What follows from a probe for an endpoint that is known. */
export type Step =
  /** it answers as before */
  | { readonly act: 'confirm' }
  /** it was probed and does not answer, as before */
  | { readonly act: 'leave' }
  /** it answers as before, and more is known of it now: nothing for its history */
  | { readonly act: 'learn'; readonly of: KeptState }
  | { readonly act: 'move'; readonly to: NextStanding; readonly found: 'changed' | 'gone' | 'returned' }

/** What follows when a known endpoint answers by a state. */
export function answered(known: KnownEndpoint, { id, expires }: KeptState): Step {
  if (known.state === id && known.present && known.why === null) return { act: 'confirm' }
  const found = known.present ? 'changed' : 'returned'
  return { act: 'move', found, to: { state: id, expires, present: true, why: null, banner: null } }
}

/** What follows when TLS does not come through, with the first words of what came instead. */
export function unanswered(known: KnownEndpoint, why: Outcome, banner: string | null): Step {
  const { state, expires } = known
  if (signs[why] === 'trouble') {
    // one kind of trouble after the other is not worth a line of history, nor does it bring anything back
    if (!known.present || known.why !== null) return { act: 'leave' }
    return { act: 'move', found: 'changed', to: { state, expires, present: true, why, banner } }
  }
  if (!known.present) return { act: 'leave' }
  return { act: 'move', found: 'gone', to: { state, expires, present: false, why, banner } }
}

/** Where an endpoint stands that a whole scan did not see. */
export function missed({ state, expires }: KnownEndpoint): NextStanding {
  return { state, expires, present: false, why: notSeen, banner: null }
}
