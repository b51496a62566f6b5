import { Command, Option } from 'commander'
import { wholeNumber } from '../options.ts'
import type { Run } from '../session.ts'

/** `tlsward scans prune` */
export function pruneCommand(run: Run): Command {
  const keep = new Option('--keep <N>', 'how many of the last scans stay')
    .argParser(wholeNumber('--keep', 1, 1e6))
    .makeOptionMandatory()
  return new Command('prune')
    .summary('forget old scans')
    .description(
      'Forgets all but the last scans, with the history that they saw, and certificates that nothing refers to any more. Endpoints stay.'
    )
    .addOption(keep)
    .addHelpText('after', '\nExamples:\n  tlsward scans prune --keep 100')
    .action((options: { keep: number }, command: Command) =>
      run(command, async (session) => {
        const { pruneScans } = await import('../actions/prune.ts')
        return pruneScans(session, options.keep)
      })
    )
}
