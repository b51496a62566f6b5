import { IANAZone } from 'luxon'
import { Fault } from './fault.ts'

/** A window of time, once on each of its days. */
export interface HoursWindow {
  /** days on which it begins, 1 = Monday … 7 = Sunday (ISO 8601) */
  readonly days: readonly number[]
  /** minutes after midnight, 0 … 1439 */
  readonly from: number
  /** minutes after midnight, 0 … 1440; before `from` when the window ends on the next day */
  readonly to: number
  /** IANA time zone */
  readonly zone: string
}

/** When something is allowed: in any of these windows. Plain data. */
export type Hours = readonly HoursWindow[]

/** Whether something is allowed at a time, and until when that holds. */
export interface HoursAnswer {
  readonly open: boolean
  /** milliseconds since the epoch at which it changes; Infinity = never */
  readonly until: number
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const minuteMs = 60_000
const dayMs = 86_400_000
/** every week is like the one before but for a change of the clock, and no two weeks in a row have one */
const horizonMs = 16 * dayMs

/**
 * Windows of time, written `[days] from-to [zone]` and joined by semicolons:
 * `Mon-Fri 22:00-06:00 Europe/Berlin; Sat,Sun 00:00-24:00`. Without days every day is meant; a window that
 * ends before its beginning ends on the next day and belongs to the day on which it begins. `zone` is
 * for windows that name none. Throws Fault window-malformed.
 */
export function parseHours(text: string, zone = 'UTC'): Hours {
  const windows = text
    .split(';')
    .map((part) => part.trim().replace(/\s*([,-])\s*/g, '$1'))
    .filter((part) => part !== '')
  if (windows.length === 0) throw malformed('window', text, 'give at least one, or leave the option out')
  return windows.map((window) => parseWindow(window, zone))
}

function parseWindow(text: string, defaultZone: string): HoursWindow {
  const shape = /^(?:([a-z][a-z,-]*)\s+)?(\d[^\s-]*)-(\S+)(?:\s+(\S+))?$/i.exec(text)
  if (!shape) throw malformed('window', text, "write e.g. 'Mon-Fri 22:00-06:00 Europe/Berlin'")
  const [, days = 'mon-sun', from = '', to = '', zone = defaultZone] = shape
  if (!IANAZone.isValidZone(zone)) throw malformed('zone', zone, "write an IANA name, e.g. 'Europe/Berlin'")
  const window = { days: parseDays(days), from: parseTime(from), to: parseTime(to), zone }
  if (window.from === window.to || window.from === 1440) {
    throw malformed('window', text, "a whole day is '00:00-24:00'")
  }
  return window
}

function parseDays(text: string): number[] {
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first, last, ...rest] = part.split('-').map((name) => dayNames.indexOf(name.toLowerCase()))
    const end = last ?? first
    if (first === undefined || end === undefined || first < 0 || end < 0 || rest.length > 0) {
      throw malformed(
        'day',
        part,
        'write Mon, Tue, Wed, Thu, Fri, Sat, Sun, or a range of them such as Mon-Fri'
      )
    }
    // Fri-Mon goes over the end of the week
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day + 1)
      if (day === end) break
    }
  }
  return [...days].sort((a, b) => a - b)
}

function parseTime(text: string): number {
  const [, hours, minutes] = /^(\d{1,2}):(\d\d)$/.exec(text) ?? []
  const value = Number(hours) * 60 + Number(minutes)
  if (!(Number(minutes) < 60 && value <= 1440)) throw malformed('time', text, 'write hh:mm, 00:00 to 24:00')
  return value
}

function malformed(field: string, value: string, remedy: string): Fault {
  return new Fault('window-malformed', `The ${field} '${value}' is not understood: ${remedy}.`, {
    field,
    value
  })
}

/**
 * Is something allowed at `at` (milliseconds since the epoch), and until when? It is while the wall clock of a
 * window's zone shows a time within it. So when clocks go forward, a window that would begin in the hour that
 * does not exist begins right after it; when they go back, one that lies in the hour that comes twice is open
 * twice.
 */
export function hoursAllow(hours: Hours, at: number): HoursAnswer {
  const open = isOpen(hours, at)
  for (let time = at; time < at + horizonMs;) {
    time = Math.min(...hours.map((window) => nextEdge(window, time)))
    if (isOpen(hours, time) !== open) return { open, until: time }
  }
  return { open, until: Infinity }
}

function isOpen(hours: Hours, at: number): boolean {
  return hours.some(({ days, from, to, zone }) => {
    const wall = at + offsetMs(zone, at)
    const minute = Math.floor((wall % dayMs) / minuteMs)
    // 1 January 1970 was a Thursday
    const day = ((Math.floor(wall / dayMs) + 3) % 7) + 1
    if (from < to) return days.includes(day) && minute >= from && minute < to
    return minute >= from ? days.includes(day) : minute < to && days.includes(day === 1 ? 7 : day - 1)
  })
}

/** the first time after `at` when the window may open or close: a time of its own, midnight, or a change of the clock */
function nextEdge({ from, to, zone }: HoursWindow, at: number): number {
  const offset = offsetMs(zone, at)
  const ofDay = (at + offset) % dayMs
  const edges = [from * minuteMs, to * minuteMs, dayMs].filter((edge) => edge > ofDay)
  return Math.min(at + Math.min(...edges) - ofDay, nextClockChange(zone, at, offset))
}

/** when the zone's offset is no longer `offset`, within a day after `at`; otherwise Infinity */
function nextClockChange(zone: string, at: number, offset: number): number {
  let before = at
  let after = at + dayMs
  if (offsetMs(zone, after) === offset) return Infinity
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetMs(zone, middle) === offset) before = middle
    else after = middle
  }
  return after
}

function offsetMs(zone: string, at: number): number {
  return IANAZone.create(zone).offset(at) * minuteMs
}
