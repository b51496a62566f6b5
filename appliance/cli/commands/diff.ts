import { Command } from 'commander'
import { wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward diff          what the last scan changed
  tlsward diff 7        what scan 7 changed, and no other
  tlsward diff 7 9      what changed from the end of scan 7 to the end of scan 9`

/** `tlsward diff [SCAN [SCAN]]` */
export function diffCommand(run: Run): Command {
  const scanNumber = wholeNumber('scan', 1, 1e15)
  const command = new Command('diff')
    .summary('show what is new, changed and gone')
    .description(
      'Shows what one scan changed (with the scan for its names), or what changed from one to another: endpoints that are new, changed, gone or back. It begins with what is compared.'
    )
    .argument('[from]', 'a scan; alone: what it changed (the last one when none is named)', scanNumber)
    .argument('[to]', 'a later scan, to compare the first one with', scanNumber)
    .addHelpText('after', examples)
  return withOutput(command).action(
    (from: number | undefined, to: number | undefined, _options: object, command: Command) =>
      run(command, async (session) => {
        const { diff } = await import('../actions/diff.ts')
        return diff(session, [from, to], command.optsWithGlobals())
      })
  )
}
