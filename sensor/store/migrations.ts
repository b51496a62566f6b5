import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { inventory } from './migrations/001-inventory.ts'
import { looks } from './migrations/002-looks.ts'
import { automation } from './migrations/003-automation.ts'
import { vault } from './migrations/004-vault.ts'
import { issuance } from './migrations/005-issuance.ts'
import { eventApproval } from './migrations/006-event-approval.ts'
import { lastingIds } from './migrations/007-lasting-ids.ts'
import { orderWakes } from './migrations/008-order-wakes.ts'
import { deviceKeys } from './migrations/009-device-keys.ts'

/**
 * The steps from an empty database to the present form, each applied once and never edited after a release.
 * The number of steps taken is kept in PRAGMA user_version.
 */
export const migrations: readonly string[] = [
  inventory,
  looks,
  automation,
  vault,
  issuance,
  eventApproval,
  lastingIds,
  orderWakes,
  deviceKeys
]

/** Marks our files (PRAGMA application_id): "TLSW". */
export const applicationId = 0x544c5357

/**
 * Takes the `steps` that `db` lacks, all in one transaction: either the whole update happens or nothing. Two
 * processes may try at once; the second finds the work done. References between tables are not enforced meanwhile, so
 * that a table can be made anew, but must hold at the end. They are enforced afterwards.
 */
export function migrate(db: Connection, steps: readonly string[]): void {
  const version = () => db.pragma('user_version', { simple: true }) as number
  // within a transaction this pragma does nothing
  db.pragma('foreign_keys = OFF')
  const take = db.transaction(() => {
    for (const step of steps.slice(version())) db.exec(step)
    const broken = db.pragma('foreign_key_check') as readonly { readonly table: string }[]
    if (broken[0])
      throw new Fault('store-corrupt', `state: rows of ${broken[0].table} refer to others that are gone`)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${steps.length}`)
  })
  try {
    if (version() < steps.length) take.immediate()
  } finally {
    db.pragma('foreign_keys = ON')
  }
}
