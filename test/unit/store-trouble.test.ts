import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import t from 'tap'
import { createRecorder } from '../../sensor/inventory/recorder.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { batchOf, directoryFor, handClock, start, trust } from './inventory-world.ts'
import { batchNumber, batchSize } from './store-writer.ts'

const script = fileURLToPath(new URL('./store-writer.ts', import.meta.url))

/** What is stored is whole: the cursor says what is there, and the file is sound. */
function checkWhole(t: Tap, directory: string, acknowledged: number): Store {
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const count = store.pages.count({}, start)
  t.ok(count >= acknowledged, `${count} are stored, ${acknowledged} were acknowledged`)
  t.ok(count <= acknowledged + batchSize, 'at most one batch more')
  t.equal(count % batchSize, 0, 'only whole batches')
  t.equal(store.scans.cursors(1)[0]?.low ?? 0, count, 'the cursor goes with them')
  t.equal(store.scans.get(1).added, count)
  const db = new Database(join(directory, 'tlsward.db'), { readonly: true })
  t.teardown(() => db.close())
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  t.same(db.pragma('foreign_key_check'), [])
  return store
}

type Tap = Parameters<typeof directoryFor>[0]

/** Runs the writer by a command line; gives what it acknowledged and what it said last. */
async function written(
  command: string,
  args: readonly string[],
  onLine: (line: string, kill: () => void) => void
) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let acknowledged = 0
  let last = ''
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('stored ')) acknowledged = Number(line.slice(7))
    last = line
    onLine(line, () => child.kill('SIGKILL'))
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return { acknowledged, last }
}

t.test('a kill in the middle of a batch loses that batch and nothing else', async (t) => {
  const directory = directoryFor(t)
  const { acknowledged, last } = await written(
    process.execPath,
    [script, directory, 'halt'],
    (line, kill) => {
      if (line === 'inside') kill()
    }
  )
  t.equal(last, 'inside')
  t.equal(acknowledged, 3 * batchSize)
  const store = checkWhole(t, directory, acknowledged)
  t.equal(store.pages.count({}, start), acknowledged)
  t.equal(store.scans.get(1).state, 'interrupted')
  store.scans.resume(1, start)
  const record = createRecorder({ store, clock: handClock(), trust: trust() }, { scan: 1 })
  t.equal(record(batchOf(batchNumber(3))).found.added, batchSize, 'the lost batch can be made again')
})

t.test('a kill at any moment loses at most the batch under way', async (t) => {
  for (const stopAt of [1, 2, 7]) {
    const directory = directoryFor(t)
    const { acknowledged } = await written(process.execPath, [script, directory], (line, kill) => {
      if (line === `stored ${stopAt * batchSize}`) kill()
    })
    checkWhole(t, directory, acknowledged)
  }
})

/** A small file system at the path, or another size for it; false without the right to mount. */
function mount(path: string, ...options: string[]): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', ...options, 'tlsward-test', path]).status === 0
}

t.test('a full disk ends in store-full, keeps what was acknowledged, and goes on once there is room', (t) => {
  const disk = join(directoryFor(t), 'disk')
  mkdirSync(disk)
  if (!mount(disk, '-o', 'size=1500k')) {
    t.comment('a small file system can be mounted by root only')
    return t.end()
  }
  t.teardown(() => spawnSync('umount', ['-l', disk]))
  const store = openStore({ directory: disk, busyMs: 0 })
  const scan = store.scans.begin({ request: '{}', space: '{}', seed: 1, at: start })
  const record = createRecorder({ store, clock: handClock(), trust: trust() }, { scan })
  let low = 0
  const next = () => {
    const progress = { low: low + batchSize, done: new Uint8Array(0) }
    record(batchOf(batchNumber(low / batchSize), { progress }))
    low += batchSize
  }
  const fill = () => {
    for (let batches = 0; batches < 200; batches++) next()
  }
  const message = /free disk space.*then resume the scan/
  t.throws(fill, { code: 'store-full', kind: 'unreachable', message })
  t.ok(low > 0, `${low} endpoints fitted`)
  t.equal(store.pages.count({}, start), low, 'nothing of the last batch is there')
  t.ok(mount(disk, '-o', 'remount,size=30m'), 'there is more room')
  next()
  store.scans.end(scan, 'stopped', start)
  store.close()
  checkWhole(t, disk, low).close()
  return t.end()
})

t.test('a disk that refuses to grow a file ends in store-full as well', async (t) => {
  const directory = directoryFor(t)
  // a limit on the size of files answers EFBIG, which SQLite reports as an I/O error
  const limited = `ulimit -f 2000; exec "$0" "$@"`
  const { acknowledged, last } = await written(
    'sh',
    ['-c', limited, process.execPath, script, directory],
    () => {}
  )
  t.equal(last, 'fault store-full')
  t.ok(acknowledged > 0)
  checkWhole(t, directory, acknowledged)
})
