import t from 'tap'
import * as fc from 'fast-check'
import { parseAddress, type Address } from '../../core/address.ts'
import { isKnown, knownPlaces } from '../../sensor/scan/known-places.ts'

const address = (text: string): Address => parseAddress(text) ?? Number.NaN

t.test('a place is known by address and port, whatever the order in which it came', (t) => {
  const known = knownPlaces([
    { address: address('255.255.255.255'), port: 65_535 },
    { address: address('2001:db8::1'), port: 443 },
    { address: address('0.0.0.0'), port: 1 },
    { address: address('10.0.0.1'), port: 443 }
  ])
  for (const [text, port] of [
    ['255.255.255.255', 65_535],
    ['2001:db8::1', 443],
    ['0.0.0.0', 1],
    ['10.0.0.1', 443]
  ] as const) {
    t.ok(isKnown(known, address(text), port), text)
    t.notOk(isKnown(known, address(text), port === 1 ? 2 : port - 1), `${text}, another port`)
  }
  t.notOk(isKnown(known, address('10.0.0.2'), 443))
  t.notOk(isKnown(knownPlaces([]), address('10.0.0.1'), 443))
  t.same(structuredClone(known), known, 'it goes to a worker as it is')
  t.end()
})

t.test('exactly what was gathered is known', (t) => {
  const place = fc.record({ address: fc.nat({ max: 40 }), port: fc.integer({ min: 1, max: 5 }) })
  fc.assert(
    fc.property(fc.array(place, { maxLength: 60 }), place, (places, asked) => {
      const expected = places.some((one) => one.address === asked.address && one.port === asked.port)
      return isKnown(knownPlaces(places), asked.address, asked.port) === expected
    }),
    { seed: 7, numRuns: 500 }
  )
  t.end()
})
