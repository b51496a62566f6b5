import stringWidth from 'string-width'

/** One column of a table: its head, and how it behaves when the terminal is narrow. */
export interface Column {
  readonly head: string
  readonly align?: 'left' | 'right'
  /** may be cut down to this width; a column without it keeps its content whole */
  readonly least?: number
  /** left out when the table does not fit, the lowest number first; 0 or absent: never */
  readonly drop?: number
  /** cut only once the others are at their least */
  readonly late?: true
  /** left out when all of its cells are empty */
  readonly sparse?: true
}

/** One cell: its plain text, and how to paint it once it is cut and padded. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string }

const gap = '  '

/**
 * The lines of a table, head first. Columns are dropped, then cut with an ellipsis, until the table fits in
 * `width`; Infinity cuts nothing.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { width, head }: { readonly width: number; readonly head: (text: string) => string }
): string[] {
  const natural = columns.map((column, at) => {
    const widest = rows.reduce((most, row) => Math.max(most, stringWidth(plain(row[at]))), 0)
    return column.sparse && widest === 0 ? 0 : Math.max(widest, stringWidth(column.head))
  })
  const shown = keptColumns(columns, natural, width)
  const widths = fittedWidths(columns, natural, { shown, width })
  const line = (cells: readonly Cell[], paint: (text: string) => string) =>
    shown
      .map((at, n) => cellText(cells[at] ?? '', { column: columns[at], width: widths[n] ?? 0, paint }))
      .join(gap)
      .trimEnd()
  return [
    line(
      columns.map((column) => column.head),
      head
    ),
    ...rows.map((row) => line(row, (text) => text))
  ]
}

function plain(cell: Cell | undefined): string {
  return typeof cell === 'object' ? cell.text : (cell ?? '')
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap.length * Math.max(0, widths.length - 1)
}

function keptColumns(columns: readonly Column[], natural: readonly number[], width: number): number[] {
  let shown = columns.map((_, at) => at).filter((at) => (natural[at] ?? 0) > 0)
  const least = (at: number) => Math.min(natural[at] ?? 0, columns[at]?.least ?? Infinity)
  while (totalWidth(shown.map(least)) > width) {
    const drops = shown.filter((at) => (columns[at]?.drop ?? 0) > 0)
    if (drops.length === 0) break
    const first = drops.reduce((a, b) => ((columns[b]?.drop ?? 0) < (columns[a]?.drop ?? 0) ? b : a))
    shown = shown.filter((at) => at !== first)
  }
  return shown
}

/**
 * Takes what is too much from the widest column that may be cut, character by character; from one that is cut late
 * once no other may be.
 */
function fittedWidths(
  columns: readonly Column[],
  natural: readonly number[],
  { shown, width }: { readonly shown: readonly number[]; readonly width: number }
): number[] {
  const widths = shown.map((at) => natural[at] ?? 0)
  for (let over = totalWidth(widths) - width; over > 0; over--) {
    const cuttable = [...shown.entries()].filter(
      ([n, at]) => (widths[n] ?? 0) > (columns[at]?.least ?? Infinity)
    )
    const early = cuttable.filter(([, at]) => !columns[at]?.late)
    const [first, ...others] = (early.length > 0 ? early : cuttable).map(([n]) => n)
    if (first === undefined) break
    const widest = others.reduce((most, n) => ((widths[n] ?? 0) > (widths[most] ?? 0) ? n : most), first)
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

function cellText(
  cell: Cell,
  {
    column,
    width,
    paint
  }: { readonly column: Column | undefined; readonly width: number; readonly paint: (text: string) => string }
): string {
  const text = cut(plain(cell), width)
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)))
  const painted = text === '' ? '' : typeof cell === 'object' ? cell.paint(text) : paint(text)
  return column?.align === 'right' ? space + painted : painted + space
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The text cut to `width` columns of a terminal, with an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const wide = stringWidth(segment)
    if (used + wide > width - 1) break
    kept += segment
    used += wide
  }
  return `${kept}…`
}

/** The text in lines of at most `width` columns, broken at blanks; a longer word stays whole. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && stringWidth(`${line} ${word}`) <= width)
      lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
