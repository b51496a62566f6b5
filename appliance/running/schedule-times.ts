import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/** An interval as people write it (`12h`, `1d`), milliseconds. Throws option-malformed. */
export function intervalOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  const ms = Number(count) * (units[unit as keyof typeof units] ?? 0)
  if (ms > 0) return ms
  throw new Fault('option-malformed', `every '${visible(text, 40)}': write a span such as 12h, 1d or 1w`, {
    field: 'every',
    value: visible(text, 40)
  })
}

/** When a schedule is due: at once at first, then an interval after it last began. Milliseconds since the epoch. */
export function dueAt({
  recurrence,
  begun
}: {
  readonly recurrence: string
  readonly begun: number | null
}): number {
  return begun === null ? 0 : begun + intervalOf(recurrence)
}
