import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { hoursAllow, parseHours, type Hours } from '../../core/hours.ts'

const seed = 20261125
const minuteMs = 60_000
const at = (text: string) => Date.parse(text)
const answer = (hours: string, time: string) => {
  const { open, until } = hoursAllow(parseHours(hours), at(time))
  return `${open ? 'open' : 'closed'} until ${until === Infinity ? 'ever' : new Date(until).toISOString()}`
}

t.test('the written form is read: days, wrapping ranges, spaces, zones', (t) => {
  t.same(parseHours('Mon-Fri 22:00-06:00 Europe/Berlin; Sat,Sun 00:00-24:00'), [
    { days: [1, 2, 3, 4, 5], from: 22 * 60, to: 6 * 60, zone: 'Europe/Berlin' },
    { days: [6, 7], from: 0, to: 24 * 60, zone: 'UTC' }
  ])
  t.same(parseHours(' fri - mon , WED  1:05 - 2:10 ;', 'America/Port-au-Prince'), [
    { days: [1, 3, 5, 6, 7], from: 65, to: 130, zone: 'America/Port-au-Prince' }
  ])
  t.same(parseHours('20:00-00:00'), [{ days: [1, 2, 3, 4, 5, 6, 7], from: 1_200, to: 0, zone: 'UTC' }])
  t.end()
})

t.test('what is wrong is named with its value and a remedy', (t) => {
  const cases: readonly (readonly [text: string, field: string, value: string, remedy: RegExp])[] = [
    ['', 'window', '', /leave the option out/],
    [' ; ', 'window', ' ; ', /leave the option out/],
    ['Mon', 'window', 'Mon', /write e\.g\. 'Mon-Fri 22:00-06:00/],
    ['1:00-2:00 UTC now', 'window', '1:00-2:00 UTC now', /write e\.g\./],
    ['Mon-Fry 1:00-2:00', 'day', 'Mon-Fry', /Mon, Tue/],
    ['Mon-Tue-Wed 1:00-2:00', 'day', 'Mon-Tue-Wed', /Mon, Tue/],
    ['Mon,,Tue 1:00-2:00', 'day', '', /Mon, Tue/],
    ['22-06', 'time', '22', /hh:mm/],
    ['25:00-26:00', 'time', '25:00', /hh:mm/],
    ['1:00-2:60', 'time', '2:60', /hh:mm/],
    ['24:01-2:00', 'time', '24:01', /hh:mm/],
    ['1:00-2:00-3:00', 'time', '2:00-3:00', /hh:mm/],
    ['22:00-22:00', 'window', '22:00-22:00', /'00:00-24:00'/],
    ['24:00-06:00', 'window', '24:00-06:00', /'00:00-24:00'/],
    ['1:00-2:00 Europe/Bielefeld', 'zone', 'Europe/Bielefeld', /IANA/]
  ]
  for (const [text, field, value, remedy] of cases) {
    try {
      parseHours(text)
      t.fail(`'${text}' was read`)
    } catch (fault) {
      t.ok(fault instanceof Fault)
      t.match(fault, { code: 'window-malformed', facts: { field, value }, message: remedy })
      t.match((fault as Fault).message, `'${value}'`)
    }
  }
  t.throws(() => parseHours('1:00-2:00', 'Nowhere'), { code: 'window-malformed' })
  t.end()
})

t.test('a window over midnight belongs to the day on which it begins', (t) => {
  const nights = 'Fri 22:00-06:00'
  t.equal(answer(nights, '2026-11-27T21:59:59.999Z'), 'closed until 2026-11-27T22:00:00.000Z')
  t.equal(answer(nights, '2026-11-27T22:00:00Z'), 'open until 2026-11-28T06:00:00.000Z')
  t.equal(answer(nights, '2026-11-28T05:59:59Z'), 'open until 2026-11-28T06:00:00.000Z')
  t.equal(answer(nights, '2026-11-28T06:00:00Z'), 'closed until 2026-12-04T22:00:00.000Z')
  t.equal(
    answer('Sun 22:00-06:00', '2026-11-30T03:00:00Z'),
    'open until 2026-11-30T06:00:00.000Z',
    'into Monday'
  )
  t.end()
})

t.test('windows that touch or overlap are one', (t) => {
  const hours = 'Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00; Mon 0:00-5:00; Mon 4:30-7:30'
  t.equal(answer(hours, '2026-11-27T23:00:00Z'), 'open until 2026-11-30T07:30:00.000Z')
  t.equal(answer('00:00-24:00', '2026-11-27T23:00:00Z'), 'open until ever')
  t.equal(
    answer('00:00-12:00; 12:00-24:00 Europe/Berlin; 11:00-13:00', '2026-11-27T01:00:00Z'),
    'open until 2026-11-27T23:00:00.000Z'
  )
  t.end()
})

t.test('a night in which clocks change is an hour shorter or longer', (t) => {
  const nights = '22:00-06:00 Europe/Berlin'
  t.equal(answer(nights, '2026-03-28T21:00:00Z'), 'open until 2026-03-29T04:00:00.000Z', 'seven hours')
  t.equal(answer(nights, '2026-10-24T20:00:00Z'), 'open until 2026-10-25T05:00:00.000Z', 'nine hours')
  t.end()
})

t.test('an hour that does not exist opens late or not at all, one that comes twice opens twice', (t) => {
  t.equal(
    answer('02:30-06:00 Europe/Berlin', '2026-03-28T23:00:00Z'),
    'closed until 2026-03-29T01:00:00.000Z'
  )
  t.equal(
    answer('Sun 02:10-02:50 Europe/Berlin', '2026-03-23T00:00:00Z'),
    'closed until 2026-04-05T00:10:00.000Z'
  )
  t.equal(
    answer('02:30-02:45 Europe/Berlin', '2026-10-25T00:00:00Z'),
    'closed until 2026-10-25T00:30:00.000Z'
  )
  t.equal(
    answer('02:30-02:45 Europe/Berlin', '2026-10-25T00:45:00Z'),
    'closed until 2026-10-25T01:30:00.000Z'
  )
  t.end()
})

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const formats = new Map<string, Intl.DateTimeFormat>()

/** by the wall clock, as Intl shows it */
function naivelyOpen(hours: Hours, time: number): boolean {
  return hours.some(({ days, from, to, zone }) => {
    let format = formats.get(zone)
    if (!format) {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
        hourCycle: 'h23'
      })
      formats.set(zone, format)
    }
    const [, weekday = '', hour, minute] = /^(\w+),? (\d\d):(\d\d)$/.exec(format.format(time)) ?? []
    const today = weekdays.indexOf(weekday) + 1
    const yesterday = today === 1 ? 7 : today - 1
    const now = Number(hour) * 60 + Number(minute)
    if (from < to) return days.includes(today) && from <= now && now < to
    return (days.includes(today) && from <= now) || (days.includes(yesterday) && now < to)
  })
}

