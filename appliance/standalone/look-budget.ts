import type { Clock } from '../../core/clock.ts'
import type { DeepBudget } from '../../sensor/scan/deep/talks.ts'

/**
 * What the looks of one kind (--deep, --ssh) may take of one address together, however many ports and names it
 * has. docs/scan.md says the same.
 */
export const lookBudget = { connections: 2_000, ms: 15 * 60_000 } as const

/** What is left of the budget of an address for looks of one kind. Time runs from the first of them. */
export interface AddressBudget {
  /** may so many connections still be made? */
  affords(connections: number): boolean
  spend(connections: number): void
  /** the budget of one look, cut down to what is left */
  partOf(budget: DeepBudget): DeepBudget
}

/** The budgets of one address, a kind of look each. */
export interface AddressBudgets {
  readonly deep: AddressBudget
  readonly ssh: AddressBudget
}

/** Budgets of which nothing is spent yet. */
export function addressBudgets(clock: Clock): AddressBudgets {
  return { deep: addressBudget(clock), ssh: addressBudget(clock) }
}

function addressBudget(clock: Clock): AddressBudget {
  let left: number = lookBudget.connections
  let end: number | undefined
  const leftMs = () => {
    end ??= clock.ticks() + lookBudget.ms
    return Math.max(0, end - clock.ticks())
  }
  return {
    affords: (connections) => connections <= left && leftMs() > 0,
    spend: (connections) => void (left = Math.max(0, left - connections)),
    partOf: (budget) => ({
      ...budget,
      connections: Math.min(budget.connections, left),
      ms: Math.min(budget.ms, leftMs())
    })
  }
}
