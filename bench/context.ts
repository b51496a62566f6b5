import type { NativePrograms } from './native.ts'
import type { Goal, Table } from './table.ts'

/** What every section works with. */
export interface Bench {
  /** a folder of this run, removed at its end */
  readonly folder: string
  readonly signal: AbortSignal
  /** undefined where there is no C compiler */
  readonly native: NativePrograms | undefined
  readonly scale: Scale
  /** tells the person who waits what is being done */
  progress(text: string): void
}

/** How long the bench takes. */
export interface Scale {
  /** rounds of the short comparisons, and of the sweeps (which take half a minute each) */
  readonly rounds: number
  readonly sweepRounds: number
  /** endpoints of one TLS run */
  readonly endpoints: number
  /** seconds of the scan whose memory is watched; Infinity: to its end */
  readonly memorySeconds: number
  /** endpoints in the store */
  readonly rows: number
}

/** What a section found out, or why it could not. */
export type Report =
  { readonly tables: readonly Table[]; readonly goals: readonly Goal[] } | { readonly skipped: string }

/** One part of the bench, chosen by its name. */
export interface Section {
  readonly name: string
  readonly about: string
  run(bench: Bench): Promise<Report>
}
