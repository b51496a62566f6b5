import * as fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import {
  countPorts,
  expandPorts,
  formatPorts,
  hasPort,
  joinPorts,
  parsePort,
  parsePorts,
  type Ports,
  withoutPorts
} from '../../sensor/scan/targets/ports.ts'

const seed = 20261125
const ranges = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 8 }))
    .map(([first, more]) => [first, first + more] as const)
)
const members = (all: readonly (readonly [number, number])[]) =>
  new Set(all.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, at) => first + at)))
const sorted = (all: Iterable<number>) => [...all].sort((a, b) => a - b)
const tidy = (ports: Ports) =>
  ports.every(([first, last], at) => first <= last && (at === 0 || first > (ports[at - 1]?.[1] ?? 0) + 1))

t.test('the default set is what data centres serve TLS on', async (t) => {
  const list = [
    443, 8443, 21, 636, 993, 995, 465, 587, 25, 110, 143, 389, 3389, 1433, 5222, 5269, 5432, 3306, 5061
  ]
  t.same(expandPorts(parsePorts('default')), sorted([...list, 6443, 9443, 10_443]))
})

t.test('sets, ranges and exclusions are combined, ascending and each once', async (t) => {
  t.same(parsePorts('all'), [[1, 65_535]])
  t.equal(formatPorts(parsePorts('443,8443, 443,8000-8002,8001-8005')), '443,8000-8005,8443')
  t.equal(formatPorts(parsePorts('mail,-25')), '110,143,465,587,993,995')
  t.equal(formatPorts(parsePorts('-8005-9000,8000-8010,web,-8443')), '443,4443,7443,8000-8004,9443,10443')
  t.equal(formatPorts(parsePorts('1-10,-mail,-5')), '1-4,6-10')
  t.equal(countPorts(parsePorts('all,-443')), 65_534)
  t.equal(parsePort('65535'), 65_535)
})

t.test('each mistake is told by field, value and remedy', async (t) => {
  const mistakes: readonly (readonly [text: string, says: RegExp])[] = [
    ['0', /port "0": a port is 1 to 65535\. Write ports 1-65535/],
    ['70000', /port "70000"/],
    ['443,70000-70001', /port "70000"/],
    ['8100-8000', /ports "8100-8000": the range is reversed/],
    ['', /empty item/],
    ['443,,8443', /empty item/],
    ['https', /"https" is no port, range or named set.*default, web, mail, all/],
    ['44 3', /"44 3" is no port/],
    ['1.5', /is no port/],
    ['0x1bb', /is no port/],
    ['-25', /nothing is left/],
    ['443,-all', /nothing is left/],
    ['99999999999999999999', /a port is 1 to 65535/],
    ['constructor', /is no port/]
  ]
  for (const [text, says] of mistakes) {
    t.throws(() => parsePorts(text), { code: 'port-malformed', message: says }, JSON.stringify(text))
  }
})

t.test('sets of ports behave as sets', async () => {
  fc.assert(
    fc.property(ranges, ranges, (a, b) => {
      const [one, other] = [joinPorts(a), joinPorts(b)]
      const rest = withoutPorts(one, other)
      assert.ok(tidy(one) && tidy(rest))
      assert.deepEqual(expandPorts(one), sorted(members(a)))
      assert.deepEqual(expandPorts(rest), sorted([...members(a)].filter((port) => !members(b).has(port))))
      assert.equal(countPorts(rest), expandPorts(rest).length)
      for (let port = 1; port < 50; port++)
        assert.equal(hasPort(rest, port), members(a).has(port) && !members(b).has(port))
      if (one.length > 0) assert.deepEqual(parsePorts(formatPorts(one)), one)
    }),
    { seed, numRuns: 200 }
  )
})

t.test('100,000 strings of garbage give ports or a fault, never another error', async (t) => {
  const near = fc.string({ unit: fc.constantFrom(...'01456789,,--a '.split('')) })
  const words = fc.array(fc.constantFrom('443', '-', ',', 'all', 'web', '8000-9000', '-25', '65536', ' '), {
    maxLength: 8
  })
  const garbage = fc.oneof(
    near,
    words.map((all) => all.join('')),
    fc.string({ unit: 'binary' })
  )
  const counts = { ports: 0, faults: 0 }
  fc.assert(
    fc.property(garbage, (text) => {
      try {
        const ports = parsePorts(text)
        counts.ports++
        return tidy(ports) && countPorts(ports) > 0 && hasPort([[1, 65_535]], ports.at(-1)?.[1] ?? 0)
      } catch (thrown) {
        counts.faults++
        return thrown instanceof Fault && thrown.code === 'port-malformed' && thrown.message.length < 400
      }
    }),
    { seed, numRuns: 100_000 }
  )
  t.ok(counts.ports > 1000 && counts.faults > 1000, `${counts.ports} lists of ports, ${counts.faults} faults`)
})