const time = (minutes: number) => `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
const anyWindow = fc
  .record({
    days: fc.uniqueArray(fc.constantFrom(...weekdays), { minLength: 1 }),
    from: fc.nat(24 * 60 - 1),
    to: fc.integer({ min: 1, max: 24 * 60 }),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu')
  })
  .filter(({ from, to }) => from !== to)
  .map(({ days, from, to, zone }) => `${days.join(',')} ${time(from)}-${time(to)} ${zone}`)
// the days around the changes of the clock in Berlin, New York and on Lord Howe, and any others
const anyTime = fc.oneof(
  ...[
    '2026-03-08T07:00Z',
    '2026-03-29T01:00Z',
    '2026-04-04T15:00Z',
    '2026-10-03T15:30Z',
    '2026-10-25T01:00Z',
    '2026-11-01T06:00Z'
  ].map((change) => fc.integer({ min: at(change) - 2e8, max: at(change) + 2e8 })),
  fc.integer({ min: at('2026-01-01T00:00Z'), max: at('2030-01-01T00:00Z') })
)

t.test('it answers as the wall clock does, in every zone and around every change of the clock', (t) => {
  fc.assert(
    fc.property(fc.array(anyWindow, { minLength: 1, maxLength: 3 }), anyTime, (windows, now) => {
      const hours = parseHours(windows.join(';'))
      const { open, until } = hoursAllow(hours, now)
      assert.equal(naivelyOpen(hours, now), open)
      if (until < Infinity) {
        assert.equal(naivelyOpen(hours, until), !open, 'it changes then')
        assert.equal(naivelyOpen(hours, until - 1), open, 'and not a millisecond before')
      }
      const end = Math.min(until, now + 9 * 86_400_000)
      for (let time = now; time < end; time += 17 * minuteMs) {
        assert.equal(naivelyOpen(hours, time), open, `already at ${time}`)
      }
    }),
    { seed, numRuns: 300 }
  )
  t.pass('for any windows at any time')
  t.end()
})
