import { type DerReader, tags } from './der.ts'

/**
 * Reads a Time (RFC 5280 §4.1.2.5): milliseconds since the epoch. Beside the two forms that the RFC allows, it
 * takes those that old encoders wrote: no seconds, fractions (dropped), an offset from UTC, no zone (read as UTC).
 * Two-digit years are 1950 … 2049. Dates that do not exist throw.
 */
export function readTime(reader: DerReader, field: string): number {
  const tag = reader.next(field)
  if (tag !== tags.utcTime && tag !== tags.generalizedTime) {
    reader.fail(`has the type 0x${tag.toString(16)}`, field)
  }
  const time = timeIn(reader.bytes, reader.start, reader.stop, tag === tags.generalizedTime)
  if (time === undefined) reader.fail('is no time that exists', field)
  return time
}

function timeIn(bytes: Buffer, start: number, stop: number, long: boolean): number | undefined {
  const head = long ? 2 : 0
  const low = pair(bytes, start + head, stop)
  const year = long ? pair(bytes, start, stop) * 100 + low : low + (low < 50 ? 2000 : 1900)
  const at = start + head + 2
  const month = pair(bytes, at, stop)
  const day = pair(bytes, at + 2, stop)
  const hour = pair(bytes, at + 4, stop)
  const minute = pair(bytes, at + 6, stop)
  const hasSeconds = isDigit(bytes, at + 8, stop)
  const second = hasSeconds ? pair(bytes, at + 8, stop) : 0
  const shift = zoneIn(bytes, at + (hasSeconds ? 10 : 8), stop, long)
  // a missing digit makes NaN, which no comparison accepts
  const exists =
    year >= 0 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysOf(year, month) &&
    inDay(hour, minute, second)
  if (!exists || shift === undefined) return undefined
  return (((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - shift) * 60 + second) * 1000
}

function inDay(hour: number, minute: number, second: number): boolean {
  return hour <= 23 && minute <= 59 && second <= 59
}

/** minutes east of UTC that the rest of a time says, or undefined when it says something else */
function zoneIn(bytes: Buffer, from: number, stop: number, long: boolean): number | undefined {
  let at = from
  if (long && (bytes[at] === 0x2e || bytes[at] === 0x2c) && at < stop) {
    do at++
    while (isDigit(bytes, at, stop))
  }
  if (at === stop) return 0
  const sign = bytes[at]
  if (sign === 0x5a) return at + 1 === stop ? 0 : undefined
  if ((sign !== 0x2b && sign !== 0x2d) || at + 5 !== stop) return undefined
  const hours = pair(bytes, at + 1, stop)
  const minutes = pair(bytes, at + 3, stop)
  if (!(hours <= 14 && minutes <= 59)) return undefined
  return (hours * 60 + minutes) * (sign === 0x2b ? 1 : -1)
}

function isDigit(bytes: Buffer, at: number, stop: number): boolean {
  return at < stop && (bytes[at] as number) >= 0x30 && (bytes[at] as number) <= 0x39
}

/** two decimal digits, NaN when they are not there */
function pair(bytes: Buffer, at: number, stop: number): number {
  if (!isDigit(bytes, at, stop) || !isDigit(bytes, at + 1, stop)) return Number.NaN
  return ((bytes[at] as number) - 0x30) * 10 + ((bytes[at + 1] as number) - 0x30)
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** days of the proleptic Gregorian calendar; years are counted from March, so that the leap day is the last */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  return marchYear * 365 + leapDays + dayOfYear - 719_468
}
