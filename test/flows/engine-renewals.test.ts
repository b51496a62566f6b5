import { join } from 'node:path'
import t from 'tap'
import { explainTarget } from '../../sensor/automation/explain.ts'
import { moment, sentence } from '../../sensor/automation/policy/reasons.ts'
import { cancelEvent, liftBar } from '../../sensor/automation/requests.ts'
import { openStore } from '../../sensor/store/store.ts'
import { setCa } from '../peers/file-ca.ts'
import { wishFaults } from '../peers/file-device/faults.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { withMoments } from './engine-moments.ts'
import { day, drive, engineWorld, manage, type EngineWorld } from './engine-world.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const ca = ({ site }: EngineWorld) => join(site.root, 'ca')

t.test('a renewal that a refused sign-in has ended is tried again once the device is checked', async (t) => {
  const root = directoryFor(t)
  const happens = new Map<string, () => void>()
  const kept = openStore({ directory: join(root, 'state'), busyMs: 2_000 })
  const store = withMoments(kept, (moment) => happens.get(moment)?.())
  const world = await engineWorld(t, { store }, root)
  world.profile()
  const edge = await world.device('edge', { shop })
  await manage(world, edge, 'shop')
  const latest = () => world.store.events.before(1e9, 1)[0]
  // once it is bought, and before anything is written
  happens.set('event deploying', () => {
    happens.clear()
    wishFaults(edge.directory, [{ at: 'plan', does: 'denied', times: 1 }])
  })
  await drive(world, () => latest()?.state === 'failed', { patience: 60 * day })
  t.equal(world.sold().length, 1)
  t.match(latest(), { state: 'failed', requestedBy: 'tlsward' })
  await drive(world, () => latest()?.state === 'live', { most: 10, patience: day })
  t.equal(latest()?.state, 'failed')
  const { id } = world.store.devices.named('edge')
  world.store.durable(() => liftBar(world.engine.context, id))
  await drive(world, () => latest()?.state === 'live', { patience: day })
  t.equal(latest()?.state, 'live')
  t.equal(world.sold().length, 1)
})

t.test('a plan that was only looked at puts off no renewal, and one that was taken back does', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  await manage(world, edge, 'shop')
  const now = world.clock.now()
  const [managed] = world.store.managedTargets.list()
  const due = JSON.stringify([{ ...JSON.parse(managed?.held ?? '[]')[0], notAfter: now + 5 * day }])
  world.store.managedTargets.setHeld(managed?.id ?? 0, { held: due, lookup: 'x', wake: null })
  const looked = await world.finish(world.request({ targets, action: 'replace', approval: 'needed' }))
  cancelEvent(world.engine.context, { event: looked.id, who: 'dan' }, 'only looked')
  const why = explainTarget(world.engine.context, { device: 'edge', target: 'shop' })
  t.notOk(why.some(({ code }) => code === 'tried-again' || code === 'put-off'))
  setCa(ca(world), { does: 'pending' })
  await drive(world, () => false, { most: 3, patience: 0 })
  const [renewal] = world.store.events.before(1e9, 1)
  t.match(renewal, { requestedBy: 'tlsward', state: 'issuing' })
  t.ok((renewal?.requested ?? Infinity) - now < 60_000, 'at once')

  cancelEvent(world.engine.context, { event: renewal?.id ?? 0, who: 'dan' }, 'not now')
  const [putOff] = explainTarget(world.engine.context, { device: 'edge', target: 'shop' })
  t.match(putOff, { code: 'put-off', facts: { fault: 'not now' } })
  const again = Date.parse(String(putOff?.facts['at']))
  t.ok(again > now + 0.9 * day && again < now + 1.1 * day, 'a day, while days are left')
})

t.test('managed targets with one certificate are renewed in time, together, and never twice', async (t) => {
  const world = await engineWorld(t)
  world.profile({ windows: { hours: 'Sat 02:00-04:00' }, keep: { generations: 0, graceHours: 1 } })
  const edge = await world.device('edge', { shop })
  const far = await world.device('far', { shop })
  for (const device of [edge, far]) await manage(world, device, 'shop')
  // make them hold the same certificate first
  const both = [edge, far].map(({ name }) => ({ device: name, target: 'shop' }))
  const first = await world.finish(world.request({ targets: both, hours: 'any' }))
  t.equal(first.state, 'live', first.why)
  const ends = world.store.orders.of(first.id)[0]?.notAfter ?? 0
  const why = explainTarget(world.engine.context, { device: 'edge', target: 'shop' }).map(sentence)
  t.match(why.join('; '), /it renews at 20\d\d-.*, when 33 % of its 90 days are left/)
  await drive(world, () => world.clock.now() > ends, { most: 3_000, patience: 200 * day })
  t.equal(world.sold().length, 2)
  const second = world.store.events.get(first.id + 1)
  t.equal(second.requestedBy, 'tlsward')
  t.equal(world.deployments(second).length, 2)
  for (const { live } of world.deployments(second)) {
    const at = new Date(live ?? 0)
    t.equal(`${at.getUTCDay()} ${at.getUTCHours() >= 2 && at.getUTCHours() < 4}`, '6 true', moment(live ?? 0))
    t.ok((live ?? Infinity) > ends - 31 * day && (live ?? Infinity) < ends - 20 * day)
  }
})

t.test('a CA that wants a certificate renewed now has it renewed', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  await manage(world, edge, 'shop')
  const now = world.clock.now()
  const far = { start: now + 50 * day, end: now + 60 * day, explanation: null }
  setCa(ca(world), { does: 'issues', window: far })
  await world.finish(world.request({ targets }))
  await drive(world, () => false, { most: 8, patience: day })
  t.equal(world.sold().length, 1)
  setCa(ca(world), {
    does: 'issues',
    window: { start: now - 2 * day, end: now - day, explanation: 'https://ca.test/incident' }
  })
  await drive(world, () => world.sold().length === 2, { patience: 2 * day })
  t.equal(world.sold()[1], 'shop.test replaces one')
  t.ok(world.clock.now() < now + 5 * day)
})

t.test('a renewal that was rolled back is tried again by itself with its certificate', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  await manage(world, edge, 'shop')
  wishFaults(edge.directory, [{ at: 'journaled switch', does: 'throw', times: 13 }])
  const begin = world.clock.now()
  await drive(world, () => world.store.events.before(1e9, 1)[0]?.state === 'live', {
    most: 400,
    patience: 60 * day
  })
  const [event] = world.store.events.before(1e9, 2)
  t.match(event, { state: 'live', requestedBy: 'tlsward' })
  t.ok((event?.retries ?? 0) > 0, `${event?.retries} retries`)
  t.equal(world.sold().length, 1)
  t.ok(world.clock.now() - begin < 60 * day)
})
