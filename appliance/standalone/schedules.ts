import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { parseHours } from '../../core/hours.ts'
import { systemResolver } from '../../sensor/scan/targets/resolve.ts'
import { checkSize } from '../../sensor/scan/targets/sizes.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Looks, NewSchedule } from '../functions.ts'
import type { Places } from '../places.ts'
import { spanOf } from '../span.ts'
import { prepareSpace } from './space.ts'

/** What keeping a schedule works with. */
interface ScheduleDeps {
  readonly store: Store
  readonly clock: Clock
  readonly where: Places
}

/** names that are resolved at the same time */
const lookUps = 16

/** A schedule scans, and looks no closer. */
const noLooks: Looks = { deep: false, ssh: false, revocation: false }

/**
 * Keeps a schedule once everything in it is understood, and as large as its scans may be: nobody is there to be asked
 * when it runs. Throws `option-malformed`, `schedule-exists`, `confirmation-needed`, and the faults of targets, ports
 * and hours.
 */
export async function addSchedule(
  schedule: NewSchedule,
  maxTargets: number,
  { store, clock, where }: ScheduleDeps
): Promise<void> {
  const { name, targets, ports, every, window, pace } = schedule
  if (name.trim() === '' || name.length > 64 || visible(name) !== name) {
    throw new Fault(
      'option-malformed',
      `name '${visible(name, 80)}': write 1 to 64 characters that can be shown.`,
      { field: 'name' }
    )
  }
  if (spanOf(every, 'd') === null) {
    const message = `every '${visible(every, 40)}': write a span such as 12h, 1d or 1w.`
    throw new Fault('option-malformed', message, { field: 'every', value: visible(every, 40) })
  }
  if (window !== null) parseHours(window)
  const asked = { targets: [{ source: null, text: targets.join('\n') }], found: [], ports }
  const { sizes } = await prepareSpace({ ...asked, excluded: [], doNotScan: [], looks: noLooks }, where, {
    resolver: systemResolver,
    concurrency: lookUps,
    signal: new AbortController().signal
  })
  checkSize(sizes, { maxPairs: maxTargets, confirmed: false })
  const row = {
    name,
    targets,
    ports,
    window,
    recurrence: every,
    pace: JSON.stringify(pace),
    enabled: true,
    created: clock.now()
  }
  store.schedules.add(row)
}
