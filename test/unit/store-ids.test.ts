import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { migrate, migrations } from '../../sensor/store/migrations.ts'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from './inventory-world.ts'

const at = Date.UTC(2026, 10, 1)
const open = (directory: string) => openStore({ directory, busyMs: 50 })
const device = (name: string) => ({ name, connector: 'files', settings: '{}', created: at })
const event = (key: string) =>
  ({
    key,
    action: 'replace',
    profileName: 'web',
    profile: '{}',
    start: at,
    hours: 'window',
    onlyPlan: 0,
    approval: 'profile',
    requestedBy: 'alice',
    requested: at
  }) as const

/** A database as version 5 left it, with rows in every table that refers to one that is made anew. */
function versionFive(t: Test): string {
  const directory = directoryFor(t)
  const db = new Database(join(directory, 'tlsward.db'))
  db.pragma('foreign_keys = ON')
  migrate(db, migrations.slice(0, 5))
  db.exec(`
    INSERT INTO device (id, name, connector, settings, writable, checked, findings, created)
      VALUES (3, 'edge', 'files', '{"a":1}', 1, 5, '{}', 2), (7, 'core', 'files', '{}', 0, NULL, NULL, 2);
    INSERT INTO pin VALUES (3, 'ssh', 'SHA256:x', 4), (7, 'ssh', 'SHA256:y', 4);
    INSERT INTO issuer VALUES (2, 'le', 'acme', '{}', 1);
    INSERT INTO profile VALUES (1, 'web', '{"issuer":"le"}', 1);
    INSERT INTO managed_target VALUES (1, 3, 'shop', 1, 1, '[]', '', 9, 1);
    INSERT INTO event (id, key, action, profile_name, profile, start, hours, requested_by, requested, state, why, open)
      VALUES (4, 'k', 'renew', 'web', '{}', 0, 'window', 'alice', 1, 'live', 'live', 0);
    INSERT INTO deployment (id, event, position, device, target, state, why, since)
      VALUES (5, 4, 0, 3, 'shop', 'cleaned', 'clean', 1);
    INSERT INTO certificate_order (id, event, key_type, state, why, spki, fingerprint, chain)
      VALUES (6, 4, 'ec-p256', 'issued', 'here', 'ab', 'cd', x'00ff');
    INSERT INTO journal VALUES (1, 5, 'stage', 'done', 1);
    INSERT INTO event_history (event, deployment, certificate_order, at, who, state, why)
      VALUES (4, 5, 6, 1, 'alice', 'live', 'live');
    INSERT INTO sealed_key VALUES (1, '{}', x'00', 1);
    INSERT INTO sealed (owner_kind, owner_id, field, key_version, blob, changed)
      VALUES ('device', '3', 'password', 1, x'01', 1), ('device', '9', 'password', 1, x'02', 1),
        ('account', 'le', 'mac-key', 1, x'03', 1);
  `)
  db.close()
  return directory
}

t.test('a database of version 5 keeps every row and number, but for secrets of nobody', (t) => {
  const directory = versionFive(t)
  const tables = ['pin', 'profile', 'managed_target', 'deployment', 'journal', 'event_history', 'sealed_key']
  const rows = (table: string) => {
    const db = new Database(join(directory, 'tlsward.db'), { readonly: true })
    const all = db.prepare(`SELECT * FROM ${table}`).all()
    db.close()
    return all
  }
  const before = tables.map(rows)
  const order = rows('certificate_order')
  const store = open(directory)
  t.same(tables.map(rows), before)
  t.same(
    rows('certificate_order'),
    order.map((row) => ({ ...(row as object), device_key: null }))
  )
  t.match(store.devices.named('edge'), {
    id: 3,
    settings: '{"a":1}',
    writable: true,
    checked: 5,
    removed: null
  })
  t.match(store.devices.list(), [{ id: 7 }, { id: 3 }])
  t.match(store.issuers.named('le'), { id: 2, secrets: 'le' }, 'its secrets are where they were')
  t.match(store.events.get(4), { key: 'k', onlyPlan: 0 })
  t.same(
    rows('sealed').map((row) => (row as { owner_id: string }).owner_id),
    ['3', 'le']
  )
  store.close()
  const db = new Database(join(directory, 'tlsward.db'))
  t.same(db.pragma('foreign_key_check'), [])
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
  open(directory).close()
  t.end()
})

