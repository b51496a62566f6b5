import { fstatSync, readFileSync, readSync } from 'node:fs'
import { Fault } from '../../core/fault.ts'
import type { ListText } from '../functions.ts'

/** The text of a file that an option names; `-` is standard input. */
export function readText(option: string, file: string): string {
  return readBytes(option, file).toString('utf8')
}

/** The lines of a file that an option names, with what messages call it; `-` is standard input. */
export function listOf(option: string, file: string): ListText {
  return { source: file === '-' ? 'standard input' : file, text: readText(option, file) }
}

/** The bytes of a file that an option names; `-` is standard input. */
export function readBytes(option: string, file: string): Buffer {
  try {
    return file === '-' ? readInput() : readFileSync(file)
  } catch (error) {
    throw new Fault(
      'file-unreadable',
      `${option} ${file} cannot be read (${reason(error)}). Check the path and its rights.`,
      { field: option, file },
      error
    )
  }
}

/** where input is not there yet it is looked for again after so long, ms */
const inputLookMs = 5

/** All of standard input. Some programs hand over an end that does not wait: EAGAIN, then, is no end. */
function readInput(): Buffer {
  const pieces: Buffer[] = []
  const piece = Buffer.alloc(64 * 1024)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    try {
      const length = readSync(0, piece)
      if (length === 0) return Buffer.concat(pieces)
      pieces.push(Buffer.from(piece.subarray(0, length)))
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(pause, 0, 0, inputLookMs)
    }
  }
}

/** Is standard input something that was piped or redirected to us, rather than a terminal or nothing? */
export function isInputPiped(): boolean {
  try {
    const input = fstatSync(0)
    return input.isFIFO() || input.isFile() || input.isSocket()
  } catch {
    // closed
    return false
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
