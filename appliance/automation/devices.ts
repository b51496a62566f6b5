import type { Binding, Check, Json } from '../../connectors/contract.ts'
import { connectors } from '../../connectors/index.ts'
import { Fault } from '../../core/fault.ts'
import { liftBar, observeBindings, setWritable } from '../../sensor/automation/requests.ts'
import { accessTo, withSession } from '../../sensor/automation/sessions.ts'
import type { Credentials } from '../../sensor/automation/ports.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { ConnectorForm, DeviceAddress, NewDevice, SecretValues } from '../automation-functions.ts'
import type {
  Binding as BindingRecord,
  Device,
  DeviceCheck,
  DeviceDetails,
  Pin
} from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import {
  acceptedPins,
  accessBy,
  connectorNamed,
  givenSecrets,
  identify,
  inTurn,
  machineOf,
  never,
  resolved,
  signedIn,
  stillThere
} from './device-access.ts'
import { driftOf } from './drift.ts'
import { givenName } from './names.ts'
import { bindingRecord, checkRecord, deviceDetailsRecord, deviceRecord, secretStandings } from './records.ts'
import { checkMachine, likeMachines, type Machine } from './same-machine.ts'
import { ownerOf, type Site } from './site.ts'

/** What a form for a device needs of each connector. */
export function connectorForms(): ConnectorForm[] {
  return connectors.map(({ id, title, settings, secrets }) => ({ id, title, settings, secrets }))
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

/**
 * Signs in to a device and keeps it, with its credentials in the vault; it is only read at first. Faults:
 * option-malformed, connector-missing, device-exists, device-same, those of Connector.connect and of references.
 */
export async function addDevice(
  site: Site,
  of: NewDevice,
  signal: AbortSignal = never
): Promise<DeviceCheck> {
  const { store, vault, clock, log } = site
  const name = givenName('device', of.name)
  const connector = connectorNamed(of.connector)
  store.devices.checkFree(name)
  const wanted = { connector, settings: of.settings as Json, pins: of.pins, device: null }
  const checkOther = () => checkMachine(store, wanted, of.sameMachine ?? 'refused')
  checkOther()
  const given = givenSecrets(connector, of.secrets)
  const secrets = await resolved(site, given)
  const access = accessBy(site, wanted.settings, { secret: (field) => secrets.get(field), pins: of.pins })
  const check = await signedIn(site, { connector, access, signal })
  signal.throwIfAborted()
  const now = clock.now()
  const noted = store.durable(() => {
    checkOther()
    const settings = JSON.stringify(of.settings)
    const id = store.devices.add({ name, connector: connector.id, settings, created: now })
    const noted = withNotes(site, check, { ...wanted, device: id })
    // nobody owned it before; should a row have been put there by hand, it is not this device's
    vault.drop(ownerOf({ id }))
    store.devices.setPins(id, acceptedPins(of.pins, now))
    store.devices.setChecked(id, now, JSON.stringify(noted))
    for (const [field, value] of Object.entries(given)) vault.put(ownerOf({ id }), field, value)
    return noted
  })
  log.info('device-added', { device: name, connector: connector.id })
  return checkRecord(name, noted)
}

/** what the device says, and that others look like the same machine */
function withNotes({ store }: Site, check: Check, machine: Machine): Check {
  const others = likeMachines(store, machine).map(({ name }) => name)
  if (others.length === 0) return check
  const note =
    `shows the same key as ${others.join(', ')}: if it is the same machine, remove one of them; ` +
    'else give each machine a host key of its own'
  return { ...check, notes: [...check.notes, note] }
}

/** Every device, by name. */
export function devices({ store }: Pick<Site, 'store'>): Device[] {
  return store.devices.list().map(deviceRecord)
}

/** A device with all that is known of it without asking it. Faults: device-missing, connector-missing. */
export function deviceDetails({ store }: Pick<Site, 'store'>, name: string): DeviceDetails {
  const row = store.devices.named(name)
  const { kind: ownerKind, id: ownerId } = ownerOf(row)
  const { secrets } = connectorNamed(row.connector)
  return deviceDetailsRecord(row, {
    pins: store.devices.pins(row.id),
    secrets: secretStandings(secrets, store.sealed.fields({ ownerKind, ownerId })),
    targets: store.managedTargets
      .list()
      .filter(({ device }) => device === row.id)
      .map(({ target, profile, enabled, wake }) => ({
        target,
        profile: store.profiles.get(profile).name,
        enabled,
        nextAt: wake === null ? null : new Date(wake).toISOString()
      })),
    openEvents: store.devices.openEvents(row.id)
  })
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
  const connector = connectorNamed(device.connector)
  const check = await inTurn(site, device, async () => {
    const kept = await accessTo(engine.context, stillThere(site, device))
    const access = accept ? { ...kept, pins: accept } : kept
    return signedIn(site, { connector, access, signal })
  })
  const noted = store.durable(() => {
    const row = stillThere(site, device)
    if (accept) store.devices.setPins(row.id, acceptedPins(accept, clock.now()))
    return noteCheck(site, row, check)
  })
  return checkRecord(name, noted)
}

/** Keeps what a device said of itself, and tries to sign in again if that was given up. */
export function noteCheck(site: Site, device: DeviceRow, check: Check): Check {
  const { store, clock, engine } = site
  const { id } = device
  const noted = withNotes(site, check, machineOf(store, device))
  store.devices.setChecked(id, clock.now(), JSON.stringify(noted))
  liftBar(engine.context, id)
  return noted
}

/** Tries other credentials, and keeps them beside those that stay when they work. Faults as of {@link addDevice}. */
export async function setDeviceSecrets(site: Site, name: string, values: SecretValues): Promise<DeviceCheck> {
  const { store, vault, engine } = site
  const device = store.devices.named(name)
  const connector = connectorNamed(device.connector)
  const given = givenSecrets(connector, values)
  const secrets = await resolved(site, given)
  const check = await inTurn(site, device, async () => {
    const access = await accessTo(engine.context, stillThere(site, device))
    const secret: Credentials = (field) => secrets.get(field) ?? access.secret(field)
    return signedIn(site, { connector, access: { ...access, secret }, signal: never })
  })
  const noted = store.durable(() => {
    const row = stillThere(site, device)
    for (const [field, value] of Object.entries(given)) vault.put(ownerOf(row), field, value)
    return noteCheck(site, row, check)
  })
  await engine.context.sessions.drop(device.id)
  return checkRecord(name, noted)
}

/** Allows or forbids changes. Faults: device-missing, device-unchecked. */
export function allowDevice({ store, engine }: Site, name: string, allowed: 'writable' | 'read-only'): void {
  const { checked } = store.devices.named(name)
  if (allowed === 'writable' && checked === null) {
    const message = `device ${name}: it has not been checked as it is now; run tlsward device check ${name} first`
    throw new Fault('device-unchecked', message, { device: name })
  }
  setWritable(engine.context, name, allowed)
}

/**
 * Forgets a device with its credentials, once nobody works with it any more; the history of its events stays. Faults:
 * device-missing, device-used.
 */
export async function removeDevice(site: Site, name: string): Promise<void> {
  const { store, vault, clock, log } = site
  const device = store.devices.named(name)
  await inTurn(site, device, async () => {
    store.durable(() => {
      store.devices.remove(store.devices.get(device.id), clock.now())
      vault.drop(ownerOf(device))
    })
  })
  log.info('device-removed', { device: name })
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
