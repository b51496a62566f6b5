import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from './inventory-world.ts'

const at = Date.UTC(2026, 10, 1)
const open = (directory: string) => openStore({ directory, busyMs: 50 })
const event = {
  key: 'renew 1 shop',
  action: 'renew',
  profileName: 'web',
  profile: '{}',
  start: at,
  hours: 'window',
  approval: 'profile',
  onlyPlan: 0,
  requestedBy: 'alice',
  requested: at
} as const

t.test('an event keeps its key for itself while it is open', (t) => {
  const store = open(directoryFor(t))
  const id = store.events.add(event)
  t.throws(() => store.events.add(event), /UNIQUE/)
  store.events.change(id, { state: 'live', open: 0 }, null)
  t.equal(store.events.openByKey(event.key), undefined)
  t.ok(store.events.add(event) > id)
  store.close()
  t.end()
})

t.test('a change that expects another state changes nothing', (t) => {
  const store = open(directoryFor(t))
  const id = store.events.add(event)
  t.notOk(store.events.change(id, { state: 'live' }, 'deploying'))
  t.equal(store.events.get(id).state, 'requested')
  t.ok(store.events.change(id, { state: 'previewed', wake: null }, 'requested'))
  t.match(store.events.get(id), { state: 'previewed', wake: null, why: 'asked for' })
  store.close()
  t.end()
})

t.test('what is durable is kept as a whole or not at all, and is no part of another transaction', (t) => {
  const directory = directoryFor(t)
  const store = open(directory)
  const id = store.devices.add({ name: 'edge', connector: 'files', settings: '{}', created: at })
  t.equal(
    store.durable(() => {
      store.devices.setWritable(id, 'writable')
      return 'kept'
    }),
    'kept'
  )
  const reader = new Database(join(directory, 'tlsward.db'), { readonly: true })
  t.equal(reader.prepare('SELECT writable FROM device').pluck().get(), 1)
  reader.close()
  t.throws(() => store.transaction(() => store.durable(() => 1)), /durable within a transaction/)
  t.throws(() =>
    store.durable(() => {
      store.devices.setWritable(id, 'read-only')
      throw new Error('no')
    })
  )
  t.equal(store.devices.get(id).writable, true)
  store.close()
  t.end()
})

t.test('one process replaces certificates with a state, and the next when that is gone', (t) => {
  const directory = directoryFor(t)
  const [first, second] = [open(directory), open(directory)]
  first.engineTurn.take(at)
  t.throws(() => second.engineTurn.take(at + 1), { code: 'engine-running' })
  first.close()
  second.engineTurn.take(at + 2)
  second.close()
  t.end()
})

t.test('a device that events refer to stays', (t) => {
  const store = open(directoryFor(t))
  const device = store.devices.add({ name: 'edge', connector: 'files', settings: '{}', created: at })
  t.throws(() => store.devices.add({ name: 'edge', connector: 'files', settings: '{}', created: at }), {
    code: 'device-exists'
  })
  store.devices.setPins(device, [{ what: 'ssh', fingerprint: 'SHA256:x', accepted: at }])
  const unused = store.devices.add({ name: 'spare', connector: 'files', settings: '{}', created: at })
  store.devices.remove({ id: unused, name: 'spare' }, at)
  store.deployments.add({ event: store.events.add(event), position: 0, device, target: 'shop' }, at)
  t.throws(() => store.devices.remove({ id: device, name: 'edge' }, at), { code: 'device-used' })
  t.same(
    store.devices.list().map(({ name }) => name),
    ['edge']
  )
  store.close()
  t.end()
})
