import { problemsTable } from './acme.ts'
import { commandHelp } from './cli.ts'
import { codesTable, kindsTable } from './errors.ts'
import { findingsTable } from './findings.ts'
import { recordsText } from './json.ts'
import { outcomesTable } from './scan.ts'

/** A document and the parts of it that are generated. */
interface Page {
  readonly path: string
  readonly parts: Readonly<Record<string, () => string>>
}

export const pages: readonly Page[] = [
  { path: 'docs/acme.md', parts: { problems: problemsTable } },
  { path: 'docs/cli.md', parts: { commands: commandHelp } },
  { path: 'docs/errors.md', parts: { kinds: kindsTable, codes: codesTable } },
  { path: 'docs/findings.md', parts: { findings: findingsTable } },
  { path: 'docs/json.md', parts: { records: recordsText } },
  { path: 'docs/scan.md', parts: { outcomes: outcomesTable } }
]
