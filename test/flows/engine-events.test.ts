import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explainTarget } from '../../sensor/automation/explain.ts'
import { sentence } from '../../sensor/automation/policy/reasons.ts'
import {
  approveEvent,
  cancelEvent,
  giveUpEvent,
  liftBar,
  retryEvent
} from '../../sensor/automation/requests.ts'
import { setCa } from '../peers/file-ca.ts'
import { wishFaults } from '../peers/file-device/faults.ts'
import { calls, day, drive, engineWorld, manage, type EngineWorld, type WorldDevice } from './engine-world.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const mail = { names: ['mail.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const ca = ({ site }: EngineWorld) => join(site.root, 'ca')
const applied = (device: WorldDevice) => calls(device).filter((call) => call.startsWith('apply'))

t.test('what must be approved is bought and deployed only once its very plan is', async (t) => {
  const world = await engineWorld(t)
  world.profile({ approval: 'needed' })
  const edge = await world.device('edge', { shop, mail })
  const waiting = await world.finish(world.request({ targets }))
  t.match(waiting, { state: 'needs-approval', why: /somebody must approve the plan [0-9a-f]{16}/ })
  t.same([world.sold(), applied(edge)], [[], []])
  const { context } = world.engine
  const act = { event: waiting.id, who: 'carol' }
  t.throws(() => approveEvent(context, act, 'f'.repeat(64)), { code: 'approval-stale' })
  approveEvent(context, act, waiting.hash ?? '')
  t.equal((await world.finish(waiting)).state, 'live')
  t.match(
    world.history(waiting).join('\n'),
    `carol: needs-approval: approved the plan ${waiting.hash?.slice(0, 16)}`
  )
})

t.test(
  'a device that changed after the approval is planned again, and the approval counts no more',
  async (t) => {
    const world = await engineWorld(t)
    world.profile({ approval: 'needed' })
    const edge = await world.device('edge', { shop, mail })
    const waiting = await world.finish(world.request({ targets }))
    setCa(ca(world), { does: 'pending' })
    approveEvent(world.engine.context, { event: waiting.id, who: 'carol' }, waiting.hash ?? '')
    await drive(world, () => false, { most: 2 })
    t.equal(world.store.events.get(waiting.id).state, 'issuing')
    // a person edits the device while the CA thinks
    const conf = join(edge.directory, 'conf.json')
    const edited = JSON.stringify({
      targets: { shop: { names: ['shop.test'], slots: { ecdsa: 'shop-ecdsa-old.pem' } } }
    })
    writeFileSync(conf, edited)
    setCa(ca(world), { does: 'issues' })
    const again = await world.finish(waiting)
    t.match(again, { state: 'needs-approval', replans: 1 })
    t.not(again.hash, waiting.hash)
    t.same(applied(edge), [])
    approveEvent(world.engine.context, { event: again.id, who: 'carol' }, again.hash ?? '')
    t.equal((await world.finish(again)).state, 'live')
    t.equal(world.sold().length, 1, 'the certificate was there already')
  }
)

t.test('another try of a failed deployment buys nothing', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  wishFaults(edge.directory, [{ at: 'after switch', does: 'refuse', times: 1 }])
  const failed = await world.finish(world.request({ targets }))
  t.equal(failed.state, 'rolled-back')
  const again = await world.finish(retryEvent(world.engine.context, failed.id, 'bob'))
  t.equal(again.state, 'live', again.why)
  t.equal(world.sold().length, 1)
  t.equal(await world.shown(edge, 'shop'), world.store.orders.of(again.id)[0]?.fingerprint)
})

t.test('once the key of a failed event is dropped, it cannot be tried again', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  wishFaults(edge.directory, [{ at: 'after switch', does: 'refuse', times: 1 }])
  const failed = await world.finish(world.request({ targets }))
  t.equal(world.keys.names().length, 1)
  await drive(world, () => world.keys.names().length === 0, { patience: 20 * day })
  t.same(world.keys.names(), [])
  t.throws(() => retryEvent(world.engine.context, failed.id, 'bob'), { code: 'key-gone' })
})

t.test('a CA that is down is asked again until it is back, and one that refuses is not', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  setCa(ca(world), { does: 'is-down' })
  const event = world.request({ targets })
  const begin = world.clock.now()
  await drive(world, () => world.clock.now() > begin + 7 * day, { most: 2_000 })
  const waits = world.store.orders.of(event.id)[0]
  t.equal(world.store.events.get(event.id).state, 'issuing')
  const [attempts, longest] = [waits?.attempts ?? 0, 7 * 48 * 1.25 + 20]
  t.ok(attempts > 200 && attempts < longest, `${attempts} tries in a week`)
  setCa(ca(world), { does: 'issues' })
  t.equal((await world.finish(event)).state, 'live')
  setCa(ca(world), { does: 'refuses' })
  const refused = await world.finish(world.request({ targets }))
  t.match(refused, { state: 'failed', why: 'the CA says no' })
  t.equal(
    await world.shown(edge, 'shop'),
    world.store.orders.of(event.id)[0]?.fingerprint,
    'nothing was touched'
  )
})

