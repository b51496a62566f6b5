import { Command, Option } from 'commander'
import { Fault } from '../../../core/fault.ts'
import { commaList, readText } from '../options.ts'
import type { Run } from '../session.ts'
import { counted } from '../words.ts'
import { shown } from '../output.ts'

const places = 'address, address:port, network or range; names by inventory --search'

/** `tlsward inventory tag` */
export function tagCommand(run: Run): Command {
  return new Command('tag')
    .summary('add and remove tags of endpoints')
    .description('Adds tags to endpoints, and removes them.')
    .argument('<places...>', places)
    .addOption(new Option('--add <TAG>', 'tags to add').argParser(commaList))
    .addOption(new Option('--remove <TAG>', 'tags to remove').argParser(commaList))
    .addHelpText(
      'after',
      '\nExamples:\n  tlsward inventory tag 10.1.2.0/24 10.1.9.9:8443 --add dmz,shop --remove old'
    )
    .action((places: string[], options: { add?: string[]; remove?: string[] }, command: Command) =>
      run(command, async ({ screen, functions }) => {
        const { add = [], remove = [] } = options
        if (add.length + remove.length === 0) {
          throw new Fault('option-malformed', 'Neither --add nor --remove is given: name a tag.')
        }
        const changed = await (await functions()).label(places, { add, remove })
        screen.note(`${counted(changed, 'endpoint')} matched.`)
      })
    )
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
      run(command, async ({ screen, functions }) => {
        if (options.set === undefined && options.none !== true) {
          throw new Fault('option-malformed', 'Neither --set nor --none is given: name an owner.')
        }
        const changed = await (await functions()).label(places, { owner: options.set ?? null })
        screen.note(`${counted(changed, 'endpoint')} matched.`)
      })
    )
}

/** `tlsward inventory import` */
export function importCommand(run: Run): Command {
  return new Command('import')
    .summary('set owners and tags from a CSV file')
    .description('Sets owners and tags of known endpoints from a CSV file with a head line.')
    .argument('<file>', 'columns place (address, address:port, network), owner, tags; - for standard input')
    .addHelpText('after', '\nExamples:\n  tlsward inventory import owners.csv')
    .action((file: string, _options: object, command: Command) =>
      run(command, async ({ screen, functions }) => {
        const { readLabels } = await import('../label-file.ts')
        const rows = readLabels(readText('file', file), file)
        const opened = await functions()
        let matched = 0
        for (const { place, ...labels } of rows) matched += await opened.label([place], labels)
        screen.note(`${counted(rows.length, 'row')} read, ${counted(matched, 'endpoint')} matched.`)
      })
    )
}
