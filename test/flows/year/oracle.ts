import { wallClock } from '../../unit/wall-clock.ts'
import type { Outage } from './devices.ts'

/**
 * What could have been done, worked out by a calendar, a step of ten minutes at a time, with knowledge of everything
 * that will happen: no code is shared with the product.
 */

/** A window as the oracle knows it. */
export interface OracleWindow {
  /** 1 = Monday … 7 = Sunday */
  readonly weekdays: readonly number[]
  /** days of the month on which it may begin; empty: any */
  readonly monthDays: readonly number[]
  /** minutes after midnight */
  readonly from: number
  readonly minutes: number
  readonly zone: string
}

export const stepMs = 10 * 60_000
const minute = 60_000

/** Is the window open, minute by minute of its wall clock? null: no window is needed. */
export function oracleOpen(window: OracleWindow | null): (at: number) => boolean {
  if (window === null) return () => true
  const clock = wallClock(window.zone)
  const { weekdays, monthDays, from, minutes } = window
  const begins = ({ weekday, day }: { readonly weekday: number; readonly day: number }) =>
    weekdays.includes(weekday) && (monthDays.length === 0 || monthDays.includes(day))
  return (at) => {
    const wall = clock(at)
    if (wall.minute >= from && wall.minute < from + minutes) return begins(wall)
    // past midnight it belongs to the day before
    if (wall.minute + 1440 < from + minutes) return begins(clock(at - (wall.minute + 60) * minute))
    return false
  }
}

/** The same from `begin` to `end`, worked out once for each step. */
export function oracleGrid(window: OracleWindow | null, begin: number, end: number): (at: number) => boolean {
  const open = oracleOpen(window)
  const steps = Uint8Array.from({ length: Math.ceil((end - begin) / stepMs) }, (_, nth) =>
    Number(open(begin + nth * stepMs))
  )
  return (at) => steps[Math.floor((at - begin) / stepMs)] === 1
}

/** A time without a valid certificate. */
export interface Gap {
  readonly from: number
  readonly to: number
}

/** What decides when one target can be renewed. */
export interface OracleTarget {
  readonly first: Gap
  readonly lifetimeMs: number
  readonly open: (at: number) => boolean
  readonly closed: readonly Outage[]
  readonly begin: number
  readonly end: number
}

/** A certificate that ended, and what was known beforehand (windows, freezes) and what was not (outages). */
export interface Ended {
  readonly certificate: Gap
  /** share of its lifetime after which it was wanted to be renewed at the latest: by rule, or by its CA */
  readonly wanted: number
  readonly open: (at: number) => boolean
  readonly known: readonly Outage[]
  readonly unforeseen: readonly Outage[]
}

/**
 * Did an outage that nobody could foresee take every chance? From when it was wanted to be renewed; where no window was
 * to come from then on, in the last one before.
 */
export function takenByOutage({ certificate, wanted, open, known, unforeseen }: Ended): boolean {
  const lifetime = certificate.to - certificate.from
  const chances = (from: number, closed: readonly Outage[]) => {
    const found: number[] = []
    for (let at = Math.ceil(from / stepMs) * stepMs; at <= certificate.to - 3 * stepMs; at += stepMs) {
      if (!closed.some((one) => at >= one.from && at < one.to) && open(at)) found.push(at)
    }
    return found
  }
  const foreseen = chances(certificate.from + lifetime * wanted, known)
  const last = foreseen.length > 0 ? foreseen : lastRun(chances(certificate.from + lifetime * 0.1, known))
  return (
    last.length > 0 &&
    last.every((at) => unforeseen.some((one) => at >= one.from - 3 * stepMs && at < one.to))
  )
}

/** the last of the times that follow each other without a break */
function lastRun(times: readonly number[]): number[] {
  const from = times.findLastIndex((at, nth) => at - (times[nth - 1] ?? -Infinity) > stepMs)
  return times.slice(Math.max(from, 0))
}

/**
 * The times without a certificate that nobody could have avoided: whoever renews each certificate at the last moment
 * at which it can be still meets them. `first` is the certificate that the target holds at the beginning.
 */
export function unavoidable({ first, lifetimeMs, open, closed, begin, end }: OracleTarget): Gap[] {
  const allowed: number[] = []
  for (let at = begin; at < end; at += stepMs) {
    if (!closed.some((one) => at >= one.from && at < one.to) && open(at)) allowed.push(at)
  }
  const gaps: Gap[] = []
  let ends = first.to
  let next = 0
  while (ends < end) {
    let last = -1
    while (next < allowed.length && (allowed[next] ?? Infinity) <= ends) last = next++
    if (last < 0) {
      const to = allowed[next] ?? end
      gaps.push({ from: ends, to })
      if (next >= allowed.length) break
      last = next++
    }
    ends = (allowed[last] ?? end) + lifetimeMs
  }
  return gaps
}
