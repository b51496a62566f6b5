import { moment, reason, type Reason } from './reasons.ts'
import { renewalDue, type RenewalQuestion } from './renewal.ts'

/** What is known of a target when a person asks why something happens to it, or does not. */
export interface WhyQuestion {
  /** null: it is not managed */
  readonly managed: 'enabled' | 'disabled' | null
  readonly device: { readonly name: string; readonly writable: boolean }
  /** its certificates; empty: nothing is known */
  readonly held: readonly RenewalQuestion[]
  /** the open event for it, as it stands */
  readonly event: { readonly id: number; readonly reasons: readonly Reason[] } | null
  readonly failure: Failure | null
}

/** How the last event of a target ended without a new certificate, and when it is renewed all the same. */
export interface Failure {
  readonly fault: string
  /** milliseconds since the epoch; null: only by a person */
  readonly again: number | null
  readonly because: 'failed' | 'cancelled'
}

/** Everything that decides about a target, in the order in which it counts. */
export function why(question: WhyQuestion): Reason[] {
  const { managed, device, held, event, failure } = question
  const off = managed === 'enabled' ? [] : [managed === null ? notManaged : switchedOff]
  const locked = device.writable ? [] : [reason('read-only', { device: device.name })]
  const unknown = managed === null ? [] : [nothingHeld]
  const due = held.length === 0 ? unknown : held.flatMap((one) => renewalDue(one).reasons)
  return [...off, ...(event?.reasons ?? []), ...(failure ? [failed(failure)] : []), ...locked, ...due]
}

const notManaged = reason('not-managed', {})
const switchedOff = reason('switched-off', {})
const nothingHeld = reason('nothing-held', {})

function failed({ fault, again, because }: Failure): Reason {
  if (again !== null && because === 'cancelled') return reason('put-off', { at: moment(again), fault })
  return again === null ? reason('given-up', { fault }) : reason('tried-again', { at: moment(again), fault })
}
