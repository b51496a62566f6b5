import { codesTable, kindsTable } from './errors.ts'
import { outcomesTable } from './scan.ts'

/** A document and the parts of it that are generated. */
interface Page {
  readonly path: string
  readonly parts: Readonly<Record<string, () => string>>
}

export const pages: readonly Page[] = [
  { path: 'docs/errors.md', parts: { kinds: kindsTable, codes: codesTable } },
  { path: 'docs/scan.md', parts: { outcomes: outcomesTable } }
]
