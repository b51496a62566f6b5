import { setTimeout as pause } from 'node:timers/promises'
import {
  bindPlan,
  type BoundPlan,
  type BundleItem,
  type Journal,
  type KeyFamily,
  type Session
} from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { OutsideWorld } from './world.ts'

/** Never aborts. */
export const signal = new AbortController().signal

/** The cable was cut, or the process killed, in the middle of a deployment. */
export class Cut extends Error {
  override readonly name = 'Cut'
}

/** A journal in memory; `at` is called when a step is noted, and may throw. */
export function journalOf(finished: readonly string[] = [], at: (step: string) => void = () => {}): Journal {
  const steps = [...finished]
  return {
    finished: steps,
    done(step) {
      if (!steps.includes(step)) steps.push(step)
      at(step)
    },
    undone(step) {
      const found = steps.indexOf(step)
      if (found >= 0) steps.splice(found, 1)
    }
  }
}

/** A plan for a world, bound to fresh certificates. */
export interface Prepared {
  readonly plan: BoundPlan
  readonly bundle: readonly BundleItem[]
  readonly fingerprints: Readonly<Partial<Record<KeyFamily, string>>>
}

/** Plans, and binds the plan. */
export async function prepare(world: OutsideWorld, session: Session, chain?: 'longer'): Promise<Prepared> {
  const { target, families } = world
  const plan = await session.plan({ target, families }, signal)
  const bundle = world.issue(chain)
  const fingerprints = Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint]))
  return { plan: bindPlan(plan, fingerprints), bundle, fingerprints }
}

/** A session that is closed whatever happens. */
export async function withSession<T>(world: OutsideWorld, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await world.connector.connect(world.access, signal)
  try {
    return await use(session)
  } finally {
    await session.close()
  }
}

/** Asks until the answer is the one that is wanted; the last answer after ten seconds otherwise. */
export async function inTheEnd<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  const end = performance.now() + 10_000
  for (;;) {
    const answer = await ask()
    if (isWanted(answer) || performance.now() > end) return answer
    await pause(20)
  }
}

/** What is shown, once it is what it should be; what it is after ten seconds otherwise. */
export async function shownInTheEnd(
  world: OutsideWorld,
  wanted: readonly string[]
): Promise<readonly string[]> {
  const end = performance.now() + 10_000
  for (let good = 0; ;) {
    const shown = await world.shown()
    good = String(shown) === String(wanted) ? good + 1 : 0
    // old and new workers answer in turn for a moment
    if (good === 3 || performance.now() > end) return shown
    await pause(20)
  }
}

/** Lines of what is shown that are neither of the two: nothing may be there. */
export async function neither(
  world: OutsideWorld,
  one: readonly string[],
  other: readonly string[]
): Promise<readonly string[]> {
  const shown = await world.shown()
  return shown.filter((line, at) => line !== one[at] && line !== other[at])
}

/** The code of the fault that a promise ends with, for assertions. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no fault'
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : `no Fault: ${asFault(thrown).message}`
  }
}
