import type { Address } from '../../core/address.ts'

/** One thing to probe. */
export interface Pair {
  readonly address: Address
  readonly port: number
  /** server name to send, when the target was given by name */
  readonly name: string | null
}

/** Addresses that are all asked on the same ports. */
export interface Area {
  /** inclusive IPv4 ranges, ascending, disjoint and not adjacent */
  readonly ranges4: readonly (readonly [first: number, last: number])[]
  /** inclusive IPv6 ranges, likewise; bigints as hexadecimal text without 0x */
  readonly ranges6: readonly (readonly [first: string, last: string])[]
  /** addresses that are asked under a server name */
  readonly hosts: readonly (readonly [address: string, name: string])[]
  /** inclusive port ranges, ascending, disjoint and not adjacent */
  readonly ports: readonly (readonly [first: number, last: number])[]
}

/**
 * What a scan is about, as plain data that can be stored and sent to a worker: disjoint address ranges that
 * are crossed with every port, further areas with ports of their own, and single pairs. Exclusions are
 * already taken out, and each address, port and name is there once.
 */
export interface SpaceData {
  /** inclusive IPv4 ranges, ascending, disjoint and not adjacent, excluded addresses cut out */
  readonly ranges4: readonly (readonly [first: number, last: number])[]
  /** inclusive IPv6 ranges, likewise; bigints as hexadecimal text without 0x */
  readonly ranges6: readonly (readonly [first: string, last: string])[]
  /** ports that the ranges are crossed with, ascending */
  readonly ports: readonly number[]
  /** single pairs, such as an address that is asked under a server name on one port only */
  readonly pairs: readonly (readonly [address: string, port: number, name: string | null])[]
  /** what is asked on other ports than the ranges above; their addresses are disjoint from those and each other's */
  readonly areas?: readonly Area[]
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
