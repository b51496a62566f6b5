import t from 'tap'
import { spanOf } from '../../appliance/span.ts'

t.test('spans are read with their units, and a bare number in the usual one', (t) => {
  for (const [text, ms] of [
    ['1', 86_400_000],
    ['500ms', 500],
    ['1.5d', 129_600_000],
    ['30min', 1_800_000],
    ['12h', 43_200_000],
    ['1w', 604_800_000]
  ] as const)
    t.equal(spanOf(text, 'd'), ms, text)
  t.equal(spanOf('3', 's'), 3_000)
  for (const text of ['', '0', '0d', '-1d', '1y', 'd', '1 d d']) t.equal(spanOf(text, 'd'), null, text)
  t.end()
})
