import * as fc from 'fast-check'
import t from 'tap'
import { parseHours } from '../../core/hours.ts'
import { nextOpening, openings, windowAt, type Windows } from '../../sensor/automation/policy/windows.ts'
import { wallClock } from './wall-clock.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const at = (text: string) => Date.parse(text)
const iso = (time: number) => new Date(time).toISOString()
const none: Windows = { hours: [], repeats: [], blackOuts: [] }
const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC']

t.test('without windows it is always open, but for black-outs', (t) => {
  t.same(windowAt(none, 0), { open: true, until: Infinity, why: null })
  const freeze = { from: at('2026-12-20T00:00:00Z'), to: at('2027-01-04T00:00:00Z'), what: 'the freeze' }
  const windows = { ...none, blackOuts: [freeze] }
  t.match(windowAt(windows, freeze.from - 1), { open: true, until: freeze.from })
  t.match(windowAt(windows, freeze.from), { open: false, until: freeze.to, why: { code: 'black-out' } })
  t.match(windowAt(windows, freeze.to), { open: true, until: Infinity })
  t.end()
})

t.test('windows keep to the wall clock when it changes', (t) => {
  // Europe/Berlin: forward on 28 March 2027 at 01:00 UTC, back on 25 October 2026 at 01:00 UTC
  const windows = { ...none, hours: parseHours('Sun 01:00-04:00 Europe/Berlin') }
  const of = (text: string) =>
    [...openings(windows, at(text), at(text) + day)].map(({ from, to }) => `${iso(from)} ${iso(to)}`)
  t.same(of('2027-03-27T12:00:00Z'), ['2027-03-28T00:00:00.000Z 2027-03-28T02:00:00.000Z'], 'two hours')
  t.same(of('2026-10-24T12:00:00Z'), ['2026-10-24T23:00:00.000Z 2026-10-25T03:00:00.000Z'], 'four hours')
  t.end()
})

t.test('a window that would open in the hour that is left out opens after it, for its whole length', (t) => {
  const windows = { ...none, repeats: [{ pattern: '30 2 * * *', minutes: 60, zone: 'Europe/Berlin' }] }
  const [only] = [...openings(windows, at('2027-03-28T00:00:00Z'), at('2027-03-28T12:00:00Z'))]
  t.ok(only && only.from >= at('2027-03-28T01:00:00Z') && only.to - only.from === hour, iso(only?.from ?? 0))
  t.end()
})

t.test('a window by a calendar rule is open as its calendar says', (t) => {
  const windows = { ...none, repeats: [{ pattern: '0 22 * * 6#2', minutes: 240, zone: 'America/New_York' }] }
  const clock = wallClock('America/New_York')
  for (const { from, to } of openings(windows, at('2026-11-01T00:00:00Z'), at('2027-11-01T00:00:00Z'))) {
    const wall = clock(from)
    t.match(wall, { weekday: 6, minute: 22 * 60 })
    t.ok(wall.day > 7 && wall.day <= 14, iso(from))
    t.equal(to - from, 4 * hour)
  }
  t.end()
})

const weekly = fc.record({
  from: fc.integer({ min: 0, max: 1430 }),
  length: fc.integer({ min: 1, max: 1430 }),
  days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
  zone: fc.constantFrom(...zones)
})
const someBlackOuts = fc.array(
  fc.record({ start: fc.integer({ min: 0, max: 400 * 24 }), hours: fc.integer({ min: 1, max: 24 * 20 }) }),
  { maxLength: 3 }
)
const begin = at('2026-10-01T00:00:00Z')

t.test('at any time it is open exactly when the wall clock says so and no black-out holds', (t) => {
  const clocks = new Map(zones.map((zone) => [zone, wallClock(zone)]))
  const property = fc.property(
    fc.array(weekly, { minLength: 1, maxLength: 3 }),
    someBlackOuts,
    fc.integer({ min: 0, max: 400 * 24 * 60 }),
    (hours, outs, minutes) => {
      const windows: Windows = {
        ...none,
        hours: hours.map(({ from, length, days, zone }) => ({
          days,
          from,
          to: (from + length) % 1440 || 1440,
          zone
        })),
        blackOuts: outs.map(({ start, hours: length }) => ({
          from: begin + start * hour,
          to: begin + (start + length) * hour,
          what: 'freeze'
        }))
      }
      const oracle = (time: number) =>
        !windows.blackOuts.some(({ from, to }) => time >= from && time < to) &&
        windows.hours.some(({ days, from, to, zone }) => {
          const wall = clocks.get(zone)?.(time)
          if (!wall) return false
          const today = days.includes(wall.weekday)
          const yesterday = days.includes(((wall.weekday + 5) % 7) + 1)
          if (from < to) return today && wall.minute >= from && wall.minute < to
          return wall.minute >= from ? today : wall.minute < to && yesterday
        })
      const time = begin + minutes * minute
      const { open, until } = windowAt(windows, time)
      if (open !== oracle(time)) return false
      if (!Number.isFinite(until)) return true
      const between = Array.from({ length: 8 }, (_, part) => time + ((until - time) * part) / 8)
      return between.every((one) => oracle(Math.floor(one)) === open) && oracle(until) !== open
    }
  )
  fc.assert(property, { seed: 20261125, numRuns: 400 })
  t.end()
})

t.test('the next opening is open for as long as was asked, and none is left out before it', (t) => {
  const property = fc.property(
    weekly,
    fc.integer({ min: 0, max: 100 * 24 * 60 }),
    ({ from, length, days, zone }, minutes) => {
      const windows = { ...none, hours: [{ days, from, to: (from + length) % 1440 || 1440, zone }] }
      const time = begin + minutes * minute
      const next = nextOpening(windows, time, 30 * minute)
      const first = [...openings(windows, time, time + 10 * day)].find((one) => {
        return one.from > time || one.to - one.from >= 30 * minute || !windowAt(windows, time - 1).open
      })
      return next >= time && windowAt(windows, next).open && next === first?.from
    }
  )
  fc.assert(property, { seed: 20261125, numRuns: 200 })
  t.end()
})
