import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** A target that is renewed by itself under a profile. */
export interface ManagedTargetRow {
  readonly id: number
  readonly device: number
  /** the connector's word for it */
  readonly target: string
  readonly profile: number
  readonly enabled: boolean
  /** what was last known to be bound there, JSON of the engine */
  readonly held: string
  /** the fingerprints of `held`, sorted: targets that share them are renewed in one event */
  readonly lookup: string
  /** when it is to be looked at */
  readonly wake: number | null
  readonly created: number
}

/** What the engine keeps about the certificates of a target. */
export type Held = Pick<ManagedTargetRow, 'held' | 'lookup' | 'wake'>

type RawTarget = Omit<ManagedTargetRow, 'enabled'> & { enabled: number }

const columns = 'id, device, target, profile, enabled, held, lookup, wake, created'

/** Managed targets, each once by device and target. */
export function openManagedTargets(db: Connection) {
  const at = db.prepare<[number, string], RawTarget>(
    `SELECT ${columns} FROM managed_target WHERE device = ? AND target = ?`
  )
  const byId = db.prepare<[number], RawTarget>(`SELECT ${columns} FROM managed_target WHERE id = ?`)
  const all = db.prepare<[], RawTarget>(`SELECT ${columns} FROM managed_target ORDER BY device, target`)
  const due = db.prepare<[number], RawTarget>(
    `SELECT ${columns} FROM managed_target WHERE enabled = 1 AND wake <= ? ORDER BY wake, id`
  )
  const sharing = db.prepare<[string, number], RawTarget>(
    `SELECT ${columns} FROM managed_target WHERE enabled = 1 AND lookup = ? AND profile = ? ORDER BY id`
  )
  const earliest = db
    .prepare<[], number | null>('SELECT min(wake) FROM managed_target WHERE enabled = 1 AND wake IS NOT NULL')
    .pluck()
  const row = (raw: RawTarget): ManagedTargetRow => ({ ...raw, enabled: raw.enabled === 1 })
  return {
    at(device: number, target: string): ManagedTargetRow | undefined {
      const raw = at.get(device, target)
      return raw && row(raw)
    },
    /** undefined: it is managed no more */
    get(id: number): ManagedTargetRow | undefined {
      const raw = byId.get(id)
      return raw && row(raw)
    },
    list: (): ManagedTargetRow[] => all.all().map(row),
    /** enabled ones that are to be looked at by `now` */
    due: (now: number): ManagedTargetRow[] => due.all(now).map(row),
    /** enabled ones that hold the same certificates under the same profile */
    sharing: (lookup: string, profile: number): ManagedTargetRow[] => sharing.all(lookup, profile).map(row),
    /** the next moment when one is to be looked at */
    earliest: (): number | null => earliest.get() ?? null,
    ...targetChanges(db)
  }
}

function targetChanges(db: Connection) {
  const upsert = db.prepare(
    `INSERT INTO managed_target (device, target, profile, enabled, held, lookup, wake, created)
     VALUES (@device, @target, @profile, 1, @held, @lookup, @wake, @created)
     ON CONFLICT (device, target) DO UPDATE SET profile = excluded.profile, enabled = 1, held = excluded.held,
       lookup = excluded.lookup, wake = excluded.wake`
  )
  const held = db.prepare(
    'UPDATE managed_target SET held = @held, lookup = @lookup, wake = @wake WHERE id = @id'
  )
  const wake = db.prepare('UPDATE managed_target SET wake = ? WHERE id = ?')
  const wakeAll = db.prepare('UPDATE managed_target SET wake = ? WHERE wake > ?')
  const enabled = db.prepare(
    'UPDATE managed_target SET enabled = ?, wake = ? WHERE device = ? AND target = ?'
  )
  const remove = db.prepare('DELETE FROM managed_target WHERE device = ? AND target = ?')
  const missing = (target: string) =>
    new Fault('target-missing', `target ${target}: it is not managed; see tlsward device discover`, {
      target
    })
  return {
    /** manages a target, or gives it another profile */
    put: (of: Omit<ManagedTargetRow, 'id' | 'enabled'>) => void upsert.run(of),
    setHeld: (id: number, of: Held) => void held.run({ ...of, id }),
    setWake: (id: number, at: number | null) => void wake.run(at, id),
    /** looks at every target by `at`: the clock was set back */
    wakeBy: (at: number) => void wakeAll.run(at, at),
    /** throws target-missing */
    setEnabled(place: { readonly device: number; readonly target: string }, wakeAt: number | null): void {
      const { changes } = enabled.run(Number(wakeAt !== null), wakeAt, place.device, place.target)
      if (changes === 0) throw missing(place.target)
    },
    /** throws target-missing */
    remove(device: number, target: string): void {
      if (remove.run(device, target).changes === 0) throw missing(target)
    }
  }
}
