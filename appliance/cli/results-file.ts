import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { reason } from './files.ts'

/** A file that results are written to. */
export interface ResultsFile {
  /** throws `file-unwritable` */
  write(text: string): void
  /** all is written: only now does it take the place of a file that was there. Throws `file-unwritable` */
  keep(): void
  /** without {@link keep} before: what was there stays as it is */
  discard(): void
}

/**
 * Opens a file for results, made beside its place under another name, so that a command that fails leaves what was
 * there. What is no regular file (a pipe, /dev/null) is written as it is. Throws `file-unwritable`.
 */
export function openResultsFile(file: string): ResultsFile {
  const attempt = <T>(act: () => T): T => {
    try {
      return act()
    } catch (error) {
      throw unwritable(`--output ${file}`, error)
    }
  }
  const { there, target } = attempt(() => lookAt(file))
  const isWhole = there === undefined || there.isFile()
  const path = isWhole ? join(dirname(target), `.${basename(target)}.${process.pid}.part`) : target
  const handle = attempt(() => openSync(path, 'w'))
  let isDone = false
  const discard = () => {
    if (isDone) return
    isDone = true
    closeSync(handle)
    if (isWhole) rmSync(path, { force: true })
  }
  // the second Ctrl-C leaves at once
  process.once('exit', discard)
  return {
    write: (text) => attempt(() => writeFileSync(handle, text)),
    keep: () =>
      attempt(() => {
        if (isWhole) {
          if (there) become(handle, there)
          fsyncSync(handle)
          renameSync(path, target)
        }
        isDone = true
        closeSync(handle)
      }),
    discard
  }
}

/** What is in the place of a file, and where that is: a link is followed. */
function lookAt(file: string): { readonly there: Stats | undefined; readonly target: string } {
  const there = statSync(file, { throwIfNoEntry: false })
  // what may not be written must not be replaced either
  if (there) accessSync(file, constants.W_OK)
  return { there, target: there === undefined ? file : realpathSync(file) }
}

/** Rights and owner of the file that is replaced. */
function become(handle: number, { mode, uid, gid }: Stats): void {
  fchmodSync(handle, mode & 0o777)
  if (process.getuid?.() === 0) fchownSync(handle, uid, gid)
}

/** The fault of results that cannot be written. */
export function unwritable(what: string, error: unknown): Fault {
  return new Fault(
    'file-unwritable',
    `${what} cannot be written (${reason(error)}). Name a file that this account may write, on a disk with room.`,
    { file: what },
    error
  )
}
