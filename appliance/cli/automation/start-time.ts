import { DateTime } from 'luxon'
import { malformed } from '../options.ts'

/**
 * A moment as a person writes it, `2026-11-28T01:00:00Z` or `2026-11-28 01:00` in the zone of the process, as RFC 3339.
 * Throws option-malformed for what is none, or is over.
 */
export function startTime(option: string, text: string, now: number): string {
  const isMoment = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/.test(text)
  const time = DateTime.fromISO(isMoment ? text.replace(' ', 'T') : '')
  if (!time.isValid)
    throw malformed(option, text, "write a time such as '2026-11-28 01:00' or 2026-11-28T01:00:00Z")
  if (time.toMillis() <= now) throw malformed(option, text, 'name a time to come, or leave it out')
  return new Date(time.toMillis()).toISOString()
}
