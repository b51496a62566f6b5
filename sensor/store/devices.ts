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
}

/** How a device is recognised before a credential is sent. */
export interface PinRow {
  readonly what: string
  readonly fingerprint: string
  readonly accepted: number
}

type RawDevice = Omit<DeviceRow, 'writable'> & { writable: number }

const columns = 'id, name, connector, settings, writable, checked, findings, barred, created'

/** Devices, each once by name, with their pins. */
export function openDevices(db: Connection) {
  const byId = db.prepare<[number], RawDevice>(`SELECT ${columns} FROM device WHERE id = ?`)
  const byName = db.prepare<[string], RawDevice>(`SELECT ${columns} FROM device WHERE name = ?`)
  const all = db.prepare<[], RawDevice>(`SELECT ${columns} FROM device ORDER BY name`)
  const row = (raw: RawDevice): DeviceRow => ({ ...raw, writable: raw.writable === 1 })
  const found = (raw: RawDevice | undefined, device: string | number): DeviceRow => {
    if (raw) return row(raw)
    const message = `device ${device}: there is none; see tlsward device list`
    throw new Fault('device-missing', message, { device })
  }
  return {
    /** throws device-missing */
    get: (id: number) => found(byId.get(id), id),
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

function taken(device: string): Fault {
  const message = `device ${device}: there is one of this name; choose another, or remove it first`
  return new Fault('device-exists', message, { device })
}

function deviceChanges(db: Connection) {
  const insert = db.prepare(
    'INSERT INTO device (name, connector, settings, created) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING'
  )
  const settings = db.prepare('UPDATE device SET settings = ? WHERE id = ?')
  const writable = db.prepare('UPDATE device SET writable = ? WHERE id = ?')
  const barred = db.prepare('UPDATE device SET barred = ? WHERE id = ?')
  const check = db.prepare('UPDATE device SET checked = ?, findings = ? WHERE id = ?')
  const used = db
    .prepare<[{ id: number }], number>(
      `SELECT (SELECT count(*) FROM deployment WHERE device = @id) +
              (SELECT count(*) FROM managed_target WHERE device = @id)`
    )
    .pluck()
  const nameOf = db.prepare<[number], string>('SELECT name FROM device WHERE id = ?').pluck()
  const remove = db.prepare('DELETE FROM device WHERE id = ?')
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
    /** throws device-used when targets or events refer to it */
    remove(id: number): void {
      if ((used.get({ id }) ?? 0) > 0) {
        const message = `device ${nameOf.get(id) ?? id}: managed targets or events refer to it; forbid writing instead, its history stays`
        throw new Fault('device-used', message, { device: id })
      }
      remove.run(id)
    }
  }
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