t.test('a certificate that does not fit is not put anywhere', async (t) => {
  const world = await engineWorld(t, {
    pki: { ...(await import('./engine-world.ts')).pki, refusals: () => ['it covers another name'] }
  })
  world.profile()
  const edge = await world.device('edge', { shop })
  const event = await world.finish(world.request({ targets }))
  t.match(event, { state: 'failed', why: /cannot be used: it covers another name/ })
  t.same(applied(edge), [])
})

t.test('the first target is watched before the others, and its failure keeps them as they are', async (t) => {
  const world = await engineWorld(t)
  world.profile({ rollout: { canary: 'first', soakMinutes: 60, atOnce: 2 } })
  const devices = [
    await world.device('a', { shop }),
    await world.device('b', { shop }),
    await world.device('c', { shop })
  ]
  const all = devices.map(({ name }) => ({ device: name, target: 'shop' }))
  const event = world.request({ targets: all })
  await drive(world, () => world.deployments(event)[0]?.state === 'live', { most: 5, patience: 60_000 })
  t.same(
    world.deployments(event).map(({ state }) => state),
    ['live', 'waiting', 'waiting']
  )
  t.match(world.store.events.get(event.id).why, /the first target is watched until/)
  const soaks = explainTarget(world.engine.context, { device: 'b', target: 'shop' }).map(sentence)
  t.ok(
    soaks.some((one) => one.startsWith('the first target is watched until')),
    soaks.join('; ')
  )
  t.equal((await world.finish(event)).state, 'live')
  const [first, second] = world.deployments(event)
  t.ok((second?.live ?? 0) - (first?.live ?? 0) >= 3_600_000)

  const [a] = devices
  wishFaults(a?.directory ?? '', [{ at: 'after reload', does: 'refuse', times: 1 }])
  const failing = await world.finish(world.request({ targets: all }))
  t.equal(failing.state, 'rolled-back')
  t.same(
    world.deployments(failing).map(({ state }) => state),
    ['rolled-back', 'cancelled', 'cancelled']
  )
  t.match(world.deployments(failing)[1]?.why, 'the deployment to shop failed: no others are begun')
})

t.test('a standby goes first where the profile says so', async (t) => {
  const world = await engineWorld(t)
  world.profile({ rollout: { canary: 'standby', soakMinutes: 0, atOnce: 1 } })
  await world.device('a', { shop }, 'active')
  await world.device('b', { shop }, 'standby')
  const event = await world.finish(
    world.request({ targets: ['a', 'b'].map((device) => ({ device, target: 'shop' })) })
  )
  t.equal(event.state, 'live')
  const order = world.store.eventHistory.of(event.id).filter(({ state }) => state === 'preparing')
  const [first, second] = world.deployments(event)
  t.same(
    order.map(({ deployment }) => deployment),
    [second?.id, first?.id]
  )
})

t.test(
  'a device that is gone does not keep the others from their certificate, and gets it when it is back',
  async (t) => {
    const world = await engineWorld(t)
    world.profile()
    const edge = await world.device('edge', { shop })
    const far = await world.device('far', { shop })
    for (const device of [edge, far]) await manage(world, device, 'shop')
    wishFaults(far.directory, [{ at: 'connect', does: 'throw', times: 1e9 }])
    const both = [edge, far].map(({ name }) => ({ device: name, target: 'shop' }))
    const event = await world.finish(world.request({ targets: both }))
    t.match(event, { state: 'failed', why: /live at 1 of 2 targets: the device does not answer/ })
    t.equal(await world.shown(edge, 'shop'), world.store.orders.of(event.id)[0]?.fingerprint)
    wishFaults(far.directory, [])
    const again = await world.finish(retryEvent(world.engine.context, event.id, 'bob'))
    t.equal(again.state, 'live', again.why)
    t.equal(await world.shown(far, 'shop'), await world.shown(edge, 'shop'))
    t.equal(world.sold().length, 1)
  }
)

t.test('after a refused sign-in no other is tried until a person has looked', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  wishFaults(edge.directory, [{ at: 'connect', does: 'denied', times: 1 }])
  const event = await world.finish(world.request({ targets }))
  t.match(event, { state: 'failed', why: /none of its targets can be planned/ })
  const tries = calls(edge).length
  const second = await world.finish(world.request({ targets: [{ device: 'edge', target: 'mail' }] }))
  t.equal(second.state, 'failed')
  t.equal(calls(edge).length, tries, 'the device heard nothing of it')
  world.store.devices.setBarred(world.store.devices.named('edge').id, null)
  t.equal((await world.finish(retryEvent(world.engine.context, event.id, 'bob'))).state, 'live')
})

