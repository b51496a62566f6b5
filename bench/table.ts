import stringWidth from 'string-width'
import { cpuOf, median, rateOf, ratio, type Line } from './measure.ts'

/** A table as rows of cells, the first row being the head. */
export type Cells = readonly (readonly string[])[]

/** What a section measured, as it is printed. */
export interface Table {
  readonly title: string
  readonly cells: Cells
  readonly notes: readonly string[]
  /** every sample behind the cells, for --json */
  readonly lines?: readonly Line[]
}

/** A goal beside what was measured. */
export interface Goal {
  readonly work: string
  readonly goal: string
  readonly measured: string
  readonly met: boolean
}

/** A Markdown table, padded so that it reads as text too. */
export function markdown(cells: Cells): string {
  const [head = [], ...body] = cells
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => stringWidth(row[column] ?? ''))))
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '') + ' '.repeat(width - stringWidth(row[column] ?? ''))).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join(
    '\n'
  )
}

/** What a comparison is called, and what is counted in it (in the singular). */
interface Heading {
  readonly title: string
  readonly thing: string
  readonly notes: readonly string[]
}

/** The table of a comparison: medians, and the medians of the in-round ratios to the first line. */
export function comparison(lines: readonly Line[], { title, thing, notes }: Heading): Table {
  const [base] = lines
  const head = [
    'what',
    `${thing}s`,
    'found',
    'seconds',
    'rate/s (best)',
    'rate ratio',
    `CPU µs/${thing} (best)`,
    'CPU ratio',
    'peak MB'
  ]
  return { title, cells: [head, ...lines.map(columns)], notes, lines }

  function columns(line: Line): string[] {
    const rates = line.samples.map(rateOf)
    const cpu = line.samples.map(cpuOf)
    const [first] = line.samples
    return [
      line.name,
      String(first?.n ?? 0),
      range(line.samples.map(({ ok }) => ok)),
      number(median(line.samples.map(({ seconds }) => seconds)), 2),
      `${number(median(rates), 0)} (${number(Math.max(...rates), 0)})`,
      base ? number(ratio(line, base, rateOf), 2) : '–',
      Number.isNaN(median(cpu)) ? '–' : `${number(median(cpu), 1)} (${number(Math.min(...cpu), 1)})`,
      base ? number(ratio(line, base, cpuOf), 2) : '–',
      peak(line)
    ]
  }
}

function peak({ samples }: Line): string {
  const peaks = samples.flatMap(({ peakKb }) => (peakKb === null ? [] : [peakKb]))
  return peaks.length === 0 ? '–' : number(median(peaks) / 1024, 0)
}

function range(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return low === high ? String(low) : `${low}–${high}`
}

/** A number with so many decimals; a dash where there is none. */
export function number(value: number, decimals: number): string {
  return Number.isFinite(value) ? value.toFixed(decimals) : '–'
}
