import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'

/** Where certificates come from; the settings are JSON of the issuer's kind, its credentials are in the vault. */
export interface IssuerRow {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly settings: string
  /** owner of its secrets in the vault: never that of another issuer, not even of one that is gone */
  readonly secrets: string
  readonly created: number
}

/** Issuers, each once by name. */
export function openIssuers(db: Connection) {
  const columns = 'id, name, kind, settings, secrets, created'
  const byName = db.prepare<[string], IssuerRow>(`SELECT ${columns} FROM issuer WHERE name = ?`)
  const list = db.prepare<[], IssuerRow>(`SELECT ${columns} FROM issuer ORDER BY name`)
  const byId = db.prepare<[number], IssuerRow>(`SELECT ${columns} FROM issuer WHERE id = ?`)
  const insert = db.prepare(
    `INSERT INTO issuer (name, kind, settings, secrets, created) VALUES (?, ?, ?, '', ?) ON CONFLICT (name) DO NOTHING`
  )
  // no name begins so
  const own = db.prepare("UPDATE issuer SET secrets = '#' || id WHERE id = ?")
  const settings = db.prepare('UPDATE issuer SET settings = ? WHERE name = ?')
  const remove = db.prepare('DELETE FROM issuer WHERE name = ?')
  const gone = (issuer: string) =>
    new Fault('issuer-missing', `issuer ${issuer}: there is none; see tlsward issuer list`, { issuer })
  const taken = (issuer: string) => {
    const message = `issuer ${issuer}: there is one of this name; choose another, or remove it first`
    return new Fault('issuer-exists', message, { issuer })
  }
  return {
    /** throws issuer-missing */
    named(name: string): IssuerRow {
      const row = byName.get(name)
      if (!row) throw gone(name)
      return row
    },
    list: (): IssuerRow[] => list.all(),
    /** throws issuer-exists */
    checkFree(name: string): void {
      if (byName.get(name)) throw taken(name)
    },
    /** is exactly this one still there, and not another of its name? */
    isThere: ({ id, name }: Pick<IssuerRow, 'id' | 'name'>): boolean => byId.get(id)?.name === name,
    /** keeps an issuer, in one transaction with what else is kept of it; throws issuer-exists */
    add: db.transaction((of: Omit<IssuerRow, 'id' | 'secrets'>): IssuerRow => {
      const { changes, lastInsertRowid } = insert.run(of.name, of.kind, of.settings, of.created)
      if (changes === 0) throw taken(of.name)
      own.run(lastInsertRowid)
      const row = byId.get(Number(lastInsertRowid))
      if (!row) throw gone(of.name)
      return row
    }),
    /** throws issuer-missing */
    setSettings(name: string, json: string): void {
      if (settings.run(json, name).changes === 0) throw gone(name)
    },
    /** throws issuer-missing */
    remove(name: string): void {
      if (remove.run(name).changes === 0) throw gone(name)
    }
  }
}
