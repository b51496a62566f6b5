/** What one run of one contender gave. */
export interface Sample {
  /** things asked for (endpoints, address × port pairs, rows) */
  readonly n: number
  /** things found */
  readonly ok: number
  readonly seconds: number
  /** processor time of the contender, user and system, microseconds; null where it could not be read */
  readonly cpuUs: number | null
  /** peak memory, kB; null where it could not be read */
  readonly peakKb: number | null
}

/** Who takes part in a comparison. */
export interface Contender {
  readonly name: string
  run(): Promise<Sample>
}

/** A contender with its samples, one a round. */
export interface Line {
  readonly name: string
  readonly samples: readonly Sample[]
}

/**
 * Runs the contenders in turn (A B C, A B C, …), so that what else the machine does falls on all of them
 * alike. `progress` hears of each run.
 */
export async function inTurn(
  contenders: readonly Contender[],
  rounds: number,
  progress: (text: string) => void
): Promise<Line[]> {
  const lines = contenders.map(({ name }) => ({ name, samples: [] as Sample[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const [at, contender] of contenders.entries()) {
      progress(`round ${round} of ${rounds}: ${contender.name}`)
      lines[at]?.samples.push(await contender.run())
    }
  }
  return lines
}

export function rateOf({ n, seconds }: Sample): number {
  return n / seconds
}

/** Processor time for each thing asked for, microseconds; NaN where it is not known. */
export function cpuOf({ n, cpuUs }: Sample): number {
  return cpuUs === null ? Number.NaN : cpuUs / n
}

/** Median over the rounds of `of(line) / of(base)` of the same round. */
export function ratio(line: Line, base: Line, of: (sample: Sample) => number): number {
  return median(
    line.samples.flatMap((sample, at) => {
      const other = base.samples[at]
      return other ? [of(sample) / of(other)] : []
    })
  )
}

/** The median; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const high = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + high) / 2 : high
}
