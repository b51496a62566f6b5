import { type Address, formatAddress } from '../../../core/address.ts'
import type { Area, SpaceData } from '../space.ts'
import { type Exclusions, openExclusions } from './exclusions.ts'
import {
  countAddresses,
  joinPieces,
  type Piece,
  type PortMap,
  portsAt,
  PortSets,
  withoutPieces
} from './port-map.ts'
import { countPorts, expandPorts, joinPorts, type Ports } from './ports.ts'
import type { SpaceSizes } from './sizes.ts'
import type { HostTarget, ResolvedTarget, Target } from './target.ts'

export { openSpace, type Shard } from './walk.ts'

/** What a scan was told. */
export interface SpaceRequest {
  readonly targets: readonly ResolvedTarget[]
  /** ports of the targets that have none of their own */
  readonly ports: Ports
  readonly exclude: readonly Target[]
  /** the list that no option overrides */
  readonly doNotScan: readonly Target[]
}

/** A space and what is worth telling about it. */
export interface BuiltSpace {
  readonly space: SpaceData
  readonly sizes: SpaceSizes
  /** named hosts of which exclusions left nothing, e.g. since the name resolved to an excluded address */
  readonly dropped: readonly { readonly name: string; readonly address: string }[]
}

/**
 * The space of all targets without all exclusions: each address, port and name is in it once, however often
 * and in whatever spelling it was named. Sizes are exact; whether they are wanted is {@link checkSize}'s matter.
 */
export function buildSpace({ targets, ports, exclude, doNotScan }: SpaceRequest): BuiltSpace {
  const sets = new PortSets()
  const scanPorts = sets.one(ports)
  const exclusions = openExclusions([...exclude, ...doNotScan])

  const pieces = targets.flatMap((target): Piece[] =>
    target.kind === 'range'
      ? [{ first: target.first, last: target.last, ports: target.ports ?? scanPorts }]
      : []
  )
  const wanted4 = joinPieces(
    pieces.filter(({ first }) => typeof first === 'number'),
    sets
  )
  const wanted6 = joinPieces(
    pieces.filter(({ first }) => typeof first === 'bigint'),
    sets
  )
  const ipv4 = withoutPieces(wanted4, exclusions.ipv4, sets)
  const ipv6 = withoutPieces(wanted6, exclusions.ipv6, sets)

  const wantedHosts = joinHosts(targets, scanPorts, sets)
  const hosts = wantedHosts.map((host) => ({ ...host, ports: allowedPorts(host, exclusions, sets) }))
  const dropped = hosts.filter((host) => host.ports.length === 0).map(nameAndAddress)
  const left = hosts.filter((host) => host.ports.length > 0)

  const areas = gatherAreas([...ipv4, ...ipv6], left)
  const pairs = countPairs([...ipv4, ...ipv6], left)
  const before = countPairs([...wanted4, ...wanted6], wantedHosts)
  const sizes = {
    addresses: countDifferent(ipv4, ipv6, left),
    ports: countPorts(joinPorts(areas.flatMap((area) => area.ports))),
    pairs,
    excluded: before - pairs
  }
  return { space: layOut(areas), sizes, dropped }
}

interface Host {
  readonly address: Address
  readonly name: string
  readonly ports: Ports
}

function joinHosts(targets: readonly ResolvedTarget[], scanPorts: Ports, sets: PortSets): Host[] {
  const hosts = new Map<string, Host>()
  const named = targets.filter((target): target is HostTarget => target.kind === 'host')
  for (const { address, name, ports } of named) {
    const key = `${address} ${name} ${typeof address}`
    const own = ports === null ? scanPorts : sets.one(ports)
    const known = hosts.get(key)
    hosts.set(key, { address, name, ports: known ? sets.join(known.ports, own) : own })
  }
  return [...hosts.values()]
}

function allowedPorts({ address, name, ports }: Host, exclusions: Exclusions, sets: PortSets): Ports {
  const here = sets.without(ports, sets.one(exclusions.portsOf(address)))
  return sets.without(here, sets.one(exclusions.portsOfName(name)))
}

function nameAndAddress({ name, address }: Host): { name: string; address: string } {
  return { name, address: formatAddress(address) }
}

type GrowingArea = { -readonly [K in keyof Area]: Area[K] extends readonly (infer T)[] ? T[] : never }

/** One area per set of ports, in the order in which the sets first appear. */
function gatherAreas(pieces: readonly Piece[], hosts: readonly Host[]): GrowingArea[] {
  const areas = new Map<Ports, GrowingArea>()
  const areaOf = (ports: Ports) => {
    const area = areas.get(ports) ?? { ranges4: [], ranges6: [], hosts: [], ports: [...ports] }
    areas.set(ports, area)
    return area
  }
  for (const { first, last, ports } of pieces) {
    if (typeof first === 'number') areaOf(ports).ranges4.push([first, Number(last)])
    else areaOf(ports).ranges6.push([first.toString(16), last.toString(16)])
  }
  for (const { address, name, ports } of hosts) areaOf(ports).hosts.push([formatAddress(address), name])
  return [...areas.values()]
}

/** The area with the most ranges stands in front; hosts on one port become single pairs. */
function layOut(areas: readonly GrowingArea[]): SpaceData {
  const count = ({ ranges4, ranges6 }: GrowingArea) => ranges4.length + ranges6.length
  const main = areas.find((area) => count(area) > 0 && areas.every((other) => count(other) <= count(area)))
  const pairs: SpaceData['pairs'][number][] = []
  const others: Area[] = []
  for (const area of areas) {
    const onePort = countPorts(area.ports) === 1
    if (onePort)
      for (const [address, name] of area.hosts) pairs.push([address, area.ports[0]?.[0] ?? 0, name])
    const rest = {
      ...area,
      hosts: onePort ? [] : area.hosts,
      ...(area === main ? { ranges4: [], ranges6: [] } : {})
    }
    if (count(rest) + rest.hosts.length > 0) others.push(rest)
  }
  const { ranges4 = [], ranges6 = [], ports = [] } = main ?? {}
  return {
    ranges4,
    ranges6,
    ports: expandPorts(ports),
    pairs,
    ...(others.length > 0 ? { areas: others } : {})
  }
}

function countPairs(pieces: readonly Piece[], hosts: readonly Host[]): number {
  const inRanges = pieces.reduce(
    (sum, { first, last, ports }) => sum + countAddresses(first, last) * countPorts(ports),
    0
  )
  return hosts.reduce((sum, { ports }) => sum + countPorts(ports), inRanges)
}

function countDifferent(ipv4: PortMap, ipv6: PortMap, hosts: readonly Host[]): number {
  const inRanges = [...ipv4, ...ipv6].reduce((sum, { first, last }) => sum + countAddresses(first, last), 0)
  const beside = new Set(hosts.map(({ address }) => address))
  for (const address of beside) {
    if (portsAt(typeof address === 'number' ? ipv4 : ipv6, address)) beside.delete(address)
  }
  return inRanges + beside.size
}
