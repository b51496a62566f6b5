import type { Change } from '../../records.ts'
import { linePrinter, printEach, printTable, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import type { OutputOptions, Session } from '../session.ts'
import { changeView, comparisonLine } from '../views/scans.ts'
import { counted, figure } from '../words.ts'

/** Prints what scans changed. */
export async function diff(
  session: Session,
  [from, to]: readonly [number | undefined, number | undefined],
  options: OutputOptions
): Promise<void> {
  const { screen } = session
  const functions = await session.functions()
  const { changes, ...compared } = await functions.differences(from, to)
  const view = changeView(screen)
  const print = linePrinter(screen, options, view)
  if (print) {
    screen.note(comparisonLine(compared))
    return printEach(screen, changes, print)
  }
  screen.result(screen.paint('dim', comparisonLine(compared)))
  await printChanges(screen, view, changes)
}

/** Changes that a table shows, the first by address; all of them are in --json and --csv. */
const tableRows = 1_000

async function printChanges(
  screen: Screen,
  view: View<Change>,
  changes: AsyncIterable<Change>
): Promise<void> {
  const counts = { new: 0, changed: 0, gone: 0, returned: 0 }
  const kept: Change[] = []
  for await (const change of changes) {
    counts[change.change]++
    if (kept.length < tableRows) kept.push(change)
  }
  const { new: appeared, changed, gone, returned } = counts
  const head = [`${figure(appeared)} new`, `${figure(changed)} changed`, `${figure(gone)} gone`]
  if (returned > 0) head.push(`${figure(returned)} returned`)
  screen.result(screen.paint('strong', head.join(', ')))
  if (kept.length === 0) return
  screen.result('')
  printTable(screen, view, kept)
  const more = appeared + changed + gone + returned - kept.length
  if (more > 0) screen.result(`… and ${counted(more, 'more change')}: tlsward diff --json`)
}
