import type { Cache } from '../../core/cache.ts'
import { asFault, type Fault } from '../../core/fault.ts'
import type { EventRow } from '../store/events.ts'
import type { KeptSessions } from './kept-sessions.ts'
import { retryIn } from './policy/backoff.ts'
import type { Due } from './policy/renewal.ts'
import { windowAt, type WindowAnswer } from './policy/windows.ts'
import type { Notice } from './notice.ts'
import type { EngineDeps } from './ports.ts'
import { readProfile, type Profile, type ProfileText } from './profile.ts'
import type { Turns } from './turns.ts'

/** What the steps of the engine work with. */
export interface EngineContext extends EngineDeps {
  readonly turns: Turns
  readonly sessions: KeptSessions
  /** aborts when the engine is to stop: what was begun is left as it is, and gone on with at the next start */
  readonly stopping: AbortSignal
  readonly remembered: Remembered
  /** tells who watches an event in this process */
  readonly notice: Notice
}

/** How a row goes on: to another state, or not yet. */
export type Step<Standing extends { readonly state: string }> =
  | {
      readonly to: Standing['state']
      readonly why: string
      /** when to go on; null: when somebody acts */
      readonly wake: number | null
      readonly set?: Partial<Standing>
      /** further writes in the same transaction */
      readonly also?: () => void
    }
  | {
      readonly to: 'stay'
      readonly why: string
      readonly wake: number | null
      readonly set?: Partial<Standing>
      readonly also?: () => void
    }

/** Who does what the engine does by itself. */
export const itself = 'tlsward'

/** What is worked out again and again from what does not change. */
export interface Remembered {
  readonly profiles: Cache<string, Profile>
  /** when certificates are due, under each profile */
  readonly dues: WeakMap<Profile, Cache<string, Due>>
}

/** The profile that an event began with. */
export function profileOf({ remembered }: EngineContext, event: EventRow): Profile {
  return profileIn(remembered, event.profile)
}

/** Must somebody approve the plan of an event: because its profile says so, or whoever asked for it? */
export function approvalOf(deps: EngineContext, event: EventRow): Profile['approval'] {
  return event.approval === 'needed' ? 'needed' : profileOf(deps, event).approval
}

/** Whether an event's devices may be changed at a time, by the windows of its profile; null: it needs none. */
export function windowOf(deps: EngineContext, event: EventRow, at: number): WindowAnswer | null {
  return event.hours === 'any' ? null : windowAt(profileOf(deps, event).windows, at)
}

/** The profile of a text as it is kept. */
export function profileIn({ profiles }: Remembered, text: string): Profile {
  const known = profiles.get(text)
  if (known) return known
  const profile = readProfile(JSON.parse(text) as ProfileText)
  profiles.set(text, profile)
  return profile
}

/** When to try again after a fault, milliseconds since the epoch, or null when only a person can help. */
export function againAfter(deps: EngineContext, fault: Fault, attempts: number): number | null {
  const asked = fault.facts['retryAfterMs']
  const wait = retryIn({
    kind: fault.kind,
    attempts,
    retryAfterMs: typeof asked === 'number' ? asked : null,
    chance: deps.random.fraction()
  })
  return wait === null ? null : deps.clock.now() + wait
}

/** What came of work that may fail, as a value. */
export type Tried<T> = { readonly value: T } | { readonly fault: Fault }

/**
 * Does the work and gives its fault as a value. Trouble with our own store is thrown on: it is nothing about the
 * device, and no state can be kept before it is over.
 */
export async function tried<T>(work: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { value: await work() }
  } catch (thrown) {
    const fault = asFault(thrown)
    if (isStoreTrouble(fault)) throw fault
    return { fault }
  }
}

/** Is it our own store that cannot be written? */
export function isStoreTrouble({ code }: Fault): boolean {
  return code.startsWith('store-') || code === 'state-unwritable'
}
