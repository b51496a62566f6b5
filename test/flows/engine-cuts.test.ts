import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { giveUpEvent, retryEvent } from '../../sensor/automation/requests.ts'
import { setCa } from '../peers/file-ca.ts'
import { wishFaults, type FaultPoint, type FaultWay } from '../peers/file-device/faults.ts'
import { runEngineChild } from './engine-children.ts'
import { calls, engineWorld, limits, type EngineWorld, type WorldDevice } from './engine-world.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const mail = { names: ['mail.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]
const steps = ['stage', 'switch', 'reload'] as const
const deployPoints = steps.flatMap((step): FaultPoint[] => [
  `before ${step}`,
  `after ${step}`,
  `journaled ${step}`
])
const undoPoints = steps.flatMap((step): FaultPoint[] => [`undo-before ${step}`, `undo-after ${step}`])

/** everything that is on a device: configuration and files */
function state({ directory }: WorldDevice): Record<string, string> {
  const files = readdirSync(directory).filter((name) => name.endsWith('.pem') || name === 'conf.json')
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
}

interface Cut {
  readonly at: FaultPoint
  readonly does: FaultWay
  readonly times: number
}

async function renewWith(world: EngineWorld, edge: WorldDevice, cuts: readonly Cut[]) {
  wishFaults(edge.directory, cuts)
  const sold = world.sold().length
  const event = await world.finish(world.request({ targets }), 24 * 3_600_000)
  return { event, bought: world.sold().length - sold, order: world.store.orders.of(event.id)[0] }
}

t.test('a cut at any point of a deployment that passes ends live, with one certificate bought', async (t) => {
  const world = await engineWorld(t, { limits: { ...limits, callMs: 400 } })
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  for (const at of [...deployPoints, 'verify', 'connect', 'plan'] as const) {
    for (const does of ['throw', 'hang', 'busy'] as const) {
      const { event, bought, order } = await renewWith(world, edge, [{ at, does, times: 2 }])
      t.equal(event.state, 'live', `${does} ${at}: ${event.why}`)
      t.equal(await world.shown(edge, 'shop'), order?.fingerprint, `${does} ${at}`)
      t.equal(bought, 1, `${does} ${at}`)
    }
  }
  t.equal(await world.shown(edge, 'mail'), edge.before.get('mail ecdsa')?.fingerprint)
})

t.test('a refusal, or a device that is gone too long, at any point is undone to the last byte', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  const before = state(edge)
  for (const at of deployPoints) {
    for (const [does, times] of [
      ['refuse', 1],
      ['throw', 1000]
    ] as const) {
      const { event, bought } = await renewWith(world, edge, [{ at, does, times }])
      t.equal(event.state, 'rolled-back', `${does} ${at}: ${event.why}`)
      t.same(state(edge), before, `${does} ${at}`)
      t.equal(await world.shown(edge, 'shop'), edge.before.get('shop ecdsa')?.fingerprint, `${does} ${at}`)
      t.equal(bought, 1)
    }
  }
})

t.test('an undo that is cut at any point is gone on with until it is done', async (t) => {
  const world = await engineWorld(t, { limits: { ...limits, callMs: 400 } })
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  const before = state(edge)
  for (const at of undoPoints) {
    for (const [does, times] of [
      ['throw', 8],
      ['hang', 1],
      ['refuse', 2]
    ] as const) {
      const refusal = { at: 'journaled reload', does: 'refuse', times: 1 } as const
      const { event } = await renewWith(world, edge, [refusal, { at, does, times }])
      t.equal(event.state, 'rolled-back', `${does} ${at}: ${event.why}`)
      t.same(state(edge), before, `${does} ${at}`)
    }
  }
})

t.test('an undo that is refused for good is stuck, and a person has it tried again', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  const before = state(edge)
  const { event } = await renewWith(world, edge, [
    { at: 'journaled switch', does: 'refuse', times: 1 },
    { at: 'undo-before switch', does: 'refuse', times: 3 }
  ])
  t.match(event, {
    state: 'stuck',
    open: 1,
    why: /somebody must look at shop: the device says no \(these steps are not undone: stage, switch\)/
  })
  const retried = await world.finish(retryEvent(world.engine.context, event.id, 'alice'))
  t.equal(retried.state, 'rolled-back', retried.why)
  t.same(state(edge), before)
})

t.test('a server that does not take the new certificate gets the old one back', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  edge.server.confuse('shop', 'mail')
  const before = state(edge)
  const event = await world.finish(world.request({ targets }))
  // the device says that all is well: only the handshake tells
  t.match(event.state, 'stuck', 'its undo cannot help while it shows the wrong one')
  t.match(
    world.history(event).join('\n'),
    /handshakes show otherwise: shop\.test at 127\.0\.0\.1:\d+ \(TLSv1\.3, ecdsa\) shows/
  )
  t.same(state(edge), before)
})

