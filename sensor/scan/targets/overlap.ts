import { type Address, parseAddress, subnetOf } from '../../../core/address.ts'
import type { SpaceData } from '../space.ts'

/** From the first to the last /24 or /64 of a family. */
type Networks = readonly [first: Address, last: Address]

/**
 * Have two spaces a /24 or /64 in common? Those are the networks whose load is counted together: two scans that share
 * none of them meet at no address.
 */
export function shareNetworks(a: SpaceData, b: SpaceData): boolean {
  const families = [isIpv4, isIpv6].map((is) => [a, b].map((space) => networksOf(space).filter(is)))
  return families.some(([one = [], other = []]) => meet(one, other))
}

function isIpv4([first]: Networks): boolean {
  return typeof first === 'number'
}

function isIpv6([first]: Networks): boolean {
  return typeof first === 'bigint'
}

function networksOf({ ranges4, ranges6, pairs, areas = [] }: SpaceData): Networks[] {
  const ranges = [{ ranges4, ranges6 }, ...areas].flatMap((area): Networks[] => [
    ...area.ranges4.map(([first, last]) => [subnetOf(first), subnetOf(last)] as const),
    ...area.ranges6.map(
      ([first, last]) => [subnetOf(BigInt(`0x${first}`)), subnetOf(BigInt(`0x${last}`))] as const
    )
  ])
  const hosts = [...pairs, ...areas.flatMap((area) => area.hosts)].flatMap(([text]): Networks[] => {
    const address = parseAddress(text)
    return address === undefined ? [] : [[subnetOf(address), subnetOf(address)]]
  })
  return [...ranges, ...hosts]
}

/** does any of one family touch any of the other? */
function meet(one: readonly Networks[], other: readonly Networks[]): boolean {
  const [left, right] = [one, other].map((list) =>
    list.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  ) as [Networks[], Networks[]]
  for (let at = 0, to = 0; ;) {
    const [a, b] = [left[at], right[to]]
    if (a === undefined || b === undefined) return false
    if (a[1] < b[0]) at++
    else if (b[1] < a[0]) to++
    else return true
  }
}
