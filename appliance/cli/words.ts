const second = 1000
const minute = 60 * second
const hour = 60 * minute
export const day = 24 * hour

const thousands = new Intl.NumberFormat('en-GB')
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const moment = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short'
})

const exactMoment = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short'
})

/** `35,512` */
export function figure(count: number): string {
  return thousands.format(count)
}

/** `1 endpoint`, `35,512 endpoints` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${figure(count)} ${count === 1 ? one : many}`
}

/** Milliseconds in the two largest units: `450 ms`, `12 s`, `3 min 41 s`, `2 h 5 min`, `4 d 3 h`. */
export function duration(ms: number): string {
  if (ms < second) return `${Math.round(ms)} ms`
  if (ms < minute) return `${Math.floor(ms / second)} s`
  const [unit, small, names] =
    ms < hour
      ? ([minute, second, ['min', 's']] as const)
      : ms < day
        ? ([hour, minute, ['h', 'min']] as const)
        : ([day, hour, ['d', 'h']] as const)
  const rest = Math.floor((ms % unit) / small)
  return `${figure(Math.floor(ms / unit))} ${names[0]}${rest > 0 ? ` ${rest} ${names[1]}` : ''}`
}

/** `26 Nov 2026` in the zone of the process. */
export function onDay(ms: number): string {
  return date.format(ms)
}

/** `26 Nov 2026, 14:05 CET` in the zone of the process. */
export function atMoment(ms: number): string {
  return moment.format(ms)
}

/** `26 Nov 2026, 14:05:09 CET` in the zone of the process: for what is compared with other logs. */
export function atSecond(ms: number): string {
  return exactMoment.format(ms)
}

/** How far `ms` is from `now`: `in 12 d`, `3 d ago`, `in 5 h`. */
export function fromNow(ms: number, now: number): string {
  const distance = Math.abs(ms - now)
  const text = distance >= 2 * day ? `${figure(Math.floor(distance / day))} d` : duration(distance)
  return ms >= now ? `in ${text}` : `${text} ago`
}

/** The beginning of a fingerprint: enough to tell certificates apart, and to name one by. */
export function shortFingerprint(hex: string): string {
  return hex.slice(0, 12)
}

/** A fingerprint in blocks of four hex digits, the first `digits` of it. */
export function blocks(hex: string, digits = hex.length): string {
  return (hex.slice(0, digits).match(/.{1,4}/g) ?? []).join(' ')
}
