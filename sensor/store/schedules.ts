import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** A scan that is to be made again and again. */
export interface NewSchedule {
  readonly name: string
  readonly targets: readonly string[]
  readonly ports: string
  /** limits of rate and concurrency, as the caller's JSON */
  readonly pace: string
  /** when it may run, e.g. `Mon-Fri 22:00-06:00 Europe/Berlin`; null for always */
  readonly window: string | null
  /** when it is due: an interval or a cron-like text */
  readonly recurrence: string
  readonly enabled: boolean
  readonly created: number
}

/** A schedule as it is kept. */
export interface ScheduleRow extends NewSchedule {
  readonly id: number
  /** when its last scan began; null: never */
  readonly begun: number | null
}

type RawSchedule = Omit<ScheduleRow, 'targets' | 'enabled'> & { targets: string; enabled: number }

/** Schedules, each once by name. */
export function openSchedules(db: Connection) {
  const insert = db.prepare(
    `INSERT INTO schedule (name, targets, ports, pace, window, recurrence, enabled, created)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`
  )
  const list = db.prepare<[], RawSchedule>(
    'SELECT id, name, targets, ports, pace, window, recurrence, enabled, created, begun FROM schedule ORDER BY name'
  )
  const remove = db.prepare('DELETE FROM schedule WHERE name = ?')
  const setBegun = db.prepare('UPDATE schedule SET begun = ? WHERE name = ?')
  const enable = db.prepare('UPDATE schedule SET enabled = ? WHERE name = ?')
  const missing = (name: string) =>
    new Fault('schedule-missing', `schedule ${name}: there is none of this name; see tlsward scans list`, {
      name
    })
  return {
    /** keeps a schedule; throws schedule-exists */
    add(of: NewSchedule): void {
      const row = [of.name, JSON.stringify(of.targets), of.ports, of.pace, of.window, of.recurrence]
      if (insert.run(...row, Number(of.enabled), of.created).changes === 1) return
      const message = `schedule ${of.name}: there is one of this name; choose another, or remove it first`
      throw new Fault('schedule-exists', message, { name: of.name })
    },
    list: (): ScheduleRow[] =>
      list.all().map((raw) => ({
        ...raw,
        targets: JSON.parse(raw.targets) as string[],
        enabled: raw.enabled === 1
      })),
    /** throws schedule-missing */
    remove(name: string): void {
      if (remove.run(name).changes === 0) throw missing(name)
    },
    /** notes when its last scan began; one that was removed meanwhile is fine */
    setBegun: (name: string, at: number): void => void setBegun.run(at, name),
    /** throws schedule-missing */
    setEnabled(name: string, enabled: boolean): void {
      if (enable.run(Number(enabled), name).changes === 0) throw missing(name)
    }
  }
}
