import type { Address } from '../../../core/address.ts'
import { joinPieces, type Piece, type PortMap, portsAt, PortSets } from './port-map.ts'
import { allPorts, hasPort, joinPorts, type Ports } from './ports.ts'
import type { Target } from './target.ts'

/** What must not be touched. It wins over whatever else names it, in every spelling. */
export interface Exclusions {
  readonly ipv4: PortMap
  readonly ipv6: PortMap
  /** ports that are excluded at an address, or under a server name at any address */
  portsOf(address: Address): Ports
  portsOfName(name: string): Ports
  /** may this not be touched? `name` as {@link hostName} gives it */
  covers(address: Address, port: number, name: string | null): boolean
}

const noPorts: Ports = []

/**
 * Exclusions out of targets: a range without ports excludes every port of its addresses; a host name excludes
 * itself as a server name, and the addresses that it was resolved to ({@link resolveExclusions}). An IPv4 address
 * excludes the IPv6 addresses that lead to it, and the loopback address the unspecified one, which leads there.
 */
export function openExclusions(targets: readonly Target[]): Exclusions {
  const sets = new PortSets()
  const pieces = targets.flatMap(pieceOf)
  const ipv4 = joinPieces(withWildcards(pieces.filter(({ first }) => typeof first === 'number')), sets)
  const ipv6 = joinPieces(
    withWildcards([...pieces.filter(({ first }) => typeof first === 'bigint'), ...ipv4.flatMap(asIpv6)]),
    sets
  )
  const names = excludedNames(targets)
  const portsOf = (address: Address) => portsAt(typeof address === 'number' ? ipv4 : ipv6, address) ?? noPorts
  const portsOfName = (name: string) => names.get(name) ?? noPorts
  return {
    ipv4,
    ipv6,
    portsOf,
    portsOfName,
    covers: (address, port, name) =>
      hasPort(portsOf(address), port) || (name !== null && hasPort(portsOfName(name), port))
  }
}

function pieceOf(target: Target): Piece[] {
  const ports = target.ports ?? allPorts
  if (target.kind === 'range') return [{ first: target.first, last: target.last, ports }]
  if (target.kind === 'host') return [{ first: target.address, last: target.address, ports }]
  return []
}

/**
 * Prefixes of IPv6 addresses that lead to IPv4 hosts, and how far from their end the IPv4 address stands: NAT64
 * (RFC 6052), by which DNS64 names hosts that have IPv4 only, and 6to4 (RFC 3056).
 */
const carriers: readonly (readonly [prefix: bigint, shift: bigint])[] = [
  [0x0064_ff9bn << 96n, 0n],
  [0x2002n << 112n, 80n]
]

/** the IPv6 addresses that lead to the same hosts */
function asIpv6({ first, last, ports }: Piece): Piece[] {
  return carriers.map(([prefix, shift]) => ({
    first: prefix | (BigInt(first) << shift),
    last: prefix | (((BigInt(last) + 1n) << shift) - 1n),
    ports
  }))
}

const loopbacks: readonly (readonly [loopback: Address, wildcard: Address])[] = [
  [0x7f00_0001, 0],
  [1n, 0n]
]

/** a connection to 0.0.0.0 or :: comes to this machine, as one to 127.0.0.1 or ::1 does */
function withWildcards(pieces: readonly Piece[]): Piece[] {
  return pieces.flatMap((piece) => [
    piece,
    ...loopbacks.flatMap(([loopback, first]) =>
      typeof loopback === typeof piece.first && piece.first <= loopback && loopback <= piece.last
        ? [{ ...piece, first, last: first }]
        : []
    )
  ])
}

function excludedNames(targets: readonly Target[]): Map<string, Ports> {
  const names = new Map<string, Ports>()
  for (const target of targets) {
    if (target.kind === 'range') continue
    names.set(target.name, joinPorts([...(names.get(target.name) ?? []), ...(target.ports ?? allPorts)]))
  }
  return names
}
