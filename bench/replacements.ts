import { number, type Cells } from './table.ts'

/** One way to replace the certificates of many targets, as it was measured. */
export interface Replacements {
  readonly name: string
  readonly replaced: number
  readonly seconds: number
  /** of a process that does the work; null: it is a new one for each target */
  readonly peakKb: number | null
}

/** What was asked of the devices in all, and what that is called: commands, calls. */
export interface Asked<W> {
  readonly what: string
  readonly of: (one: W) => number
}

/** Ways to replace the same targets, each beside the first. */
export function replacementCells<W extends Replacements>(
  works: readonly W[],
  targets: number,
  asked: Asked<W>
): Cells {
  const [base] = works
  const rate = ({ seconds }: Replacements) => (targets * 60) / seconds
  const head = ['what', 'targets', 'replaced', 'seconds', 'targets/min', 'rate ratio']
  const cells = works.map((one) => [
    one.name,
    String(targets),
    String(one.replaced),
    number(one.seconds, 1),
    number(rate(one), 1),
    base ? number(rate(one) / rate(base), 2) : '–',
    number(asked.of(one) / targets, 1),
    one.peakKb === null ? '–' : number(one.peakKb / 1024, 0)
  ])
  return [[...head, `${asked.what}/target`, 'peak MB'], ...cells]
}
