import type { Access, Binding, Check, Connector, Json, Session } from '../../connectors/contract.ts'
import { connectors } from '../../connectors/index.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { liftBar, observeBindings, setWritable } from '../../sensor/automation/requests.ts'
import { accessTo, limitedTime, withSession } from '../../sensor/automation/sessions.ts'
import type { Credentials } from '../../sensor/automation/ports.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { ConnectorForm, DeviceAddress, NewDevice, SecretValues } from '../automation-functions.ts'
import type { Binding as BindingRecord, Device, DeviceCheck, Pin } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { looksLikeReference, parseReference, type Reference } from '../vault/reference.ts'
import { driftOf } from './drift.ts'
import { givenName } from './names.ts'
import { bindingRecord, checkRecord, deviceRecord } from './records.ts'
import { ownerOf, type Site } from './site.ts'

/** What a form for a device needs of each connector. */
export function connectorForms(): ConnectorForm[] {
  return connectors.map(({ id, title, settings, secrets }) => ({ id, title, settings, secrets }))
}

function connectorNamed(id: string): Connector {
  const found = connectors.find((one) => one.id === id)
  if (found) return found
  const known = connectors.map((one) => one.id).join(', ')
  throw new Fault('connector-missing', `connector ${id}: there is none; write one of ${known}`, {
    field: 'connector',
    value: id
  })
}

/** Asks a device who it is. Faults: connector-missing, and those of Connector.identify. */
export async function identifyDevice(
  site: Site,
  { connector, settings }: DeviceAddress,
  signal: AbortSignal = never
): Promise<Pin[]> {
  const access = accessBy(site, settings as Json)
  const shown = await identify(site, { connector: connectorNamed(connector), access, signal })
  return shown.map((pin) => ({ type: 'pin', schema: schemaVersion, ...pin, accepted: false }))
}

/** Asks a device that is kept who it is, and whether a person has accepted exactly that. */
export async function devicePins(site: Site, name: string, signal: AbortSignal = never): Promise<Pin[]> {
  const device = site.store.devices.named(name)
  const accepted = new Set(site.store.devices.pins(device.id).map(pinText))
  const access = accessBy(site, JSON.parse(device.settings) as Json)
  const shown = await identify(site, { connector: connectorNamed(device.connector), access, signal })
  return shown.map((pin) => ({
    type: 'pin',
    schema: schemaVersion,
    ...pin,
    accepted: accepted.has(pinText(pin))
  }))
}

const pinText = ({ what, fingerprint }: { readonly what: string; readonly fingerprint: string }) =>
  `${what} ${fingerprint}`

/** of whoever waits for as long as it takes */
const never = new AbortController().signal

/** How a device is reached for a person. */
interface Visit {
  readonly connector: Connector
  readonly access: Access
  /** the person has gone: nothing is waited for any more */
  readonly signal: AbortSignal
}

async function identify(site: Site, { connector, access, signal }: Visit) {
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

type Given = Readonly<Record<string, Secret | Reference>>

/** Credentials as they were given: values, and references to where they are read. */
function givenSecrets({ id, secrets }: Connector, values: SecretValues): Given {
  const known = secrets.map(({ name }) => name)
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!known.includes(name)) {
        const message = `credential ${name}: ${id} has none of this name; write one of ${known.join(', ')}`
        throw new Fault('option-malformed', message, { field: name })
      }
      return [name, looksLikeReference(value) ? parseReference(value) : new Secret(value)]
    })
  )
}

async function resolved({ vault }: Site, given: Given): Promise<ReadonlyMap<string, Secret>> {
  const read = Object.entries(given).map(async ([name, value]) => [name, await vault.resolve(value)] as const)
  return new Map(await Promise.all(read))
}

