import type { Outage } from './devices.ts'
import type { OracleWindow } from './oracle.ts'

export const hour = 3_600_000
export const day = 24 * hour
export const begin = Date.UTC(2026, 9, 1)
export const end = begin + 365 * day
const at = (text: string) => Date.parse(text)

/** the CA is down for a week, and then for an afternoon */
export const caOutages: readonly Outage[] = [
  { from: at('2027-02-08T00:00:00Z'), to: at('2027-02-15T00:00:00Z') },
  { from: at('2027-06-02T12:00:00Z'), to: at('2027-06-02T18:00:00Z') }
]
/** one device is gone for five days, in the middle of whatever it does */
export const deviceOutage: Outage = { from: at('2027-04-06T03:00:00Z'), to: at('2027-04-11T03:00:00Z') }
export const freeze = {
  from: '2026-12-18T00:00:00+01:00',
  to: '2027-01-04T00:00:00+01:00',
  what: 'year-end freeze'
}
export const freezeTime: Outage = { from: at(freeze.from), to: at(freeze.to) }
/** on this day the CA wants certificates of 47 and 200 days renewed within two days */
export const recall = { at: at('2027-05-10T09:00:00Z'), lifetimes: [47 * day, 200 * day] }

/** One kind of targets. */
export interface Cohort {
  readonly name: string
  readonly targets: number
  /** targets that share a certificate */
  readonly shared: number
  readonly days: number
  readonly window: OracleWindow | null
  /** the same window as the profile has it */
  readonly windows: Readonly<Record<string, unknown>>
  readonly frozen: boolean
  /** are the wishes of the CA honoured? */
  readonly asks: boolean
}

const all = [1, 2, 3, 4, 5, 6, 7]
const weekly = (weekdays: readonly number[], from: number, hours: number, zone: string): OracleWindow => ({
  weekdays,
  monthDays: [],
  from: from * 60,
  minutes: hours * 60,
  zone
})

export const cohorts: readonly Cohort[] = [
  {
    name: '6 days, any time',
    targets: 12,
    shared: 4,
    days: 6,
    window: null,
    windows: {},
    frozen: false,
    asks: false
  },
  {
    name: '6 days, each night',
    targets: 8,
    shared: 2,
    days: 6,
    window: weekly(all, 1, 4, 'Europe/Berlin'),
    windows: { hours: '01:00-05:00 Europe/Berlin' },
    frozen: false,
    asks: true
  },
  {
    name: '6 days, Tue and Fri',
    targets: 12,
    shared: 4,
    days: 6,
    window: weekly([2, 5], 22, 6, 'America/New_York'),
    windows: { hours: 'Tue,Fri 22:00-04:00 America/New_York' },
    frozen: false,
    asks: true
  },
  {
    name: '6 days, nights, freeze',
    targets: 8,
    shared: 4,
    days: 6,
    window: weekly(all, 1, 4, 'Europe/Berlin'),
    windows: { hours: '01:00-05:00 Europe/Berlin' },
    frozen: true,
    asks: true
  },
  {
    name: '47 days, Sunday',
    targets: 90,
    shared: 2,
    days: 47,
    window: weekly([7], 1, 3, 'Europe/Berlin'),
    windows: { hours: 'Sun 01:00-04:00 Europe/Berlin' },
    frozen: true,
    asks: false
  },
  {
    name: '47 days, 2nd Saturday',
    targets: 50,
    shared: 2,
    days: 47,
    window: { ...weekly([6], 2, 4, 'America/New_York'), monthDays: [8, 9, 10, 11, 12, 13, 14] },
    windows: { repeats: [{ pattern: '0 2 * * 6#2', minutes: 240, zone: 'America/New_York' }] },
    frozen: true,
    asks: true
  },
  {
    name: '200 days, any time',
    targets: 60,
    shared: 3,
    days: 200,
    window: null,
    windows: {},
    frozen: true,
    asks: false
  },
  {
    name: '200 days, 1st Sunday',
    targets: 60,
    shared: 2,
    days: 200,
    window: { ...weekly([7], 3, 3, 'Australia/Lord_Howe'), monthDays: [1, 2, 3, 4, 5, 6, 7] },
    windows: { repeats: [{ pattern: '0 3 * * 0#1', minutes: 180, zone: 'Australia/Lord_Howe' }] },
    frozen: true,
    asks: true
  }
]
