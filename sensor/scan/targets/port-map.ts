import type { Address } from '../../../core/address.ts'
import { formatPorts, joinPorts, type Ports, withoutPorts } from './ports.ts'

/** Addresses of one family from the first to the last, with the ports that hold for each of them. */
export interface Piece {
  readonly first: Address
  readonly last: Address
  readonly ports: Ports
}

/** Pieces of one family: ascending, disjoint, adjacent ones never with the same ports. */
export type PortMap = readonly Piece[]

/**
 * Arithmetic on sets of ports where equal sets are one object, so that they are compared by identity and each
 * sum and difference is worked out once, however many addresses share it.
 */
export class PortSets {
  readonly #known = new Map<string, Ports>()
  readonly #sums = new Map<Ports, Map<Ports, Ports>>()
  readonly #rests = new Map<Ports, Map<Ports, Ports>>()

  /** the one object that stands for this set */
  one(ports: Ports): Ports {
    const key = formatPorts(ports)
    const known = this.#known.get(key)
    if (known) return known
    this.#known.set(key, ports)
    return ports
  }

  join(a: Ports, b: Ports): Ports {
    return a === b ? a : this.#once(this.#sums, [a, b], () => joinPorts([...a, ...b]))
  }

  without(from: Ports, taken: Ports): Ports {
    return this.#once(this.#rests, [from, taken], () => withoutPorts(from, taken))
  }

  #once(memo: Map<Ports, Map<Ports, Ports>>, [a, b]: readonly [Ports, Ports], work: () => Ports): Ports {
    const row = memo.get(a) ?? new Map<Ports, Ports>()
    memo.set(a, row)
    const done = row.get(b) ?? this.one(work())
    row.set(b, done)
    return done
  }
}

/** One map out of pieces in any order, overlapping or not, all of one family: ports of overlaps are joined. */
export function joinPieces(pieces: readonly Piece[], sets: PortSets): PortMap {
  const groups = Map.groupBy(pieces, (piece) => sets.one(piece.ports))
  let maps = [...groups].map(([ports, group]) => mergePieces(group, ports))
  // pairwise, so that n groups cost n · log n and not n²
  while (maps.length > 1) {
    maps = Array.from({ length: Math.ceil(maps.length / 2) }, (_, at) => {
      const [a = [], b = []] = maps.slice(2 * at, 2 * at + 2)
      return overlay(a, b, (x, y) => (x && y ? sets.join(x, y) : (x ?? y)))
    })
  }
  return maps[0] ?? []
}

/** The map without what the other one has: ports are taken out address by address. */
export function withoutPieces(from: PortMap, taken: PortMap, sets: PortSets): PortMap {
  if (taken.length === 0) return from
  return overlay(from, taken, (ports, holes) =>
    ports && holes ? sets.without(ports, sets.one(holes)) : ports
  )
}

/** The ports that the map has for an address, or undefined. */
export function portsAt(map: PortMap, address: Address): Ports | undefined {
  let low = 0
  let high = map.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const piece = map[middle]
    if (piece && piece.last < address) low = middle + 1
    else high = middle
  }
  const piece = map[low]
  return piece && piece.first <= address ? piece.ports : undefined
}

/** Number of addresses from the first to the last; exact below 2^53. */
export function countAddresses(first: Address, last: Address): number {
  return typeof first === 'number' && typeof last === 'number'
    ? last - first + 1
    : Number(BigInt(last) - BigInt(first)) + 1
}

function mergePieces(pieces: readonly Piece[], ports: Ports): PortMap {
  const merged = new Growing()
  for (const { first, last } of [...pieces].sort((a, b) =>
    a.first < b.first ? -1 : a.first > b.first ? 1 : 0
  )) {
    merged.add(first, last, ports)
  }
  return merged.pieces
}

type Combine = (a: Ports | undefined, b: Ports | undefined) => Ports | undefined

/** Walks two maps at once and asks `combine` for the ports of each stretch where neither changes. */
function overlay(a: PortMap, b: PortMap, combine: Combine): PortMap {
  const result = new Growing()
  const left = new Cursor(a)
  const right = new Cursor(b)
  for (;;) {
    const start = lower(left.first, right.first)
    if (start === undefined) return result.pieces
    const inLeft = left.first === start
    const inRight = right.first === start
    const end = lower(
      inLeft ? left.last : before(left.first),
      inRight ? right.last : before(right.first)
    ) as Address
    const ports = combine(inLeft ? left.ports : undefined, inRight ? right.ports : undefined)
    if (ports && ports.length > 0) result.add(start, end, ports)
    if (inLeft) left.passTo(end)
    if (inRight) right.passTo(end)
  }
}

/** A place in a map: what is left of the piece there. */
class Cursor {
  first: Address | undefined
  readonly #map: PortMap
  #at = 0

  constructor(map: PortMap) {
    this.#map = map
    this.first = map[0]?.first
  }

  get last(): Address | undefined {
    return this.#map[this.#at]?.last
  }

  get ports(): Ports | undefined {
    return this.#map[this.#at]?.ports
  }

  passTo(end: Address): void {
    if (this.last !== end) this.first = after(end)
    else this.first = this.#map[++this.#at]?.first
  }
}

/** Pieces that come in ascending order; one that continues the last with the same ports is part of it. */
class Growing {
  readonly pieces: { first: Address; last: Address; ports: Ports }[] = []

  add(first: Address, last: Address, ports: Ports): void {
    const top = this.pieces.at(-1)
    if (top?.ports !== ports || first > after(top.last)) this.pieces.push({ first, last, ports })
    else if (last > top.last) top.last = last
  }
}

function lower(a: Address | undefined, b: Address | undefined): Address | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}

function after(address: Address): Address {
  return typeof address === 'number' ? address + 1 : address + 1n
}

function before(address: Address | undefined): Address | undefined {
  return typeof address === 'number' ? address - 1 : address === undefined ? undefined : address - 1n
}
