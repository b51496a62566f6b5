import { Command } from 'commander'
import { wholeNumber } from '../options.ts'
import { linePrinter, printTable, withOutput } from '../output.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { changeView } from '../views/scans.ts'
import { figure } from '../words.ts'

const examples = `
Examples:
  tlsward diff          what the last scan changed
  tlsward diff 7        what scan 7 and later ones changed
  tlsward diff 7 9      what changed between scan 7 and scan 9`

/** `tlsward diff [SCAN [SCAN]]` */
export function diffCommand(run: Run): Command {
  const scanNumber = wholeNumber('scan', 1, 1e15)
  const command = new Command('diff')
    .summary('show what is new, changed and gone')
    .description('Shows the differences that scans saw: endpoints that are new, changed or gone.')
    .argument('[from]', 'scan', scanNumber)
    .argument('[to]', 'a later scan', scanNumber)
    .addHelpText('after', examples)
  return withOutput(command).action(
    (from: number | undefined, to: number | undefined, _options: object, command: Command) =>
      run(command, (session) => diff(session, [from, to], command.optsWithGlobals<OutputOptions>()))
  )
}

async function diff(
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
