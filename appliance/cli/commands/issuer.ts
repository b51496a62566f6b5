import { Argument, Command, Option } from 'commander'
import { withOutput } from '../options.ts'
import type { Run } from '../session.ts'
import { withSecrets } from './device.ts'

const examples = `
Examples:
  tlsward issuer add ca private-ca                       a CA of your own; its root goes to your clients
  tlsward issuer add desk manual                         a person takes each CSR to a CA
  tlsward issuer add le acme --settings acme.json        any ACME directory (RFC 8555)
  tlsward issuer check le                                reach it, without asking for anything
  tlsward issuer check ca --roots > root.pem             what clients must trust`

const actions = () => import('../actions/issuer.ts')

/** `tlsward issuer` */
export function issuerCommand(run: Run): Command {
  const issuer = new Command('issuer')
    .summary('add, list and check where certificates come from')
    .description('Issuers: ACME directories, the private CA, persons who take CSRs to a CA, and imports.')
    .addHelpText('after', examples)
  const add = withSecrets(
    issuer
      .command('add')
      .summary('add an issuer')
      .description('Reaches an issuer, and keeps it when that worked.')
      .argument('<name>', 'a name for it')
      .addArgument(
        new Argument('<kind>', 'how it issues').choices(['acme', 'private-ca', 'manual', 'import'])
      )
      .argument('[settings...]', 'name=value; a name that does not exist shows them all')
      .option('--settings <FILE>', 'settings as a JSON object; words change it')
  )
  withOutput(add).action(
    (
      name: string,
      kind: 'acme' | 'private-ca' | 'manual' | 'import',
      words: string[],
      _options: object,
      command: Command
    ) =>
      run(command, async (session) =>
        (await actions()).addIssuer(session, { name, kind, words }, command.optsWithGlobals())
      )
  )
  withOutput(issuer.command('list', { isDefault: true }))
    .summary('list issuers')
    .description('Lists issuers with their settings.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).listIssuers(session, command.optsWithGlobals()))
    )
  withOutput(issuer.command('show'))
    .summary('show all that is known of an issuer')
    .description(
      'Shows settings, which secrets are set, and what uses it. Asks it nothing, and shows no secret.'
    )
    .argument('<issuer>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).showIssuer(session, name, command.optsWithGlobals()))
    )
  withOutput(issuer.command('check'))
    .summary('reach an issuer')
    .description('Reaches an issuer, and shows what it offers. Asks for no certificate.')
    .argument('<issuer>', 'its name')
    .addOption(
      new Option('--roots', 'print only its own roots, PEM, for clients that must trust it').conflicts([
        'json',
        'csv'
      ])
    )
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).checkIssuer(session, name, command.optsWithGlobals()))
    )
  issuer
    .command('remove')
    .summary('remove an issuer')
    .description('Removes an issuer and its secrets. Certificates that it issued stay valid.')
    .argument('<issuer>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).removeIssuer(session, name))
    )
  return issuer
}
