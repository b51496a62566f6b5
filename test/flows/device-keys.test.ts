import { createHash, X509Certificate } from 'node:crypto'
import t from 'tap'
import type { Binding } from '../../connectors/contract.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import {
  cancelEvent,
  checkProfileKeys,
  manageTarget,
  requestEvent,
  retryEvent
} from '../../sensor/automation/requests.ts'
import { storedPlan } from '../../sensor/automation/plans.ts'
import { setCa } from '../peers/file-ca.ts'
import { signal } from '../contract/deployment.ts'
import { deviceKeyWorld, runKeyChild, sessionOf } from './device-keys-world.ts'
import { day } from './engine-world.ts'

t.test('a key that the device makes goes live, is never here, and is followed by another one', async (t) => {
  const { store, keys, ...world } = await deviceKeyWorld(t)
  const former = world.keysOn()
  const first = world.request()
  await world.drive(() => world.event(first).state === 'cleaned')
  t.equal(world.event(first).state, 'cleaned', world.event(first).why)
  const order = world.orderOf(first)
  t.equal(await world.shown(), order.fingerprint)
  t.same(world.keysOn(), [...former, order.spki ?? ''].sort(), 'one more key, that of the certificate')
  const leaf = new X509Certificate(Buffer.from(order.chain ?? []))
  const spki = leaf.publicKey.export({ type: 'spki', format: 'der' })
  t.equal(createHash('sha256').update(spki).digest('hex'), order.spki)
  t.equal(keys.read(`order:${order.id}`), null, 'it never was in our store')
  const steps = store.deployments.of(first.id).flatMap((of) => storedPlan(of)?.plan.steps ?? [])
  t.match(
    steps.find(({ id }) => id === 'key')?.says,
    /before the certificate is ordered.*ec-p256.*never leaves/
  )
  world.clock.shift += 70 * day
  const second = world.request()
  await world.drive(() => world.event(second).state === 'cleaned')
  t.equal(world.event(second).state, 'cleaned', world.event(second).why)
  t.not(world.orderOf(second).spki, order.spki)
  t.same(world.keysOn(), [...former, world.orderOf(second).spki ?? ''].sort(), 'the former one is cleaned up')
  t.equal(world.sold().length, 2)
})

t.test('the key of an order that is refused for good is removed', async (t) => {
  const world = await deviceKeyWorld(t)
  const before = world.world.snapshot('content')
  setCa(world.ca, { does: 'refuses' })
  const event = world.request()
  await world.drive(() => world.event(event).open === 0 && world.orderOf(event).deviceKey === null)
  t.equal(world.event(event).state, 'failed')
  t.match(world.orderOf(event), { state: 'failed', deviceKey: null, why: /is removed from its device/ })
  t.equal(world.world.snapshot('content'), before)
  setCa(world.ca, { does: 'issues' })
  retryEvent(world.engine.context, event.id, 'alice')
  await world.drive(() => world.event(event).open === 0)
  t.match(world.event(event).state, /live|cleaned/, 'another try makes another key')
  t.equal(await world.shown(), world.orderOf(event).fingerprint)
})

t.test('the key of an event that is taken back is removed, also when its device is away first', async (t) => {
  const world = await deviceKeyWorld(t)
  const before = world.world.snapshot('content')
  const former = world.keysOn()
  setCa(world.ca, { does: 'pending' })
  for (const device of ['there', 'away'] as const) {
    const event = world.request()
    await world.drive(() => world.store.orders.of(event.id)[0]?.state === 'issuing')
    t.equal(world.keysOn().length, former.length + 1)
    if (device === 'away') world.world.cut()
    cancelEvent(world.engine.context, { event: event.id, who: 'alice' }, 'taken back')
    if (device === 'away') {
      await world.drive(() => world.orderOf(event).attempts > 1)
      t.not(world.orderOf(event).deviceKey, null, 'it is not forgotten')
      world.world.mend()
    }
    await world.drive(() => world.orderOf(event).deviceKey === null)
    t.match(world.orderOf(event), { state: 'dropped', deviceKey: null })
    t.equal(world.world.snapshot('content'), before, device)
  }
})

t.test('a deployment that is undone leaves the key for another try, and time takes it away', async (t) => {
  const world = await deviceKeyWorld(t)
  const before = world.world.snapshot('content')
  const shown = await world.shown()
  const refuse = () =>
    world.unit.faults.add({
      does: 'refuse',
      status: 400,
      message: '01070734:3: Configuration error: not today',
      method: 'PATCH',
      path: '/mgmt/tm/ltm/profile/client-ssl'
    })
  refuse()
  const event = world.request()
  await world.drive(() => world.event(event).open === 0)
  t.equal(world.event(event).state, 'rolled-back', world.event(event).why)
  t.equal(await world.shown(), shown)
  const { spki } = world.orderOf(event)
  t.ok(world.keysOn().includes(spki ?? ''))
  refuse()
  retryEvent(world.engine.context, event.id, 'alice')
  await world.drive(() => world.event(event).open === 0)
  t.equal(world.event(event).state, 'rolled-back', world.event(event).why)
  t.same([world.sold().length, world.orderOf(event).spki], [1, spki], 'the same certificate, the same key')
  await world.drive(() => world.orderOf(event).deviceKey === null, 30 * day)
  t.match(world.orderOf(event), { state: 'dropped', deviceKey: null })
  t.equal(world.world.snapshot('content'), before)
})

