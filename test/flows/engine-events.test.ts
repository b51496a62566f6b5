import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Binding } from '../../connectors/contract.ts'
import { explainTarget } from '../../sensor/automation/explain.ts'
import { moment, sentence } from '../../sensor/automation/policy/reasons.ts'
import {
  approveEvent,
  cancelEvent,
  giveUpEvent,
  liftBar,
  manageTarget,
  retryEvent
} from '../../sensor/automation/requests.ts'
import { openStore } from '../../sensor/store/store.ts'
import { setCa } from '../peers/file-ca.ts'
import { fileConnector } from '../peers/file-device/connector.ts'
import { wishFaults } from '../peers/file-device/faults.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { withMoments } from './engine-moments.ts'
import { calls, day, drive, engineWorld, type EngineWorld, type WorldDevice } from './engine-world.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const mail = { names: ['mail.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const ca = ({ site }: EngineWorld) => join(site.root, 'ca')
const applied = (device: WorldDevice) => calls(device).filter((call) => call.startsWith('apply'))

/** what the device itself says of its targets */
async function bindings(world: EngineWorld, device: WorldDevice): Promise<Binding[]> {
  const { settings } = world.store.devices.named(device.name)
  const access = {
    settings: JSON.parse(settings),
    secret: () => undefined,
    pins: [],
    ...world.engine.context
  }
  const { signal } = new AbortController()
  const session = await fileConnector.connect(access, signal)
  const pages: Binding[] = []
  for await (const page of session.discover(signal)) pages.push(...page)
  return pages
}

async function manage(world: EngineWorld, device: WorldDevice, target: string): Promise<void> {
  const binding = (await bindings(world, device)).find((one) => one.target === target)
  if (!binding) throw new Error(`no target ${target}`)
  manageTarget(world.engine.context, { device: device.name, target, profile: 'web', binding })
}

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
