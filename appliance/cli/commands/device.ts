import { Command, Option } from 'commander'
import { repeated, wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward device add web1 web-hosts address=10.0.0.5 user=deploy sudo=commands --secret-file key=~/.ssh/deploy
  tlsward device check web1                 sign in again: version, role, missing rights
  tlsward device show web1                  settings, accepted keys, credentials that are set
  tlsward device set web1 address=10.0.0.6  it has moved; its keys are compared again
  tlsward device discover web1              what holds a certificate, and where it is served
  tlsward device allow web1                 from now on Tlsward may change it
  tlsward device find 10.0.0.0/24 --user monitor

Credentials are asked for on the terminal, or read from files (- is standard input); never given as arguments.`

const actions = () => import('../actions/device.ts')

/** `tlsward device` */
export function deviceCommand(run: Run): Command {
  const device = new Command('device')
    .summary('add, check, read and find devices that hold certificates')
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
      'Signs in, and shows product, version, role and rights. Changes nothing on the device. Exit code 3 when a right is missing.'
    )
    .argument('<device>', 'its name')
    .option('--accept', 'accept the keys that the device shows now, after a look at them')
    .option('--fingerprint <SHA256:…>', 'with --accept: accept exactly these, unasked', repeated)
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).checkDevice(session, name, command.optsWithGlobals()))
    )
  withOutput(device.command('discover'))
    .summary('list the targets of a device')
    .description('Reads from the device what holds a certificate, and where it is served. Changes nothing.')
    .argument('<device>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).discoverDevice(session, name, command.optsWithGlobals())
      )
    )
  withOutput(device.command('show'))
    .summary('show all that is known of a device')
    .description(
      'Shows settings, accepted keys, last check, which credentials are set, and what is renewed. Asks the device nothing, and shows no secret.'
    )
    .argument('<device>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).showDevice(session, name, command.optsWithGlobals()))
    )
  setCommand(device, run)
  changes(device, run)
  findCommand(device, run)
  return device
}

/** Adds the options by which secrets are given. */
export function withSecrets(command: Command): Command {
  return command
    .option('--secret-file <NAME=FILE>', 'a credential from a file; - is standard input', repeated)
    .option(
      '--secret-ref <NAME=REF>',
      'where it is read at each use: env-file:/path#NAME, vault-kv:mount/path#field',
      repeated
    )
}

function addCommand(device: Command, run: Run): void {
  const add = withSecrets(
    device
      .command('add')
      .summary('add a device')
      .description(
        'Shows how the device identifies itself, signs in, and keeps it. It is only read until you allow writing. Exit code 3 when a right is missing.'
      )
      .argument('<name>', 'a name for it')
      .argument('<connector>', 'vendor driver: web-hosts, f5-bigip')
      .argument('[settings...]', 'name=value; a name that does not exist shows them all')
      .option('--settings <FILE>', 'settings as a JSON object; words change it')
  )
    .option('--fingerprint <SHA256:…>', 'accept exactly these keys of the device, unasked', repeated)
    .option('--same-machine', 'it may be the same machine as another device, for other files')
  withOutput(add)
    .addHelpText(
      'after',
      `
Examples:
  tlsward device add web1 web-hosts address=10.0.0.5 user=deploy sudo=commands --secret-file key=~/.ssh/deploy
  tlsward device add here web-hosts place=local programs=nginx
  tlsward device add lb1 f5-bigip address=10.0.0.6 peerAddress=10.0.0.7 user=tlsward --secret-file password=lb1.txt
  tlsward device add mail web-hosts place=local \\
    'files=name=postfix cert=/etc/postfix/mail.crt key=/etc/postfix/mail.key reload="/usr/sbin/postfix reload" served=10.0.0.7:25/smtp'`
    )
    .action((name: string, connector: string, words: string[], _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).addDevice(session, { name, connector, words }, command.optsWithGlobals())
      )
    )
}

function setCommand(device: Command, run: Run): void {
  const set = withSecrets(
    device
      .command('set')
      .summary('change its settings')
      .description(
        'Tries other settings, and keeps them when they work. Where they lead to another place (address, port, jump host), you compare its keys again before a credential is sent there, and the device is only read until you allow writing. Exit code 3 when a right is missing.'
      )
      .argument('<device>', 'its name')
      .argument(
        '[settings...]',
        'name=value, in place of what was there; a name that does not exist shows them all'
      )
      .option('--settings <FILE>', 'all settings anew as a JSON object; words change it')
  )
    .option('--fingerprint <SHA256:…>', 'accept exactly these keys of the device, unasked', repeated)
    .option('--same-machine', 'it may be the same machine as another device, for other files')
  withOutput(set)
    .addHelpText(
      'after',
      `
Examples:
  tlsward device set web1 address=10.0.0.6
  tlsward device set web1 configs=/etc/nginx/nginx.conf configs=/srv/nginx/nginx.conf
  tlsward device set web1 auth=password --secret-file password=-`
    )
    .action((name: string, words: string[], _options: object, command: Command) =>
      run(command, async (session) =>
        (await actions()).setDevice(session, { name, words }, command.optsWithGlobals())
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
  withOutput(
    withSecrets(
      simple(
        'credentials',
        'give it other credentials',
        'Tries new credentials, and keeps them when they work. Exit code 3 when they lack a right.'
      )
    )
  ).action((name: string, _options: object, command: Command) =>
    run(command, async (session) => (await actions()).changeSecrets(session, name, command.optsWithGlobals()))
  )
  simple(
    'remove',
    'remove it',
    'Removes the device and its credentials. Its events stay in the history.'
  ).action((name: string, _options: object, command: Command) =>
    run(command, async (session) => (await actions()).removeDevice(session, name))
  )
}

// as sensor/identify/snmp.ts has them, which is not loaded for a help text; a test holds both together
const digests = ['SHA', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512']
const ciphers = ['AES-128', 'AES-256-Blumenthal', 'AES-256-Reeder']

function findCommand(device: Command, run: Run): void {
  const find = withSecrets(
    device
      .command('find')
      .summary('ask SNMP agents what they are')
      .description(
        'Asks every address of a range over SNMP what it is, and lists what answers. Addresses of the do-not-scan list are left out. Version 2c sends its community in the clear.'
      )
      .argument('<range>', 'address, network or range a-b')
      .addOption(
        new Option('--snmp-version <VERSION>', 'version 3 (authentication and privacy) or 2c')
          .choices(['3', '2c'])
          .default('3')
      )
      .option('--user <NAME>', 'user of version 3')
      .addOption(
        new Option('--auth <DIGEST>', 'authentication of version 3').choices(digests).default('SHA-256')
      )
      .addOption(new Option('--priv <CIPHER>', 'privacy of version 3').choices(ciphers).default('AES-128'))
      .addOption(
        new Option('--port <PORT>', 'UDP port (default: 161)').argParser(wholeNumber('--port', 1, 65_535))
      )
  )
  withOutput(find)
    .addHelpText(
      'after',
      `
Secrets: community (2c); auth and priv (3). They are asked for, or read by --secret-file.

Examples:
  tlsward device find 10.0.0.0/24 --user monitor --secret-file auth=auth.txt --secret-file priv=priv.txt
  tlsward device find 10.0.0.1-10.0.0.40 --snmp-version 2c`
    )
    .action((range: string, _options: object, command: Command) =>
      run(command, async (session) => {
        const { findDevices } = await import('../actions/find-devices.ts')
        return findDevices(session, range, command.optsWithGlobals())
      })
    )
}
