import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { applicationId, migrate, migrations } from './migrations.ts'
import { checkRights } from './rights.ts'

/** Name of the database inside the state directory. */
export const databaseName = 'tlsward.db'

/** Memory that one connection may use for pages, KiB. */
const cacheKib = 64 * 1024

/**
 * Pages in the write-ahead log before they are moved into the database: 128 MiB of 4 KiB pages. Scans meet
 * endpoints in random order, so that each batch writes the same pages of the key's index again; the longer the log,
 * the fewer times each is moved.
 */
const checkpointPages = 32 * 1024

/**
 * Opens the database in `directory`, makes both when they are missing (0700 and 0600) and brings an older
 * database up to date. `busyMs` is how long to wait for another writer.
 *
 * Write-ahead log with synchronous=NORMAL: a crash of the process loses nothing that was committed; a power cut
 * may lose the last transactions, never the consistency. A lost transaction holds observations together with
 * the cursor of the scan, so that a resumed scan simply makes them again; syncing each commit would buy nothing
 * else and cost a disk flush per batch. What must survive a power cut is stored by `durable` of the store, which
 * raises it to FULL for one transaction.
 *
 * Faults: state-unwritable, state-unsafe, state-foreign, store-foreign, store-newer, store-corrupt, store-locked, store-full.
 */
export function openDatabase(directory: string, busyMs: number): Connection {
  const path = join(directory, databaseName)
  createFile(directory, path)
  const db = new Database(path, { timeout: busyMs })
  try {
    checkOwnership(db, path)
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600)
    db.pragma('journal_mode = WAL')
    db.pragma('synchronous = NORMAL')
    db.pragma(`cache_size = -${cacheKib}`)
    db.pragma(`wal_autocheckpoint = ${checkpointPages}`)
    db.pragma(`journal_size_limit = ${checkpointPages * 4096}`)
    migrate(db, migrations)
    return db
  } catch (thrown) {
    db.close()
    throw thrown
  }
}

// A directory that was there keeps its rights: others may look into it, and the file itself is closed to them.
function createFile(directory: string, path: string): void {
  const names = [databaseName, `${databaseName}-wal`, `${databaseName}-shm`]
  checkRights(directory, names)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  checkRights(directory, names)
  // SQLite gives the -wal and -shm files the rights of the database
  closeSync(openSync(path, 'a', 0o600))
}

/** Refuses what is not ours before anything is written: switching to the write-ahead log changes the file. */
function checkOwnership(db: Connection, path: string): void {
  const id = db.pragma('application_id', { simple: true }) as number
  const version = db.pragma('user_version', { simple: true }) as number
  const tables = db.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get() ?? 0
  const fresh = id === 0 && version === 0 && tables === 0
  if (!fresh && id !== applicationId) {
    const message = `state ${path}: this SQLite database belongs to another program; give --state a directory of its own`
    throw new Fault('store-foreign', message, { path, applicationId: id })
  }
  if (version > migrations.length) {
    const message =
      `state ${path}: written by a newer tlsward (format ${version}, this one knows ${migrations.length}); ` +
      'use the version that wrote it, or restore a backup made by this version'
    throw new Fault('store-newer', message, { path, version, known: migrations.length })
  }
}
