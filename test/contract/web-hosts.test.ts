import t from 'tap'
import { connectorSuite } from './connector-suite.ts'
import { webHostKinds } from './web-hosts.ts'

t.test('web-hosts keeps the contract', { timeout: 3_600_000 }, async (t) => {
  let [cases, points] = [0, 0]
  for (const kind of webHostKinds) {
    const done = await connectorSuite(t, kind)
    cases += done.cases
    points += done.points
  }
  t.comment(`contract web-hosts: ${cases} cases, ${points} cut points`)
})
