import { type Address, parseAddress } from '../../../core/address.ts'
import type { Pair, Space, SpaceData } from '../space.ts'
import { countAddresses } from './port-map.ts'
import { expandPorts } from './ports.ts'

/** One part of a space of which `of` parts are walked side by side. */
export interface Shard {
  readonly index: number
  readonly of: number
}

/**
 * Makes a space ready to be walked. Shards of one space are disjoint by address: an address with all its ports
 * and names is in one of them, and they differ by one address in size before ports. `at` finds its pair by
 * binary search.
 */
export function openSpace(data: SpaceData, shard: Shard = { index: 0, of: 1 }): Space {
  const layout = layOut(data)
  const mine = shardOf(layout, shard)
  const stretches = [
    ...layout.blocks.map((block) => walkBlock(block, shard)),
    ...layout.crowds.map((crowd) => walkCrowd(crowd, mine))
  ].filter((stretch) => stretch.size > 0)

  const { sums: starts, total: size } = runningSums(stretches.map((stretch) => stretch.size))
  const [only] = stretches.length === 1 ? stretches : []
  const named = lazy(() => portsByAddress(layout.crowds))
  return {
    size,
    at(index) {
      if (!(index >= 0 && index < size)) throw new RangeError(`no pair ${index} in a space of ${size}`)
      if (only) return only.at(index)
      const found = lastAtOrBelow(starts, index)
      return (stretches[found] as Stretch).at(index - (starts[found] as number))
    },
    contains(address, port) {
      if (!mine(address)) return false
      const place = layout.find(address)
      if (place && hasPort(place.block.ports, port)) return true
      return (named().get(address) ?? []).some((ports) => hasPort(ports, port))
    }
  }
}

/** Part of a space: its pairs by index, 0 ≤ index < size. */
interface Stretch {
  readonly size: number
  at(index: number): Pair
}

/** Ranges of one family with the same ports. */
interface Block {
  /** where each range begins */
  readonly firsts: Float64Array | readonly bigint[]
  /** how many addresses of the block stand before each range */
  readonly starts: Float64Array
  /** addresses of the block */
  readonly count: number
  readonly ports: Uint16Array
  /** how many addresses of the space stand before the block; shards are dealt out by this numbering */
  readonly rank: number
}

/** Addresses with names and the same ports. */
interface Crowd {
  readonly hosts: readonly Host[]
  readonly ports: Uint16Array
}

type Host = readonly [address: Address, name: string | null]

interface Layout {
  readonly blocks: readonly Block[]
  readonly crowds: readonly Crowd[]
  /** addresses of all blocks */
  readonly count: number
  /** the block of an address and its number in the space */
  find(address: Address): { readonly block: Block; readonly rank: number } | undefined
}

function layOut(data: SpaceData): Layout {
  const main = {
    ranges4: data.ranges4,
    ranges6: data.ranges6,
    hosts: [],
    ports: Uint16Array.from(data.ports)
  }
  const others = (data.areas ?? []).map((area) => ({
    ...area,
    ports: Uint16Array.from(expandPorts(area.ports))
  }))
  const blocks: Block[] = []
  const crowds: Crowd[] = crowdsOf(data.pairs)
  let count = 0
  for (const { ranges4, ranges6, hosts, ports } of [main, ...others]) {
    for (const ranges of [numbers(ranges4), bigints(ranges6)]) {
      if (ranges.count > 0) blocks.push({ ...ranges, ports, rank: count })
      count += ranges.count
    }
    crowds.push({ hosts: hosts.map(([address, name]) => [parsed(address), name]), ports })
  }
  return { blocks, crowds, count, find: finder(blocks) }
}

type Ranges = Pick<Block, 'firsts' | 'starts' | 'count'>

function numbers(ranges: SpaceData['ranges4']): Ranges {
  const firsts = Float64Array.from(ranges, ([first]) => first)
  const { sums, total } = runningSums(ranges.map(([first, last]) => last - first + 1))
  return { firsts, starts: sums, count: total }
}

function bigints(ranges: SpaceData['ranges6']): Ranges {
  const firsts = ranges.map(([first]) => BigInt(`0x${first}`))
  const { sums, total } = runningSums(
    ranges.map(([, last], at) => Number(BigInt(`0x${last}`) - (firsts[at] as bigint)) + 1)
  )
  return { firsts, starts: sums, count: total }
}

function crowdsOf(pairs: SpaceData['pairs']): Crowd[] {
  const byPort = Map.groupBy(pairs, ([, port]) => port)
  return [...byPort].map(([port, group]) => ({
    hosts: group.map(([address, , name]) => [parsed(address), name] as const),
    ports: Uint16Array.of(port)
  }))
}

