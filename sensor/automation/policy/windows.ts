import { Cron } from 'croner'
import { hoursAllow, type Hours } from '../../../core/hours.ts'
import { moment, reason, type Reason } from './reasons.ts'

/** A window that comes back by a calendar rule, e.g. each second Saturday of a month. */
export interface Repeat {
  /** five or six fields of cron, with `#` and `L` as croner reads them; when the window opens */
  readonly pattern: string
  readonly minutes: number
  /** IANA time zone */
  readonly zone: string
}

/** A time in which nothing is changed, whatever windows say; milliseconds since the epoch, `to` not included. */
export interface BlackOut {
  readonly from: number
  readonly to: number
  readonly what: string
}

/** When devices may be changed: in any of the windows, always when there is none, and never in a black-out. */
export interface Windows {
  readonly hours: Hours
  readonly repeats: readonly Repeat[]
  readonly blackOuts: readonly BlackOut[]
}

/** Whether it may be changed at a time, and until when that answer holds. */
export interface WindowAnswer {
  readonly open: boolean
  /** milliseconds since the epoch; Infinity: for ever, as far as can be seen */
  readonly until: number
  /** null when it is open */
  readonly why: Reason | null
}

/** A time in which devices may be changed. */
export interface Opening {
  readonly from: number
  readonly to: number
}

/** Changes of answer that are looked at before it is said that none will come: more than two years of days. */
const mostEdges = 1_000
const minuteMs = 60_000

/** May devices be changed at `at`? */
export function windowAt(windows: Windows, at: number): WindowAnswer {
  const open = isOpen(windows, at)
  const until = changeAfter(windows, at, open)
  return { open, until, why: open ? null : closedReason(windows, at, until) }
}

/**
 * The first moment from `at` on at which a window is open for `ms` more, or for the whole of it when it is shorter;
 * Infinity when none comes.
 */
export function nextOpening(windows: Windows, at: number, ms: number): number {
  for (const { from, to } of openings(windows, at, Infinity)) {
    const whole = from > at || changeBefore(windows, from)
    if (whole || to - from >= ms) return from
  }
  return Infinity
}

/** The times within `from` and `to` in which devices may be changed, in order; each cut to these bounds. */
export function* openings(windows: Windows, from: number, to: number): Generator<Opening> {
  let at = from
  for (let edges = 0; at < to && edges < mostEdges; edges++) {
    const { open, until } = windowAt(windows, at)
    if (open) yield { from: at, to: Math.min(until, to) }
    at = until
  }
}

/** does a window open exactly at `at`? */
function changeBefore(windows: Windows, at: number): boolean {
  return isOpen(windows, at) && !isOpen(windows, at - 1)
}

function isOpen({ hours, repeats, blackOuts }: Windows, at: number): boolean {
  if (blackOuts.some(({ from, to }) => at >= from && at < to)) return false
  if (hours.length === 0 && repeats.length === 0) return true
  return (hours.length > 0 && hoursAllow(hours, at).open) || repeats.some((one) => repeatAt(one, at).open)
}

function changeAfter(windows: Windows, at: number, open: boolean): number {
  let time = at
  for (let edges = 0; edges < mostEdges && Number.isFinite(time); edges++) {
    time = nextEdge(windows, time)
    if (Number.isFinite(time) && isOpen(windows, time) !== open) return time
  }
  return Infinity
}

/** the first time after `at` at which any part of the windows changes its answer */
function nextEdge({ hours, repeats, blackOuts }: Windows, at: number): number {
  return Math.min(
    hours.length > 0 ? hoursAllow(hours, at).until : Infinity,
    ...repeats.map((one) => repeatAt(one, at).until),
    ...blackOuts.flatMap(({ from, to }) => [from, to]).filter((edge) => edge > at)
  )
}

function repeatAt({ pattern, minutes, zone }: Repeat, at: number): { open: boolean; until: number } {
  const cron = new Cron(pattern, { timezone: zone, paused: true })
  const length = minutes * minuteMs
  // croner looks strictly after the time that it is given
  const latest = cron.nextRun(new Date(at - length))?.getTime() ?? Infinity
  return latest <= at ? { open: true, until: latest + length } : { open: false, until: latest }
}

function closedReason({ blackOuts }: Windows, at: number, until: number): Reason {
  const now = blackOuts.find(({ from, to }) => at >= from && at < to)
  if (now) return reason('black-out', { at: moment(now.to), what: now.what })
  return Number.isFinite(until) ? reason('window-closed', { at: moment(until) }) : reason('window-never', {})
}
