/** What a clock on a wall shows, by the tables of ICU: an oracle that shares no code with the product. */
export interface WallTime {
  readonly year: number
  readonly month: number
  readonly day: number
  /** 1 = Monday … 7 = Sunday */
  readonly weekday: number
  /** after midnight */
  readonly minute: number
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** The wall clock of a zone. */
export function wallClock(zone: string): (at: number) => WallTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    weekday: 'short',
    hour: 'numeric',
    minute: 'numeric'
  })
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
    return {
      year: Number(parts['year']),
      month: Number(parts['month']),
      day: Number(parts['day']),
      weekday: weekdays.indexOf(parts['weekday'] ?? '') + 1,
      minute: Number(parts['hour']) * 60 + Number(parts['minute'])
    }
  }
}
