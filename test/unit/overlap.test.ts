import * as fc from 'fast-check'
import t from 'tap'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { shareNetworks } from '../../sensor/scan/targets/overlap.ts'
import { parseTarget } from '../../sensor/scan/targets/parse.ts'
import { buildSpace } from '../../sensor/scan/targets/space.ts'
import type { ResolvedTarget } from '../../sensor/scan/targets/target.ts'

function space(...targets: string[]): SpaceData {
  const named = targets.map((text) => parseTarget(text) as ResolvedTarget)
  return buildSpace({ targets: named, ports: [[443, 443]], exclude: [], doNotScan: [] }).space
}

t.test('spaces share networks exactly when a /24 or /64 has pairs of both', async (t) => {
  const lone = space('10.0.0.0/24', '10.9.0.1:8443', '2001:db8::1', '2001:db8:0:5::1:25')
  for (const text of [
    '10.0.0.200',
    '10.0.0.255-10.0.1.5',
    '9.0.0.0-11.0.0.0',
    '10.9.0.2',
    '2001:db8::ffff:1',
    '2001:db8:0:5::9'
  ]) {
    t.ok(shareNetworks(lone, space(text)), text)
    t.ok(shareNetworks(space('1.1.1.1', text), lone), text)
  }
  for (const text of ['10.0.1.0/24', '9.255.255.255', '10.9.1.1', '2001:db8:0:1::1', '2001:db8:0:4::/128'])
    t.notOk(shareNetworks(lone, space(text)), text)
  const named: SpaceData = {
    ...space(),
    pairs: [['192.0.2.9', 443, 'a.test']],
    areas: [{ ranges4: [], ranges6: [], hosts: [['198.51.100.9', 'b.test']], ports: [[443, 443]] }]
  }
  t.ok(shareNetworks(named, space('192.0.2.1')))
  t.ok(shareNetworks(space('198.51.100.1'), named))
  t.notOk(shareNetworks(named, lone))
})

t.test('spaces share networks as their addresses do, whatever they are', (t) => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 700 }))
    .map(([first, length]) => [0x0a00_0000 + first, 0x0a00_0000 + first + length] as const)
  const ranges = fc.array(range, { maxLength: 6 })
  const spaceOf = (list: readonly (readonly [number, number])[]): SpaceData => ({
    ranges4: [],
    ranges6: [],
    ports: [443],
    pairs: [],
    areas: list.map((one) => ({ ranges4: [one], ranges6: [], hosts: [], ports: [[443, 443]] }))
  })
  const subnets = (list: readonly (readonly [number, number])[]) =>
    new Set(
      list.flatMap(([first, last]) =>
        Array.from({ length: (last >>> 8) - (first >>> 8) + 1 }, (_, at) => (first >>> 8) + at)
      )
    )
  fc.assert(
    fc.property(
      ranges,
      ranges,
      (a, b) => shareNetworks(spaceOf(a), spaceOf(b)) === [...subnets(a)].some((one) => subnets(b).has(one))
    ),
    { seed: 3, numRuns: 500 }
  )
  t.end()
})
