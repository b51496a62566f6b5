import t from 'tap'
import { sweepOptions, type SweepWishes } from '../../sensor/scan/defaults.ts'
import { foretell } from '../../sensor/scan/duration.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { loadOf } from '../../sensor/scan/targets/load.ts'
import { parseTarget } from '../../sensor/scan/targets/parse.ts'
import { parsePorts } from '../../sensor/scan/targets/ports.ts'
import { buildSpace } from '../../sensor/scan/targets/space.ts'
import type { ResolvedTarget } from '../../sensor/scan/targets/target.ts'

function spaceOf(
  targets: readonly string[],
  ports: string,
  hosts: readonly ResolvedTarget[] = []
): SpaceData {
  const named = targets.map(parseTarget) as ResolvedTarget[]
  const request = { ports: parsePorts(ports), exclude: [], doNotScan: [] }
  return buildSpace({ ...request, targets: [...named, ...hosts] }).space
}

/** Seconds from and to, by the polite pace or what is wished otherwise. */
function seconds(space: SpaceData, wishes: SweepWishes = {}): number[] {
  const { leastMs, mostMs } = foretell(loadOf(space), sweepOptions(wishes))
  return [leastMs, mostMs].map((ms) => Math.round(ms / 1000))
}

t.test('the load of a space is exact where it matters', async (t) => {
  t.same(loadOf(spaceOf(['10.0.0.0/16'], 'default')), {
    pairs: 65_536 * 22,
    hostPairs: 22,
    subnetPairs: 256 * 22
  })
  t.same(loadOf(spaceOf(['10.0.0.200-10.0.2.9'], '1-10')), {
    pairs: 3_220,
    hostPairs: 10,
    subnetPairs: 2_560
  })
  t.same(loadOf(spaceOf(['10.0.0.200-10.0.1.9'], '1-10')), { pairs: 660, hostPairs: 10, subnetPairs: 560 })
  t.same(
    loadOf(spaceOf(['10.0.0.1', '10.0.0.9', '10.1.0.0-10.1.0.1', '10.0.0.77:1-100'], '443')),
    { pairs: 104, hostPairs: 100, subnetPairs: 102 },
    'what has ports of its own counts in its subnet'
  )
  t.same(loadOf(spaceOf(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'], '1-5')), {
    pairs: 15,
    hostPairs: 5,
    subnetPairs: 10
  })
  const hosts = ['a.test', 'b.test', 'c.test'].map(
    (name) => ({ kind: 'host', address: 0x0a00_0001, name, ports: [[443, 444]] }) as const
  )
  t.same(loadOf(spaceOf(['10.0.0.2'], '443', hosts)), { pairs: 7, hostPairs: 6, subnetPairs: 7 })
})

t.test('a silent /24 is foretold as long as it takes: 64 at once, half a second twice', async (t) => {
  t.same(seconds(spaceOf(['10.0.0.0/24'], 'default')), [14, 88])
})

t.test('whichever limit takes longest decides', async (t) => {
  const oneHost = spaceOf(['10.0.0.1'], '1-1000')
  t.same(seconds(oneHost), [20, 1_000], 'one connection at a time to an address')
  t.same(seconds(oneHost, { pace: { hostConcurrency: 10 } }), [20, 100])
  t.same(seconds(oneHost, { pace: { hostRate: 5 } }), [200, 1_000])
  t.same(seconds(oneHost, { repeats: 0 }), [20, 500])
  t.same(seconds(oneHost, { connect: { floorMs: 100, ceilingMs: 100 } }), [20, 200])
  const wide = spaceOf(['10.0.0.0/16'], '443')
  t.same(seconds(wide), [33, 66])
  t.same(seconds(wide, { pace: { rate: 100 } }), [655, 1_311])
  t.same(seconds(wide, { pace: { concurrency: 10 } }), [33, 6_554])
  t.same(seconds(wide, { pace: { subnetRate: 1 } }), [256, 512])
  t.same(seconds(wide, { pace: { subnetConcurrency: 1 } }), [33, 256])
})
