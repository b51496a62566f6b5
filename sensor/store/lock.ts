import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'

/** A lock that this process holds. */
export interface Lock {
  /** gives it back and removes its file */
  release(): void
}

/**
 * Takes the lock that `path` stands for, or gives undefined when somebody holds it. It is SQLite's own lock on
 * an empty file: the kernel drops it with the process, however that dies, and it means the same to every
 * process that sees the file, also across containers, where a process id would not.
 */
export function takeLock(path: string, waitMs: number): Lock | undefined {
  const db = new Database(path, { timeout: waitMs })
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

/** Does any process hold the lock of `path`? */
export function isLocked(path: string): boolean {
  const lock = takeLock(path, 0)
  lock?.release()
  return lock === undefined
}
