import { faultCodes, faultKinds } from '../../core/fault.ts'
import { table } from './table.ts'

/** The kinds of fault: what each means and what follows from it. */
export function kindsTable(): string {
  return table(
    ['kind', 'exit code', 'HTTP status', 'worth repeating', 'means'],
    Object.entries(faultKinds).map(([kind, row]) => [
      kind,
      String(row.exitCode),
      String(row.httpStatus),
      row.retry ? 'yes' : 'no',
      row.means
    ])
  )
}

/** Every code with its kind and remedy. */
export function codesTable(): string {
  return table(
    ['code', 'kind', 'exit code', 'what to do'],
    Object.entries(faultCodes).map(([code, [kind, remedy]]) => [
      `\`${code}\``,
      kind,
      String(faultKinds[kind].exitCode),
      remedy
    ])
  )
}