t.test('references hold again after the update', (t) => {
  const store = open(versionFive(t))
  const foreign = { event: 99, position: 0, device: 3, target: 'shop' }
  t.throws(() => store.deployments.add(foreign, at), /FOREIGN KEY/)
  store.close()
  t.end()
})

t.test('an update that would leave a row without what it refers to is not made', (t) => {
  const db = new Database(join(versionFive(t), 'tlsward.db'))
  t.throws(() => migrate(db, [...migrations, 'DELETE FROM device WHERE id = 3']), { code: 'store-corrupt' })
  t.equal(db.pragma('user_version', { simple: true }), 5, 'nothing of it')
  db.close()
  t.end()
})

t.test('no number is given twice: not to devices, and not to issuers', (t) => {
  const directory = versionFive(t)
  let store = open(directory)
  t.equal(store.devices.add(device('first')), 8)
  store.devices.remove({ id: 8, name: 'first' }, at)
  store.issuers.add({ name: 'ca', kind: 'manual', settings: '{}', created: at })
  store.issuers.remove('ca')
  store.close()
  const db = new Database(join(directory, 'tlsward.db'))
  db.exec('DELETE FROM device WHERE id = 8')
  db.close()
  store = open(directory)
  t.equal(store.devices.add(device('second')), 9)
  t.match(store.issuers.add({ name: 'ca', kind: 'manual', settings: '{}', created: at }), {
    id: 4,
    secrets: '#4'
  })
  store.close()
  t.end()
})

t.test(
  'a device is removed once its events are over; they still tell its name, and the name is free',
  (t) => {
    const store = open(directoryFor(t))
    const id = store.devices.add(device('edge'))
    const first = store.events.add(event('one'))
    store.deployments.add({ event: first, position: 0, device: id, target: 'shop' }, at)
    t.throws(() => store.devices.remove({ id, name: 'edge' }, at), {
      code: 'device-used',
      message: /^device edge: events that are open refer to it \(1\); let them end, or cancel them$/
    })
    store.events.change(first, { open: 0, state: 'cancelled' }, null)
    store.devices.setPins(id, [{ what: 'ssh', fingerprint: 'SHA256:x', accepted: at }])
    store.devices.remove({ id, name: 'edge' }, at + 1)
    t.same(store.devices.list(), [])
    t.same(store.devices.pins(id), [])
    t.throws(() => store.devices.named('edge'), { code: 'device-missing' })
    t.throws(() => store.devices.get(id), { code: 'device-missing', message: /edge: it was removed/ })
    t.equal(store.devices.nameOf(id), 'edge')
    const next = store.devices.add(device('edge'))
    t.not(next, id)
    t.equal(store.devices.named('edge').id, next)
    t.throws(() => store.devices.add(device('edge')), { code: 'device-exists' })
    store.close()
    t.end()
  }
)

t.test('the latest deployment of a target is none of which only the plan was wanted', (t) => {
  const store = open(directoryFor(t))
  const id = store.devices.add(device('edge'))
  for (const [key, onlyPlan] of [
    ['one', 0],
    ['two', 1]
  ] as const) {
    const of = store.events.add({ ...event(key), onlyPlan })
    store.deployments.add({ event: of, position: 0, device: id, target: 'shop' }, at)
  }
  t.equal(store.deployments.last(id, 'shop')?.event, 1)
  store.events.change(2, { state: 'failed', open: 0 }, null)
  t.equal(
    store.deployments.lastKept({ device: id, target: 'shop' }, 'tlsward')?.event,
    1,
    'also one that failed'
  )
  store.close()
  t.end()
})
