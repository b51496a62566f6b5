import { moment, reason } from './reasons.ts'
import type { Start } from './start.ts'

/** In which order the targets of an event are changed. */
export interface Rollout {
  /** which target goes before the others and is watched: none, the first, or one on a standby if there is one */
  readonly canary: 'none' | 'first' | 'standby'
  readonly soakMs: number
  /** targets at a time after the first */
  readonly atOnce: number
}

/** A target in a rollout. */
export interface RolloutTarget {
  readonly position: number
  readonly target: string
  readonly role: 'single' | 'active' | 'standby'
  /** `begun`: something was or may have been written */
  readonly state: 'waiting' | 'begun' | 'live' | 'failed' | 'left-out'
  /** when it went live */
  readonly live: number | null
}

/** The targets in the order in which they are changed. */
export function rolloutOrder(targets: readonly RolloutTarget[], { canary }: Rollout): RolloutTarget[] {
  const rank = ({ role }: RolloutTarget) => (canary === 'standby' && role === 'standby' ? 0 : 1)
  return targets.toSorted((a, b) => rank(a) - rank(b) || a.position - b.position)
}

/** May this target be changed now, as far as the others go? */
export function mayRollOut(
  targets: readonly RolloutTarget[],
  position: number,
  { rollout, now }: { readonly rollout: Rollout; readonly now: number }
): Start {
  const none: Start = { reasons: [], again: null }
  const failed = targets.find(({ state }) => state === 'failed')
  if (failed) return { ...none, reasons: [reason('stopped-by-failure', { target: failed.target })] }
  const order = rolloutOrder(targets, rollout).filter(({ state }) => state !== 'left-out')
  const place = order.findIndex((one) => one.position === position)
  const [first] = order
  if (rollout.canary !== 'none' && first && place > 0) {
    if (first.state !== 'live') return { ...none, reasons: [reason('canary-first', {})] }
    const soaked = (first.live ?? now) + rollout.soakMs
    // a first target that went live after now did so before the clock was set back
    if (soaked > now && soaked <= now + 2 * rollout.soakMs)
      return { reasons: [reason('canary-soaks', { at: moment(soaked) })], again: soaked }
  }
  const begun = order.filter(({ state }) => state === 'begun').length
  if (begun < rollout.atOnce) return none
  return { ...none, reasons: [reason('enough-under-way', { count: begun })] }
}
