import { csvCell, jsonLine, visible } from '../../core/text.ts'
import type { Screen } from './screen.ts'
import type { OutputOptions } from './session.ts'
import { tableLines, type Cell, type Column } from './table.ts'

/** How one kind of record looks as a table and as CSV. Values of peers must come through {@link shown}. */
export interface View<R> {
  readonly columns: readonly Column[]
  readonly cells: (record: R) => readonly Cell[]
  /** name and value of each CSV column */
  readonly csv: readonly (readonly [head: string, value: (record: R) => string | number | null])[]
}

/** Text that a peer wrote, safe to show. */
export function shown(text: string | null): string {
  return text === null ? '' : visible(text)
}

/** Prints records one by one as JSON or CSV lines; false when the person wants a table instead. */
export function linePrinter<R>(
  screen: Screen,
  options: OutputOptions,
  view: Pick<View<R>, 'csv'>
): ((record: R) => void) | undefined {
  if (options.json) return (record) => screen.result(jsonLine(record))
  if (!options.csv) return undefined
  screen.result(view.csv.map(([head]) => head).join(','))
  return (record) => screen.result(view.csv.map(([, value]) => csvField(value(record))).join(','))
}

function csvField(value: string | number | null): string {
  return csvCell(typeof value === 'string' ? visible(value, 100_000) : value)
}

/** Records after which a program is waited for that reads slowly. */
const writtenEach = 500

/** Prints very many records one by one, no faster than they are read, until nobody reads any more. */
export async function printEach<R>(
  screen: Screen,
  records: Iterable<R> | AsyncIterable<R>,
  print: (record: R) => void
): Promise<void> {
  let printed = 0
  for await (const record of records) {
    print(record)
    if (++printed % writtenEach === 0) await screen.written()
    if (screen.closed.aborted) return
  }
}

/** Prints records as a table, each with the lines that `below` gives for it. */
export function printTable<R>(
  screen: Screen,
  view: Pick<View<R>, 'columns' | 'cells'>,
  records: readonly R[],
  below: (record: R) => readonly string[] = () => []
): void {
  const rows = records.map((record) => view.cells(record))
  const head = (text: string) => screen.paint('dim', text)
  const [first = '', ...lines] = tableLines(view.columns, rows, { width: screen.width, head })
  screen.result(first)
  for (const [at, record] of records.entries()) {
    screen.result(lines[at] ?? '')
    for (const line of below(record)) screen.result(line)
  }
}
