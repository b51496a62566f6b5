import type { Address } from '../../core/address.ts'

/** One thing to probe. */
export interface Pair {
  readonly address: Address
  readonly port: number
  /** server name to send, when the target was given by name */
  readonly name: string | null
}

/**
 * What a scan is about, as plain data that can be stored and sent to a worker: disjoint address ranges that
 * are crossed with every port, and single pairs. Exclusions are already taken out.
 */
export interface SpaceData {
  /** inclusive IPv4 ranges, ascending, disjoint and not adjacent, excluded addresses cut out */
  readonly ranges4: readonly (readonly [first: number, last: number])[]
  /** inclusive IPv6 ranges, likewise; bigints as hexadecimal text */
  readonly ranges6: readonly (readonly [first: string, last: string])[]
  /** ports that the ranges are crossed with, ascending */
  readonly ports: readonly number[]
  /** single pairs: host:port, host names (with their server name), hand-over of other tools */
  readonly pairs: readonly (readonly [address: string, port: number, name: string | null])[]
}

/** A space that is ready to be walked by index. */
export interface Space {
  /** number of pairs */
  readonly size: number
  /** the pair at 0 ≤ index < size, natural order; each pair of the space has exactly one index */
  at(index: number): Pair
  /** is this address and port (under any name) part of the space? */
  contains(address: Address, port: number): boolean
}
