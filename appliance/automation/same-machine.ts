import type { Connector, Json } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import type { DeviceRow } from '../../sensor/store/devices.ts'
import type { Store } from '../../sensor/store/store.ts'

/** A device, as far as it says which machine it is. */
export interface Machine {
  readonly connector: Connector
  readonly settings: Json
  readonly pins: readonly { readonly what: string; readonly fingerprint: string }[]
  /** its number, where it is kept already */
  readonly device: number | null
}

/** The settings that decide whom a connector talks to, with their defaults: equal for the same way to go. */
export function reachOf(
  { reach, settings: schema }: Pick<Connector, 'reach' | 'settings'>,
  settings: Json
): string {
  const properties = schema.properties as Readonly<Record<string, { readonly default?: Json }>>
  // what is no object at all is refused by the connector
  const given = (typeof settings === 'object' ? (settings ?? {}) : {}) as Readonly<Record<string, Json>>
  const names = reach ?? [...new Set([...Object.keys(properties), ...Object.keys(given)])].toSorted()
  return JSON.stringify(names.map((name) => given[name] ?? properties[name]?.default ?? null))
}

/**
 * The other devices that are the same machine: reached in the same way, or recognised by the same keys at the same
 * places.
 */
export function sameMachines(store: Pick<Store, 'devices'>, machine: Machine): DeviceRow[] {
  const way = reachOf(machine.connector, machine.settings)
  const keys = keysOf(machine.pins)
  return others(store, machine).filter(
    (row) =>
      reachOf(machine.connector, JSON.parse(row.settings) as Json) === way ||
      (machine.pins.length > 0 && keysOf(store.devices.pins(row.id)) === keys)
  )
}

/**
 * Those that show the same keys in another place: one machine with two addresses, or copies of one that kept its keys.
 */
export function likeMachines(store: Pick<Store, 'devices'>, machine: Machine): DeviceRow[] {
  const last = (pins: Machine['pins']) => pins.at(-1)?.fingerprint
  const shown = last(machine.pins)
  if (shown === undefined) return []
  const same = new Set(sameMachines(store, machine).map(({ id }) => id))
  return others(store, machine).filter(({ id }) => !same.has(id) && last(store.devices.pins(id)) === shown)
}

function others({ devices }: Pick<Store, 'devices'>, { connector, device }: Machine): DeviceRow[] {
  return devices.list().filter((row) => row.connector === connector.id && row.id !== device)
}

function keysOf(pins: Machine['pins']): string {
  return JSON.stringify(pins.map(({ what, fingerprint }) => `${what} ${fingerprint}`).toSorted())
}

/**
 * Refuses a second device for one machine: both would renew the same files. `allowed`: a person wants it, say with
 * other configurations. Throws device-same.
 */
export function checkMachine(
  store: Pick<Store, 'devices'>,
  machine: Machine,
  second: 'allowed' | 'refused'
): void {
  const [other] = sameMachines(store, machine)
  if (!other || second === 'allowed') return
  const message =
    `device ${other.name}: it is the same machine, and one file must not be renewed twice; ` +
    `use ${other.name}, or give --same-machine when the two are for different files`
  throw new Fault('device-same', message, { device: other.name })
}

/** Refuses to renew a target that another device of the same machine renews already. Throws target-owned. */
export function checkOwned(
  store: Pick<Store, 'devices' | 'managedTargets'>,
  machine: Machine,
  target: string
): void {
  const owner = sameMachines(store, machine).find(({ id }) => store.managedTargets.at(id, target))
  if (!owner) return
  const message =
    `target ${target}: device ${owner.name} is the same machine and renews it already; ` +
    `first run tlsward profile unassign '${owner.name}/${target}'`
  throw new Fault('target-owned', message, { device: owner.name, target })
}
