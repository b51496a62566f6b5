import { faultKinds, type FaultKind } from '../../../core/fault.ts'

/** What went wrong, how often in a row, and what the peer said about when to come back. */
export interface Trouble {
  readonly kind: FaultKind
  /** tries that failed in a row, this one included */
  readonly attempts: number
  /** milliseconds that the peer asked for (Retry-After); null: it said nothing */
  readonly retryAfterMs: number | null
  /** chance, 0 ≤ x < 1: many that failed together do not come back together */
  readonly chance: number
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

/** The first wait and the longest, by kind of fault; only kinds that may pass by themselves. */
const waits: Readonly<Partial<Record<FaultKind, readonly [first: number, longest: number]>>> = {
  busy: [15 * second, 10 * minute],
  unreachable: [30 * second, 30 * minute]
}

/** No peer can put us off for longer: its clock or its mind may be wrong. */
const longestRetryAfter = 24 * hour

/** Milliseconds until it is tried again by itself, or null when only a person can help. */
export function retryIn({ kind, attempts, retryAfterMs, chance }: Trouble): number | null {
  const [first, longest] = waits[kind] ?? []
  if (!faultKinds[kind].retry || first === undefined || longest === undefined) return null
  const own = Math.min(longest, first * 2 ** Math.min(attempts - 1, 30)) * (0.8 + 0.4 * chance)
  if (retryAfterMs === null) return Math.round(own)
  // never before the time that was asked for, and not at once either
  const asked = Math.min(Math.max(retryAfterMs, first), longestRetryAfter)
  return Math.round(asked + Math.min(own, minute) * chance)
}

/** When the deployments of an event that failed are tried again by themselves. */
export interface FailedEvent {
  /** times that it was tried again already */
  readonly retries: number
  readonly ended: number
  /** end of the certificate that the target still holds; null: it holds none */
  readonly notAfter: number | null
  /** did a person, a refusal, or the device itself say that it must not be tried again? */
  readonly final: boolean
}

/**
 * When something that failed comes up again, which usually takes `wait`: sooner the closer the end of the certificate
 * that is still held, so that tries are left before it; milliseconds since the epoch.
 */
export function againBefore(
  wait: number,
  { ended, notAfter }: Pick<FailedEvent, 'ended' | 'notAfter'>
): number {
  const left = notAfter === null ? Infinity : notAfter - ended
  // nothing is left to save: as often as it may be, and no more
  if (left <= 0) return Math.ceil(ended + Math.min(wait, hour))
  return Math.ceil(ended + Math.max(minute, Math.min(wait, left / 5)))
}

/** Deployments that were rolled back in front of clients are not tried again without end. */
const mostRetries = 5

/** When to try the deployments again, milliseconds since the epoch; null: only a person does. */
export function retryEventAt({ retries, ended, notAfter, final }: FailedEvent): number | null {
  if (final || retries >= mostRetries) return null
  return againBefore(Math.min(24 * hour, hour * 2 ** retries), { ended, notAfter })
}
