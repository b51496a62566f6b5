import { Command, Option } from 'commander'
import { joined, wholeNumber } from '../options.ts'
import { linePrinter, printTable, shown, withOutput } from '../output.ts'
import type { OutputOptions, Run, Session } from '../session.ts'
import { outcomeLines, scanLine, scanView, scheduleView } from '../views/scans.ts'
import { paceOptions, portsHelp, type PaceOptions } from '../scan/options.ts'
import { paceOf } from '../scan/request.ts'
import { follow } from './scan.ts'

const examples = `
Examples:
  tlsward scans                        every scan, the latest first, and the schedules
  tlsward scans show 12                one scan with its outcomes
  tlsward scans resume 12              go on where scan 12 stopped
  tlsward scans add dmz 10.1.0.0/16 --every 1d --window '22:00-06:00 Europe/Berlin'
  tlsward scans remove dmz`

const scanNumber = wholeNumber('scan', 1, 1e15)

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
      run(command, (session) => list(session, command.optsWithGlobals()))
    )
  withOutput(scans.command('show'))
    .summary('show a scan')
    .description('Shows one scan with its outcomes.')
    .argument('<scan>', 'its number', scanNumber)
    .action((id: number, _options: object, command: Command) =>
      run(command, (session) => show(session, id, command.optsWithGlobals()))
    )
  withOutput(scans.command('resume'))
    .summary('go on with a scan that stopped')
    .description('Goes on with a scan that was stopped or interrupted, at its cursor.')
    .argument('<scan>', 'its number', scanNumber)
    .action((id: number, _options: object, command: Command) =>
      run(command, (session) =>
        follow(session, command.optsWithGlobals(), (functions, watch, signal) =>
          functions.resume(id, watch, signal)
        )
      )
    )
  addCommand(scans, run)
  scans
    .command('remove')
    .summary('remove a schedule')
    .description('Removes a schedule. Scans that it made stay.')
    .argument('<name>', 'its name')
    .action((name: string, _options: object, command: Command) =>
      run(command, async (session) => {
        await (await session.functions()).removeSchedule(name)
        session.screen.note(`Schedule ${name} is removed.`)
      })
    )
  return scans
}

/** Options of `scans add` as commander gives them. */
interface AddOptions extends PaceOptions {
  readonly every: string
  readonly ports?: string
  readonly target?: readonly string[]
}

function addCommand(scans: Command, run: Run): void {
  const add = scans
    .command('add')
    .summary('schedule a scan')
    .description('Keeps a scan to be made again and again.')
    .argument('<name>', 'a name for it')
    .argument('<targets...>', 'as for tlsward scan')
    .addOption(new Option('-p, --ports <PORTS>', portsHelp).argParser(joined))
    .requiredOption('--every <SPAN>', 'how often: 12h, 1d, 1w')
  paceOptions(add)
  add.action((name: string, targets: string[], _options: object, command: Command) =>
    run(command, async (session) => {
      const options = command.opts<AddOptions>()
      const functions = await session.functions()
      const schedule = await functions.addSchedule({
        name,
        targets,
        ports: options.ports ?? 'default',
        every: options.every,
        pace: paceOf(options)
      })
      session.screen.note(`Schedule ${shown(schedule.name)} is kept: every ${schedule.every}.`)
    })
  )
}

async function list(session: Session, options: OutputOptions): Promise<void> {
  const { screen } = session
  const functions = await session.functions()
  const [scans, schedules] = [await functions.scans(), await functions.schedules()]
  const view = scanView(screen)
  const print = linePrinter(screen, options, view)
  if (print) {
    scans.forEach(print)
    if (options.json) for (const schedule of schedules) screen.result(JSON.stringify(schedule))
    return
  }
  if (scans.length === 0) screen.result('No scan yet. Begin with: tlsward scan 10.0.0.0/16')
  else printTable(screen, view, scans)
  if (schedules.length === 0) return
  screen.result('')
  printTable(screen, scheduleView, schedules)
}

async function show(session: Session, id: number, options: OutputOptions): Promise<void> {
  const { screen } = session
  const scan = await (await session.functions()).scanById(id)
  const print = linePrinter(screen, options, scanView(screen))
  if (print) return print(scan)
  screen.result(scanLine(scan))
  screen.result(screen.paint('dim', scan.scope))
  for (const line of outcomeLines(scan)) screen.result(line)
}
