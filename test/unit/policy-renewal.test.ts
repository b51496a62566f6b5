import * as fc from 'fast-check'
import t from 'tap'
import { parseHours } from '../../core/hours.ts'
import { sentence } from '../../sensor/automation/policy/reasons.ts'
import { renewalDue, type RenewalQuestion } from '../../sensor/automation/policy/renewal.ts'
import { windowAt, type Windows } from '../../sensor/automation/policy/windows.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const start = Date.UTC(2026, 10, 2)
const always: Windows = { hours: [], repeats: [], blackOuts: [] }
const weekly = (text: string): Windows => ({ ...always, hours: parseHours(text) })
const ask = (days: number, more: Partial<RenewalQuestion> = {}): RenewalQuestion => ({
  notBefore: start,
  notAfter: start + days * day,
  before: null,
  suggested: null,
  point: 0.5,
  windows: always,
  ...more
})
const dueDay = (question: RenewalQuestion) =>
  Math.round(((renewalDue(question).at - start) / day) * 100) / 100

t.test('a third of the lifetime is left when nothing else is said', (t) => {
  t.same(
    [6, 47, 90, 200].map((days) => dueDay(ask(days))),
    [4, 31.33, 60, 133.33]
  )
  t.same(renewalDue(ask(90)).reasons.map(sentence), [
    'it renews at 2027-01-01T00:00:00Z, when 33 % of its 90 days are left'
  ])
  t.end()
})

t.test('days or a share as the profile has them, but never in the first third', (t) => {
  t.equal(dueDay(ask(90, { before: { days: 20 } })), 70)
  t.equal(dueDay(ask(90, { before: { share: 0.5 } })), 45)
  t.equal(dueDay(ask(6, { before: { days: 30 } })), 2)
  t.equal(dueDay(ask(90, { before: { share: 0.9 } })), 30)
  t.match(renewalDue(ask(90, { before: { share: 0.9 } })).reasons.map(sentence), [
    /^its profile says when 90 % of its 90 days are left, which is too early/
  ])
  t.match(renewalDue(ask(6, { before: { days: 30 } })).reasons.map(sentence), [
    /30 days before the end, which is too much/
  ])
  t.end()
})

t.test(
  "a CA's window counts: at its point, at once when it is over, and it only hastens what a person said",
  (t) => {
    const suggested = { begins: start + 10 * day, ends: start + 20 * day, explanation: 'https://ca.test/why' }
    t.equal(dueDay(ask(90, { suggested })), 15)
    t.equal(dueDay(ask(90, { suggested, before: { days: 85 } })), 15)
    t.equal(
      dueDay(ask(90, { suggested: { ...suggested, begins: start + 85 * day, ends: start + 89 * day } })),
      81
    )
    t.equal(
      dueDay(
        ask(90, {
          suggested: { ...suggested, begins: start + 70 * day, ends: start + 72 * day },
          before: { days: 30 }
        })
      ),
      60
    )
    t.equal(dueDay(ask(90, { suggested: { ...suggested, begins: 0, ends: 1 } })), 1, 'not in its first day')
    t.match(
      renewalDue(ask(90, { suggested })).reasons.map(sentence)[1],
      'the CA says why: https://ca.test/why'
    )
    t.end()
  }
)

t.test('a renewal that would find no window in time comes in the last one before', (t) => {
  // 2 November 2026 was a Monday
  const twice = ask(6, { windows: weekly('Tue,Thu 02:00-04:00') })
  t.equal(dueDay(twice), 3.08)
  t.match(renewalDue(twice).reasons.map(sentence)[1], /^it renews at 2026-11-05T02:00:00Z already/)
  const never = ask(6, { windows: weekly('Mon 00:00-01:00') })
  t.match(
    renewalDue(never).reasons.map(sentence)[1],
    'no maintenance window comes before it ends at 2026-11-08'
  )
  t.end()
})

const someWindow = fc.record({
  days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
  from: fc.integer({ min: 0, max: 23 }),
  hours: fc.integer({ min: 1, max: 8 })
})

t.test('held against minutes on a calendar: in time where that can be, and never without need', (t) => {
  const property = fc.property(
    fc.integer({ min: 3, max: 60 }),
    someWindow,
    fc.option(
      fc.record({ begins: fc.integer({ min: 0, max: 200 }), length: fc.integer({ min: 0, max: 20 }) })
    ),
    (days, { days: weekdays, from, hours }, suggestion) => {
      const to = (from + hours) % 24
      const windows = {
        ...always,
        hours: [{ days: weekdays, from: from * 60, to: to === 0 ? 1440 : to * 60, zone: 'Europe/Berlin' }]
      }
      const suggested = suggestion && {
        begins: start + suggestion.begins * day,
        ends: start + (suggestion.begins + suggestion.length) * day,
        explanation: null
      }
      const question = ask(days, { windows, suggested })
      const wanted = renewalDue({ ...question, windows: always }).at
      const { at } = renewalDue(question)
      const fits = (time: number) =>
        windowAt(windows, time).open && windowAt(windows, time + 29 * minute).open
      const chances = (low: number, high: number) => {
        for (
          let time = Math.ceil(low / (15 * minute)) * 15 * minute;
          time + 30 * minute <= high;
          time += 15 * minute
        ) {
          if (fits(time)) return true
        }
        return false
      }
      if (!Number.isInteger(at)) return false
      if (at === wanted) {
        // no need to move: there is a window still, or there is none before either
        return (
          chances(wanted, question.notAfter) ||
          !chances(start + days * day * 0.1 + 15 * minute, wanted - 15 * minute)
        )
      }
      return (
        at < wanted &&
        at > start + days * day * 0.09 &&
        windowAt(windows, at).open &&
        !chances(wanted + 15 * minute, question.notAfter)
      )
    }
  )
  fc.assert(property, { seed: 20261125, numRuns: 150 })
  t.end()
})
