import { Command } from 'commander'
import { wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'

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
      run(command, async (session) => {
        const { diff } = await import('../actions/diff.ts')
        return diff(session, [from, to], command.optsWithGlobals())
      })
  )
}
