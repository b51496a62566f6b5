import { outcomes, tlsOutcomes, type Outcome } from '../../sensor/scan/observation.ts'
import { table } from './table.ts'

/** The closed list of outcomes. */
export function outcomesTable(): string {
  return table(
    ['outcome', 'means', 'kept as an endpoint'],
    Object.entries(outcomes).map(([outcome, means]) => [
      `\`${outcome}\``,
      means,
      tlsOutcomes.has(outcome as Outcome) ? 'yes' : 'no'
    ])
  )
}
