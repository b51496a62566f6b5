import { linePrinter, printTable } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { changeView } from '../views/scans.ts'
import { figure } from '../words.ts'

/** Prints what scans changed. */
export async function diff(
  session: Session,
  [from, to]: readonly [number | undefined, number | undefined],
  options: OutputOptions
): Promise<void> {
  const { screen } = session
  const functions = await session.functions()
  const changes = await functions.differences(from, to)
  const view = changeView(screen)
  const print = linePrinter(screen, options, view)
  if (print) return changes.forEach(print)
  const of = (kind: string) => changes.filter((one) => one.change === kind).length
  screen.result(
    screen.paint(
      'strong',
      `${figure(of('new'))} new, ${figure(of('changed'))} changed, ${figure(of('gone'))} gone`
    )
  )
  if (changes.length === 0) return
  screen.result('')
  printTable(screen, view, changes)
}
