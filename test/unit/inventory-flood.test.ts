import t from 'tap'
import { dnsNames, forge } from './pki-forge.ts'
import { observed, servedChain, start, world } from './inventory-world.ts'

t.test('a certificate with tens of thousands of names is kept, and found by the first thousands', (t) => {
  const { store, scan } = world(t)
  const name = (at: number) => `n${at}.x`
  const { der } = forge({
    extensions: [dnsNames(...Array.from({ length: 20_000 }, (_, at) => name(at)))]
  })
  const { found } = scan().record(observed('10.0.0.1', { chains: [servedChain(der)] }))
  t.match(found, { seen: 1, certificates: 1 })
  const count = (certificateName: string) => store.pages.count({ certificateName }, start)
  t.equal(count(name(0)), 1)
  t.equal(count(name(4_999)), 1)
  t.equal(count(name(5_000)), 0, 'an index of all of them would be the disk of one server')
  t.end()
})
