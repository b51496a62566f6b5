import { Command } from 'commander'
import { repeated, withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward device add web1 web-hosts address=10.0.0.5 user=deploy sudo=commands --secret-file key=~/.ssh/deploy
  tlsward device check web1                 sign in again: version, role, missing rights
  tlsward device discover web1              what holds a certificate, and where it is served
  tlsward device allow web1                 from now on Tlsward may change it
  tlsward device find 10.0.0.0/24           management addresses that answer SNMP

Credentials are asked for on the terminal, or read from files (- is standard input); never given as arguments.`

const actions = () => import('../actions/device.ts')

/** `tlsward device` */
export function deviceCommand(run: Run): Command {
  const device = new Command('device')
    .summary('add, check and read devices that hold certificates')
    .description('Devices: hosts and load balancers on which Tlsward replaces certificates.')
    .addHelpText('after', examples)
  addCommand(device, run)
  withOutput(device.command('list', { isDefault: true }))
    .summary('list devices')
    .description('Lists devices with what they said when they were checked last.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).listDevices(session, command.optsWithGlobals()))
    )
  withOutput(device.command('check'))
    .summary('sign in again and show what is missing')
    .description(
      'Signs in, and shows product, version, role, rights and pins. Changes nothing on the device.'
    )
    .argument('<device>', 'its name')
    .option('--accept', 'accept the keys that the device shows now')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).checkDevice(session, name, command.optsWithGlobals()))
    )
  withOutput(device.command('discover'))
    .summary('list the places that hold a certificate')
    .description('Reads from the device what is bound where. Changes nothing.')
    .argument('<device>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).discoverDevice(session, name, command.optsWithGlobals())
      )
    )
  changes(device, run)
  return device
}

function addCommand(device: Command, run: Run): void {
  withOutput(device.command('add'))
    .summary('add a device')
    .description(
      'Shows how the device identifies itself, signs in, and keeps it. It is only read until you allow writing.'
    )
    .argument('<name>', 'a name for it')
    .argument('<connector>', 'vendor driver: web-hosts')
    .argument('[settings...]', 'name=value; a name without meaning shows them all')
    .option('--settings <FILE>', 'settings as JSON')
    .option('--secret-file <NAME=FILE>', 'a credential from a file; - is standard input', repeated)
    .option('--fingerprint <SHA256:…>', 'accept exactly these keys of the device, unasked', repeated)
    .action((name: string, connector: string, words: string[], _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).addDevice(session, { name, connector, words }, command.optsWithGlobals())
      )
    )
}

function changes(device: Command, run: Run): void {
  const simple = (name: string, summary: string, description: string) =>
    device.command(name).summary(summary).description(description).argument('<device>', 'its name')
  simple('allow', 'let Tlsward change it', 'From now on certificates on the device may be replaced.').action(
    (name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).allowDevice(session, name, 'writable'))
  )
  simple('forbid', 'only read it', 'From now on the device is only read.').action(
    (name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).allowDevice(session, name, 'read-only'))
  )
  simple('credentials', 'give it other credentials', 'Tries new credentials, and keeps them when they work.')
    .option('--secret-file <NAME=FILE>', 'a credential from a file; - is standard input', repeated)
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).changeSecrets(session, name, command.opts()))
    )
  simple(
    'remove',
    'remove it',
    'Removes the device and its credentials. Its events stay in the history.'
  ).action((name: string, _options: object, command: Command) =>
    run(command, async (session) => (await actions()).removeDevice(session, name))
  )
}
