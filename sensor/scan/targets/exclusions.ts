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
 * itself as a server name, and the addresses that it was resolved to ({@link resolveExclusions}).
 */
export function openExclusions(targets: readonly Target[]): Exclusions {
  const sets = new PortSets()
  const pieces = targets.flatMap(pieceOf)
  const ipv4 = joinPieces(
    pieces.filter(({ first }) => typeof first === 'number'),
    sets
  )
  const ipv6 = joinPieces(
    pieces.filter(({ first }) => typeof first === 'bigint'),
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

function excludedNames(targets: readonly Target[]): Map<string, Ports> {
  const names = new Map<string, Ports>()
  for (const target of targets) {
    if (target.kind === 'range') continue
    names.set(target.name, joinPorts([...(names.get(target.name) ?? []), ...(target.ports ?? allPorts)]))
  }
  return names
}
