import t from 'tap'
import { formatAddress } from '../../core/address.ts'
import { changesBetween, changesOfScan, type Change } from '../../sensor/inventory/diff.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import { chainOf, day, leaf, observed, publicIssuer, world, type World } from './inventory-world.ts'

const old = leaf('old.example')
const renewed = leaf('old.example')
const oldChain = { chains: [chainOf(old, publicIssuer)] }
const newChain = { chains: [chainOf(renewed, publicIssuer)] }

/** A scan that sees exactly this, a day after the one before. */
async function scanned(here: World, ...seen: readonly Observation[]): Promise<number> {
  here.clock.time += day
  const scan = here.scan()
  scan.record(...seen.map((one) => ({ ...one, at: here.clock.time })))
  here.clock.time += 1
  await finishScan(here, { scan: scan.id, contains: () => true })
  return scan.id
}

function told(changes: Iterable<Change>): string[] {
  return Array.from(changes, ({ change, address, port, fields }) =>
    `${change} ${formatAddress(address)}:${port} ${fields.join(',')}`.trim()
  )
}

t.test('a scan tells what is new, changed, gone and back', async (t) => {
  const here = world(t)
  const places = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
  const first = await scanned(here, ...places.map((place) => observed(place, oldChain)))
  const second = await scanned(
    here,
    observed('10.0.0.1', oldChain),
    observed('10.0.0.2', { ...newChain, version: 0x0303 }),
    observed('10.0.0.3', { outcome: 'closed' }),
    observed('10.0.0.5', oldChain)
  )
  const third = await scanned(here, ...places.map((place) => observed(place, oldChain)))
  t.same(
    told(changesOfScan(here.store, first)),
    places.map((place) => `new ${place}:443`)
  )
  t.same(told(changesOfScan(here.store, second)), [
    'changed 10.0.0.2:443 version,certificates,chains',
    'gone 10.0.0.3:443',
    'gone 10.0.0.4:443',
    'new 10.0.0.5:443'
  ])
  t.same(told(changesOfScan(here.store, third)), [
    'changed 10.0.0.2:443 version,certificates,chains',
    'returned 10.0.0.3:443',
    'returned 10.0.0.4:443',
    'gone 10.0.0.5:443'
  ])
  const outcomes = Array.from(changesOfScan(here.store, second), ({ after }) => after.outcome)
  t.same(outcomes, ['certificate', 'closed', 'not-seen', 'certificate'])
  t.same(told(changesBetween(here.store, { from: first, to: third })), [])
  t.same(
    told(changesBetween(here.store, { from: second, to: third })),
    told(changesOfScan(here.store, third))
  )
})

t.test('a change shows what was before and what is after', async (t) => {
  const here = world(t)
  await scanned(here, observed('10.0.0.1', oldChain))
  const second = await scanned(here, observed('10.0.0.1', { ...newChain, cipher: 0x1302 }))
  await scanned(here, observed('10.0.0.1', { outcome: 'stalled' }))
  const [change] = changesOfScan(here.store, second)
  t.match(change, {
    change: 'changed',
    name: null,
    before: {
      present: true,
      outcome: 'certificate',
      cipher: 0x1301,
      certificates: [{ fingerprint: old.fingerprint }]
    },
    after: {
      present: true,
      outcome: 'certificate',
      cipher: 0x1302,
      certificates: [{ fingerprint: renewed.fingerprint }]
    },
    fields: ['cipher', 'certificates', 'chains']
  })
})

t.test('what is gone shows nothing, and what comes back is compared with what went', async (t) => {
  const here = world(t)
  await scanned(here, observed('10.0.0.1', oldChain), observed('10.0.0.2', oldChain))
  const second = await scanned(here, observed('10.0.0.9', oldChain))
  const third = await scanned(here, observed('10.0.0.1', newChain), observed('10.0.0.2', oldChain))
  const [gone] = changesOfScan(here.store, second)
  t.match(gone, { change: 'gone', before: { certificates: [{ fingerprint: old.fingerprint }] } })
  const nothing = { certificates: [], chains: [], version: null, cipher: null }
  t.match(gone?.after, { present: false, outcome: 'not-seen', ...nothing })
  t.same(gone?.after.certificates, [])
  t.same(told(changesOfScan(here.store, third)), [
    'returned 10.0.0.1:443 certificates,chains',
    'returned 10.0.0.2:443',
    'gone 10.0.0.9:443'
  ])
  const [returned] = changesOfScan(here.store, third)
  t.same(returned?.before?.certificates, [])
})

