import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { applicationId, migrate, migrations } from '../../sensor/store/migrations.ts'
import { openStore } from '../../sensor/store/store.ts'
import { chainOf, directoryFor, leaf, observed, publicIssuer, start, world } from './inventory-world.ts'

const file = (directory: string) => join(directory, 'tlsward.db')
const open = (directory: string) => openStore({ directory, busyMs: 50 })
const mode = (path: string) => statSync(path).mode & 0o777

t.test('a new state directory is closed to others, and so is the database', (t) => {
  const directory = join(directoryFor(t), 'deep', 'state')
  const store = open(directory)
  store.settings.set('a', 'b')
  t.equal(mode(directory), 0o700)
  for (const end of ['', '-wal', '-shm']) t.equal(mode(file(directory) + end), 0o600, end)
  store.close()
  t.end()
})

t.test('a state directory that others may write is refused, with the remedy', (t) => {
  for (const rights of [0o700, 0o750, 0o755, 0o1777]) {
    const directory = directoryFor(t)
    chmodSync(directory, rights)
    t.doesNotThrow(() => open(directory).close(), rights.toString(8))
  }
  for (const rights of [0o775, 0o777, 0o720, 0o702]) {
    const directory = directoryFor(t)
    chmodSync(directory, rights)
    const message = new RegExp(
      `others may write there \\(0${rights.toString(8)}\\).*Run chmod go-w ${directory}`
    )
    t.throws(() => open(directory), { code: 'state-unsafe', kind: 'denied', message })
    t.same(readdirSync(directory), [], 'and nothing is put there')
    chmodSync(directory, 0o755)
    t.doesNotThrow(() => open(directory).close(), 'after the remedy it opens')
  }
  t.end()
})

const notRoot = process.getuid?.() === 0 ? false : 'only root can give files away'

t.test('in a sticky directory a database of another account is refused', { skip: notRoot }, (t) => {
  const directory = directoryFor(t)
  chmodSync(directory, 0o1777)
  open(directory).close()
  chownSync(file(directory), 65_534, 65_534)
  t.throws(() => open(directory), { code: 'state-unsafe' })
  t.end()
})

