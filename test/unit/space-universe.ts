import * as fc from 'fast-check'
import { type Address, formatAddress } from '../../core/address.ts'
import type { Space } from '../../sensor/scan/space.ts'
import { expandPorts, joinPorts, type Ports } from '../../sensor/scan/targets/ports.ts'
import type { HostTarget, NameTarget, RangeTarget, Target } from '../../sensor/scan/targets/target.ts'

// A world so small that every pair in it can be named: what buildSpace computes is held against plain sets.

/** Where the few addresses lie: in the middle, at both ends, and where a signed number would turn over. */
const bases4 = [0, 0x0a00_0000, 0x7fff_fff8, 0xffff_fff0]
const bases6 = [0n, 0x2001_0db8n << 96n, (0x2001_0db8n << 96n) + 0xffff_fff8n, 2n ** 128n - 16n]
const width = 16
const names = ['a.example', 'b.example', 'c.example']

const ports = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 2 })), {
    minLength: 1,
    maxLength: 2
  })
  .map((all) => joinPorts(all.map(([first, more]) => [first, first + more] as const)))

const ownPorts = fc.option(ports)

const range: fc.Arbitrary<RangeTarget> = fc
  .tuple(fc.constantFrom<Address>(...bases4, ...bases6), fc.nat(width - 1), fc.nat(width - 1), ownPorts)
  .map(([base, one, other, own]) => {
    const [first, last] = [plus(base, Math.min(one, other)), plus(base, Math.max(one, other))]
    return { kind: 'range', first, last, ports: own, note: null }
  })

const host: fc.Arbitrary<HostTarget> = fc
  .tuple(
    fc.constantFrom<Address>(...bases4, ...bases6),
    fc.nat(width - 1),
    fc.constantFrom(...names),
    ownPorts
  )
  .map(([base, more, name, own]) => ({ kind: 'host', address: plus(base, more), name, ports: own }))

const name: fc.Arbitrary<NameTarget> = fc
  .tuple(fc.constantFrom(...names), ownPorts)
  .map(([one, own]) => ({ kind: 'name', name: one, ports: own }))

/** Anything that can be asked of buildSpace in this world. */
export const request = fc.record({
  targets: fc.array(fc.oneof(range, host), { maxLength: 8 }),
  ports,
  exclude: fc.array(fc.oneof(range, host, name), { maxLength: 4 }),
  doNotScan: fc.array(fc.oneof(range, host, name), { maxLength: 3 })
})

function plus(base: Address, more: number): Address {
  return typeof base === 'number' ? base + more : base + BigInt(more)
}

/** `address port name`: a pair as a member of a set. */
export function member(address: Address, port: number, name: string | null): string {
  return `${formatAddress(address)} ${port} ${name ?? '-'}`
}

/** Every pair of a space by walking it. */
export function walked(space: Space): string[] {
  return Array.from({ length: space.size }, (_, index) => {
    const pair = space.at(index)
    return member(pair.address, pair.port, pair.name)
  })
}

/** The pairs that targets name, one by one. */
export function named(targets: readonly Target[], scanPorts: Ports): Set<string> {
  const pairs = new Set<string>()
  for (const target of targets) {
    if (target.kind === 'name') continue
    const server = target.kind === 'host' ? target.name : null
    const all = target.kind === 'host' ? [target.address] : addressesOf(target)
    for (const port of expandPorts(target.ports ?? scanPorts)) {
      for (const address of all) pairs.add(member(address, port, server))
    }
  }
  return pairs
}

/** The pairs that none of the exclusions covers. */
export function spared(pairs: ReadonlySet<string>, exclusions: readonly Target[]): Set<string> {
  return new Set([...pairs].filter((pair) => !exclusions.some((exclusion) => covers(exclusion, pair))))
}

function covers(exclusion: Target, pair: string): boolean {
  const [address, port, server] = pair.split(' ')
  if (exclusion.ports !== null && !expandPorts(exclusion.ports).includes(Number(port))) return false
  if (exclusion.kind === 'name') return exclusion.name === server
  const all = exclusion.kind === 'host' ? [exclusion.address] : addressesOf(exclusion)
  return (
    (exclusion.kind === 'host' && exclusion.name === server) ||
    all.some((one) => formatAddress(one) === address)
  )
}

function addressesOf({ first, last }: RangeTarget): Address[] {
  const all: Address[] = []
  for (let address = first; address <= last; address = plus(address, 1)) all.push(address)
  return all
}

/** Every address and port there is in the world. */
export function everywhere(): readonly (readonly [address: Address, port: number])[] {
  return [...bases4, ...bases6].flatMap((base) =>
    Array.from({ length: width }, (_, more) => plus(base, more)).flatMap((address) =>
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((port) => [address, port] as const)
    )
  )
}
