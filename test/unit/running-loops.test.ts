import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runDiscovery } from '../../appliance/running/discovery.ts'
import { lasting } from '../../appliance/running/run.ts'
import { runSchedules } from '../../appliance/running/schedules.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { type Log, silentLog } from '../../core/log.ts'
import { openStore } from '../../sensor/store/store.ts'

const at = Date.UTC(2026, 10, 1)

/** A store whose database somebody else can damage, and a clock on which every wait is over at once. */
function world(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'loops-'))
  const store = openStore({ directory, busyMs: 50 })
  const other = new Database(join(directory, 'tlsward.db'))
  t.teardown(() => {
    other.close()
    store.close()
    rmSync(directory, { recursive: true })
  })
  const told: string[] = []
  const tell = (event: string, facts: object = {}) => void told.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { ...silentLog, warn: tell, info: tell }
  const clock: Clock = {
    ...systemClock,
    after(_, call) {
      const immediate = setImmediate(call)
      return () => clearImmediate(immediate)
    }
  }
  return { store, other, told, log, clock }
}

/** waits until it holds, turn by turn of the event loop */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error(`it never came: ${what}`)
}

t.test('schedules go on when the store cannot be read or written for a while', async (t) => {
  const { store, other, told, log, clock } = world(t)
  store.schedules.add({
    name: 'nightly',
    targets: ['127.0.0.1:1'],
    ports: '1',
    window: null,
    recurrence: '1d',
    pace: '{}',
    enabled: true,
    created: at
  })
  let scans = 0
  const functions = {
    async scan(): Promise<never> {
      scans++
      throw new Fault('target-unresolved', 'no such name')
    }
  }
  other.exec('ALTER TABLE schedule RENAME TO gone')
  const stop = new AbortController()
  const running = runSchedules({ store, clock, log, functions }, stop.signal)
  await until(
    () => told.some((one) => one.startsWith('schedules-unreadable')),
    'it tells that it cannot read'
  )
  t.equal(scans, 0)

  other.exec(
    "ALTER TABLE gone RENAME TO schedule; CREATE TRIGGER no BEFORE UPDATE ON schedule BEGIN SELECT RAISE(ABORT, 'no'); END"
  )
  await until(() => told.some((one) => one.startsWith('schedule-not-noted')), 'it tells that it cannot note')
  other.exec('DROP TRIGGER no')
  await until(() => store.schedules.list()[0]?.begun !== null, 'it is noted once that is possible')
  t.ok(scans > 0)
  stop.abort()
  await running
})

t.test(
  'devices are read anew though one of them is gone, and the store cannot be read for a while',
  async (t) => {
    const { store, other, told, log, clock } = world(t)
    const [first = 0, second = 0] = ['first', 'second'].map((name) =>
      store.devices.add({ name, connector: 'files', settings: '{}', created: at })
    )
    store.profiles.put('web', '{}', at)
    const profile = store.profiles.named('web').id
    for (const device of [first, second])
      store.managedTargets.put({
        device,
        target: 'shop',
        profile,
        held: '{}',
        lookup: '',
        wake: null,
        created: at
      })
    other.pragma('foreign_keys = OFF')
    other.exec(`DELETE FROM device WHERE id = ${first}; ALTER TABLE managed_target RENAME TO gone`)
    const asked: string[] = []
    const functions = {
      async *discoverDevice(name: string) {
        yield* []
        asked.push(name)
      }
    }
    const stop = new AbortController()
    const running = runDiscovery({ store, clock, log, functions }, stop.signal)
    await until(() => told.some((one) => one.startsWith('discovery-failed')), 'it tells that it cannot read')
    t.same(asked, [])
    other.exec('ALTER TABLE gone RENAME TO managed_target')
    await until(() => asked.length > 0, 'the other one is read')
    t.same([...new Set(asked)], ['second'])
    t.ok(told.some((one) => one.includes('device-missing')))
    stop.abort()
    await running
  }
)

t.test('a loop that ends by itself, or by an error, is a fault', async (t) => {
  const { signal } = new AbortController()
  await t.rejects(lasting('loop', Promise.resolve(), signal), {
    code: 'internal',
    message: /the loop ended by itself/
  })
  await t.rejects(lasting('loop', Promise.reject(new Error('odd')), signal), /odd/)
  await lasting('loop', Promise.resolve(), AbortSignal.abort())
})
