import { join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { isHeld, takeLock, type Lock } from './lock.ts'

const name = 'engine-lock'

/**
 * Which process replaces certificates: one at a time, for two would do each event twice. The lock is in `directory`
 * and goes with the process, however that dies.
 */
export function openEngineTurn(db: Connection, directory: string) {
  let held: Lock | null = null
  const select = db.prepare<[string], string>('SELECT value FROM setting WHERE name = ?').pluck()
  const upsert = db.prepare(
    'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'
  )
  const taken = () =>
    new Fault(
      'engine-running',
      `state ${directory}: another process replaces certificates with this state; use that one, or stop it first`,
      { directory }
    )
  const take = db.transaction((at: number) => {
    const before = select.get(name)
    if (before !== undefined && isHeld(join(directory, before))) throw taken()
    const lock = `engine-${process.pid}-${at}.lock`
    held = takeLock(join(directory, lock)) ?? null
    if (held === null) throw taken()
    upsert.run(name, lock)
  })
  const release = () => {
    held?.release()
    held = null
  }
  return {
    /** makes this process the one; throws engine-running */
    take(at: number): void {
      try {
        take.immediate(at)
      } catch (thrown) {
        release()
        throw thrown
      }
    },
    release
  }
}
