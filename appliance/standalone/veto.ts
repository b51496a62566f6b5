import { parseAddress } from '../../core/address.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { type Exclusions } from '../../sensor/scan/targets/exclusions.ts'
import { joinPieces, type Piece, PortSets, withoutPieces } from '../../sensor/scan/targets/port-map.ts'
import { expandPorts, joinPorts } from '../../sensor/scan/targets/ports.ts'

/**
 * Does the space hold anything that must not be touched? A space is made without what was excluded at the time;
 * a list may have grown since.
 */
export function touches(space: SpaceData, exclusions: Exclusions): boolean {
  return rangesTouch(space, exclusions) || hostsTouch(space, exclusions)
}

function rangesTouch(space: SpaceData, { ipv4, ipv6 }: Exclusions): boolean {
  const sets = new PortSets()
  const main = {
    ranges4: space.ranges4,
    ranges6: space.ranges6,
    ports: joinPorts(space.ports.map((port) => [port, port]))
  }
  const pieces = [main, ...(space.areas ?? [])].flatMap(({ ranges4, ranges6, ports }): Piece[] => [
    ...ranges4.map(([first, last]) => ({ first, last, ports })),
    ...ranges6.map(([first, last]) => ({ first: BigInt(`0x${first}`), last: BigInt(`0x${last}`), ports }))
  ])
  return [ipv4, ipv6].some((taken, family) => {
    const own = pieces.filter(({ first }) => typeof first === (family === 0 ? 'number' : 'bigint'))
    const whole = joinPieces(own, sets)
    const left = withoutPieces(whole, taken, sets)
    return left.length !== whole.length || left.some((piece, at) => !samePiece(piece, whole[at]))
  })
}

function samePiece(a: Piece, b: Piece | undefined): boolean {
  return a.first === b?.first && a.last === b.last && a.ports === b.ports
}

function hostsTouch(space: SpaceData, exclusions: Exclusions): boolean {
  const covers = (text: string, port: number, name: string | null) => {
    const address = parseAddress(text)
    return address !== undefined && exclusions.covers(address, port, name)
  }
  return (
    space.pairs.some(([address, port, name]) => covers(address, port, name)) ||
    (space.areas ?? []).some(({ hosts, ports }) =>
      hosts.some(([address, name]) => expandPorts(ports).some((port) => covers(address, port, name)))
    )
  )
}
