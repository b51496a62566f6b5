import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseHours } from '../../core/hours.ts'
import { parseTarget } from '../../sensor/scan/targets/parse.ts'
import { parsePorts } from '../../sensor/scan/targets/ports.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { NewSchedule } from '../functions.ts'

/** Keeps a schedule once everything in it is understood. */
export function addSchedule(store: Store, schedule: NewSchedule, created: number): void {
  const { name, targets, ports, every, window, pace } = schedule
  if (name.trim() === '' || name.length > 64 || visible(name) !== name) {
    throw new Fault(
      'option-malformed',
      `name '${visible(name, 80)}': write 1 to 64 characters that can be shown.`,
      { field: 'name' }
    )
  }
  targets.forEach(parseTarget)
  parsePorts(ports)
  if (window !== null) parseHours(window)
  const row = {
    name,
    targets,
    ports,
    window,
    recurrence: every,
    pace: JSON.stringify(pace),
    enabled: true,
    created
  }
  store.schedules.add(row)
}