t.test('a sign-in that is refused half-way waits for a person’s check, and goes on after it', async (t) => {
  for (const at of ['after stage', 'undo-before switch'] as const) {
    const world = await engineWorld(t)
    world.profile()
    const edge = await world.device('edge', { shop })
    const { id } = world.store.devices.named('edge')
    const refusal = { at, does: 'denied', times: 1 } as const
    const cause = at === 'after stage' ? [] : [{ at: 'after switch', does: 'refuse', times: 1 } as const]
    wishFaults(edge.directory, [refusal, ...cause])
    const event = world.request({ targets })
    await drive(world, () => false, { patience: 20 * day, most: 20 })
    const waits = world.store.events.get(event.id)
    const why = /it waits for a clean tlsward device check edge, or .*: the sign-in was refused/
    t.match(waits, { state: 'deploying', open: 1, why })
    const state = at === 'after stage' ? 'deploying' : 'rolling-back'
    t.match(world.deployments(event), [{ state, wake: null, why }], at)
    const heard = calls(edge).length
    await drive(world, () => false, { patience: 20 * day, most: 5 })
    t.equal(calls(edge).length, heard, 'nobody signs in meanwhile')
    world.store.durable(() => liftBar(world.engine.context, id))
    const over = await world.finish(event)
    t.equal(over.state, at === 'after stage' ? 'live' : 'rolled-back', over.why)
    t.equal(world.sold().length, 1)
  }
})

t.test('what waits for a device that is gone for good can be given up', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  wishFaults(edge.directory, [{ at: 'after stage', does: 'denied', times: 1 }])
  const event = await world.finish(world.request({ targets }))
  t.equal(event.state, 'deploying')
  giveUpEvent(world.engine.context, { event: event.id, who: 'dan' })
  t.match(await world.finish(event), { state: 'failed', open: 0 })
})

t.test('an event can be taken back until it changes something', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  setCa(ca(world), { does: 'pending' })
  const event = world.request({ targets })
  await drive(world, () => false, { most: 2 })
  t.equal(world.keys.names().length, 1)
  cancelEvent(world.engine.context, { event: event.id, who: 'dan' }, 'not needed any more')
  const over = await world.finish(event)
  t.match(over, { state: 'cancelled', open: 0, why: 'not needed any more' })
  t.same([world.keys.names(), applied(edge)], [[], []])
  t.throws(() => cancelEvent(world.engine.context, { event: event.id, who: 'dan' }, ''), {
    code: 'event-state'
  })
  setCa(ca(world), { does: 'issues' })
  t.equal((await world.finish(world.request({ targets }))).state, 'live', 'and asked for again')
})

t.test('the same key stays in use where the profile says so, but for a reissue', async (t) => {
  const world = await engineWorld(t)
  world.profile({ keyReuse: 'same-key', keep: { generations: 1, graceHours: 1 } })
  await world.device('edge', { shop })
  const spki = async (action: 'renew' | 'reissue') => {
    const event = await world.finish(world.request({ targets, action }))
    await drive(world, () => world.store.events.get(event.id).state === 'cleaned')
    return world.store.orders.of(event.id)[0]?.spki
  }
  const first = await spki('renew')
  t.equal(await spki('renew'), first)
  t.not(await spki('reissue'), first)
  t.equal(world.keys.names().length, 1, 'only the key in use is kept')
})

t.test('of several targets none is written to when one of them has changed since the approval', async (t) => {
  const world = await engineWorld(t)
  world.profile({ approval: 'needed' })
  const edge = await world.device('edge', { shop })
  const far = await world.device('far', { shop, mail })
  const both = [edge, far].map(({ name }) => ({ device: name, target: 'shop' }))
  const waiting = await world.finish(world.request({ targets: both }))
  setCa(ca(world), { does: 'pending' })
  approveEvent(world.engine.context, { event: waiting.id, who: 'carol' }, waiting.hash ?? '')
  await drive(world, () => false, { most: 2 })
  const edited = { targets: { shop: { names: ['shop.test'], slots: { ecdsa: 'shop-ecdsa-old.pem' } } } }
  writeFileSync(join(far.directory, 'conf.json'), JSON.stringify(edited))
  setCa(ca(world), { does: 'issues' })
  const again = await world.finish(waiting)
  t.match(again, { state: 'needs-approval', replans: 1 })
  t.same([applied(edge), applied(far)], [[], []])
})

t.test('those that wait for a device go on as soon as it is free', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop, mail })
  const events = ['shop', 'mail'].map((target) => world.request({ targets: [{ device: 'edge', target }] }))
  const over = () => events.every(({ id }) => world.store.events.get(id).state === 'live')
  await drive(world, over)
  t.ok(over())
  const waited = events.flatMap(({ id }) =>
    world.store.eventHistory.of(id).filter(({ why }) => why.includes('busy with deployment'))
  )
  t.equal(waited.length, 1, 'one of them waited')
  t.equal(world.clock.shift, 0, 'and no time had to pass')
})
