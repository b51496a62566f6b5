import { sleep, type Clock } from '../../core/clock.ts'
import { asFault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Functions } from '../functions.ts'

/** What reading devices anew works with. */
export interface DiscoveryDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly functions: Pick<Functions, 'discoverDevice'>
}

/** what devices with managed targets say is read anew that often */
const discoverMs = 6 * 3_600_000

/**
 * Reads now and then what the devices of managed targets hold, until the signal aborts: people change certificates by
 * hand, too. What cannot be read is told to the log, and read the next time.
 */
export async function runDiscovery(deps: DiscoveryDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(deps.clock, discoverMs, signal)
    if (signal.aborted) return
    for (const id of devicesIn(deps)) {
      if (!signal.aborted) await discover(id, deps, signal)
    }
  }
}

function devicesIn({ store, log }: DiscoveryDeps): ReadonlySet<number> {
  try {
    return new Set(store.managedTargets.list().map(({ device }) => device))
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    log.warn('discovery-failed', { code, message })
    return new Set()
  }
}

async function discover(id: number, { store, log, functions }: DiscoveryDeps, signal: AbortSignal) {
  try {
    const { name, barred } = store.devices.get(id)
    if (barred !== null) return
    // going through them notes what they say
    for await (const _ of functions.discoverDevice(name, signal)) void _
  } catch (thrown) {
    const { code, message } = asFault(thrown)
    log.warn('discovery-failed', { device: id, code, message })
  }
}
