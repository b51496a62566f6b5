import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { ServedAt } from '../../connectors/contract.ts'
import { systemRandom } from '../../core/random.ts'
import { planWarnings } from '../../sensor/automation/coverage.ts'
import { explainTarget } from '../../sensor/automation/explain.ts'
import { storedPlan } from '../../sensor/automation/plans.ts'
import { approveEvent, manageTarget, retryEvent } from '../../sensor/automation/requests.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { setCa } from '../peers/file-ca.ts'
import { calls, day, drive, engineWorld, shiftedClock, type EngineWorld } from './engine-world.ts'

const both = { names: ['shop.test', 'www.shop.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const exactly = (...names: string[]) => ({ names: { rule: 'exactly', names } })

function warnings(world: EngineWorld, event: EventRow): string[] {
  return world.deployments(event).flatMap((of) => {
    const stored = storedPlan(of)
    const names = JSON.parse(event.names ?? '[]') as string[]
    return stored ? planWarnings(world.engine.context, stored, names) : []
  })
}

/** has the engine renew the target by itself; its certificate is due by the profile */
function manage(world: EngineWorld, names: readonly string[]): void {
  const slot = { family: 'ecdsa', fingerprint: '00', object: 'x', names, notAfter: world.clock.now() + day }
  manageTarget(world.engine.context, {
    device: 'edge',
    target: 'shop',
    profile: 'web',
    binding: {
      target: 'shop',
      title: '',
      kind: '',
      slots: [{ ...slot, family: 'ecdsa' }],
      served: [],
      shares: [],
      unmanaged: null
    }
  })
}

t.test('a name that is served now is lost only with a person’s own word for it', async (t) => {
  const world = await engineWorld(t)
  world.profile(exactly('shop.test'))
  const edge = await world.device('edge', { shop: both })
  const event = await world.finish(world.request({ targets }))
  t.match(event, { state: 'needs-approval', why: /does not cover www\.shop\.test, served now/ })
  t.same([world.sold(), calls(edge).filter((one) => one.startsWith('apply'))], [[], []])
  t.match(warnings(world, event), [/^www\.shop\.test \(127\.0\.0\.1:\d+\) loses its certificate/])
  t.ok(
    explainTarget(world.engine.context, { device: 'edge', target: 'shop' }).some(
      ({ code }) => code === 'names-lost'
    )
  )
  const act = { event: event.id, who: 'carol' }
  t.throws(() => approveEvent(world.engine.context, act, event.hash ?? ''), {
    code: 'names-lost',
    message: /www\.shop\.test .*--accept-lost-names/
  })
  approveEvent(world.engine.context, { ...act, lostNames: 'accepted' }, event.hash ?? '')
  const live = await world.finish(event)
  t.equal(live.state, 'live', live.why)
  t.match(world.deployments(live)[0]?.why, /not proven, since it does not cover the name: www\.shop\.test at/)
  t.match(world.history(live).join('\n'), /carol: .*covers www\.shop\.test no more/)

  const again = await world.finish(world.request({ targets }))
  t.equal(again.state, 'live', 'what is lost already is not asked for again')
  t.match(warnings(world, again), [/^www\.shop\.test .*is covered neither by/])
})

t.test('a renewal by itself waits for that word as well', async (t) => {
  const world = await engineWorld(t)
  world.profile(exactly('shop.test'))
  await world.device('edge', { shop: both })
  manage(world, both.names)
  const renewed = () => world.store.events.before(1e9, 1)[0]
  await drive(world, () => renewed()?.state === 'needs-approval')
  t.match(renewed(), { state: 'needs-approval', requestedBy: 'tlsward', action: 'renew' })
  t.equal(world.sold().length, 0)
})

t.test('a wildcard covers one label, and a lost wildcard is told with the hosts below it', async (t) => {
  const world = await engineWorld(t)
  await world.device('edge', { shop: both })
  world.profile(exactly('*.shop.test', 'SHOP.test.'), 'wide')
  const wide = await world.finish(world.request({ targets, profile: 'wide' }))
  t.equal(wide.state, 'live', wide.why)
  world.profile(exactly('shop.test'))
  const narrow = await world.finish(world.request({ targets }))
  t.equal(narrow.state, 'needs-approval')
  t.match(warnings(world, narrow), [
    /^\*\.shop\.test, a name of the certificate that is there loses/,
    /^www\.shop\.test \(127.0.0.1:\d+\) loses/
  ])
})

t.test('where no handshake could prove it, nothing is even bought', async (t) => {
  const world = await engineWorld(t)
  world.profile(exactly('other.test'))
  await world.device('edge', { shop: both })
  const event = await world.finish(world.request({ targets }))
  t.match(event, { state: 'failed', why: /none of its targets could be proven: target shop/ })
  t.match(world.deployments(event)[0], {
    fault: 'wire-unserved',
    why: /no handshake could prove the new certificate: it does not cover shop\.test at 127/
  })
  t.equal(world.sold().length, 0)
})

t.test('what a server shows under a name that is not covered proves nothing', async (t) => {
  const world = await engineWorld(t)
  world.profile(exactly('shop.test'))
  const edge = await world.device('edge', { shop: both })
  // only the name that is lost is left to look at
  const conf = { targets: { shop: { names: ['www.shop.test'], slots: { ecdsa: 'shop-ecdsa-old.pem' } } } }
  const event = await world.finish(world.request({ targets }))
  writeFileSync(join(edge.directory, 'conf.json'), JSON.stringify(conf))
  const approving = { event: event.id, who: 'carol', lostNames: 'accepted' } as const
  approveEvent(world.engine.context, approving, event.hash ?? '')
  const over = await world.finish(event)
  t.notMatch(over.state, /live/)
  t.notMatch(await world.shown(edge, 'shop'), world.store.orders.of(event.id)[0]?.fingerprint ?? 'x')
})

t.test('no handshake is made where the do-not-scan list says so', async (t) => {
  const spared = new Set<number>()
  const clock = shiftedClock()
  const touched: number[] = []
  const tools = {
    dialer: openDialer('auto'),
    clock,
    random: systemRandom,
    spared: async (places: readonly ServedAt[]) => places.filter(({ port }) => spared.has(port))
  }
  const wire = createWire(tools, { ...wireLimits, tryMs: 1_500 })
  const world = await engineWorld(t, { wire })
  world.profile()
  const edge = await world.device('edge', { shop: both })
  const mail = await world.device('mail', { shop: both })
  for (const port of Object.values(edge.server.ports)) spared.add(port)
  edge.server.heard((port) => touched.push(port))
  const event = await world.finish(
    world.request({ targets: ['edge', 'mail'].map((device) => ({ device, target: 'shop' })) })
  )
  t.match(world.deployments(event), [
    { state: 'failed', fault: 'wire-unserved', why: /the do-not-scan list has shop.test at/ },
    { state: 'live' }
  ])
  t.ok(await world.shown(mail, 'shop'))
  t.same(touched, [], 'the spared server heard nothing')
})

t.test('a retry asks for no approval that the profile does not want', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop: both })
  const waiting = await world.finish(world.request({ targets, approval: 'needed' }))
  t.equal(waiting.state, 'needs-approval')
  setCa(join(world.site.root, 'ca'), { does: 'refuses' })
  approveEvent(world.engine.context, { event: waiting.id, who: 'carol' }, waiting.hash ?? '')
  const failed = await world.finish(waiting)
  t.equal(failed.state, 'failed')
  setCa(join(world.site.root, 'ca'), { does: 'issues' })
  // the device is another one by then
  writeFileSync(
    join(world.site.root, 'edge', 'conf.json'),
    JSON.stringify({ targets: { shop: { names: ['shop.test'], slots: { ecdsa: 'shop-ecdsa-old.pem' } } } })
  )
  const retried = retryEvent(world.engine.context, failed.id, 'bob')
  t.match(world.store.orders.of(failed.id), [{ state: 'requested', why: 'tried again' }])
  t.equal((await world.finish(retried)).state, 'live')
})

t.test('a retry beside its successor names it', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop: both })
  setCa(join(world.site.root, 'ca'), { does: 'refuses' })
  const failed = await world.finish(world.request({ targets }))
  const next = world.request({ targets })
  t.throws(() => retryEvent(world.engine.context, failed.id, 'bob'), {
    code: 'event-state',
    message: new RegExp(`follow event ${next.id}, or cancel it first`)
  })
})
