import t from 'tap'
import { deviceKeyCases } from './device-keys.ts'
import { singleKind, pairKind } from './f5-bigip.ts'
const kind = process.env['KIND'] === 'pair' ? pairKind : singleKind
t.test('keys', { timeout: 900_000 }, async (t) => {
  const { cases, points } = await deviceKeyCases(t, kind)
  t.comment(`${cases.length} cases ${points.length} points`)
  const all = process.env['POINTS'] ? points : cases
  for (const one of all) await t.test(one.what, async (t) => {
    const world = await kind.open()
    try { await one.run(t, world) } finally { await world.stop() }
  })
})
