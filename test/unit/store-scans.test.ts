import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t from 'tap'
import { openStore } from '../../sensor/store/store.ts'
import { day, directoryFor, start, world } from './inventory-world.ts'

const asked = { request: '{"targets":["10.0.0.0/8"]}', space: '{"ranges4":[[1,2]]}', seed: 42, at: start }
const nothing = { connections: 0, seen: 0, certificates: 0, added: 0, changed: 0, gone: 0, returned: 0 }
const locks = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.lock'))

t.test('a scan is kept as it was asked for, and runs', (t) => {
  const { store } = world(t)
  const id = store.scans.begin(asked)
  t.match(store.scans.get(id), {
    id,
    request: asked.request,
    seed: 42,
    state: 'running',
    started: start,
    ended: null
  })
  t.equal(store.scans.space(id), asked.space)
  t.same(store.scans.cursors(id), [])
  t.end()
})

t.test('progress adds figures and moves the cursor of each shard', (t) => {
  const { store } = world(t)
  const id = store.scans.begin(asked)
  const found = { ...nothing, seen: 2, added: 1, connections: 5 }
  const cursor = (shard: number, low: number) => ({ shard, low, done: Uint8Array.of(low & 0xff, 1) })
  store.scans.progress(id, {
    at: start + 5,
    counts: { silent: 3, certificate: 2 },
    cursors: [cursor(0, 5)],
    found
  })
  store.scans.progress(id, {
    at: start + 4,
    counts: { silent: 1 },
    cursors: [cursor(0, 9), cursor(1, 2 ** 40)],
    found
  })
  t.match(store.scans.get(id), {
    counts: { silent: 4, certificate: 2 },
    seen: 4,
    added: 2,
    connections: 10,
    lastProgress: start + 5
  })
  t.same(store.scans.cursors(id), [
    { shard: 0, low: 9, done: Buffer.of(9, 1) },
    { shard: 1, low: 2 ** 40, done: Buffer.of(0, 1) }
  ])
  t.end()
})

t.test('a scan ends finished or stopped, and leaves no lock behind', (t) => {
  const { store, directory } = world(t)
  for (const state of ['finished', 'stopped'] as const) {
    const id = store.scans.begin(asked)
    t.equal(locks(directory).length, 1)
    store.scans.end(id, state, start + day)
    t.match(store.scans.get(id), { state, ended: start + day })
    t.same(locks(directory), [])
  }
  t.end()
})

t.test('only what did not run to its end can be resumed, and by one at a time', (t) => {
  const { store, directory } = world(t)
  const other = openStore({ directory, busyMs: 0 })
  t.teardown(() => other.close())
  const id = store.scans.begin(asked)
  t.throws(() => other.scans.resume(id, start), { code: 'scan-running', kind: 'busy' })
  t.throws(() => store.scans.resume(id, start), { code: 'scan-running' })
  t.equal(other.scans.get(id).state, 'running', 'whoever looks does not take it')
  store.scans.end(id, 'stopped', start)
  other.scans.resume(id, start + 1)
  t.match(store.scans.get(id), { state: 'running', ended: null, started: start })
  t.throws(() => store.scans.resume(id, start), { code: 'scan-running' })
  other.scans.end(id, 'finished', start + 2)
  t.throws(() => store.scans.resume(id, start), { code: 'scan-finished', kind: 'conflict' })
  t.throws(() => store.scans.resume(99, start), { code: 'scan-missing', kind: 'missing' })
  t.throws(() => store.scans.get(99), { code: 'scan-missing', message: /scan 99/ })
  t.end()
})

t.test('a scan that clashes with one that runs is refused, whoever runs it, and leaves nothing', (t) => {
  const { store, directory } = world(t)
  const other = openStore({ directory, busyMs: 0 })
  t.teardown(() => other.close())
  const first = store.scans.begin({ ...asked, space: '"a"' })
  const clash = (space: string) => space === '"a"'
  const refused = {
    code: 'scan-running',
    kind: 'busy',
    message: new RegExp(
      `^scan ${first}: it is running \\(process ${process.pid}\\).*wait for it to end.*--state`
    ),
    facts: { id: first, pid: process.pid }
  }
  for (const one of [store, other]) t.throws(() => one.scans.begin(asked, clash), refused)
  t.equal(store.scans.before(Number.MAX_SAFE_INTEGER, 9).length, 1)
  t.equal(locks(directory).length, 1)

  const second = other.scans.begin({ ...asked, space: '"b"' }, () => false)
  other.scans.end(second, 'stopped', start)
  t.throws(() => other.scans.resume(second, start, clash), refused)
  t.equal(other.scans.get(second).state, 'stopped')
  store.scans.end(first, 'stopped', start)
  other.scans.resume(second, start, clash)
  store.scans.resume(first, start, () => false)
  t.equal(store.scans.get(second).state, 'running')
  t.end()
})

t.test('a scan whose store was closed without a word is interrupted', (t) => {
  const { store, directory } = world(t)
  const other = openStore({ directory, busyMs: 0 })
  const id = other.scans.begin(asked)
  t.equal(store.scans.get(id).state, 'running')
  other.close()
  t.equal(store.scans.get(id).state, 'interrupted')
  t.end()
})

t.test('a scan whose process was killed is interrupted, and goes on elsewhere', async (t) => {
  const directory = directoryFor(t)
  const url = new URL('../../sensor/store/store.ts', import.meta.url).href
  const script = `const { openStore } = await import(${JSON.stringify(url)})
    const store = openStore({ directory: ${JSON.stringify(directory)}, busyMs: 0 })
    console.log(store.scans.begin(${JSON.stringify(asked)}))
    setInterval(() => store.scans, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  const id = Number(said.toString())
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  t.equal(store.scans.get(id).state, 'running')
  t.throws(() => store.scans.resume(id, start), { code: 'scan-running' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.equal(store.scans.get(id).state, 'interrupted')
  store.scans.resume(id, start + day)
  t.equal(store.scans.get(id).state, 'running')
  t.equal(locks(directory).length, 1)
})

t.test('scans are listed latest first, page after page', (t) => {
  const { store } = world(t)
  const ids = Array.from({ length: 5 }, () => store.scans.begin(asked)).toReversed()
  const first = store.scans.before(Number.MAX_SAFE_INTEGER, 3).map(({ id }) => id)
  t.same(first, ids.slice(0, 3))
  t.same(
    store.scans.before(first.at(-1) ?? 0, 3).map(({ id }) => id),
    ids.slice(3)
  )
  t.end()
})

t.test('schedules are kept by name', (t) => {
  const { store } = world(t)
  const weekly = {
    name: 'weekly',
    targets: ['10.0.0.0/8', 'example.com'],
    ports: 'default',
    pace: '{"rate":500}',
    window: 'Mon-Fri 22:00-06:00 Europe/Berlin',
    recurrence: '7d',
    enabled: true,
    created: start
  }
  store.schedules.add(weekly)
  store.schedules.add({ ...weekly, name: 'always', window: null })
  t.match(store.schedules.list(), [{ name: 'always', window: null }, weekly])
  t.throws(() => store.schedules.add(weekly), { code: 'schedule-exists', message: /weekly/ })
  store.schedules.setEnabled('weekly', false)
  t.equal(store.schedules.list()[1]?.enabled, false)
  store.schedules.remove('weekly')
  t.throws(() => store.schedules.remove('weekly'), { code: 'schedule-missing' })
  t.throws(() => store.schedules.setEnabled('weekly', true), { code: 'schedule-missing' })
  t.equal(store.schedules.list().length, 1)
  t.end()
})
