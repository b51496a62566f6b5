import { Command, Option } from 'commander'
import { span, wholeNumber, withOutput } from '../options.ts'
import type { Run } from '../session.ts'
import { pruneCommand } from './prune.ts'
import { paceOptions, portOptions, sizeOptions } from './scan-options.ts'

const examples = `
Examples:
  tlsward scans                        every scan, the latest first, and the schedules
  tlsward scans show 12                one scan with its outcomes
  tlsward scans resume 12              go on where scan 12 stopped
  tlsward scans add dmz 10.1.0.0/16 --every 1d --window '22:00-06:00 Europe/Berlin'
  tlsward scans remove dmz`

const scanNumber = wholeNumber('scan', 1, 1e15)

const actions = () => import('../actions/scans.ts')

/** `tlsward scans` */
export function scansCommand(run: Run): Command {
  const scans = new Command('scans')
    .summary('list, show, resume and schedule scans')
    .description('Lists scans and schedules; shows and resumes scans; adds and removes schedules.')
    .addHelpText('after', examples)
  withOutput(scans.command('list', { isDefault: true }))
    .summary('list scans and schedules')
    .description('Lists scans, the latest first, and schedules.')
    .action((_options: object, command: Command) =>
      run(command, async (session) => (await actions()).listScans(session, command.optsWithGlobals()))
    )
  withOutput(scans.command('show'))
    .summary('show a scan')
    .description('Shows one scan with its outcomes.')
    .argument('<scan>', 'its number', scanNumber)
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).showScan(session, id, command.optsWithGlobals()))
    )
  withOutput(scans.command('resume'))
    .summary('go on with a scan that stopped')
    .description('Goes on with a scan that was stopped or interrupted, at its cursor.')
    .argument('<scan>', 'its number', scanNumber)
    .action((id: number, _options: object, command: Command) =>
      run(command, async (session) => {
        const { scan } = await import('../actions/scan.ts')
        return scan(session, [], { ...command.optsWithGlobals(), resume: id })
      })
    )
  scans.addCommand(pruneCommand(run))
  addCommand(scans, run)
  scans
    .command('remove')
    .summary('remove a schedule')
    .description('Removes a schedule. Scans that it made stay.')
    .argument('<name>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => (await actions()).removeSchedule(session, name))
    )
  return scans
}

function addCommand(scans: Command, run: Run): void {
  const add = scans
    .command('add')
    .summary('schedule a scan')
    .description('Keeps a scan to be made again and again, while tlsward run is up.')
    .argument('<name>', 'a name for it')
    .argument('<targets...>', 'as for tlsward scan')
    .addOption(
      new Option('--every <SPAN>', 'how often: 12h, 1d, 1w').argParser(spanText).makeOptionMandatory()
    )
  portOptions(add)
  sizeOptions(add)
  paceOptions(add)
  add.action((name: string, targets: string[], _options: object, command: Command) =>
    run(command, async (session) => (await actions()).addSchedule(session, [name, targets], command.opts()))
  )
}

/** A span of time as it was written, once it is understood. */
function spanText(text: string): string {
  span('--every', 'd')(text)
  return text
}
