import { targetsOf } from '../automation/targets.ts'
import { linePrinter, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { reasonCsv, reasonLines } from '../views/reasons.ts'

/** Prints why something will happen to targets, or not. */
export async function explainTargets(
  session: Session,
  words: readonly string[],
  options: OutputOptions
): Promise<void> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping …'))
  const functions = await session.functions()
  const targets = await targetsOf(words, { functions, signal: ending.signal })
  const print = linePrinter(screen, options, reasonCsv)
  for (const [at, target] of targets.entries()) {
    if (ending.signal.aborted) return
    const reasons = await functions.why(target)
    if (print) {
      reasons.forEach(print)
      continue
    }
    if (at > 0) screen.result('')
    screen.result(screen.paint('strong', shown(target)))
    for (const line of reasonLines(screen, reasons)) screen.result(line)
  }
}