function accessBy(
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
async function signedIn(site: Site, { connector, access, signal }: Visit): Promise<Check> {
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

/**
 * Signs in to a device and keeps it, with its credentials in the vault; it is only read at first. Faults:
 * option-malformed, connector-missing, device-exists, those of Connector.connect and of references.
 */
export async function addDevice(
  site: Site,
  of: NewDevice,
  signal: AbortSignal = never
): Promise<DeviceCheck> {
  const { store, vault, clock } = site
  const name = givenName('device', of.name)
  const connector = connectorNamed(of.connector)
  store.devices.checkFree(name)
  const given = givenSecrets(connector, of.secrets)
  const secrets = await resolved(site, given)
  const access = accessBy(site, of.settings as Json, {
    secret: (field) => secrets.get(field),
    pins: of.pins
  })
  const check = await signedIn(site, { connector, access, signal })
  signal.throwIfAborted()
  const now = clock.now()
  store.durable(() => {
    const settings = JSON.stringify(of.settings)
    const id = store.devices.add({ name, connector: connector.id, settings, created: now })
    store.devices.setPins(id, acceptedPins(of.pins, now))
    store.devices.setChecked(id, now, JSON.stringify(check))
    for (const [field, value] of Object.entries(given)) vault.put(ownerOf({ id }), field, value)
  })
  return checkRecord(name, check)
}

const acceptedPins = (pins: NewDevice['pins'], accepted: number) =>
  pins.map(({ what, fingerprint }) => ({ what, fingerprint, accepted }))

/** Every device, by name. */
export function devices({ store }: Pick<Site, 'store'>): Device[] {
  return store.devices.list().map(deviceRecord)
}

/**
 * Signs in again, also to a device that is barred after a refusal; a clean sign-in lifts that. `accept`: what a person
 * accepts from now on instead of what was accepted before.
 */
export async function checkDevice(
  site: Site,
  name: string,
  {
    accept,
    signal = never
  }: { readonly accept: NewDevice['pins'] | null; readonly signal?: AbortSignal | undefined }
): Promise<DeviceCheck> {
  const { store, clock, engine } = site
  const device = store.devices.named(name)
  const access = await accessTo(engine.context, device)
  const check = await inTurn(site, device, () =>
    signedIn(site, {
      connector: connectorNamed(device.connector),
      access: accept ? { ...access, pins: accept } : access,
      signal
    })
  )
  signal.throwIfAborted()
  const now = clock.now()
  store.durable(() => {
    if (accept) store.devices.setPins(device.id, acceptedPins(accept, now))
    noteCheck(site, device, check)
  })
  return checkRecord(name, check)
}

function noteCheck({ store, clock, engine }: Site, { id }: DeviceRow, check: Check): void {
  store.devices.setChecked(id, clock.now(), JSON.stringify(check))
  liftBar(engine.context, id)
}

/** the engine's own session makes room first: some devices allow one at a time */
function inTurn<T>({ engine }: Site, { id }: DeviceRow, work: () => Promise<T>): Promise<T> {
  const { turns, sessions } = engine.context
  return turns.atDevice(id, 1, async () => {
    await sessions.drop(id)
    return work()
  })
}

/** Tries other credentials, and keeps them beside those that stay when they work. Faults as of {@link addDevice}. */
export async function setDeviceSecrets(site: Site, name: string, values: SecretValues): Promise<DeviceCheck> {
  const { store, vault, engine } = site
  const device = store.devices.named(name)
  const connector = connectorNamed(device.connector)
  const given = givenSecrets(connector, values)
  const secrets = await resolved(site, given)
  const access = await accessTo(engine.context, device)
  const secret: Credentials = (field) => secrets.get(field) ?? access.secret(field)
  const check = await inTurn(site, device, () =>
    signedIn(site, { connector, access: { ...access, secret }, signal: never })
  )
  store.durable(() => {
    for (const [field, value] of Object.entries(given)) vault.put(ownerOf(device), field, value)
    noteCheck(site, device, check)
  })
  await engine.context.sessions.drop(device.id)
  return checkRecord(name, check)
}

/** Allows or forbids changes. Throws device-missing. */
export function allowDevice({ engine }: Site, name: string, allowed: 'writable' | 'read-only'): void {
  setWritable(engine.context, name, allowed)
}

/** Forgets a device with its credentials. Faults: device-missing, device-used. */
export async function removeDevice({ store, vault, engine }: Site, name: string): Promise<void> {
  const device = store.devices.named(name)
  store.durable(() => {
    store.devices.remove(device.id)
    vault.drop(ownerOf(device))
  })
  await engine.context.sessions.drop(device.id)
}

/** Reads what is bound where, and keeps what its managed targets hold. Faults: those of connector and device. */
export async function bindingsOf(site: Site, name: string, signal: AbortSignal): Promise<Binding[]> {
  const { store, engine } = site
  const { id } = store.devices.named(name)
  const found = await withSession(engine.context, id, async (session, limit) => {
    const all: Binding[] = []
    for await (const page of session.discover(AbortSignal.any([limit, signal]))) all.push(...page)
    return all
  })
  observeBindings(engine.context, id, found)
  return found
}

/** The same as records, each with its profile and how it differs from what the last scan saw. */
export async function* discoverDevice(
  site: Site,
  name: string,
  signal: AbortSignal
): AsyncGenerator<BindingRecord> {
  const { store } = site
  const device = store.devices.named(name)
  for (const binding of await bindingsOf(site, name, signal)) {
    const managed = store.managedTargets.at(device.id, binding.target)
    const profile = managed ? store.profiles.get(managed.profile).name : null
    yield bindingRecord(name, binding, { profile, drift: driftOf(store, binding) })
  }
}
