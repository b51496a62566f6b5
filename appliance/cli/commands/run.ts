import { Command, Option } from 'commander'
import { logLevels } from '../../logging.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward run                               work until Ctrl-C: events, renewals, scheduled scans
  tlsward run --log-level debug             say more of what is done

While it is up it is the one process that writes to the state directory: other commands hand their work to it.
SIGTERM or Ctrl-C ends it in order, with exit code 0; it goes on at the next start.
Its log is JSON lines on standard error. With systemd: Type=exec, ExecStart=/usr/bin/tlsward run, Restart=on-failure,
and User= the account that owns the state directory; give commands as that account (sudo -u tlsward tlsward …).`

/** `tlsward run` */
export function runCommand(run: Run): Command {
  return new Command('run')
    .summary('replace and renew on time, and make scheduled scans')
    .description(
      'Works in the foreground until it is ended: events at their time, renewals, scheduled scans.'
    )
    .addOption(
      new Option('--log-level <LEVEL>', 'the least urgent lines to write')
        .choices([...logLevels])
        .default('info')
    )
    .addHelpText('after', examples)
    .action((_options: object, command: Command) =>
      run(command, async (session) =>
        (await import('../actions/run.ts')).runInForeground(session, command.optsWithGlobals())
      )
    )
}