function parsed(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new TypeError(`"${text}" in a space is no address`)
  return address
}

function walkBlock(block: Block, { index, of }: Shard): Stretch {
  const { firsts, starts, count, ports } = block
  const skip = (index + of - (block.rank % of)) % of
  const addresses = count > skip ? Math.floor((count - 1 - skip) / of) + 1 : 0
  const each = ports.length
  const at = (local: number) => {
    const which = Math.floor(local / each)
    const port = ports[local - which * each] as number
    const place = skip + which * of
    const range = starts.length === 1 ? 0 : lastAtOrBelow(starts, place)
    const first = firsts[range] as Address
    const offset = place - (starts[range] as number)
    const address = typeof first === 'number' ? first + offset : first + BigInt(offset)
    return { address, port, name: null }
  }
  return { size: addresses * each, at }
}

function walkCrowd(crowd: Crowd, mine: (address: Address) => boolean): Stretch {
  const { ports } = crowd
  const hosts = crowd.hosts.filter(([address]) => mine(address))
  const each = ports.length
  const at = (local: number) => {
    const which = Math.floor(local / each)
    const [address, name] = hosts[which] as Host
    return { address, port: ports[local - which * each] as number, name }
  }
  return { size: hosts.length * each, at }
}

/** Which addresses belong to the shard: they are dealt out by their number in the space. */
function shardOf(layout: Layout, { index, of }: Shard): (address: Address) => boolean {
  const { crowds, count } = layout
  if (of === 1) return () => true
  const beside = lazy(() => {
    const ranks = new Map<Address, number>()
    for (const [address] of crowds.flatMap((crowd) => crowd.hosts)) {
      if (!ranks.has(address) && !layout.find(address)) ranks.set(address, count + ranks.size)
    }
    return ranks
  })
  return (address) => {
    const rank = layout.find(address)?.rank ?? beside().get(address)
    return rank !== undefined && rank % of === index
  }
}

/** Looks addresses up in all blocks at once. */
function finder(blocks: readonly Block[]): Layout['find'] {
  const ipv4 = lazy(() => sortedRanges(blocks.filter(({ firsts }) => firsts instanceof Float64Array)))
  const ipv6 = lazy(() => sortedRanges(blocks.filter(({ firsts }) => !(firsts instanceof Float64Array))))
  return (address) => {
    const { length, get } = (typeof address === 'number' ? ipv4 : ipv6)()
    let low = 0
    let high = length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (get(middle).first <= address) low = middle + 1
      else high = middle
    }
    if (low === 0) return undefined
    const { block, first, start, end } = get(low - 1)
    const offset = countAddresses(first, address) - 1
    return start + offset < end ? { block, rank: block.rank + start + offset } : undefined
  }
}

function sortedRanges(blocks: readonly Block[]) {
  const total = blocks.reduce((sum, { starts }) => sum + starts.length, 0)
  const inBlock = new Uint32Array(total)
  const atRange = new Uint32Array(total)
  let filled = 0
  blocks.forEach(({ starts }, number) => {
    for (let range = 0; range < starts.length; range++, filled++) {
      inBlock[filled] = number
      atRange[filled] = range
    }
  })
  const firstOf = (id: number) =>
    (blocks[inBlock[id] as number] as Block).firsts[atRange[id] as number] as Address
  const order = Uint32Array.from(inBlock.keys())
  if (blocks.length > 1) order.sort((a, b) => (firstOf(a) < firstOf(b) ? -1 : 1))
  const get = (place: number) => {
    const id = order[place] as number
    const block = blocks[inBlock[id] as number] as Block
    const range = atRange[id] as number
    const start = block.starts[range] as number
    return { block, first: firstOf(id), start, end: block.starts[range + 1] ?? block.count }
  }
  return { length: total, get }
}

function portsByAddress(crowds: readonly Crowd[]): Map<Address, Uint16Array[]> {
  const found = new Map<Address, Uint16Array[]>()
  for (const { hosts, ports } of crowds) {
    for (const [address] of hosts) {
      const known = found.get(address)
      if (known) known.push(ports)
      else found.set(address, [ports])
    }
  }
  return found
}

function hasPort(ports: Uint16Array, port: number): boolean {
  return ports[lastAtOrBelow(ports, port)] === port
}

/** Index of the last entry ≤ value in ascending numbers, or 0. */
function lastAtOrBelow(ascending: Float64Array | Uint16Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) <= value) low = middle
    else high = middle
  }
  return low
}

/** For each number the sum of those before it. */
function runningSums(numbers: readonly number[]): { sums: Float64Array; total: number } {
  let total = 0
  const sums = Float64Array.from(numbers, (one) => (total += one) - one)
  return { sums, total }
}

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}
