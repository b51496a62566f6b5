import * as fc from 'fast-check'
import t from 'tap'
import { finishScan } from '../../sensor/inventory/finish.ts'
import {
  ascii,
  commonName,
  dnsNames,
  extension,
  forge,
  generalizedTime,
  sequence,
  utcTime
} from './pki-forge.ts'
import { codesOf, leaf, observed, publicIssuer, servedChain, start, world } from './inventory-world.ts'

const real = [leaf('a.example'), publicIssuer].map(({ der }) => Uint8Array.from(der))

/** A real certificate with a few bytes changed, cut or repeated. */
const broken: fc.Arbitrary<Uint8Array> = fc
  .record({
    at: fc.constantFrom(0, 1),
    changes: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    length: fc.option(fc.nat({ max: 900 }))
  })
  .map(({ at, changes, length }) => {
    const bytes = Uint8Array.from(real[at] ?? [])
    for (const [place, value] of changes) bytes[place % bytes.length] = value
    return length === null ? bytes : bytes.subarray(0, length)
  })

t.test('whatever a server sends as its chain is recorded, and nothing is thrown', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  let host = 0
  fc.assert(
    fc.property(fc.array(broken, { minLength: 1, maxLength: 4 }), (ders) => {
      const place = `10.${host >> 16}.${(host >> 8) & 255}.${host++ & 255}`
      const { endpoints } = record(observed(place, { chains: [servedChain(...ders)], name: 'a.example' }))
      return endpoints.length === 1
    }),
    { seed: 20261102, numRuns: 1_500 }
  )
  t.equal(store.pages.count({}, start), host)
  t.ok(store.pages.count({ finding: 'unreadable-certificate' }, start) > 50)
  t.end()
})

t.test('certificates at the edges of what X.509 allows are kept', async (t) => {
  const here = world(t)
  const scan = here.scan()
  const many = Array.from({ length: 3_000 }, (_, at) => `host-${at}.example`)
  const odd = {
    'without any name': { subject: sequence(), extensions: [] },
    'with a name of control characters': { subject: commonName('a\0b\u001b[31m\u202e'), extensions: [] },
    'with thousands of names': { extensions: [dnsNames(...many)] },
    'with the same name twice': { extensions: [dnsNames('a.example', 'a.example', 'A.example')] },
    'with an empty and a strange name': { extensions: [dnsNames('', '..', '\u0000', '*.*.x')] },
    'that ended before it began': { notBefore: utcTime('300101000000Z'), notAfter: utcTime('200101000000Z') },
    'from the year 0 to 9999': {
      notBefore: generalizedTime('00000101000000Z'),
      notAfter: generalizedTime('99991231235959Z')
    },
    'of one moment': { notBefore: utcTime('260101000000Z'), notAfter: utcTime('260101000000Z') },
    'with an address that is none': { extensions: [extension('2.5.29.17', sequence(ascii(0x87, 'abc')))] }
  }
  let host = 0
  for (const [what, recipe] of Object.entries(odd)) {
    const { der } = forge(recipe)
    const { found, endpoints } = scan.record(
      observed(`10.0.0.${++host}`, { chains: [servedChain(der, der)], name: 'a.example' })
    )
    t.match(found, { added: 1, certificates: 1 }, what)
    t.ok(codesOf(here.store, endpoints[0] ?? 0, start).length > 0, 'and judged')
  }
  await finishScan(here, { scan: scan.id, contains: () => true })
  const { rows } = here.store.pages.page({ filter: {}, order: 'name', limit: 100, now: start })
  t.equal(rows.length, host)
  t.equal(here.store.pages.count({ certificateName: 'host-2999.example' }, start), 1)
})
