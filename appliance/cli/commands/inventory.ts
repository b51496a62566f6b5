import { Command, Option } from 'commander'
import { span, wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'
import { importCommand, ownerCommand, tagCommand } from './labels.ts'

const examples = `
Examples:
  tlsward inventory                                  what expires first, first
  tlsward inventory --expiring 30d --details         with reasons and remedies
  tlsward inventory --finding weak-key --csv         a list for a colleague
  tlsward inventory --network 10.1.0.0/16 --search shop
  tlsward inventory tag 10.1.2.3:443 --add shop      then: tlsward inventory --tag shop`

/** `tlsward inventory` */
export function inventoryCommand(run: Run): Command {
  const inventory = new Command('inventory')
    .summary('list what is known, and what is wrong with it')
    .description('Lists endpoints with their certificates and findings. Filters hold together.')
    .addHelpText('after', examples)
  filterOptions(inventory)
  withOutput(inventory)
    .option('--details', 'reason and remedy of each finding')
    .action((_options: object, command: Command) =>
      run(command, async (session) => {
        const { listEndpoints } = await import('../actions/inventory.ts')
        return listEndpoints(session, command.optsWithGlobals())
      })
    )
  for (const make of [tagCommand, ownerCommand, importCommand]) inventory.addCommand(make(run))
  return inventory
}

function filterOptions(command: Command): void {
  const port = wholeNumber('--port', 1, 65_535)
  const limit = wholeNumber('--limit', 1, 1_000_000)
  command
    .optionsGroup('Filters:')
    .addOption(new Option('--expiring <SPAN>', 'expires within, e.g. 30d').argParser(span('--expiring', 'd')))
    .option('--finding <CODE>', 'with this finding (docs/findings.md)')
    .addOption(
      new Option('--severity <SEVERITY>', 'with such a finding').choices(['critical', 'warning', 'note'])
    )
    .option('--issuer <TEXT>', "part of the issuer's name")
    .option('--key <TYPE>', 'RSA, ECDSA, Ed25519 …')
    .option('--search <TEXT>', 'part of a name, or an address')
    .option('--certificate <SHA256>', 'serves this certificate; the first digits are enough')
    .option('--network <CIDR>', 'in this network or range')
    .addOption(new Option('--port <PORT>', 'on this port').argParser(port))
    .option('--tag <TAG>', 'with this tag')
    .option('--owner <NAME>', 'of this owner')
    .option('--gone', 'no longer there')
    .optionsGroup('Page:')
    .addOption(
      new Option('--sort <ORDER>', 'order')
        .choices(['expiry', 'address', 'name', 'last-seen'])
        .default('expiry')
    )
    .addOption(new Option('--limit <N>', 'rows at most (50; --json and --csv: all)').argParser(limit))
    .option('--after <CURSOR>', 'the page after this one, as the page before said')
}
