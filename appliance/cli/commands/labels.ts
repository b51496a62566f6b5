import { Command, Option } from 'commander'
import { commaList, malformed } from '../options.ts'
import type { Run } from '../session.ts'

const places = 'address, address:port, network or range'
const actions = () => import('../actions/labels.ts')

/** `tlsward inventory tag` */
export function tagCommand(run: Run): Command {
  return new Command('tag')
    .summary('add and remove tags of endpoints')
    .description('Adds tags to endpoints, and removes them.')
    .argument('<places...>', places)
    .addOption(tagOption('--add', 'tags to add, parted by commas; may be given again'))
    .addOption(tagOption('--remove', 'tags to take away, likewise'))
    .addHelpText(
      'after',
      '\nExamples:\n  tlsward inventory tag 10.1.2.0/24 10.1.9.9:8443 --add dmz,shop --remove old'
    )
    .action((places: string[], options: { add?: string[]; remove?: string[] }, command: Command) =>
      run(command, async (session) => (await actions()).tagEndpoints(session, places, options))
    )
}

function tagOption(name: string, description: string): Option {
  return new Option(`${name} <TAGS>`, description).argParser<readonly string[]>((text, before) => {
    const tags = commaList(text)
    if (tags.length === 0) throw malformed(name, text, 'name a tag')
    return [...(before ?? []), ...tags]
  })
}

/** `tlsward inventory owner` */
export function ownerCommand(run: Run): Command {
  return new Command('owner')
    .summary('say who answers for endpoints')
    .description('Sets the owner of endpoints.')
    .argument('<places...>', places)
    .addOption(new Option('--set <NAME>', 'the owner').conflicts('none'))
    .option('--none', 'nobody')
    .addHelpText('after', '\nExamples:\n  tlsward inventory owner 10.1.2.0/24 --set "Web team"')
    .action((places: string[], options: { set?: string; none?: boolean }, command: Command) =>
      run(command, async (session) => (await actions()).ownEndpoints(session, places, options))
    )
}

/** `tlsward inventory import` */
export function importCommand(run: Run): Command {
  return new Command('import')
    .summary('set owners and tags from a CSV file')
    .description('Sets owners and tags of known endpoints from a CSV file with a head line.')
    .argument('<file>', 'columns address, port, name, owner, tags (parted by blanks); - for standard input')
    .addHelpText('after', '\nExamples:\n  tlsward inventory import owners.csv')
    .action((file: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).importLabels(session, file))
    )
}
