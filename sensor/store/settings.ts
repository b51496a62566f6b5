import type { Connection } from './connection.ts'

/** Single values that belong to the inventory as a whole. */
export function openSettings(db: Connection) {
  const select = db.prepare<[string], string>('SELECT value FROM setting WHERE name = ?').pluck()
  const upsert = db.prepare(
    'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'
  )
  return {
    get: (name: string): string | undefined => select.get(name),
    set: (name: string, value: string) => void upsert.run(name, value)
  }
}
