import { findingCodes } from '../../sensor/inventory/findings/codes.ts'
import { table } from './table.ts'

/** Every finding: what it means and what to do. */
export function findingsTable(): string {
  return table(
    ['code', 'title', 'severity', 'means', 'what to do'],
    Object.entries(findingCodes).map(([code, { title, severity, meaning, remedy }]) => [
      `\`${code}\``,
      title,
      severity,
      meaning,
      remedy
    ])
  )
}
