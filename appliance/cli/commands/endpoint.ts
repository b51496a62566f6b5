import { Command, Option } from 'commander'
import type { Run } from '../session.ts'

const examples = `
Examples:
  tlsward endpoint show 10.1.2.3:443                    with every server name that it answers to
  tlsward endpoint show 10.1.2.3:443/www.example.com    one server name
  tlsward endpoint show [2001:db8::1]:443 --json`

/** `tlsward endpoint` */
export function endpointCommand(run: Run): Command {
  const command = new Command('endpoint').summary('show an endpoint with what closer looks showed')
  command
    .description('Shows endpoints of the inventory.')
    .command('show')
    .summary('show an endpoint')
    .description(
      'Shows one endpoint: its certificates and findings, and what --deep, --ssh and --revocation showed.'
    )
    .argument('<endpoint>', 'address:port, with /name for one server name')
    .optionsGroup('Output:')
    .addOption(new Option('-j, --json', 'one JSON object per line (docs/json.md)'))
    .option('-o, --output <FILE>', 'write it to a file')
    .addHelpText('after', examples)
    .action((which: string, _options: object, command: Command) =>
      run(command, async (session) => {
        const { showEndpoint } = await import('../actions/endpoint.ts')
        return showEndpoint(session, which, command.optsWithGlobals())
      })
    )
  return command
}
