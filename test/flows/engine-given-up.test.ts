import { join } from 'node:path'
import t from 'tap'
import { cancelEvent, retryEvent } from '../../sensor/automation/requests.ts'
import { abandoned, setCa, type CaMood } from '../peers/file-ca.ts'
import { drive, engineWorld, type EngineWorld } from './engine-world.ts'
import { runEngineChild } from './engine-children.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const caOf = ({ site }: EngineWorld) => join(site.root, 'ca')
const set = (world: EngineWorld, does: CaMood['does']) => setCa(caOf(world), { does })

/** An event whose order is at the CA. */
async function ordered(world: EngineWorld) {
  world.profile()
  await world.device('edge', { shop })
  set(world, 'ordered')
  const event = world.request({ targets })
  world.engine.poke()
  await world.engine.settled()
  t.equal(world.store.events.get(event.id).state, 'issuing')
  return event
}

const orderOf = ({ store }: EngineWorld, event: number) => store.orders.of(event)[0]

t.test('an event that is cancelled in mid-order has its issuer give the order up', async (t) => {
  const world = await engineWorld(t)
  const event = await ordered(world)
  cancelEvent(world.engine.context, { event: event.id, who: 'alice' }, 'cancelled by alice')
  set(world, 'is-down')
  world.engine.poke()
  await world.engine.settled()
  t.same(abandoned(caOf(world)), [], 'the CA does not answer')
  t.ok(world.engine.nextWake() !== null, 'it is asked again')
  set(world, 'issues')
  await drive(world, () => abandoned(caOf(world)).length > 0)
  t.equal(abandoned(caOf(world)).length, 1)
  t.match(orderOf(world, event.id), { state: 'dropped', memory: null, wake: null })
  t.match(world.history(event).at(-1), /what it left at the issuer is taken back/)
  world.engine.poke()
  await world.engine.settled()
  t.equal(abandoned(caOf(world)).length, 1, 'once')
  t.equal(world.engine.nextWake(), null)
})

t.test('an event that fails in mid-order gives it up, and a retry orders anew', async (t) => {
  const world = await engineWorld(t)
  const event = await ordered(world)
  set(world, 'refuses')
  t.equal((await world.finish(event)).state, 'failed')
  await drive(world, () => abandoned(caOf(world)).length > 0)
  t.match(orderOf(world, event.id), { state: 'failed', memory: null })
  set(world, 'issues')
  retryEvent(world.engine.context, event.id, 'alice')
  t.equal((await world.finish(event)).state, 'live')
  t.equal(world.sold().length, 1)
})

t.test('a retry that comes before the giving up does that first', async (t) => {
  const world = await engineWorld(t)
  const event = await ordered(world)
  const { engine, clock, store } = world
  clock.shift += 120_000
  // as it stands where the process ends between both
  store.events.change(event.id, { state: 'failed', open: 0, wake: null }, 'issuing')
  store.orders.change(orderOf(world, event.id)?.id ?? 0, { state: 'failed', wake: clock.now() }, 'issuing')
  retryEvent(engine.context, event.id, 'alice')
  set(world, 'issues')
  t.equal((await world.finish(event)).state, 'live')
  t.equal(world.sold().length, 1)
  t.equal(abandoned(caOf(world)).length, 1)
})

t.test('a process that is killed while it gives up an order goes on with it', async (t) => {
  for (const does of ['kill-before', 'kill-after'] as const) {
    const world = await engineWorld(t)
    const event = await ordered(world)
    cancelEvent(world.engine.context, { event: event.id, who: 'alice' }, 'cancelled by alice')
    set(world, does)
    t.equal(await runEngineChild(world, event.id), 'SIGKILL')
    await drive(world, () => orderOf(world, event.id)?.memory === null)
    t.match(orderOf(world, event.id), { state: 'dropped', memory: null, wake: null })
    t.ok(abandoned(caOf(world)).length >= 1)
  }
})

t.test('what was issued is not given up with its event', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop })
  const event = world.request({ targets })
  t.equal((await world.finish(event)).state, 'live')
  t.same(abandoned(caOf(world)), [])
})

t.test('who has it finished begins nothing, and gives up what is left', async (t) => {
  const world = await engineWorld(t)
  const event = await ordered(world)
  cancelEvent(world.engine.context, { event: event.id, who: 'alice' }, 'cancelled by alice')
  const next = world.request({ targets })
  set(world, 'issues')
  const stop = new AbortController()
  const finished = world.engine.finish()
  const running = world.engine.run(stop.signal)
  await finished
  stop.abort()
  await running
  t.equal(abandoned(caOf(world)).length, 1)
  t.equal(world.store.events.get(next.id).state, 'requested', 'not begun')
})

t.test(
  'who has it finished takes what is half-way to its end, and leaves the next target alone',
  async (t) => {
    const world = await engineWorld(t)
    world.profile({ rollout: { canary: 'none', soakMinutes: 0, atOnce: 1 } })
    await world.device('edge', { shop, mail: shop })
    const event = world.request({ targets: [...targets, { device: 'edge', target: 'mail' }] })
    const stop = new AbortController()
    const running = world.engine.run(stop.signal)
    const states = () => world.deployments(event).map(({ state }) => state)
    for (let looks = 0; looks < 100_000 && states()[0] !== 'deploying'; looks++)
      await new Promise((resolve) => setImmediate(resolve))
    t.equal(states()[0], 'deploying')
    await world.engine.finish()
    t.same(states(), ['live', 'waiting'])
    stop.abort()
    await running
    const next = await engineWorld(t, {}, world.site.root)
    t.equal((await next.finish(event)).state, 'live', 'the next process goes on with the other')
    t.equal(next.sold().length, 1)
  }
)
