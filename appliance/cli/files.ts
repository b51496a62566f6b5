import { readFileSync } from 'node:fs'
import { Fault } from '../../core/fault.ts'

/** The text of a file that an option names; `-` is standard input. */
export function readText(option: string, file: string): string {
  return readBytes(option, file).toString('utf8')
}

/** The bytes of a file that an option names; `-` is standard input. */
export function readBytes(option: string, file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file)
  } catch (error) {
    throw new Fault(
      'file-unreadable',
      `${option} ${file} cannot be read (${reason(error)}). Check the path and its rights.`,
      { field: option, file },
      error
    )
  }
}

/** What the system says about a failed call, in words. */
export function reason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return reasons[code] ?? (error instanceof Error ? error.message : String(error))
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EACCES: 'no right to read or write it',
  EPERM: 'no right to read or write it',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'something else is in its place',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB'
}
