/** What agents whose sysObjectID begins so are; connectors bring such rows. */
export interface ProductRow {
  /** object id, dotted; `1.3.6.1.4.1.5951.1` means itself and everything below it */
  readonly prefix: string
  readonly product: string
  /** scalar that holds the serial number, where the product has one of its own */
  readonly serial?: string
  /** scalar that holds the version, as text */
  readonly version?: string
  /** whether it serves now, of a pair */
  readonly failover?: StatusScalar
  /** whether the units of a pair hold the same */
  readonly sync?: StatusScalar
}

/** A scalar that holds a number of a closed list. */
export interface StatusScalar {
  readonly oid: string
  /** what the numbers mean, from 0; beyond it the number itself is shown */
  readonly words: readonly string[]
}

/** The word for a number, as the agent wrote it. */
export function wordOf({ words }: Pick<StatusScalar, 'words'>, number: number): string {
  return words[number] ?? String(number)
}

/** The row with the longest prefix of an object id, or undefined when none fits. */
export function productOf(objectId: string, rows: readonly ProductRow[]): ProductRow | undefined {
  let best: ProductRow | undefined
  for (const row of rows) {
    const fits = objectId === row.prefix || objectId.startsWith(`${row.prefix}.`)
    if (fits && row.prefix.length > (best?.prefix.length ?? -1)) best = row
  }
  return best
}