t.test('a person who answers for what it shows has a stuck event given up', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  const { event } = await renewWith(world, edge, [
    { at: 'journaled switch', does: 'refuse', times: 1 },
    { at: 'undo-before switch', does: 'refuse', times: 3 }
  ])
  t.equal(event.state, 'stuck')
  const left = await world.shown(edge, 'shop')
  const given = await world.finish(giveUpEvent(world.engine.context, { event: event.id, who: 'alice' }))
  t.match(given, { state: 'failed', open: 0, why: /alice answers for what the target shows now/ })
  t.equal(await world.shown(edge, 'shop'), left, 'nothing more was done')
  t.throws(() => giveUpEvent(world.engine.context, { event: event.id, who: 'alice' }), {
    code: 'event-state'
  })
  const next = await world.finish(world.request({ targets }))
  t.equal(next.state, 'live', 'its target is free again')
})

t.test('a neighbour that changes with it is noticed, and all is put back', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  edge.server.confuse('mail', 'shop')
  const event = await world.finish(world.request({ targets }))
  t.match(
    world.history(event).join('\n'),
    /handshakes show otherwise: mail\.test at 127\.0\.0\.1:\d+ .* shows/
  )
  t.equal(await world.shown(edge, 'shop'), edge.before.get('shop ecdsa')?.fingerprint)
})

t.test('what is in place already is live without a write', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  const event = await world.finish(world.request({ targets }))
  t.equal(event.state, 'live')
  // the same deployment once more, as after a cut just before it was kept
  const [of] = world.deployments(event)
  const now = world.clock.now()
  const store = world.store
  const [written, calledBefore] = [state(edge), calls(edge).filter((call) => call.startsWith('apply'))]
  store.events.change(event.id, { state: 'planned', open: 1, wake: now }, null)
  store.deployments.change(of?.id ?? 0, { state: 'waiting', began: null, wake: null }, null)
  const again = await world.finish(event)
  t.equal(again.state, 'live')
  t.same(state(edge), written)
  t.same(
    calls(edge).filter((call) => call.startsWith('apply')),
    calledBefore
  )
})

t.test('a process that is killed at any point goes on where it was when it starts again', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  for (const at of deployPoints) {
    wishFaults(edge.directory, [{ at, does: 'kill', times: 1 }])
    await killed(t, world, edge, at)
  }
  wishFaults(edge.directory, [])
  for (const does of ['kill-before', 'kill-after'] as const) {
    setCa(join(world.site.root, 'ca'), { does })
    await killed(t, world, edge, does)
  }
})

async function killed(t: Test, world: EngineWorld, edge: WorldDevice, what: string): Promise<void> {
  const sold = world.sold().length
  const event = world.request({ targets })
  t.equal(await runEngineChild(world, event.id), 'SIGKILL', what)
  t.equal(await runEngineChild(world, event.id), 0, what)
  const { state, why } = world.store.events.get(event.id)
  t.equal(state, 'live', `${what}: ${why}`)
  t.equal(await world.shown(edge, 'shop'), world.store.orders.of(event.id)[0]?.fingerprint, what)
  t.equal(world.sold().length - sold, 1, `${what}: one certificate`)
}

t.test('a process that is killed at any point of an undo ends it when it starts again', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  const before = state(edge)
  for (const at of undoPoints) {
    wishFaults(edge.directory, [
      { at: 'journaled reload', does: 'refuse', times: 1 },
      { at, does: 'kill', times: 1 }
    ])
    const event = world.request({ targets })
    t.equal(await runEngineChild(world, event.id), 'SIGKILL', at)
    t.equal(await runEngineChild(world, event.id), 0, at)
    t.equal(world.store.events.get(event.id).state, 'rolled-back', at)
    t.same(state(edge), before, at)
    t.equal(await world.shown(edge, 'shop'), edge.before.get('shop ecdsa')?.fingerprint, at)
  }
})

t.test('a process that is killed again and again, whenever, ends each event well', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop, mail })
  for (let round = 0; round < 4; round++) {
    const event = world.request({ targets })
    const sold = world.sold().length
    let ends = 0
    for (let delay = 450 + round * 37; ends < 12; delay += 45, ends++) {
      if ((await runEngineChild(world, event.id, delay)) === 0) break
    }
    // on a busy machine all of them may die before they have come far
    if (ends === 12) t.equal(await runEngineChild(world, event.id), 0)
    t.equal(world.store.events.get(event.id).state, 'live', `killed ${ends} times`)
    t.equal(await world.shown(edge, 'shop'), world.store.orders.of(event.id)[0]?.fingerprint)
    t.equal(world.sold().length - sold, 1)
  }
})
