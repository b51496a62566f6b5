import t from 'tap'
import { createCache } from '../../core/cache.ts'

t.test('a cache gives what it was given', (t) => {
  const cache = createCache<string, number>(2)
  t.equal(cache.get('a'), undefined)
  cache.set('a', 1)
  t.equal(cache.get('a'), 1)
  cache.set('a', 2)
  t.equal(cache.get('a'), 2)
  cache.clear()
  t.equal(cache.get('a'), undefined)
  t.end()
})

t.test('what is in use stays, however many keys go through, and the rest is forgotten', (t) => {
  const cache = createCache<number, number>(100)
  for (let key = 0; key < 10_000; key++) {
    cache.set(key, key)
    cache.get(7)
  }
  t.equal(cache.get(7), 7)
  const kept = Array.from({ length: 10_000 }, (_, key) => cache.get(key)).filter(
    (value) => value !== undefined
  )
  t.ok(kept.length <= 200, `${kept.length} are kept`)
  t.end()
})
