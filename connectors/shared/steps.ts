import type { Journal, PlannedStep } from '../contract.ts'

/**
 * One step of a change, in a table that deploy walks forwards and rollback backwards. `C` is what both work with.
 * Both ways are safe to repeat: what is done is recognised by the device's own state, and what is gone is accepted.
 */
export interface Step<C> extends PlannedStep {
  apply(context: C): Promise<void>
  undo(context: C): Promise<void>
}

/** Does every step in order; the journal hears of those that it does not know as done. */
export async function forward<C>(steps: readonly Step<C>[], context: C, journal: Journal): Promise<void> {
  const known = new Set(journal.finished)
  for (const step of steps) {
    await step.apply(context)
    if (!known.has(step.id)) journal.done(step.id)
  }
}

/**
 * Undoes every step, the last one first. Also those that the journal does not know: one may have begun, and its
 * undo accepts that it has not.
 */
export async function backward<C>(steps: readonly Step<C>[], context: C, journal: Journal): Promise<void> {
  const known = new Set(journal.finished)
  for (const step of steps.toReversed()) {
    await step.undo(context)
    if (known.has(step.id)) journal.undone(step.id)
  }
}

/** The steps as a plan shows them. */
export function planned<C>(steps: readonly Step<C>[]): PlannedStep[] {
  return steps.map(({ id, says }) => ({ id, says }))
}
