import { Fault } from '../../../core/fault.ts'
import type { ForetoldTime } from '../duration.ts'

/** How much a scan is about to do. */
export interface SpaceSizes {
  /** different addresses */
  readonly addresses: number
  /** different ports */
  readonly ports: number
  /** address × port × name: what will be probed */
  readonly pairs: number
  /** pairs that exclusions and the do-not-scan list took out */
  readonly excluded: number
}

const grouped = new Intl.NumberFormat('en-US')

/** The line shown before the start: addresses, ports, pairs, and the time that they will take. */
export function describeSizes(
  { addresses, ports, pairs, excluded }: SpaceSizes,
  { leastMs, mostMs }: ForetoldTime
): string {
  const spared = excluded > 0 ? ` (${grouped.format(excluded)} excluded)` : ''
  const sum = `${counted(addresses, 'address', 'addresses')}, ${counted(ports, 'port', 'ports')}: ${counted(pairs, 'pair', 'pairs')}`
  const [least, most] = [roughTime(leastMs / 1000), roughTime(mostMs / 1000)]
  return `${sum}${spared}, ${least === most ? least : `${least} if all answer, ${most} if none does`}`
}

function counted(count: number, one: string, many: string): string {
  return `${grouped.format(count)} ${count === 1 ? one : many}`
}

const units = [
  [1, 's', 90],
  [60, 'min', 90],
  [3600, 'h', 48],
  [86_400, 'days', 730],
  [31_557_600, 'years', Infinity]
] as const

function roughTime(seconds: number): string {
  if (!(seconds >= 1)) return 'under 1 s'
  const [size, unit] = units.find(([each, , upTo]) => seconds / each < upTo) ?? units[4]
  return `about ${grouped.format(Math.round(seconds / size))} ${unit}`
}

/** What somebody allowed. */
export interface SizeLimits {
  readonly maxPairs: number
  /** has a person said that a larger scan is meant? */
  readonly confirmed: boolean
}

/**
 * Throws `target-none` for nothing, `confirmation-needed` for more pairs than the limit that nobody confirmed,
 * and `target-too-large` for a scan that cannot be numbered (2^53 pairs), confirmed or not.
 */
export function checkSize(sizes: SpaceSizes, { maxPairs, confirmed }: SizeLimits): void {
  const { pairs, excluded } = sizes
  const facts = { field: 'targets', pairs, excluded, limit: maxPairs }
  const all = `targets: ${counted(pairs, 'pair', 'pairs')} of address and port`
  if (pairs === 0) {
    const why =
      excluded > 0 ? `${counted(excluded, 'pair', 'pairs')}, all excluded` : 'there is nothing to scan'
    throw new Fault('target-none', `targets: ${why}. Name at least one target that is not excluded.`, facts)
  }
  if (pairs > Number.MAX_SAFE_INTEGER)
    throw new Fault('target-too-large', `${all} are too many. Name less.`, facts)
  if (pairs <= maxPairs || confirmed) return
  const remedy = 'Repeat with --yes if that is what you mean, raise --max-targets, or name less.'
  throw new Fault(
    'confirmation-needed',
    `${all} are over the limit of ${grouped.format(maxPairs)}. ${remedy}`,
    facts
  )
}
