import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { serveFunctions } from '../socket/server.ts'
import { openStandalone, type Standalone, type StandaloneOptions } from '../standalone/open.ts'
import { runDiscovery } from './discovery.ts'
import { checkPlace, socketPath } from './reach.ts'
import { runSchedules } from './schedules.ts'
import { served } from './served.ts'
import { takings } from './takings.ts'

/** What the running appliance works with. */
export interface RunningOptions extends StandaloneOptions {
  readonly clock: Clock
  /** it works and is reached by commands */
  readonly ready: () => void
}

/**
 * Runs the appliance until the signal aborts: events and renewals, scheduled scans, and commands of this machine over
 * the socket in the state directory. It is the one process that writes there. What ends although nobody asked for it
 * ends all of it, by a fault. Faults: state-foreign, state-unsafe, engine-running, socket-taken, socket-foreign, internal,
 * those of the store, the settings and the vault.
 */
export async function runAppliance(options: RunningOptions, signal: AbortSignal): Promise<void> {
  const { where, log, clock } = options
  checkPlace(where)
  const functions = openStandalone(options)
  try {
    // whose turn it is owns the socket as well: without it nothing there is touched
    await functions.driving.startAlone()
    const service = { functions: servedOf(functions), takings, clock }
    const socket = await serveFunctions(socketPath(where), service)
    try {
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

/** Until the signal aborts. Throws the fault of whatever ends before. */
async function work(
  { functions, ...rest }: RunningOptions & { readonly functions: Standalone },
  signal: AbortSignal
): Promise<void> {
  const end = new AbortController()
  const both = AbortSignal.any([signal, end.signal])
  const deps = { ...rest, store: functions.store, functions }
  const loops = [
    lasting('work on schedules', runSchedules(deps, both), both),
    lasting('reading of devices', runDiscovery(deps, both), both)
  ]
  try {
    await Promise.race([
      aborted(signal),
      lasting('replacement of certificates', functions.driving.ended(), both),
      ...loops
    ])
  } finally {
    end.abort()
    await Promise.allSettled(loops)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Resolves when work ends that was asked to. Throws its fault, or internal when it ends by itself. */
export async function lasting(name: string, work: Promise<void>, signal: AbortSignal): Promise<void> {
  await work
  if (!signal.aborted) throw new Fault('internal', `Tlsward made a mistake: the ${name} ended by itself`)
}

function servedOf(functions: Standalone) {
  const entries = Object.keys(served).map((name) => {
    const method = functions[name as keyof typeof served] as (...args: never[]) => unknown
    return [name, method] as const
  })
  return Object.fromEntries(entries)
}
