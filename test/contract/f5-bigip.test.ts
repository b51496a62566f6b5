import t from 'tap'
import { connectorSuite } from './connector-suite.ts'
import { pairKind, singleKind } from './f5-bigip.ts'

t.test('a single BIG-IP keeps the contract', { timeout: 1_800_000 }, async (t) => {
  const { cases, points } = await connectorSuite(t, singleKind)
  t.comment(`contract f5-bigip: ${cases} cases, ${points} cut points`)
  t.ok(points > 40, 'requests are cut, too')
})

t.test('a pair of BIG-IPs keeps the contract', { timeout: 1_800_000 }, async (t) => {
  const { cases, points } = await connectorSuite(t, pairKind)
  t.comment(`contract f5-bigip pair: ${cases} cases, ${points} cut points`)
  t.ok(points > 60, 'requests are cut, too')
})
