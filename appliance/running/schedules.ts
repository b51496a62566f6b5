import { sleep, type Clock } from '../../core/clock.ts'
import { asFault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import type { ScheduleRow } from '../../sensor/store/schedules.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Functions, PaceRequest, ScanRequest } from '../functions.ts'
import { plainScan } from '../plain-scan.ts'
import { spanOf } from '../span.ts'

/** What scheduled scans work with. */
export interface ScheduleDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly functions: Pick<Functions, 'scan'>
}

/** the list is looked at that often: schedules come and go */
const lookMs = 15_000

/**
 * Makes the scans of the schedules, one after the other, until the signal aborts. A schedule that clashes with a scan
 * that runs comes up again; one that fails is tried again at its next time.
 */
export async function runSchedules(deps: ScheduleDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    for (const one of dueIn(deps)) {
      if (!signal.aborted) await scanOf(one, deps, signal)
    }
    await sleep(deps.clock, lookMs, signal)
  }
}

function dueIn({ store, clock, log }: ScheduleDeps): readonly ScheduleRow[] {
  try {
    const now = clock.now()
    return store.schedules.list().filter((one) => one.enabled && dueAt(one) <= now)
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    log.warn('schedules-unreadable', { code, message })
    return []
  }
}

/** When a schedule is due: at once at first, then an interval after it last began. Milliseconds since the epoch. */
function dueAt({ recurrence, begun }: ScheduleRow): number {
  // what is no interval is not kept, see addSchedule
  return begun === null ? 0 : begun + (spanOf(recurrence, 'd') ?? Infinity)
}

async function scanOf(schedule: ScheduleRow, deps: ScheduleDeps, signal: AbortSignal): Promise<void> {
  const { clock, log, functions } = deps
  const { name } = schedule
  const begun = clock.now()
  try {
    log.info('scheduled-scan-begun', { schedule: name })
    const scans = await functions.scan(requestOf(schedule), quietly, signal)
    setBegun(name, begun, deps)
    for (const { id, state, endpoints } of scans) {
      log.info('scheduled-scan-ended', { schedule: name, scan: id, state, endpoints })
    }
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    log.warn('scheduled-scan-failed', { schedule: name, code, message })
    // somebody scans there now: it comes up again soon
    if (code !== 'scan-running') setBegun(name, begun, deps)
  }
}

/** What cannot be noted is told: the schedule comes up again then. */
function setBegun(name: string, begun: number, { store, log }: ScheduleDeps): void {
  try {
    store.schedules.setBegun(name, begun)
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    log.warn('schedule-not-noted', { schedule: name, code, message })
  }
}

const quietly = { scope: () => true, progress() {} }

/** The scan of a schedule: its size was accepted when it was kept. */
function requestOf({ targets, ports, pace, window }: ScheduleRow): ScanRequest {
  const kept = JSON.parse(pace) as PaceRequest
  return {
    ...plainScan,
    targets: [{ source: null, text: targets.join('\n') }],
    ports,
    pace: window === null ? kept : { ...kept, window },
    workers: 1,
    maxTargets: Infinity
  }
}
