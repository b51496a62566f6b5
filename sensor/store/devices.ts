import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** A device to be kept. Its credentials are in the vault. */
export interface NewDevice {
  readonly name: string
  /** id of a connector */
  readonly connector: string
  /** as the connector's schema has it, JSON */
  readonly settings: string
  readonly created: number
}

/** A device as it is kept. */
export interface DeviceRow extends NewDevice {
  readonly id: number
  /** may the product change it? A new device is only read until a person allows it */
  readonly writable: boolean
  /** when it was last checked, and what it said then (JSON of the caller) */
  readonly checked: number | null
  readonly findings: string | null
  /** why no sign-in is tried any more, until a person has checked it; null: it is tried */
  readonly barred: string | null
  /** when it was removed: events tell of it still, and nothing else does; null: it is there */
  readonly removed: number | null
}

/** How a device is recognised before a credential is sent. */
export interface PinRow {
  readonly what: string
  readonly fingerprint: string
  readonly accepted: number
}

type RawDevice = Omit<DeviceRow, 'writable'> & { writable: number }

const columns = 'id, name, connector, settings, writable, checked, findings, barred, created, removed'

/** Devices, each once by name, with their pins; those that were removed are found by `nameOf` only. */
export function openDevices(db: Connection) {
  const byId = db.prepare<[number], RawDevice>(`SELECT ${columns} FROM device WHERE id = ?`)
  const byName = db.prepare<[string], RawDevice>(
    `SELECT ${columns} FROM device WHERE name = ? AND removed IS NULL`
  )
  const all = db.prepare<[], RawDevice>(`SELECT ${columns} FROM device WHERE removed IS NULL ORDER BY name`)
  const row = (raw: RawDevice): DeviceRow => ({ ...raw, writable: raw.writable === 1 })
  const found = (raw: RawDevice | undefined, device: string | number): DeviceRow => {
    if (raw && raw.removed === null) return row(raw)
    if (raw) throw removed(raw.name)
    const message = `device ${device}: there is none; see tlsward device list`
    throw new Fault('device-missing', message, { device })
  }
  return {
    /** throws device-missing, also for one that was removed */
    get: (id: number) => found(byId.get(id), id),
    /** what it is called, or was when it was removed: for the history of events */
    nameOf: (id: number): string => byId.get(id)?.name ?? `device ${id}`,
    /** throws device-missing */
    named: (name: string) => found(byName.get(name), name),
    list: (): DeviceRow[] => all.all().map(row),
    /** throws device-exists */
    checkFree(name: string): void {
      if (byName.get(name)) throw taken(name)
    },
    ...deviceChanges(db),
    ...pins(db)
  }
}

function removed(device: string): Fault {
  const message = `device ${device}: it was removed meanwhile; add it again, and begin anew`
  return new Fault('device-missing', message, { device })
}

function taken(device: string): Fault {
  const message = `device ${device}: there is one of this name; choose another, or remove it first`
  return new Fault('device-exists', message, { device })
}

function deviceChanges(db: Connection) {
  const insert = db.prepare(
    `INSERT INTO device (name, connector, settings, created) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) WHERE removed IS NULL DO NOTHING`
  )
  const settings = db.prepare('UPDATE device SET settings = ? WHERE id = ?')
  const writable = db.prepare('UPDATE device SET writable = ? WHERE id = ?')
  const barred = db.prepare('UPDATE device SET barred = ? WHERE id = ?')
  const check = db.prepare('UPDATE device SET checked = ?, findings = ? WHERE id = ?')
  const targets = db.prepare<[number], number>('SELECT count(*) FROM managed_target WHERE device = ?').pluck()
  const events = db
    .prepare<[number], number>(
      `SELECT DISTINCT e.id FROM event e JOIN deployment d ON d.event = e.id
       WHERE e.open = 1 AND d.device = ? ORDER BY e.id`
    )
    .pluck()
  const remove = db.prepare('UPDATE device SET removed = ?, writable = 0, barred = NULL WHERE id = ?')
  const forgetPins = db.prepare('DELETE FROM pin WHERE device = ?')
  return {
    /** keeps a device, which is only read at first; gives its id; throws device-exists */
    add(of: NewDevice): number {
      const { changes, lastInsertRowid } = insert.run(of.name, of.connector, of.settings, of.created)
      if (changes === 1) return Number(lastInsertRowid)
      throw taken(of.name)
    },
    setSettings: (id: number, json: string) => void settings.run(json, id),
    setWritable: (id: number, allowed: 'writable' | 'read-only') =>
      void writable.run(Number(allowed === 'writable'), id),
    setBarred: (id: number, why: string | null) => void barred.run(why, id),
    setChecked: (id: number, at: number, findings: string) => void check.run(at, findings, id),
    /** the open events that change it */
    openEvents: (id: number): number[] => events.all(id),
    /**
     * Takes it away; its name is free, and the history of its events stays. Throws device-used when something is renewed
     * on it, or an event with it is open
     */
    remove: db.transaction((device: Pick<DeviceRow, 'id' | 'name'>, at: number): void => {
      const used = usesOf(targets.get(device.id) ?? 0, events.all(device.id))
      if (used !== null) {
        throw new Fault('device-used', `device ${device.name}: ${used}`, { device: device.name })
      }
      forgetPins.run(device.id)
      remove.run(at, device.id)
    })
  }
}

/** why a device cannot be taken away, with what to do; null: it can */
function usesOf(targets: number, events: readonly number[]): string | null {
  const ways = [
    ...(targets > 0
      ? [
          `${targets} of its targets are renewed by themselves; take them out of their profile with tlsward profile unassign`
        ]
      : []),
    ...(events.length > 0
      ? [`events that are open refer to it (${events.join(', ')}); let them end, or cancel them`]
      : [])
  ]
  return ways.length === 0 ? null : ways.join('; ')
}

function pins(db: Connection) {
  const list = db.prepare<[number], PinRow>(
    'SELECT what, fingerprint, accepted FROM pin WHERE device = ? ORDER BY what'
  )
  const clear = db.prepare('DELETE FROM pin WHERE device = ?')
  const insert = db.prepare('INSERT INTO pin (device, what, fingerprint, accepted) VALUES (?, ?, ?, ?)')
  return {
    pins: (device: number): PinRow[] => list.all(device),
    /** what a person has accepted, in place of what was accepted before */
    setPins: db.transaction((device: number, accepted: readonly PinRow[]): void => {
      clear.run(device)
      for (const pin of accepted) insert.run(device, pin.what, pin.fingerprint, pin.accepted)
    })
  }
}