t.test(
  'killed in the place of any answer of the device, it ends with one key and one certificate',
  async (t) => {
    const world = await deviceKeyWorld(t, { keep: { generations: 9, graceHours: 1000 } })
    const { store } = world
    let former = world.keysOn()
    let wasKilled = true
    // signing in, plan and role come before anything is made
    for (let nth = 8; wasKilled; nth += 3) {
      const sold = world.sold().length
      const event = world.request('reissue')
      wasKilled = (await runKeyChild(world, event.id, nth)) === 'killed'
      await world.drive(() => world.event(event).open === 0)
      t.equal(world.event(event).state, 'live', `${nth}: ${world.event(event).why}`)
      const now = [...former, world.orderOf(event).spki ?? ''].sort()
      t.same(world.keysOn(), now, `one more key, ${nth}`)
      t.equal(world.sold().length, sold + 1, `one more certificate, ${nth}`)
      t.equal(await world.shown(), world.orderOf(event).fingerprint, `${nth}`)
      former = now
      // the engine's own process is to begin anew as well
      store.engineTurn.release()
      if (nth > 120) throw new Error('a deployment has not so many requests')
    }
  }
)

t.test('killed anywhere and taken back, the device is as it was', async (t) => {
  const world = await deviceKeyWorld(t)
  const before = world.world.snapshot('content')
  setCa(world.ca, { does: 'pending' })
  for (let nth = 9; nth <= 25; nth += 3) {
    const event = world.request()
    await runKeyChild(world, event.id, nth)
    cancelEvent(world.engine.context, { event: event.id, who: 'alice' }, 'taken back')
    await world.drive(() => (world.store.orders.of(event.id)[0]?.deviceKey ?? null) === null)
    t.equal(world.world.snapshot('content'), before, `request ${nth}`)
    t.equal(world.event(event).state, 'cancelled')
    world.store.engineTurn.release()
  }
})

t.test('what cannot be is refused where it is asked for', async (t) => {
  const { engine, store, ...world } = await deviceKeyWorld(t)
  const targets = ['/Prod/shop', '/Common/mail'].map((target) => ({ device: 'lb1', target }))
  const wish = { action: 'renew', profile: 'web', start: null, hours: 'any', who: 'alice' } as const
  t.throws(() => requestEvent(engine.context, { ...wish, targets }), {
    code: 'key-place',
    message: /one target/
  })
  const now = world.clock.now()
  store.devices.add({ name: 'files', connector: 'files', settings: '{}', created: now })
  const event = requestEvent(engine.context, { ...wish, targets: [{ device: 'files', target: 'x' }] })
  await world.drive(() => store.events.get(event.id).open === 0)
  t.match(store.events.get(event.id), { state: 'failed', why: /device files .*: keys cannot be made there/ })
  const binding = {
    target: 'x',
    title: 'x',
    kind: 'file',
    slots: [],
    served: [],
    shares: [],
    unmanaged: null
  }
  t.throws(() => manageTarget(engine.context, { device: 'files', target: 'x', profile: 'web', binding }), {
    code: 'key-place',
    message: /use a profile with keyPlace here/
  })
  const issuer = { ...engine.context.issuer('ca'), keyFrom: 'issuer' } as const
  const bought = { ...engine.context, issuer: () => issuer }
  t.throws(() => checkProfileKeys(bought, 'web', wholeProfile({ issuer: 'ca', keyPlace: 'device' })), {
    code: 'key-place',
    message: /come with their keys/
  })
  t.throws(() => wholeProfile({ issuer: 'ca', keyPlace: 'device', keyReuse: 'same-key' }), {
    code: 'profile-malformed',
    message: /keyReuse/
  })
  t.throws(() => wholeProfile({ issuer: 'ca', keyPlace: 'there' }), { code: 'profile-malformed' })
  t.equal(world.sold().length, 0)
})

t.test('a key in a security module is followed by one that is made there, and by no other', async (t) => {
  const { unit, world, engine, store, ...rest } = await deviceKeyWorld(t)
  for (const held of [unit.system.running, unit.system.saved]) {
    const key = held.keys['/Common/shop-ecdsa.key']
    if (!key) throw new Error('the shop has a key')
    Object.assign(held.keys, { '/Common/shop-ecdsa.key': { ...key, securityType: 'fips' } })
  }
  const session = await sessionOf({ world })
  const found: Binding[] = []
  for await (const page of session.discover(signal)) found.push(...page)
  const binding = found.find(({ target }) => target === world.target)
  t.match(binding, { unmanaged: null, onlyDeviceKeys: /security module holds its key \(fips\)/ })
  const order = { target: world.target, families: ['ecdsa'] } as const
  await t.rejects(session.plan(order, signal), { code: 'device-unsupported', message: /keyPlace device/ })
  await session.close()
  if (!binding) throw new Error('the shop is found')
  const managing = { device: 'lb1', target: world.target, binding }
  store.profiles.put('here', JSON.stringify(wholeProfile({ issuer: 'ca' })), 0)
  t.throws(() => manageTarget(engine.context, { ...managing, profile: 'here' }), { code: 'key-place' })
  manageTarget(engine.context, { ...managing, profile: 'web' })
  const event = rest.request()
  await rest.drive(() => rest.event(event).open === 0)
  t.match(rest.event(event).state, /live|cleaned/, rest.event(event).why)
  const [made] = Object.values(unit.system.running.keys).filter(({ fullPath }) =>
    /-k[0-9a-f]{16}\.key$/.test(fullPath)
  )
  t.equal(made?.securityType, 'fips')
})
