import type { Connection } from './connection.ts'

/** What a column can hold. */
export type Value = string | number | Uint8Array | null

/** Columns by the name that the row's type has for them. */
export type ColumnNames<Row> = Readonly<Record<keyof Row & string, string>>

/**
 * Writes some columns of one row of a table: what the patch holds, nothing else. With `state` only while the row
 * still is in that state; false when it is not, or when there is no such row.
 */
export function openPatch<Patch extends object>(db: Connection, table: string, columns: ColumnNames<Patch>) {
  const prepared = new Map<string, ReturnType<Connection['prepare']>>()
  const statement = (names: readonly string[]) => {
    const key = names.join()
    const known = prepared.get(key)
    if (known) return known
    const sets = names.map((name) => `${columns[name as keyof Patch & string]} = @${name}`)
    const made = db.prepare(
      `UPDATE ${table} SET ${sets.join(', ')} WHERE id = @id AND (@whenState IS NULL OR state = @whenState)`
    )
    prepared.set(key, made)
    return made
  }
  return (id: number, patch: Partial<Patch>, state: string | null): boolean => {
    const names = Object.keys(patch).sort()
    if (names.length === 0) return true
    return statement(names).run({ ...patch, id, whenState: state }).changes === 1
  }
}

/** The SELECT list that gives columns under the names of the row's type. */
export function selectList(columns: Readonly<Record<string, string>>): string {
  return Object.entries(columns)
    .map(([name, column]) => `${column} AS ${name}`)
    .join(', ')
}
