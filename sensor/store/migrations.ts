import type { Connection } from './connection.ts'
import { inventory } from './migrations/001-inventory.ts'
import { looks } from './migrations/002-looks.ts'
import { automation } from './migrations/003-automation.ts'
import { vault } from './migrations/004-vault.ts'
import { issuance } from './migrations/005-issuance.ts'
import { eventApproval } from './migrations/006-event-approval.ts'
import { orderWakes } from './migrations/007-order-wakes.ts'

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
  orderWakes
]

/** Marks our files (PRAGMA application_id): "TLSW". */
export const applicationId = 0x544c5357

/**
 * Takes the `steps` that `db` lacks, all in one transaction: either the whole update happens or nothing. Two
 * processes may try at once; the second finds the work done.
 */
export function migrate(db: Connection, steps: readonly string[]): void {
  const version = () => db.pragma('user_version', { simple: true }) as number
  if (version() >= steps.length) return
  db.transaction(() => {
    for (const step of steps.slice(version())) db.exec(step)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${steps.length}`)
  }).immediate()
}
