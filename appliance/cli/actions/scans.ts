import { jsonLine } from '../../../core/text.ts'
import { linePrinter, printTable, shown } from '../output.ts'
import type { PaceOptions } from '../commands/scan-options.ts'
import { paceOf, portsOf } from '../scan/request.ts'
import type { OutputOptions, Session } from '../session.ts'
import { outcomeLines, scanCsv, scanFamilies, scanLine, scanTable, scheduleView } from '../views/scans.ts'

/** Prints scans, the latest first, and schedules. */
export async function listScans(session: Session, options: OutputOptions): Promise<void> {
  const { screen } = session
  const functions = await session.functions()
  const [scans, schedules] = [await functions.scans(), await functions.schedules()]
  const print = linePrinter(screen, options, scanCsv)
  if (print) {
    scans.forEach(print)
    if (options.json) for (const schedule of schedules) screen.result(jsonLine(schedule))
    return
  }
  if (scans.length === 0) screen.result('No scan yet. Begin with: tlsward scan 10.0.0.0/16')
  else printTable(screen, scanTable(screen), scanFamilies(scans))
  if (schedules.length === 0) return
  screen.result('')
  printTable(screen, scheduleView, schedules)
}

/** Prints one scan with its outcomes. */
export async function showScan(session: Session, id: number, options: OutputOptions): Promise<void> {
  const { screen } = session
  const scan = await (await session.functions()).scanById(id)
  const print = linePrinter(screen, options, scanCsv)
  if (print) return print(scan)
  screen.result(scanLine(scan))
  screen.result(screen.paint('dim', scan.scope))
  for (const line of outcomeLines(scan)) screen.result(line)
}

/** A schedule as the command line gives it. */
interface ScheduleOptions extends PaceOptions {
  readonly ports?: string
  readonly port?: string
  readonly every: string
  readonly maxTargets: number
  readonly yes?: boolean
}

/** Keeps a schedule. */
export async function addSchedule(
  { screen, functions }: Session,
  [name, targets]: readonly [string, readonly string[]],
  options: ScheduleOptions
): Promise<void> {
  const { every, yes, maxTargets } = options
  const ports = portsOf(options) ?? 'default'
  const { window = null, ...pace } = paceOf(options)
  const schedule = { name, targets, ports, every, window, pace: { ...pace } }
  await (await functions()).addSchedule(schedule, yes === true ? Number.MAX_SAFE_INTEGER : maxTargets)
  screen.note(`Schedule ${shown(name)} is kept: every ${every}. It runs while tlsward run is up.`)
}

/** Removes a schedule. */
export async function removeSchedule({ screen, functions }: Session, name: string): Promise<void> {
  await (await functions()).removeSchedule(name)
  screen.note(`Schedule ${shown(name)} is removed.`)
}
