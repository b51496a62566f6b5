import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import Database from 'better-sqlite3'

/** A lock that this process holds. */
export interface Lock {
  /** gives it back for good */
  release(): void
}

/** How long to wait for somebody who only looks whether the lock is held, ms. */
const lookMs = 25

/**
 * Takes the lock that `path` stands for, or gives undefined when somebody holds it. It is SQLite's own lock on
 * an empty file: the kernel drops it with the process, however that dies, and it means the same to every
 * process that sees the file, also across containers, where a process id would not.
 *
 * A path is taken once and never again: its file goes with the lock, and a lock on a file that is no longer
 * there would exclude nobody.
 */
export function takeLock(path: string): Lock | undefined {
  // whoever may read the file could hold the lock as well
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path, { timeout: lookMs })
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (thrown) {
    db.close()
    if (thrown instanceof Database.SqliteError && thrown.code.startsWith('SQLITE_BUSY')) return undefined
    throw thrown
  }
  return {
    release() {
      rmSync(path, { force: true })
      db.close()
    }
  }
}

/** Does a living process hold the lock of `path`? What a dead one left behind is cleared away. */
export function isHeld(path: string): boolean {
  if (!existsSync(path)) return false
  const lock = takeLock(path)
  lock?.release()
  return lock === undefined
}
