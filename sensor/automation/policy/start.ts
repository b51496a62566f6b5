import { firstOf } from '../../../core/text.ts'
import { moment, reason, type Reason } from './reasons.ts'
import type { WindowAnswer } from './windows.ts'

/** A deployment that has begun and not ended. */
export interface UnderWay {
  readonly deployment: number
  readonly device: number
  readonly target: string
}

/** What is asked before an event orders certificates. */
export interface EventStart {
  readonly now: number
  /** not before */
  readonly start: number
  /** null: it cannot wait for a window */
  readonly window: WindowAnswer | null
  /** names of its devices that are only read */
  readonly readOnly: readonly string[]
  /** the open event before it for one of its targets */
  readonly heldBy: number | null
  readonly approval: 'needed' | 'not-needed'
  /** names that are covered now and would not be any more: a person's own word is needed for them */
  readonly lost: readonly string[]
  readonly hash: string
  readonly approvedHash: string | null
}

/** Why something may not begin now, and when to look again; no reasons: it may. */
export interface Start {
  readonly reasons: readonly Reason[]
  /** null: when something else changes */
  readonly again: number | null
}

/** May the event order certificates and change devices? Approval comes first: time can pass meanwhile. */
export function mayStart(asked: EventStart): Start {
  const { now, start, window, readOnly, heldBy, approval, lost, hash, approvedHash } = asked
  const reasons: Reason[] = []
  const times: number[] = []
  if (lost.length > 0 && approvedHash !== hash) {
    reasons.push(reason('names-lost', { names: firstOf(lost, 5), hash: hash.slice(0, 16) }))
  } else if (approval === 'needed' && approvedHash !== hash) {
    reasons.push(reason('approval-missing', { hash: hash.slice(0, 16) }))
  }
  if (heldBy !== null) reasons.push(reason('target-held', { event: heldBy }))
  for (const device of readOnly) reasons.push(reason('read-only', { device }))
  if (start > now) {
    reasons.push(reason('start-later', { at: moment(start) }))
    times.push(start)
  }
  if (window?.why) {
    reasons.push(window.why)
    if (Number.isFinite(window.until)) times.push(window.until)
  }
  // several times must all have come
  return { reasons, again: times.length > 0 ? Math.max(...times) : null }
}

/** How many deployments may be under way. */
export interface StartLimits {
  readonly overall: number
  /** at devices that bear several at once */
  readonly perDevice: number
}

/** What is asked before one deployment begins. */
export interface DeploymentStart {
  readonly now: number
  readonly window: WindowAnswer | null
  readonly device: { readonly id: number; readonly name: string; readonly writable: boolean }
  readonly lock: 'device' | 'target'
  readonly target: string
  readonly underWay: readonly UnderWay[]
  readonly limits: StartLimits
}

/** May this deployment begin, as far as time, device and load go? */
export function mayDeploy({ window, device, lock, target, underWay, limits }: DeploymentStart): Start {
  const reasons: Reason[] = []
  if (!device.writable) reasons.push(reason('read-only', { device: device.name }))
  if (window?.why) reasons.push(window.why)
  const here = underWay.filter((one) => one.device === device.id)
  const most = lock === 'device' ? 1 : limits.perDevice
  const other = here.find((one) => one.target === target) ?? (here.length >= most ? here[0] : undefined)
  if (other) reasons.push(reason('device-taken', { device: device.name, deployment: other.deployment }))
  if (underWay.length >= limits.overall) reasons.push(reason('enough-under-way', { count: underWay.length }))
  const again = window?.why && Number.isFinite(window.until) ? window.until : null
  return { reasons, again }
}
