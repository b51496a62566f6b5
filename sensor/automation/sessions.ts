import type { Access, Connector, Session } from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { Json } from '../../connectors/contract.ts'
import type { DeviceRow } from '../store/devices.ts'
import type { EngineContext } from './context.ts'

/** The connector of a device. Throws device-missing, connector-missing. */
export function connectorOf(deps: EngineContext, device: DeviceRow): Connector {
  const connector = deps.connector(device.connector)
  if (connector) return connector
  const message =
    `device ${device.name}: there is no connector ${device.connector} in this version; ` +
    'use one that has it, or remove the device'
  throw new Fault('connector-missing', message, { device: device.name, connector: device.connector })
}

/** How the connector reaches the device. */
export function accessTo(deps: EngineContext, device: DeviceRow): Access {
  const pins = deps.store.devices.pins(device.id)
  return {
    settings: JSON.parse(device.settings) as Json,
    secret: (field) => deps.credential(device, field),
    pins: pins.map(({ what, fingerprint }) => ({ what, fingerprint })),
    clock: deps.clock,
    random: deps.random,
    log: deps.log
  }
}

/**
 * Signs in to a device in its turn, does the work, and signs out. Bounded in time: a device that hangs is one that
 * cannot be reached. After a refused sign-in no other is tried until a person has checked the device: devices lock
 * accounts for it. Faults: device-missing, device-sign-in, device-unreachable, and those of connector and work.
 */
export async function withSession<T>(
  deps: EngineContext,
  id: number,
  work: (session: Session, signal: AbortSignal) => Promise<T>
): Promise<T> {
  const device = deps.store.devices.get(id)
  const connector = connectorOf(deps, device)
  const most = connector.traits.lock === 'device' ? 1 : deps.limits.perDevice
  return deps.turns.atDevice(id, most, async () => {
    const { barred } = deps.store.devices.get(id)
    if (barred !== null) throw new Fault('device-sign-in', barred, { device: device.name })
    const time = limitedTime(deps, `device ${device.name}`)
    try {
      const session = await time.bound(connector.connect(accessTo(deps, device), time.signal))
      try {
        return await time.bound(work(session, time.signal))
      } finally {
        await signOut(deps, session)
      }
    } catch (thrown) {
      const fault = time.explain(thrown)
      if (fault.code === 'device-sign-in') deps.store.devices.setBarred(id, fault.message)
      throw fault
    } finally {
      time.end()
    }
  })
}

// a connection that cannot be closed politely is gone anyway
async function signOut(deps: EngineContext, session: Session): Promise<void> {
  const time = limitedTime({ ...deps, limits: { ...deps.limits, callMs: graceMs } }, 'sign-out')
  try {
    await time.bound(session.close())
  } catch (thrown) {
    deps.log.debug('session-close-failed', { message: asFault(thrown).message })
  } finally {
    time.end()
  }
}

/** Work against the clock. */
interface LimitedTime {
  readonly signal: AbortSignal
  /** rejects when the time is over and the work does not end by the signal */
  bound<T>(work: Promise<T>): Promise<T>
  /** what was thrown, as a fault; for want of time, one that says so */
  explain(thrown: unknown): Fault
  end(): void
}

/** time for work to end after it was told to */
const graceMs = 5_000

/** Time for one call to a peer: ends with the limit, or with the engine. */
export function limitedTime(
  { clock, limits, stopping }: Pick<EngineContext, 'clock' | 'limits' | 'stopping'>,
  peer: string
): LimitedTime {
  const limit = new AbortController()
  const lost = Promise.withResolvers<never>()
  lost.promise.catch(() => {})
  let cancelGrace = () => {}
  const abort = () => {
    limit.abort()
    cancelGrace = clock.after(graceMs, () => lost.reject(tooLate()))
  }
  const tooLate = () =>
    new Fault(
      'device-unreachable',
      `${peer}: no answer within ${limits.callMs / 1000} s; it is tried again`,
      {
        peer
      }
    )
  const cancelLimit = clock.after(limits.callMs, abort)
  stopping.addEventListener('abort', abort, { once: true })
  if (stopping.aborted) abort()
  return {
    signal: limit.signal,
    bound: (work) => Promise.race([work, lost.promise]),
    explain(thrown) {
      const fault = asFault(thrown)
      return limit.signal.aborted && fault.kind === 'bug' ? tooLate() : fault
    },
    end() {
      cancelLimit()
      cancelGrace()
      stopping.removeEventListener('abort', abort)
    }
  }
}
