import type { Access, Connector, Session } from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import type { Json } from '../../connectors/contract.ts'
import type { DeviceRow } from '../store/devices.ts'
import type { EngineContext } from './context.ts'
import type { SignedIn } from './kept-sessions.ts'

/** The connector of a device. Throws device-missing, connector-missing. */
export function connectorOf(deps: EngineContext, device: DeviceRow): Connector {
  const connector = deps.connector(device.connector)
  if (connector) return connector
  const message =
    `device ${device.name}: there is no connector ${device.connector} in this version; ` +
    'use one that has it, or remove the device'
  throw new Fault('connector-missing', message, { device: device.name, connector: device.connector })
}

/** A device that may be changed. Faults: device-missing, device-read-only. */
export function writableDevice({ store }: Pick<EngineContext, 'store'>, id: number): DeviceRow {
  const device = store.devices.get(id)
  if (device.writable) return device
  const message = `device ${device.name}: it is only read; allow writing with tlsward device allow`
  throw new Fault('device-read-only', message, { device: device.name })
}

/** How the connector reaches the device. Faults: those of the place where its credentials are kept. */
export async function accessTo(deps: EngineContext, device: DeviceRow): Promise<Access> {
  const secret = await deps.credentials(device)
  const pins = deps.store.devices.pins(device.id)
  return {
    settings: JSON.parse(device.settings) as Json,
    secret,
    pins: pins.map(({ what, fingerprint }) => ({ what, fingerprint })),
    clock: deps.clock,
    random: deps.random,
    log: deps.log
  }
}

/**
 * Does the work in a session of a device, in its turn: one that is still open from the call before, or a new one.
 * After a fault the session is closed. Bounded in time: a device that hangs is one that cannot be reached. After a
 * refused sign-in no other is tried until a person has checked the device: devices lock accounts for it. Faults:
 * device-missing, device-sign-in, device-unreachable, and those of connector and work.
 */
export async function withSession<T>(
  deps: EngineContext,
  id: number,
  work: (session: Session, signal: AbortSignal) => Promise<T>
): Promise<T> {
  const { traits } = connectorOf(deps, deps.store.devices.get(id))
  const most = traits.lock === 'device' ? 1 : deps.limits.perDevice
  return deps.turns.atDevice(id, most, async () => {
    const device = deps.store.devices.get(id)
    if (device.barred !== null) throw new Fault('device-sign-in', device.barred, { device: device.name })
    const time = limitedTime(deps, `device ${device.name}`)
    try {
      const signedIn = await time.bound(signIn(deps, device, time.signal))
      let done: T
      try {
        done = await time.bound(work(signedIn.session, time.signal))
      } catch (thrown) {
        await signOut(deps, signedIn.session)
        throw thrown
      }
      await deps.sessions.leave(id, signedIn)
      return done
    } catch (thrown) {
      const fault = time.explain(thrown)
      if (fault.code === 'device-sign-in') deps.store.devices.setBarred(id, fault.message)
      throw fault
    } finally {
      time.end()
    }
  })
}

async function signIn(deps: EngineContext, device: DeviceRow, signal: AbortSignal): Promise<SignedIn> {
  const connector = connectorOf(deps, device)
  const by = JSON.stringify([device.connector, device.settings, deps.store.devices.pins(device.id)])
  const kept = await deps.sessions.take(device.id, by)
  if (kept) return kept
  const session = await connector.connect(await accessTo(deps, device), signal)
  return { session, by, at: deps.clock.ticks() }
}

/** Closes a session. A connection that cannot be closed politely is gone anyway. */
export async function signOut(deps: Limiting & Pick<EngineContext, 'log'>, session: Session): Promise<void> {
  const time = limitedTime({ ...deps, limits: { ...deps.limits, callMs: graceMs } }, 'sign-out')
  try {
    await time.bound(session.close())
  } catch (thrown) {
    deps.log.debug('session-close-failed', { message: asFault(thrown).message })
  } finally {
    time.end()
  }
}

type Limiting = Pick<EngineContext, 'clock' | 'limits' | 'stopping'>

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
export function limitedTime({ clock, limits, stopping }: Limiting, peer: string): LimitedTime {
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
