import { type Address, parseAddress, subnetOf } from '../../../core/address.ts'
import type { SpaceData } from '../space.ts'
import { countAddresses } from './port-map.ts'
import { countPorts, joinPorts } from './ports.ts'

/** How many pairs a space has, in total and where it is densest. */
export interface SpaceLoad {
  readonly pairs: number
  /** at the address that has most */
  readonly hostPairs: number
  /** in the /24 or /64 that has most */
  readonly subnetPairs: number
}

/** subnets and named hosts that are counted one by one: what is beyond would only take memory */
const countedLimit = 1_000_000

/**
 * The load of a space, to foretell how long it takes. Names at an address that is also asked without one are
 * counted apart from it: a few pairs in the densest place do not matter here.
 */
export function loadOf(space: SpaceData): SpaceLoad {
  const main = { ...space, hosts: [], ports: joinPorts(space.ports.map((port) => [port, port])) }
  const subnets = new Tally()
  const hosts = new Tally()
  let pairs = 0
  for (const { ranges4, ranges6, hosts: named, ports } of [main, ...(space.areas ?? [])]) {
    const each = countPorts(ports)
    const ranges: (readonly [Address, Address])[] = [
      ...ranges4,
      ...ranges6.map(([first, last]) => [BigInt(`0x${first}`), BigInt(`0x${last}`)] as const)
    ]
    for (const range of ranges) {
      pairs += countAddresses(...range) * each
      hosts.reach(each)
      addRange(subnets, range, each)
    }
    for (const [address] of named) {
      pairs += each
      addHost({ subnets, hosts }, address, each)
    }
  }
  for (const [address] of space.pairs) addHost({ subnets, hosts }, address, 1)
  return { pairs: pairs + space.pairs.length, hostPairs: hosts.most, subnetPairs: subnets.most }
}

/** Counts by key, of which the highest is wanted. */
class Tally {
  most = 0
  readonly #counts = new Map<Address, number>()

  add(key: Address, count: number): void {
    const before = this.#counts.get(key)
    if (before === undefined && this.#counts.size >= countedLimit) return this.reach(count)
    this.#counts.set(key, (before ?? 0) + count)
    this.reach((before ?? 0) + count)
  }

  /** there is a key with so many */
  reach(count: number): void {
    this.most = Math.max(this.most, count)
  }
}

/** the subnets at both ends of a range are counted; those between are full and all alike */
function addRange(subnets: Tally, [first, last]: readonly [Address, Address], each: number): void {
  const [start, end] = [subnetOf(first), subnetOf(last)]
  if (start === end) return subnets.add(start, countAddresses(first, last) * each)
  subnets.add(start, countAddresses(first, lastOf(start)) * each)
  subnets.add(end, countAddresses(firstOf(end), last) * each)
  const between = countAddresses(start, end) - 2
  if (between > 0) subnets.reach(countAddresses(firstOf(start), lastOf(start)) * each)
}

function firstOf(subnet: Address): Address {
  return typeof subnet === 'number' ? subnet * 256 : subnet << 64n
}

function lastOf(subnet: Address): Address {
  return typeof subnet === 'number' ? subnet * 256 + 255 : (subnet << 64n) + 0xffff_ffff_ffff_ffffn
}

function addHost(
  { subnets, hosts }: { readonly subnets: Tally; readonly hosts: Tally },
  text: string,
  pairs: number
): void {
  const address = parseAddress(text)
  if (address === undefined) return
  hosts.add(address, pairs)
  subnets.add(subnetOf(address), pairs)
}
