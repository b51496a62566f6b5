import type { Reason } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'

/** The CSV of reasons. */
export const reasonCsv: Pick<View<Reason>, 'csv'> = {
  csv: [
    ['device', ({ device }) => device],
    ['target', ({ target }) => target],
    ['code', ({ code }) => code],
    ['says', ({ says }) => says],
    ['at', ({ at }) => at]
  ]
}

/** Reasons as sentences, the one that counts most first, each with its code for the documents. */
export function reasonLines(screen: Screen, reasons: readonly Reason[]): readonly string[] {
  return reasons.map(({ says, code }) => `  ${capital(shown(says))}  ${screen.paint('dim', `[${code}]`)}`)
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`
}
