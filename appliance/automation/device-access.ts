import type { Access, Check, Connector, Json, Pin, Session } from '../../connectors/contract.ts'
import { connectors } from '../../connectors/index.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { limitedTime } from '../../sensor/automation/sessions.ts'
import type { Credentials } from '../../sensor/automation/ports.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { NewDevice, SecretValues } from '../automation-functions.ts'
import { looksLikeReference, parseReference, type Reference } from '../vault/reference.ts'
import { checkSecretNames } from './given-secrets.ts'
import type { Machine } from './same-machine.ts'
import type { Site } from './site.ts'

/** Throws connector-missing. */
export function connectorNamed(id: string): Connector {
  const found = connectors.find((one) => one.id === id)
  if (found) return found
  const known = connectors.map((one) => one.id).join(', ')
  throw new Fault('connector-missing', `connector ${id}: there is none; write one of ${known}`, {
    field: 'connector',
    value: id
  })
}

/** of whoever waits for as long as it takes */
export const never = new AbortController().signal

/** How a device is reached for a person. */
export interface Visit {
  readonly connector: Connector
  readonly access: Access
  /** the person has gone: nothing is waited for any more */
  readonly signal: AbortSignal
}

/** What a device shows of itself before it gets a credential. Faults: those of Connector.identify. */
export async function identify(site: Site, { connector, access, signal }: Visit): Promise<readonly Pin[]> {
  const time = limitedTime(site.engine.context, 'the device')
  try {
    const both = AbortSignal.any([time.signal, signal])
    return await unlessGone(signal, time.bound(connector.identify(access, both)))
  } catch (thrown) {
    signal.throwIfAborted()
    throw time.explain(thrown)
  } finally {
    time.end()
  }
}

/** Secrets as they were given: values, and references to where they are read. */
export type Given = Readonly<Record<string, Secret | Reference>>

/** Credentials of a device as they were given. Faults: option-malformed, reference-malformed. */
export function givenSecrets({ id, secrets }: Connector, values: SecretValues): Given {
  checkSecretNames(`a device of ${id}`, secrets, values)
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      looksLikeReference(value) ? parseReference(value) : new Secret(value)
    ])
  )
}

/** Their values, read now from where references point. Faults: those of references. */
export async function resolved({ vault }: Site, given: Given): Promise<ReadonlyMap<string, Secret>> {
  const read = Object.entries(given).map(async ([name, value]) => [name, await vault.resolve(value)] as const)
  return new Map(await Promise.all(read))
}

/** How a device that is not kept yet is reached. */
export function accessBy(
  { clock, random, log }: Site,
  settings: Json,
  { secret = () => undefined, pins = [] }: { secret?: Credentials; pins?: NewDevice['pins'] } = {}
): Access {
  return { settings, secret, pins, clock, random, log }
}

/** The work, or the reason of the signal at once; what comes of the work then is nobody's. */
function unlessGone<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(signal.reason as Error)
    signal.addEventListener('abort', gone, { once: true })
    if (signal.aborted) gone()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone))
  })
}

/** Signs in outside of the engine's bars, asks the device about itself, and signs out. */
export async function signedIn(site: Site, { connector, access, signal }: Visit): Promise<Check> {
  const time = limitedTime(site.engine.context, 'the device')
  const both = AbortSignal.any([time.signal, signal])
  let session: Session | undefined
  try {
    const connecting = connector.connect(access, both)
    session = await unlessGone(signal, time.bound(connecting))
    return await unlessGone(signal, time.bound(session.check(both)))
  } catch (thrown) {
    signal.throwIfAborted()
    throw time.explain(thrown)
  } finally {
    await session?.close().catch(() => {})
    time.end()
  }
}

/** What a person accepts now, as it is kept. */
export const acceptedPins = (pins: NewDevice['pins'], accepted: number) =>
  pins.map(({ what, fingerprint }) => ({ what, fingerprint, accepted }))

/** Work at a device in its turn. The engine's own session makes room first: some devices allow one at a time. */
export function inTurn<T>({ engine }: Site, { id }: DeviceRow, work: () => Promise<T>): Promise<T> {
  const { turns, sessions } = engine.context
  return turns.atDevice(id, 1, async () => {
    await sessions.drop(id)
    return work()
  })
}

/**
 * The device as it is now, for what is written about it after it was worked with. Throws device-missing when it was
 * removed meanwhile, device-changed when its settings are others: what was tried was not this.
 */
export function stillThere({ store }: Pick<Site, 'store'>, { id, name, settings }: DeviceRow): DeviceRow {
  const row = store.devices.get(id)
  if (row.settings === settings) return row
  const message = `device ${name}: its settings were changed meanwhile; nothing was kept, do it again`
  throw new Fault('device-changed', message, { device: name })
}

/** A device that is kept, as far as it says which machine it is. Throws connector-missing. */
export function machineOf({ devices }: Pick<Store, 'devices'>, device: DeviceRow): Machine {
  return {
    connector: connectorNamed(device.connector),
    settings: JSON.parse(device.settings) as Json,
    pins: devices.pins(device.id),
    device: device.id
  }
}
