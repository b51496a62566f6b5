import Database from 'better-sqlite3'
import { Fault, type FaultCode } from '../../core/fault.ts'

const { SqliteError } = Database

/** Result codes of SQLite by their beginning, with the fault that each becomes; the first match counts. */
const sqliteFaults: readonly (readonly [prefix: string, code: FaultCode, what: string])[] = [
  ['SQLITE_FULL', 'store-full', 'the disk is full'],
  ['SQLITE_IOERR_CORRUPTFS', 'store-corrupt', 'the file system reports damage'],
  ['SQLITE_IOERR', 'store-full', 'the disk refused to read or write'],
  ['SQLITE_BUSY', 'store-locked', 'another process is writing to it'],
  ['SQLITE_LOCKED', 'store-locked', 'another connection holds it'],
  ['SQLITE_PROTOCOL', 'store-locked', 'other processes kept it locked'],
  ['SQLITE_CORRUPT', 'store-corrupt', 'its contents are damaged'],
  ['SQLITE_NOTADB', 'store-corrupt', 'it is not an SQLite database'],
  ['SQLITE_READONLY', 'state-unwritable', 'it cannot be written'],
  ['SQLITE_CANTOPEN', 'state-unwritable', 'it cannot be opened'],
  ['SQLITE_PERM', 'state-unwritable', 'access is not permitted'],
  ['SQLITE_AUTH', 'state-unwritable', 'access is not permitted']
]

/** The same for errors of the file system. */
const systemFaults: Readonly<Record<string, readonly [code: FaultCode, what: string]>> = {
  ENOSPC: ['store-full', 'the disk is full'],
  EDQUOT: ['store-full', 'the quota of this account is used up'],
  EIO: ['store-full', 'the disk refused to read or write'],
  EACCES: ['state-unwritable', 'access is not permitted'],
  EPERM: ['state-unwritable', 'access is not permitted'],
  EROFS: ['state-unwritable', 'the file system is read-only'],
  ENOTDIR: ['state-unwritable', 'a part of the path is a file, not a directory'],
  ENOENT: ['state-unwritable', 'a part of the path is not there'],
  EEXIST: ['state-unwritable', 'there is a file in the place of the directory'],
  EISDIR: ['state-unwritable', 'there is a directory in the place of the file']
}

/** What to do about each, as the end of the message. */
const remedies: Partial<Record<FaultCode, string>> = {
  'store-full': 'free disk space or repair the disk, then resume the scan: what was acknowledged is stored',
  'store-corrupt': 'restore a backup; the file was left as it is',
  'store-locked': 'wait for the other tlsward process to end, or use another --state',
  'state-unwritable': 'give --state a directory that this account may write'
}

/**
 * The fault behind an error of SQLite or of the file system about the database at `path`. Anything else (a
 * Fault, a mistake of ours) comes back as it is.
 */
export function storeFault(thrown: unknown, path: string): unknown {
  if (thrown instanceof SqliteError) {
    const match = sqliteFaults.find(([prefix]) => thrown.code.startsWith(prefix))
    return match ? fault(match[1], match[2], path, thrown) : thrown
  }
  // better-sqlite3 looks for the directory itself
  if (thrown instanceof TypeError && thrown.message.includes('directory does not exist')) {
    return new Fault(
      'state-unwritable',
      `state ${path}: its directory is gone; ${remedies['state-unwritable']}`,
      { path }
    )
  }
  if (!(thrown instanceof Error) || !('code' in thrown) || thrown instanceof Fault) return thrown
  const [code, what] = systemFaults[String(thrown.code)] ?? []
  return code && what ? fault(code, what, path, thrown) : thrown
}

function fault(code: FaultCode, what: string, path: string, cause: Error & { code?: unknown }): Fault {
  const detail = String(cause.code)
  return new Fault(code, `state ${path}: ${what} (${detail}); ${remedies[code]}`, { path, detail }, cause)
}

/** An object of functions; what they throw is turned by `translate`. */
export function guarded<T extends object>(functions: T, translate: (thrown: unknown) => unknown): T {
  const wrapped = Object.entries(functions).map(([name, call]: [string, (...args: unknown[]) => unknown]) => [
    name,
    (...args: unknown[]) => {
      try {
        return call(...args)
      } catch (thrown) {
        throw translate(thrown)
      }
    }
  ])
  return Object.fromEntries(wrapped) as T
}
