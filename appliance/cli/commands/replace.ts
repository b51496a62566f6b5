import { Command, Option } from 'commander'
import { withOutput } from '../options.ts'
import { acceptLostNames } from './events.ts'
import type { Run } from '../session.ts'
import { withWaiting } from './events.ts'

const examples = `
Examples:
  tlsward replace web1/nginx:/etc/nginx/tls/shop.crt --profile web --plan   only look: what would be done
  tlsward replace web1/nginx:/etc/nginx/tls/shop.crt --profile web          look, say yes, and watch
  tlsward replace 'web1/*' --profile web --yes --json                       for scripts
  tlsward replace 'web1/*' --profile web --at '2026-11-28 01:00' --no-wait  later, by tlsward run

Exit codes, beside those of every command:
  0 live · 9 rolled back, the devices are as before · 10 stuck, somebody must look at the device
  11 failed, or live in a part only · 12 waits for somebody · 13 cancelled
  14 waits for a time to come, and no tlsward run is up to begin it then`

/** `tlsward replace` */
export function replaceCommand(run: Run): Command {
  const command = new Command('replace')
    .summary('replace the certificates of targets')
    .description(
      'Shows what will be done on the devices, and once that is agreed to gets a certificate, puts it in place, proves it by handshakes, and undoes everything when it is not served as it must be.'
    )
    .argument('<targets...>', "device/target, as tlsward device discover lists them; 'device/*' for all")
    .addOption(new Option('--profile <NAME>', 'profile to ask by').makeOptionMandatory())
    .addOption(
      new Option('--plan', 'only show the plan: nothing is bought, nothing is written').conflicts('yes')
    )
    .option('-y, --yes', 'do what the plan says, unasked; names that are served now keep their certificate')
    .option(...acceptLostNames)
    .addOption(
      new Option('--action <ACTION>', 'what the event is called in the history')
        .choices(['request', 'renew', 'replace', 'reissue'])
        .default('replace')
    )
    .option('--at <TIME>', "not before: '2026-11-28 01:00' or 2026-11-28T01:00:00Z")
    .addOption(
      new Option('--window <WHEN>', 'in the windows of the profile, or at any time')
        .choices(['profile', 'any'])
        .default('profile')
    )
  return withOutput(withWaiting(command))
    .addHelpText('after', examples)
    .action((targets: string[], _options: object, command: Command) =>
      run(command, async (session) => {
        const { replaceCertificates } = await import('../actions/replace.ts')
        return replaceCertificates(session, targets, command.optsWithGlobals())
      })
    )
}
