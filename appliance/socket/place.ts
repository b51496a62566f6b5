import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, type Stats } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../../core/fault.ts'

/** A socket whose owner is known, and the path that leads to it and nothing else. */
export interface SocketPlace {
  readonly path: string
  /** to be called once the connection is there */
  close(): void
}

const absent: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

/**
 * The place of a socket that only this account or root can have made: nobody else may put files into its folder, and it
 * belongs to one of the two. The folder is held open and connected through, so that what was looked at is what is
 * connected to, whatever happens to the path meanwhile. Undefined where there is no socket. Throws socket-foreign.
 */
export function socketPlace(path: string): SocketPlace | undefined {
  let folder: number
  try {
    folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (absent.has(code)) return undefined
    throw foreign(path, `its folder cannot be looked at (${code})`, error)
  }
  try {
    // proc(5): the entry stands for the open folder itself; other systems have none
    const held = `/proc/self/fd/${folder}`
    const here = existsSync(held) ? join(held, basename(path)) : path
    const found = lstatSync(here, { throwIfNoEntry: false })
    if (found) check(path, { folder: fstatSync(folder), found })
    else closeSync(folder)
    return found && { path: here, close: () => closeSync(folder) }
  } catch (thrown) {
    closeSync(folder)
    throw thrown
  }
}

function check(path: string, { folder, found }: { readonly folder: Stats; readonly found: Stats }): void {
  const user = process.getuid?.()
  const isSafe = ({ uid }: Stats) => user === undefined || uid === user || uid === 0
  // in a sticky folder nobody takes the place of a file of another
  if (!isSafe(folder) || ((folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0))
    throw foreign(path, 'others may put files into its folder')
  if (!isSafe(found)) throw foreign(path, `it belongs to user ${found.uid}`)
  if (!found.isSocket()) throw foreign(path, 'it is no socket')
}

function foreign(path: string, why: string, cause?: unknown): Fault {
  const message = `${path}: this is not the socket of a tlsward run of this account: ${why}. Nothing was sent. Find out who put it there, and remove it.`
  return new Fault('socket-foreign', message, { path }, cause)
}
