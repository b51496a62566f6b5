import t from 'tap'
import { parseAddress, type Address } from '../../core/address.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import { chainOf, codesOf, day, leaf, observed, publicIssuer, world, type World } from './inventory-world.ts'

const shown = { chains: [chainOf(leaf('shop.example'), publicIssuer)] }

/** The endpoints that are there, as text. */
function present({ store, clock }: World): string[] {
  const { rows } = store.pages.page({ filter: {}, order: 'address', limit: 1000, now: clock.time })
  return rows.map(({ address, port, name }) => `${Number(address) & 255}:${port} ${name ?? '-'}`)
}

const everywhere = () => true

t.test('what a whole scan did not see is gone, and only that', async (t) => {
  const here = world(t)
  const { store, clock } = here
  const first = here.scan()
  first.record(observed('10.0.0.1', shown), observed('10.0.0.2', shown), observed('10.0.0.3', shown))
  t.equal(await finishScan(here, { scan: first.id, contains: everywhere }), 0)
  clock.time += day
  const second = here.scan()
  second.record(observed('10.0.0.1', { ...shown, at: clock.time }))
  const contains = (address: Address) => address !== parseAddress('10.0.0.3')
  clock.time += 1
  t.equal(await finishScan(here, { scan: second.id, contains }), 1)
  t.same(present(here), ['1:443 -', '3:443 -'], 'the third was not part of it')
  const [gone] = store.pages.page({
    filter: { presence: 'gone' },
    order: 'address',
    limit: 9,
    now: clock.time
  }).rows
  t.match(gone, { why: 'not-seen', since: clock.time, lastSeen: clock.time - day - 1 })
  t.match(store.scans.get(second.id), { state: 'finished', gone: 1, ended: clock.time })
})

t.test('what troubled the scan, or was gone before, is not missed', async (t) => {
  const here = world(t)
  const first = here.scan()
  first.record(observed('10.0.0.1', shown), observed('10.0.0.2', shown))
  await finishScan(here, { scan: first.id, contains: everywhere })
  here.clock.time += day
  const second = here.scan()
  const at = here.clock.time
  second.record(
    observed('10.0.0.1', { outcome: 'stalled', at }),
    observed('10.0.0.2', { outcome: 'closed', at })
  )
  t.equal(await finishScan(here, { scan: second.id, contains: everywhere }), 0)
  t.same(present(here), ['1:443 -'])
  t.match(here.store.scans.get(second.id), { gone: 1 }, 'the closed one was counted when it was seen')
})

t.test('what another scan saw meanwhile is not gone', async (t) => {
  const here = world(t)
  const first = here.scan()
  first.record(observed('10.0.0.1', shown))
  await finishScan(here, { scan: first.id, contains: everywhere })
  here.clock.time += day
  const [slow, quick] = [here.scan(), here.scan()]
  here.clock.time += 1
  quick.record(observed('10.0.0.1', { ...shown, at: here.clock.time }))
  await finishScan(here, { scan: quick.id, contains: everywhere })
  t.equal(await finishScan(here, { scan: slow.id, contains: everywhere }), 0)
})

t.test('a name that was not asked for stays while the port answers, and goes with it', async (t) => {
  const here = world(t)
  const first = here.scan()
  first.record(
    observed('10.0.0.1', shown),
    observed('10.0.0.1', { ...shown, name: 'shop.example' }),
    observed('10.0.0.1:8443', { ...shown, name: 'shop.example' })
  )
  await finishScan(here, { scan: first.id, contains: everywhere })
  here.clock.time += day
  const second = here.scan()
  second.record(observed('10.0.0.1', { ...shown, at: here.clock.time }))
  t.equal(await finishScan(here, { scan: second.id, contains: everywhere }), 1)
  t.same(present(here), ['1:443 -', '1:443 shop.example'])
  here.clock.time += day
  const third = here.scan()
  third.record(observed('10.0.0.1', { outcome: 'not-tls', at: here.clock.time }))
  t.equal(await finishScan(here, { scan: third.id, contains: everywhere }), 1)
  t.same(present(here), [])
})

t.test('an unknown number of endpoints is walked in small steps', async (t) => {
  const here = world(t)
  const first = here.scan()
  const places = Array.from({ length: 4500 }, (_, at) => `10.1.${at >> 8}.${at & 255}`)
  first.record(...places.map((place) => observed(place, shown)))
  await finishScan(here, { scan: first.id, contains: everywhere })
  here.clock.time += day
  const second = here.scan()
  second.record(observed('10.1.0.0', { ...shown, at: here.clock.time }))
  t.equal(await finishScan(here, { scan: second.id, contains: everywhere }), 4499)
  t.same(present(here), ['0:443 -'])
})

t.test('a key in several certificates or on many addresses is a finding while that is so', async (t) => {
  const here = world(t)
  const { store, clock } = here
  const one = leaf('one.example')
  const two = leaf('two.example', { key: one.key })
  const first = here.scan()
  const chains = { chains: [chainOf(one, publicIssuer)] }
  const twelve = Array.from({ length: 12 }, (_, at) => observed(`10.0.0.${at}`, chains))
  const { endpoints } = first.record(...twelve)
  await finishScan(here, { scan: first.id, contains: everywhere })
  const id = endpoints[0] ?? 0
  const leafId = store.certificates.idOf(one.fingerprint) ?? 0
  const found = () => store.findings.of({ kind: 'key', id: leafId }, clock.time)
  t.match(found(), [{ code: 'same-key', severity: 'note', facts: { certificates: 1, addresses: 12 } }])
  t.ok(codesOf(store, id, clock.time).includes('same-key'))

  clock.time += day
  const second = here.scan()
  second.record(
    observed('10.0.0.0', { ...chains, at: clock.time }),
    observed('10.0.0.1', { chains: [chainOf(two, publicIssuer)], at: clock.time })
  )
  await finishScan(here, { scan: second.id, contains: everywhere })
  t.match(found(), [{ code: 'same-key', severity: 'warning', facts: { certificates: 2, addresses: 2 } }])

  clock.time += day
  const third = here.scan()
  third.record(observed('10.0.0.0', { ...chains, at: clock.time }))
  await finishScan(here, { scan: third.id, contains: everywhere })
  t.same(found(), [])
  const twoId = store.certificates.idOf(two.fingerprint) ?? 0
  t.same(store.findings.of({ kind: 'key', id: twoId }, clock.time), [], 'nobody shows it any more')
})
