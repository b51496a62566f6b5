import type { Material } from './material.ts'
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
  /** our hello and the chains that answer it, made once */
  material(): Promise<Material>
  /** tells the person who waits what is being done */
  readonly progress: (text: string) => void
}

/** How much is measured, and so how long it takes. */
export interface Scale {
  /** rounds of the short comparisons */
  readonly rounds: number
  /** rounds of the sweeps, which take a minute each with all scanners */
  readonly sweepRounds: number
  /** ports of the silent space */
  readonly sweepPorts: readonly number[]
  /** endpoints of one TLS run */
  readonly endpoints: number
  /** seconds of the scan whose memory is watched; null: to its end */
  readonly memorySeconds: number | null
  /** endpoints in the store */
  readonly rows: number
  /** hosts whose certificates are replaced, ten servers each */
  readonly hosts: number
}

/** What a section found out, or why it could not. */
export type Report = Findings | { readonly skipped: string }

export interface Findings {
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
}

/** One part of the bench, chosen by its name. */
export interface Section {
  readonly name: string
  readonly about: string
  run(bench: Bench): Promise<Report>
}
