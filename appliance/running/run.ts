import { sleep, type Clock } from '../../core/clock.ts'
import { asFault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import { serveFunctions } from '../socket/server.ts'
import { openStandalone, type Standalone, type StandaloneOptions } from '../standalone/open.ts'
import { socketPath } from './reach.ts'
import { runSchedules } from './schedules.ts'
import { served } from './served.ts'

/** What the running appliance works with. */
export interface RunningOptions extends StandaloneOptions {
  readonly clock: Clock
  /** it works and is reached by commands */
  readonly ready: () => void
}

/** what devices with managed targets say is read anew that often */
const discoverMs = 6 * 3_600_000

/**
 * Runs the appliance until the signal aborts: events and renewals, scheduled scans, and commands of this machine over
 * the socket in the state directory. It is the one process that writes there. Faults: engine-running, socket-taken,
 * those of the store, the settings and the vault.
 */
export async function runAppliance(options: RunningOptions, signal: AbortSignal): Promise<void> {
  const { where, log } = options
  const functions = openStandalone(options)
  try {
    const socket = await serveFunctions(socketPath(where), servedOf(functions))
    try {
      await functions.driving.startAlone()
      log.info('appliance-running', { state: where.state })
      for (const says of (await functions.vaultState()).warnings) log.warn('vault-weak', { says })
      options.ready()
      await work({ ...options, functions }, signal)
    } finally {
      await socket.close()
    }
  } finally {
    await functions.close()
    log.info('appliance-stopped')
  }
}

/** Until the signal aborts, or the engine ends by a fault, which is thrown. */
async function work(
  { functions, ...deps }: RunningOptions & { readonly functions: Standalone },
  signal: AbortSignal
): Promise<void> {
  const end = new AbortController()
  const both = AbortSignal.any([signal, end.signal])
  const loops = [
    runSchedules({ ...deps, store: functions.store, functions }, both),
    rediscover(functions, deps, both)
  ]
  const asked = new Promise<void>((resolve) =>
    both.addEventListener('abort', () => resolve(), { once: true })
  )
  try {
    if (!signal.aborted) await Promise.race([asked, functions.driving.ended()])
  } finally {
    end.abort()
    await Promise.all(loops)
  }
}

function servedOf(functions: Standalone) {
  const entries = Object.keys(served).map((name) => {
    const method = functions[name as keyof typeof served] as (...args: never[]) => unknown
    return [name, method] as const
  })
  return Object.fromEntries(entries)
}

/** Reads now and then what the devices of managed targets hold: people change certificates by hand, too. */
async function rediscover(
  functions: Standalone,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal
): Promise<void> {
  const { store } = functions
  for (;;) {
    await sleep(clock, discoverMs, signal)
    if (signal.aborted) return
    const ids = new Set(store.managedTargets.list().map(({ device }) => device))
    for (const id of ids) {
      const { name, barred } = store.devices.get(id)
      if (signal.aborted || barred !== null) continue
      try {
        // going through them notes what they say
        for await (const _ of functions.discoverDevice(name, signal)) void _
      } catch (thrown) {
        const { code, message } = asFault(thrown)
        log.warn('discovery-failed', { device: name, code, message })
      }
    }
  }
}