t.test(
  'a directory, or a place for one, of another account is refused with the way to go',
  { skip: notRoot },
  (t) => {
    const directory = directoryFor(t)
    chownSync(directory, 65_534, 65_534)
    const message = /it belongs to account nobody, and this is root.*sudo -u 'nobody' tlsward/
    for (const state of [directory, join(directory, 'deep', 'state')]) {
      t.throws(() => open(state), { code: 'state-foreign', kind: 'denied', message })
    }
    t.same(readdirSync(directory), [], 'and nothing is put there')
    chownSync(directory, 123_456, 123_456)
    t.throws(() => open(directory), { message: /account #123456.*sudo -u '#123456' tlsward/ })
    t.end()
  }
)

t.test('a database whose rights were widened is closed again', (t) => {
  const directory = directoryFor(t)
  open(directory).close()
  chmodSync(file(directory), 0o644)
  open(directory).close()
  t.equal(mode(file(directory)), 0o600)
  t.end()
})

t.test('a new database has the present version and our mark, and opens again', (t) => {
  const directory = directoryFor(t)
  for (const _ of [1, 2]) open(directory).close()
  const db = new Database(file(directory))
  t.teardown(() => db.close())
  t.equal(db.pragma('user_version', { simple: true }), migrations.length)
  t.equal(db.pragma('application_id', { simple: true }), applicationId)
  t.equal(db.pragma('journal_mode', { simple: true }), 'wal')
  t.end()
})

t.test('an older database takes the steps that it lacks, and keeps what it has', (t) => {
  const db = new Database(join(directoryFor(t), 'x.db'))
  t.teardown(() => db.close())
  const steps = [
    'CREATE TABLE a (x INTEGER) STRICT',
    'ALTER TABLE a ADD COLUMN y TEXT',
    'CREATE INDEX i ON a (y)'
  ]
  migrate(db, steps.slice(0, 1))
  db.exec('INSERT INTO a VALUES (1)')
  migrate(db, steps)
  t.same(db.prepare('SELECT * FROM a').all(), [{ x: 1, y: null }])
  t.equal(db.pragma('user_version', { simple: true }), 3)
  migrate(db, steps)
  t.equal(db.pragma('user_version', { simple: true }), 3, 'a second time changes nothing')
  t.end()
})

t.test('a step that fails leaves the database as it was', (t) => {
  const db = new Database(join(directoryFor(t), 'x.db'))
  t.teardown(() => db.close())
  migrate(db, ['CREATE TABLE a (x INTEGER) STRICT'])
  const steps = ['', 'ALTER TABLE a ADD COLUMN y TEXT', 'CREATE INDEX i ON missing (y)']
  t.throws(() => migrate(db, steps), /missing/)
  t.equal(db.pragma('user_version', { simple: true }), 1)
  t.same(db.prepare("SELECT name FROM pragma_table_info('a')").pluck().all(), ['x'])
  t.end()
})

t.test('processes that open a new directory at the same time all succeed', async (t) => {
  const directory = directoryFor(t)
  const url = new URL('../../sensor/store/store.ts', import.meta.url).href
  const script = `const { openStore } = await import(${JSON.stringify(url)})
    openStore({ directory: ${JSON.stringify(directory)}, busyMs: 10_000 }).close()`
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit'] })
  )
  const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit'))[0] as number))
  t.same(codes, [0, 0, 0, 0])
})

t.test('a newer database is refused and left alone', (t) => {
  const directory = directoryFor(t)
  open(directory).close()
  const db = new Database(file(directory))
  db.pragma(`user_version = ${migrations.length + 1}`)
  db.close()
  const before = readFileSync(file(directory))
  t.throws(() => open(directory), {
    code: 'store-newer',
    kind: 'conflict',
    message: new RegExp(`newer tlsward \\(format ${migrations.length + 1}`)
  })
  t.ok(before.equals(readFileSync(file(directory))))
  t.end()
})

t.test("another program's database is refused and left alone", (t) => {
  const directory = directoryFor(t)
  const db = new Database(file(directory))
  db.exec('CREATE TABLE recipe (name TEXT)')
  db.close()
  chmodSync(file(directory), 0o644)
  const before = readFileSync(file(directory))
  t.throws(() => open(directory), { code: 'store-foreign', message: /give --state a directory of its own/ })
  t.ok(before.equals(readFileSync(file(directory))))
  t.equal(mode(file(directory)), 0o644)
  t.end()
})

t.test('a file that is no database is refused and left alone', (t) => {
  const directory = directoryFor(t)
  writeFileSync(file(directory), 'no database '.repeat(1000))
  t.throws(() => open(directory), { code: 'store-corrupt', message: /not an SQLite database/ })
  t.equal(readFileSync(file(directory), 'utf8'), 'no database '.repeat(1000))
  t.end()
})

t.test('damage inside of a database is noticed when it is met', (t) => {
  const { store, directory, scan } = world(t)
  const { record } = scan()
  record(observed('10.0.0.1', { chains: [chainOf(leaf('a.example'), publicIssuer)] }))
  store.close()
  const bytes = readFileSync(file(directory))
  // every page but the first, which holds the schema's root and the header
  bytes.fill(0xa5, 4096)
  writeFileSync(file(directory), bytes)
  t.throws(
    () => {
      const damaged = open(directory)
      damaged.pages.page({ filter: {}, order: 'address', limit: 10, now: start })
    },
    { code: 'store-corrupt', kind: 'malformed' }
  )
  t.end()
})

t.test('a state directory that is a file is refused', (t) => {
  const path = join(directoryFor(t), 'file')
  writeFileSync(path, '')
  t.throws(() => open(path), { code: 'state-unwritable' })
  t.throws(() => open(join(path, 'below')), { code: 'state-unwritable', message: /give --state a directory/ })
  t.end()
})

t.test('a directory without the right to write is refused', async (t) => {
  const directory = directoryFor(t)
  const state = join(directory, 'state')
  mkdirSync(state)
  chmodSync(state, 0o500)
  chmodSync(directory, 0o755)
  // root may write everywhere: somebody else has to try, in a directory of their own
  const isRoot = process.getuid?.() === 0
  if (isRoot) chownSync(state, 65_534, 65_534)
  const url = new URL('../../sensor/store/store.ts', import.meta.url).href
  const script = `const { openStore } = await import(${JSON.stringify(url)})
    if (${isRoot}) process.setuid(65534)
    try { openStore({ directory: ${JSON.stringify(state)}, busyMs: 0 }) } catch (fault) { console.log(fault.code) }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  let said = ''
  child.stdout.on('data', (part: Buffer) => (said += part.toString()))
  await once(child, 'close')
  t.equal(said.trim(), 'state-unwritable')
})

t.test('a database that another connection writes to is reported locked, and is not changed', (t) => {
  const { store, directory, scan } = world(t)
  const { record } = scan()
  const db = new Database(file(directory))
  t.teardown(() => db.close())
  db.exec('BEGIN IMMEDIATE')
  const seen = observed('10.0.0.1', { chains: [chainOf(leaf('a.example'), publicIssuer)] })
  t.throws(() => record(seen), { code: 'store-locked', kind: 'busy' })
  t.equal(store.pages.count({}, start), 0, 'reading goes on')
  db.exec('ROLLBACK')
  t.equal(record(seen).found.added, 1, 'the same batch can be given again')
  t.end()
})

t.test('a batch that fails in its middle leaves nothing behind, not even in memory', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const chain = chainOf(leaf('a.example'), publicIssuer)
  const good = observed('10.0.0.1', { chains: [chain] })
  t.throws(() => record(good, observed('no address', { chains: [chain] })), { code: 'internal' })
  t.equal(store.pages.count({}, start), 0)
  t.equal(store.chains.idOf(chain.id), undefined)
  const { found } = record(good)
  t.match(found, { added: 1, certificates: 2 })
  t.end()
})

t.test('the figures of a batch are stored with it', (t) => {
  const { store, scan } = world(t)
  const { id, record } = scan()
  record(observed('10.0.0.1'), observed('10.0.0.2'))
  t.match(store.scans.get(id), { counts: { 'no-certificate': 2 }, seen: 2, added: 2, connections: 2 })
  t.same(store.scans.cursors(id), [{ shard: 0, low: 2, done: Buffer.alloc(0) }])
  t.end()
})
