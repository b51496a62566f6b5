import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { silentLog, type Log } from '../../core/log.ts'
import { setCa } from '../peers/file-ca.ts'
import { wishFaults } from '../peers/file-device/faults.ts'
import { calls, day, drive, engineWorld } from './engine-world.ts'

const shop = { names: ['shop.test'], keys: ['p256'] } as const
const targets = [{ device: 'edge', target: 'shop' }]

/** a log that keeps the names of errors and warnings */
function listening(): Log & { readonly told: string[] } {
  const told: string[] = []
  const tell = (event: string, facts: Readonly<Record<string, unknown>> = {}) =>
    void told.push(typeof facts['code'] === 'string' ? `${event} ${facts['code']}` : event)
  return { ...silentLog, told, error: tell, warn: tell }
}

t.test('while the database cannot be written nothing is begun, and nothing is lost', async (t) => {
  const log = listening()
  const world = await engineWorld(t, { log })
  world.profile()
  const edge = await world.device('edge', { shop })
  const event = world.request({ targets })
  const other = new Database(join(world.site.root, 'state', 'tlsward.db'))
  t.teardown(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  world.engine.poke()
  await world.engine.settled()
  t.match(log.told, ['store-trouble store-locked'])
  const asked = calls(edge).length
  world.engine.poke()
  await world.engine.settled()
  t.equal(calls(edge).length, asked, 'nothing more is begun')
  other.exec('ROLLBACK')
  t.equal((await world.finish(event)).state, 'live')
})

t.test(
  'a disk that is full in the middle of a deployment stops it, and it goes on once there is room',
  async (t) => {
    const log = listening()
    const world = await engineWorld(t, { log })
    world.profile()
    const disk = join(world.site.root, 'small')
    mkdirSync(disk)
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'small', disk]).status !== 0) {
      t.comment('a small file system can be mounted by root only')
      return
    }
    t.teardown(() => spawnSync('umount', ['-l', disk]))
    mkdirSync(join(disk, 'state'))
    const small = await engineWorld(t, { log }, disk)
    small.profile()
    const edge = await small.device('edge', { shop })
    const event = small.request({ targets })
    setCa(join(disk, 'ca'), { does: 'pending' })
    await drive(small, () => small.store.events.get(event.id).state === 'issuing', { most: 2 })
    setCa(join(disk, 'ca'), { does: 'issues' })
    const { bavail, bsize } = statfsSync(disk)
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(Math.max(0, bavail * bsize - 40_960)))
    await drive(small, () => false, { most: 5 })
    t.ok(
      log.told.some((one) => one.includes('store-full')),
      log.told.join()
    )
    t.not(small.store.events.get(event.id).state, 'live')
    rmSync(join(disk, 'ballast'))
    t.equal((await small.finish(event)).state, 'live')
    t.equal(await small.shown(edge, 'shop'), small.store.orders.of(event.id)[0]?.fingerprint)
    t.equal(small.sold().length, 1)
  }
)

t.test('a clock that was wrong by a year and is set back holds nothing up', async (t) => {
  const log = listening()
  const world = await engineWorld(t, { log })
  world.profile({ rollout: { canary: 'first', soakMinutes: 30, atOnce: 1 } })
  await world.device('edge', { shop })
  await world.device('far', { shop })
  world.clock.shift = 365 * day
  setCa(join(world.site.root, 'ca'), { does: 'is-down' })
  const event = world.request({ targets: ['edge', 'far'].map((device) => ({ device, target: 'shop' })) })
  await drive(world, () => false, { most: 6 })
  t.equal(world.store.events.get(event.id).state, 'issuing')
  world.clock.shift = 0
  setCa(join(world.site.root, 'ca'), { does: 'issues' })
  t.equal((await world.finish(event)).state, 'live')
  t.ok(log.told.includes('clock-set-back'))
  t.ok(world.clock.shift < day)
})

t.test('the loop works by itself, stops where it is, and goes on in the next process', async (t) => {
  const world = await engineWorld(t)
  world.profile()
  const edge = await world.device('edge', { shop })
  const stop = new AbortController()
  const running = world.engine.run(stop.signal)
  const event = world.request({ targets })
  world.engine.poke()
  for (let tries = 0; tries < 400 && world.store.events.get(event.id).state !== 'live'; tries++) {
    await new Promise((resolve) => setImmediate(resolve))
    await world.engine.settled()
  }
  t.equal(world.store.events.get(event.id).state, 'live')
  t.throws(() => world.store.engineTurn.take(0), { code: 'engine-running' })
  // in the middle of a step
  wishFaults(edge.directory, [{ at: 'after switch', does: 'hang', times: 1 }])
  const second = world.request({ targets })
  world.engine.poke()
  for (let tries = 0; tries < 4000; tries++) {
    if (readFileSync(join(edge.directory, 'faults.json'), 'utf8').includes('"times":0')) break
    await new Promise((resolve) => setImmediate(resolve))
  }
  stop.abort()
  await running
  t.equal(world.deployments(second)[0]?.state, 'deploying', 'left as it is')
  const next = await engineWorld(t, {}, world.site.root)
  t.equal((await next.finish(second)).state, 'live')
  t.equal(next.sold().length, 2)
})
