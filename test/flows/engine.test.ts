import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { setWritable } from '../../sensor/automation/requests.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { calls, day, drive, engineWorld, type WorldDevice } from './engine-world.ts'

const shop = { names: ['shop.test', 'www.shop.test'], keys: ['p256'] } as const
const mail = { names: ['mail.test'], keys: ['p256'] } as const

t.test(
  'an event brings a new certificate to its target, and each state is told with its reason',
  async (t) => {
    const world = await engineWorld(t)
    world.profile({ keep: { generations: 0, graceHours: 24 } })
    const edge = await world.device('edge', { shop, mail })
    const event = await world.finish(world.request({ targets: [{ device: 'edge', target: 'shop' }] }))
    t.equal(event.state, 'live', event.why)
    const fresh = await world.shown(edge, 'shop')
    const [order] = world.store.orders.of(event.id)
    t.equal(fresh, order?.fingerprint)
    t.not(fresh, edge.before.get('shop ecdsa')?.fingerprint)
    t.equal(
      await world.shown(edge, 'mail'),
      edge.before.get('mail ecdsa')?.fingerprint,
      'its neighbour stays'
    )
    t.same(world.sold(), ['shop.test,www.shop.test replaces none'])
    t.same(
      world.store.eventHistory.of(event.id).map(({ deployment, order, state }) => {
        return `${deployment ? 'deployment ' : order ? 'order ' : ''}${state}`
      }),
      [
        'requested',
        'previewed',
        'issuing',
        'order issuing',
        'order issued',
        'deploying',
        'deployment preparing',
        'deployment deploying',
        'deployment verifying',
        'deployment live',
        'live'
      ]
    )
    t.ok(existsSync(join(edge.directory, 'shop-ecdsa-old.pem')), 'the former one stays for the grace time')

    world.clock.shift += day + 1
    await drive(world, () => world.store.events.get(event.id).state === 'cleaned')
    t.equal(world.store.events.get(event.id).state, 'cleaned')
    t.notOk(existsSync(join(edge.directory, 'shop-ecdsa-old.pem')))
    t.same(world.keys.names(), [], 'its key is on the device, and nowhere else')
  }
)

t.test('a target of two kinds of keys gets a certificate of each, by one order each', async (t) => {
  const world = await engineWorld(t)
  world.profile({ keyTypes: ['rsa-2048', 'ec-p256'] })
  const edge = await world.device('edge', { shop: { ...shop, keys: ['rsa2048', 'p256'] } })
  const event = await world.finish(world.request({ targets: [{ device: 'edge', target: 'shop' }] }))
  t.equal(event.state, 'live', event.why)
  const [rsa, ecdsa] = world.store.orders.of(event.id)
  t.equal(await world.shown(edge, 'shop', 'rsa'), rsa?.fingerprint)
  t.equal(await world.shown(edge, 'shop', 'ecdsa'), ecdsa?.fingerprint)
  t.equal(world.sold().length, 2)
})

t.test('one order serves every target of an event', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const devices = [await world.device('a', { shop, mail }), await world.device('b', { shop })]
  const targets = [
    { device: 'a', target: 'shop' },
    { device: 'a', target: 'mail' },
    { device: 'b', target: 'shop' }
  ]
  const event = await world.finish(world.request({ targets }))
  t.equal(event.state, 'live', event.why)
  t.equal(world.sold().length, 1)
  t.same(event.names && JSON.parse(event.names), ['shop.test', 'www.shop.test', 'mail.test'])
  const [order] = world.store.orders.of(event.id)
  for (const device of devices) t.equal(await world.shown(device, 'shop'), order?.fingerprint)
})

t.test('the same wish is one event while it is open, and another afterwards', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop })
  const wish = { targets: [{ device: 'edge', target: 'shop' }] }
  const first = world.request(wish)
  t.equal(world.request({ ...wish, who: 'bob' }).id, first.id)
  await world.finish(first)
  t.not(world.request(wish).id, first.id)
})

