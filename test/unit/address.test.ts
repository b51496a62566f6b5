import * as fc from 'fast-check'
import { isIP } from 'node:net'
import t from 'tap'
import {
  addressBytes,
  formatAddress,
  formatEndpoint,
  fromBytes,
  parseAddress,
  subnetOf
} from '../../core/address.ts'

const seed = 20261125

const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 })
const ipv4 = fc.integer({ min: 0, max: 0xffff_ffff })
const value = (groups: readonly number[]) => groups.reduce((sum, one) => (sum << 16n) | BigInt(one), 0n)
const hex = (groups: readonly number[]) => groups.map((one) => one.toString(16)).join(':')

t.test('an IPv4 address is a number and comes back as it was written', async (t) => {
  t.equal(parseAddress('10.0.3.9'), 10 * 2 ** 24 + 3 * 256 + 9)
  t.equal(parseAddress('255.255.255.255'), 2 ** 32 - 1)
  fc.assert(
    fc.property(ipv4, (address) => parseAddress(formatAddress(address)) === address),
    { seed }
  )
})

t.test(
  'an IPv6 address comes back in the form of RFC 5952, as the URL parser of Node writes it',
  async (t) => {
    fc.assert(
      fc.property(ipv6, (groups) => {
        const address = parseAddress(hex(groups))
        if (typeof address !== 'bigint') return value(groups) >> 32n === 0xffffn
        const text = formatAddress(address)
        return (
          address === value(groups) &&
          parseAddress(text) === address &&
          `[${text}]` === new URL(`http://[${hex(groups)}]/`).hostname
        )
      }),
      { seed, numRuns: 2000 }
    )
    t.equal(formatAddress(0n), '::')
    t.equal(formatAddress(2n ** 128n - 1n), Array(8).fill('ffff').join(':'))
  }
)

t.test('every spelling of an address is the same address', async (t) => {
  const same = [
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['0:0:0:0:0:FFFF:0a00:0001', '10.0.0.1'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['2001:DB8:0:0::0001', '2001:db8::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0']
  ] as const
  for (const [one, other] of same) {
    t.not(parseAddress(one), undefined, one)
    t.equal(parseAddress(one), parseAddress(other), `${one} is ${other}`)
  }
  t.not(parseAddress('::10.0.0.1'), parseAddress('10.0.0.1'), 'IPv4-compatible is another address than IPv4')
})

t.test('what different tools read differently is no address', async (t) => {
  const refused = [
    [
      '010.0.0.1',
      '10.0.0.08',
      '0x0a.0.0.1',
      '10.1',
      '167772161',
      '10.0.0',
      '10.0.0.0.1',
      '10.0.0.256',
      '1.2.3.'
    ],
    ['::ffff:010.0.0.1', '::ffff:0x7f.0.0.1', '::ffff:1.2.3', '::ffff:256.0.0.1', '::1.2.3.4.5', '1.2.3.4::'],
    [
      'fe80::1%eth0',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      ':1::',
      '',
      '::1 ',
      '[::1]',
      'a.b.c.d',
      '١.1.1.1'
    ]
  ].flat()
  for (const text of refused) t.equal(parseAddress(text), undefined, JSON.stringify(text))
})

t.test('nothing else than what Node takes for an address is one', async () => {
  const text = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.xX%'.split('')) })
  fc.assert(
    fc.property(text, (one) => parseAddress(one) === undefined || isIP(one) !== 0),
    { seed, numRuns: 20_000 }
  )
})

t.test('bytes and address are two forms of one thing', async (t) => {
  fc.assert(
    fc.property(ipv4, (address) => fromBytes(addressBytes(address)) === address),
    { seed }
  )
  fc.assert(
    fc.property(ipv6, (groups) => {
      const bytes = Uint8Array.from(groups.flatMap((one) => [one >> 8, one & 255]))
      return fromBytes(bytes) === parseAddress(hex(groups))
    }),
    { seed }
  )
  t.equal(
    fromBytes(Uint8Array.from([...Array(10).fill(0), 255, 255, 192, 0, 2, 1])),
    parseAddress('192.0.2.1')
  )
})

t.test('load is counted by /24 and /64', async (t) => {
  const subnet = (text: string) => subnetOf(parseAddress(text) ?? 0)
  t.equal(subnet('192.0.2.1'), subnet('192.0.2.254'))
  t.not(subnet('192.0.2.1'), subnet('192.0.3.1'))
  t.equal(subnet('2001:db8::1'), subnet('2001:db8::ffff:0:0:1'))
  t.not(subnet('2001:db8::1'), subnet('2001:db8:0:1::1'))
})

t.test('an endpoint has brackets around IPv6 only', async (t) => {
  t.equal(formatEndpoint('10.0.0.1', 443), '10.0.0.1:443')
  t.equal(formatEndpoint('2001:db8::1', 443), '[2001:db8::1]:443')
})
