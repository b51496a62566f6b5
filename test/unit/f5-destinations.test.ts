import * as fc from 'fast-check'
import t from 'tap'
import { formatAddress, fromBytes } from '../../core/address.ts'
import { readDestination, withAddress } from '../../connectors/f5-bigip/destinations.ts'

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).filter((some) => some.some((byte) => byte !== 0))
// an IPv4-mapped address is written as the IPv4 address that it is
const six = bytes(16).filter((some) => fromBytes(some) >= 0n && typeof fromBytes(some) === 'bigint')
const port = fc.integer({ min: 1, max: 65_535 })
const domain = fc.option(fc.integer({ min: 0, max: 65_534 }), { nil: null })
const folder = fc.constantFrom('', '/Common/', '/Prod/', '/Prod/shop/', '/Prod/shop-a/b/')

t.test('every IPv4 destination is read back, in every folder and route domain', (t) => {
  fc.assert(
    fc.property(bytes(4), port, domain, folder, (address, port, routeDomain, folder) => {
      const text = formatAddress(fromBytes(address))
      const read = readDestination(`${folder}${text}${routeDomain === null ? '' : `%${routeDomain}`}:${port}`)
      t.strictSame(read, { is: 'place', address: text, port, routeDomain }, 'read', { diff: '' })
    }),
    { numRuns: 200 }
  )
  t.end()
})

t.test('every IPv6 destination is read back: a dot stands before its port', (t) => {
  fc.assert(
    fc.property(six, port, domain, folder, (address, port, routeDomain, folder) => {
      const text = formatAddress(fromBytes(address))
      const read = readDestination(`${folder}${text}${routeDomain === null ? '' : `%${routeDomain}`}.${port}`)
      t.strictSame(read, { is: 'place', address: text, port, routeDomain }, 'read', { diff: '' })
    }),
    { numRuns: 200 }
  )
  t.end()
})

t.test('whatever stands there, it is a place with a good port, or a reason', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[/a-f0-9:.%any]*$/)), (text) => {
      const read = readDestination(text)
      if (read.is === 'place') t.ok(read.port > 0 && read.port <= 65_535 && read.address !== '')
      else t.match(read.why, /\w/)
    }),
    { numRuns: 500 }
  )
  t.end()
})

t.test('forms that the device writes', (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ['/Common/10.0.0.10:443', { is: 'place', address: '10.0.0.10', port: 443, routeDomain: null }],
    ['/Common/10.0.0.10%2:443', { is: 'place', address: '10.0.0.10', port: 443, routeDomain: 2 }],
    ['/Common/2001:db8::10.443', { is: 'place', address: '2001:db8::10', port: 443, routeDomain: null }],
    ['/Common/2001:db8::10%3.443', { is: 'place', address: '2001:db8::10', port: 443, routeDomain: 3 }],
    ['/Prod/shop/10.0.0.10:https', { is: 'place', address: '10.0.0.10', port: 443, routeDomain: null }],
    ['10.0.0.10:8443', { is: 'place', address: '10.0.0.10', port: 8443, routeDomain: null }],
    ['/Common/::ffff:10.0.0.10.443', { is: 'place', address: '10.0.0.10', port: 443, routeDomain: null }],
    ['/Common/10.0.0.10:0', { is: 'no-place', why: 'it listens on every port' }],
    ['/Common/10.0.0.10:any', { is: 'no-place', why: 'it listens on every port' }],
    ['/Common/2001:db8::10.any', { is: 'no-place', why: 'it listens on every port' }],
    ['/Common/0.0.0.0:443', { is: 'no-place', why: 'it listens on every address' }],
    ['/Common/any:443', { is: 'no-place', why: 'it listens on every address' }],
    ['/Common/any6.443', { is: 'no-place', why: 'it listens on every address' }],
    ['/Common/::.443', { is: 'no-place', why: 'it listens on every address' }],
    ['/Common/shop-address:443', { is: 'no-place', why: 'its address is the name shop-address' }],
    ['/Common/10.0.0.10:70000', { is: 'no-place', why: 'its port is 70000' }],
    ['', { is: 'no-place', why: 'it has no destination' }]
  ]
  for (const [text, wanted] of rows) t.strictSame(readDestination(text), wanted, text)
  t.end()
})

t.test('a virtual address that is named is looked up, others stay as they are', (t) => {
  const addresses = new Map([
    ['/Common/shop-address', '10.0.0.10%2'],
    ['/Prod/six', '2001:db8::10']
  ])
  const rows: readonly (readonly [string, string])[] = [
    ['/Common/shop-address:443', '10.0.0.10%2:443'],
    ['/Prod/six:443', '2001:db8::10.443'],
    ['/Prod/shop-address:443', '/Prod/shop-address:443'],
    ['/Common/10.0.0.10:443', '/Common/10.0.0.10:443'],
    ['/Common/any6.443', '/Common/any6.443']
  ]
  for (const [text, wanted] of rows) t.equal(withAddress(text, addresses), wanted, text)
  t.end()
})
