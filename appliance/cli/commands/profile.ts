import { Command } from 'commander'
import { withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward profile set web issuer=ca keyTypes=ec-p256,rsa-2048
  tlsward profile set web windows.hours='Sat,Sun 01:00-05:00 Europe/Berlin' rollout.canary=first
  tlsward profile show web                  every field, as it can be set
  tlsward profile assign web 'web1/*'       renew all of a device by itself
  tlsward profile unassign web1/nginx:/etc/nginx/tls/shop.crt

Fields: docs/automation.md. A profile that is there keeps the fields that are not named.`

const actions = () => import('../actions/profile.ts')
const target = "device/target, 'device/*' for all of a device"

/** `tlsward profile` */
export function profileCommand(run: Run): Command {
  const profile = new Command('profile')
    .summary('say which certificates to ask for, and when')
    .description('Automation profiles: issuer, keys, names, time of renewal, windows and rollout.')
    .addHelpText('after', examples)
  profile
    .command('set')
    .summary('make or change a profile')
    .description('Makes a profile, or changes the fields that are named of one that is there.')
    .argument('<name>', 'its name')
    .argument('[fields...]', 'field=value; a field that does not exist shows them all')
    .option('--file <FILE>', 'the whole profile as a JSON object; - is standard input')
    .option('-j, --json', 'print it as one JSON object (docs/json.md)')
    .addHelpText('after', examples)
    .action((name: string, words: string[], _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).setProfile(session, { name, words }, command.optsWithGlobals())
      )
    )
  withOutput(profile.command('list', { isDefault: true }))
    .summary('list profiles')
    .description('Lists profiles, and how many targets each renews.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).listProfiles(session, command.optsWithGlobals()))
    )
  profile
    .command('show')
    .summary('show a profile')
    .description('Shows every field of a profile.')
    .argument('<profile>', 'its name')
    .option('-j, --json', 'one JSON object (docs/json.md)')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).showProfile(session, name, command.optsWithGlobals()))
    )
  profile
    .command('remove')
    .summary('remove a profile')
    .description('Removes a profile that renews nothing.')
    .argument('<profile>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).removeProfile(session, name))
    )
  profile
    .command('assign')
    .summary('renew targets by themselves')
    .description('From now on renews targets by themselves, by a profile, while tlsward run is up.')
    .argument('<profile>', 'its name')
    .argument('<targets...>', target)
    .action((name: string, targets: string[], _options: object, command: Command) =>
      run(command, async (session) => (await actions()).assignProfile(session, name, targets))
    )
  profile
    .command('unassign')
    .summary('leave targets alone')
    .description('From now on renews targets no more by themselves.')
    .argument('<targets...>', target)
    .action((targets: string[], _options: object, command: Command) =>
      run(command, async (session) => (await actions()).assignProfile(session, null, targets))
    )
  return profile
}