t.test('a scan and the one for its names are one', async (t) => {
  const here = world(t)
  await scanned(here, observed('10.0.0.1', oldChain), observed('10.0.0.2', oldChain))
  here.clock.time += day
  const first = here.scan()
  const at = (place: string, wishes: Partial<Observation>) =>
    observed(place, { ...wishes, at: here.clock.time })
  first.record(at('10.0.0.1', newChain), at('10.0.0.3', oldChain))
  await finishScan(here, { scan: first.id, contains: () => true })
  const names = here.scan({ parent: first.id })
  names.record(at('10.0.0.1', { ...oldChain, name: 'a.example' }), at('10.0.0.3', newChain))
  await finishScan(here, { scan: names.id, contains: () => false })
  const both = [
    'changed 10.0.0.1:443 certificates,chains',
    'new 10.0.0.1:443',
    'gone 10.0.0.2:443',
    'new 10.0.0.3:443'
  ]
  t.same(told(changesOfScan(here.store, first.id)), both)
  t.same(told(changesOfScan(here.store, names.id)), both, 'whichever is named')
  t.same(here.store.scans.family(names.id), [first.id, names.id])
  const third = await scanned(here, observed('10.0.0.1', newChain), observed('10.0.0.3', newChain))
  t.same(told(changesBetween(here.store, { from: first.id, to: third })), [])
})

t.test('what came and went between two scans is no difference between them', async (t) => {
  const here = world(t)
  const first = await scanned(here, observed('10.0.0.1', oldChain))
  await scanned(here, observed('10.0.0.1', newChain), observed('10.0.0.2', oldChain))
  const third = await scanned(here, observed('10.0.0.1', oldChain))
  const fourth = await scanned(here, observed('10.0.0.1', newChain), observed('10.0.0.3', oldChain))
  t.same(told(changesBetween(here.store, { from: first, to: third })), [])
  t.same(told(changesBetween(here.store, { from: first, to: fourth })), [
    'changed 10.0.0.1:443 certificates,chains',
    'new 10.0.0.3:443'
  ])
  t.same(told(changesBetween(here.store, { from: first, to: first })), [])
})

t.test('the difference of two scans can be held to some places', async (t) => {
  const here = world(t)
  const first = await scanned(here, observed('10.0.0.1', oldChain))
  const second = await scanned(here, observed('10.0.0.2', oldChain), observed('10.0.0.3', oldChain))
  const contains = (address: unknown) => address === 0x0a00_0003
  t.same(told(changesBetween(here.store, { from: first, to: second, contains })), ['new 10.0.0.3:443'])
})

t.test('scans that are missing or in the wrong order are refused', async (t) => {
  const here = world(t)
  const first = await scanned(here, observed('10.0.0.1', oldChain))
  const second = await scanned(here, observed('10.0.0.1', oldChain))
  t.throws(() => [...changesOfScan(here.store, 77)], { code: 'scan-missing' })
  t.throws(() => [...changesBetween(here.store, { from: first, to: 77 })], { code: 'scan-missing' })
  t.throws(() => [...changesBetween(here.store, { from: second, to: first })], {
    code: 'option-malformed',
    message: /name the earlier one first/
  })
})

t.test('thousands of changes come page after page', async (t) => {
  const here = world(t)
  const places = Array.from({ length: 2500 }, (_, at) => `10.1.${at >> 8}.${at & 255}`)
  const first = await scanned(here, ...places.map((place) => observed(place, oldChain)))
  const second = await scanned(here, ...places.map((place) => observed(place, newChain)))
  t.equal(new Set(told(changesOfScan(here.store, first))).size, 2500)
  t.equal(new Set(told(changesOfScan(here.store, second))).size, 2500)
})
