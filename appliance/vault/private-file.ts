import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { isAbsolute } from 'node:path'

/** The text of a file that only we can read, or why it is not to be used. */
export type PrivateText =
  | { readonly text: string }
  /** `absent`: there is no such file; `unsafe`: others could have read or written it; `unreadable`: all else */
  | { readonly wrong: 'absent' | 'unsafe' | 'unreadable'; readonly why: string }

const maxBytes = 1 << 20

/**
 * Reads a regular file (no symbolic link) that belongs to this account, or to root, and that nobody else may read or
 * write. What is checked is what is read: the rights are those of the open file.
 */
export function readPrivateFile(path: string): PrivateText {
  if (!isAbsolute(path)) return { wrong: 'unreadable', why: 'the path is not absolute' }
  let file: number
  try {
    // not to wait for a writer, should it be a pipe
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    return unopened(error)
  }
  try {
    const { mode, uid, size } = fstatSync(file)
    const user = process.getuid?.()
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) return unreadable('it is not a regular file')
    if (uid !== user && uid !== 0) return unsafe(`it belongs to user ${uid}, not to user ${user}`)
    if ((mode & 0o077) !== 0) return unsafe(`others have rights to it (mode ${(mode & 0o777).toString(8)})`)
    if (size > maxBytes) return unreadable(`it is larger than ${maxBytes} bytes`)
    return { text: readFileSync(file, 'utf8') }
  } catch (error) {
    return unopened(error)
  } finally {
    closeSync(file)
  }
}

function unopened(error: unknown): PrivateText {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  if (code === 'ENOENT' || code === 'ENOTDIR') return { wrong: 'absent', why: 'there is no such file' }
  if (code === 'ELOOP') return unreadable('it is a symbolic link')
  return unreadable(`it cannot be read (${code})`)
}

const unsafe = (why: string): PrivateText => ({ wrong: 'unsafe', why })
const unreadable = (why: string): PrivateText => ({ wrong: 'unreadable', why })
