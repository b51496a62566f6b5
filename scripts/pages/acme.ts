import { problemTypes } from '../../acme/messages/problem-types.ts'
import { table } from './table.ts'

/** Every type of problem that a CA can name: what it means, the fault that it becomes, what to do. */
export function problemsTable(): string {
  return table(
    ['type', 'fault', 'means', 'what to do'],
    Object.entries(problemTypes).map(([type, { code, because, remedy }]) => [
      `\`${type}\``,
      `\`${code}\``,
      because,
      remedy
    ])
  )
}