t.test('a second event for a target waits for the first', async (t) => {
  const world = await engineWorld(t)
  world.profile({ approval: 'needed' })
  await world.device('edge', { shop })
  const targets = [{ device: 'edge', target: 'shop' }]
  const first = await world.finish(world.request({ targets }))
  t.equal(first.state, 'needs-approval')
  const second = world.request({ targets, action: 'reissue' })
  await drive(world, () => false, { most: 3 })
  t.match(world.store.events.get(second.id), { state: 'requested', why: `event ${first.id} is not done` })
})

t.test('a device that nobody has allowed to write to is only read', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  const { id } = world.store.devices.named('edge')
  world.store.devices.setWritable(id, 'read-only')
  const event = world.request({ targets: [{ device: 'edge', target: 'shop' }] })
  await drive(world, () => false, { most: 3 })
  t.match(world.store.events.get(event.id), { state: 'waiting', why: 'device edge is only read' })
  t.same(
    calls(edge).filter((call) => call.startsWith('apply')),
    []
  )
  t.same(world.sold(), [], 'nothing is bought for it')
  setWritable(world.engine.context, 'edge', 'writable')
  t.equal((await world.finish(event)).state, 'live')
})

/** An engine in which a person acts once the places of a target were looked at, before its first write. */
async function interrupted(t: Test) {
  const acts: (() => void)[] = []
  const tools = {
    dialer: openDialer('auto'),
    clock: systemClock,
    random: systemRandom,
    spared: async () => []
  }
  const wire = createWire(tools, { ...wireLimits, tryMs: 1_500 })
  const world = await engineWorld(t, {
    wire: {
      ...wire,
      async baseline(plan, signal) {
        const seen = await wire.baseline(plan, signal)
        acts.shift()?.()
        return seen
      }
    }
  })
  world.profile()
  const edge = await world.device('edge', { shop })
  return { world, edge, acts }
}

const writes = (device: WorldDevice) => calls(device).filter((call) => call.startsWith('apply'))

t.test('a device that is no longer allowed to be changed is not, up to the first write', async (t) => {
  const { world, edge, acts } = await interrupted(t)
  acts.push(() => setWritable(world.engine.context, 'edge', 'read-only'))
  const event = await world.finish(world.request({ targets: [{ device: 'edge', target: 'shop' }] }))
  t.same(acts, [], 'it was forbidden')
  t.match(event, { state: 'failed', why: /device edge: it is only read/ })
  t.same(writes(edge), [])
})

t.test('what was planned for one place is not done at another that the device is moved to', async (t) => {
  const { world, edge, acts } = await interrupted(t)
  const twin = { ...edge, directory: `${edge.directory}-twin` }
  cpSync(edge.directory, twin.directory, { recursive: true })
  acts.push(() => {
    const { id, settings } = world.store.devices.named('edge')
    const moved = { ...(JSON.parse(settings) as object), directory: twin.directory }
    world.store.devices.setSettings(id, JSON.stringify(moved))
    // as a device that is moved: from then on it is only read, until a person allows more
    setWritable(world.engine.context, 'edge', 'read-only')
    setWritable(world.engine.context, 'edge', 'writable')
  })
  const event = world.request({ targets: [{ device: 'edge', target: 'shop' }] })
  await drive(world, () => world.history(event).some((line) => /other settings meanwhile/.test(line)))
  t.same(acts, [], 'it was moved')
  t.match(world.history(event).join('\n'), /device edge was set to other settings meanwhile/)
  t.same(writes(edge), [])
})

t.test('nothing of what is kept holds a key, but for the vault', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  await world.device('edge', { shop })
  await world.finish(world.request({ targets: [{ device: 'edge', target: 'shop' }] }))
  const state = join(world.site.root, 'state')
  const [name] = world.keys.names()
  const pem = world.keys.read(name ?? '')?.reveal() ?? ''
  const secret = pem.split('\n')[1] ?? ''
  t.ok(secret.length > 40)
  for (const file of readdirSync(state)) {
    const bytes = readFileSync(join(state, file))
    t.notOk(bytes.includes('PRIVATE KEY'), file)
    t.notOk(bytes.includes(secret), file)
  }
})
