import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** An automation profile as it is kept; its content is JSON of the engine. */
export interface ProfileRow {
  readonly id: number
  readonly name: string
  readonly content: string
  readonly created: number
}

/** Automation profiles, each once by name. */
export function openProfiles(db: Connection) {
  const columns = 'id, name, content, created'
  const byId = db.prepare<[number], ProfileRow>(`SELECT ${columns} FROM profile WHERE id = ?`)
  const byName = db.prepare<[string], ProfileRow>(`SELECT ${columns} FROM profile WHERE name = ?`)
  const list = db.prepare<[], ProfileRow>(`SELECT ${columns} FROM profile ORDER BY name`)
  const upsert = db.prepare(
    `INSERT INTO profile (name, content, created) VALUES (?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET content = excluded.content`
  )
  const used = db.prepare<[number], number>('SELECT count(*) FROM managed_target WHERE profile = ?').pluck()
  const remove = db.prepare('DELETE FROM profile WHERE id = ?')
  const found = (row: ProfileRow | undefined, profile: string | number): ProfileRow => {
    if (row) return row
    const message = `profile ${profile}: there is none; see tlsward profile list`
    throw new Fault('profile-missing', message, { profile })
  }
  return {
    /** throws profile-missing */
    get: (id: number): ProfileRow => found(byId.get(id), id),
    /** throws profile-missing */
    named: (name: string): ProfileRow => found(byName.get(name), name),
    list: (): ProfileRow[] => list.all(),
    /** keeps it, in place of the one of this name; events that are under way keep the one they began with */
    put: (name: string, content: string, at: number) => void upsert.run(name, content, at),
    /** throws profile-missing, profile-used */
    remove(name: string): void {
      const { id } = found(byName.get(name), name)
      if ((used.get(id) ?? 0) > 0) {
        const message = `profile ${name}: managed targets use it; give them another first`
        throw new Fault('profile-used', message, { profile: name })
      }
      remove.run(id)
    }
  }
}
