import { readFileSync } from 'node:fs'
import { Fault } from '../../core/fault.ts'
import { day } from './words.ts'

/** A parser of an option's value for commander: a whole number from `least` to `most`. */
export function wholeNumber(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= least && value <= most) return value
    throw malformed(option, text, `write a whole number from ${least} to ${most}`)
  }
}

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: day,
  w: 7 * day
}

/** A parser of a span of time, `500ms`, `3s`, `30d`; a bare number counts in `unit`. Gives milliseconds. */
export function span(option: string, unit: 's' | 'd'): (text: string) => number {
  return (text) => {
    const parts = /^(?<count>\d{1,9}(?:\.\d{1,3})?)\s*(?<unit>ms|s|m|min|h|d|w)?$/.exec(text)?.groups
    const ms = parts ? Number(parts['count']) * (units[parts['unit'] ?? unit] ?? 0) : 0
    if (ms > 0) return ms
    throw malformed(option, text, `write a span such as ${unit === 'd' ? '30d, 12h' : '500ms, 3s'}`)
  }
}

/** Collects an option that may be given several times, each value split at commas. */
export function commaList(text: string, before: readonly string[] = []): readonly string[] {
  return [
    ...before,
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
  ]
}

/** Joins an option that may be given several times by commas. */
export function joined(text: string, before?: string): string {
  return before === undefined ? text : `${before},${text}`
}

/** Collects an option that may be given several times, values whole. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

/** The fault of an option's value. `remedy` begins with a verb. */
export function malformed(option: string, value: string, remedy: string): Fault {
  return new Fault('option-malformed', `${option} is '${value}': ${remedy}.`, { field: option, value })
}

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
