import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from './inventory-world.ts'
import { device, fill, secretNumber, vaultOn } from './vault-world.ts'

const script = fileURLToPath(new URL('./vault-writer.ts', import.meta.url))
const count = 600

/** Runs the writer, and kills it where it stands still; gives what it said last. */
function run(...args: readonly string[]): Promise<string> {
  return runWith((child) => void child.kill('SIGKILL'), args)
}

async function runWith(
  inside: (child: ChildProcess) => void | Promise<void>,
  args: readonly string[]
): Promise<string> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let last = ''
  for await (const line of createInterface(child.stdout)) {
    last = line
    if (line === 'inside') await inside(child)
  }
  await ended
  return last
}

async function sealedWorld(t: Test) {
  const directory = directoryFor(t)
  const path = join(directory, 'vault.key')
  const store = openStore({ directory, busyMs: 0 })
  fill(await vaultOn(store.sealed, { kind: 'file', path }), count)
  store.close()
  return { directory, path }
}

/** Every record opens and is under the one key that is there; gives its version. */
async function checkWhole(t: Test, directory: string, path: string): Promise<number> {
  const store = openStore({ directory, busyMs: 0 })
  const vault = await vaultOn(store.sealed, { kind: 'file', path })
  const wrong = Array.from({ length: count }, (_, n) => n).filter(
    (n) => vault.get(device(String(n)), 'password').reveal() !== secretNumber(n)
  )
  t.same(wrong, [], 'every secret is what it was')
  const { keyVersion, records } = vault.status()
  t.equal(records, count)
  store.close()
  const db = new Database(join(directory, 'tlsward.db'), { readonly: true })
  t.same(db.prepare('SELECT DISTINCT key_version FROM sealed').pluck().all(), [keyVersion])
  t.same(db.prepare('SELECT version FROM sealed_key').pluck().all(), [keyVersion])
  t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
  return keyVersion
}

const moments = [
  { what: 'before the new key is stored', call: 'addKey', nth: 1, version: 1 },
  { what: 'before the first record', call: 'reseal', nth: 1, version: 1 },
  { what: 'between two records', call: 'reseal', nth: 300, version: 1 },
  { what: 'before the last record', call: 'reseal', nth: count, version: 1 },
  { what: 'before the old key is forgotten', call: 'dropKeysBefore', nth: 1, version: 1 },
  { what: 'once it is committed', call: 'settle', nth: 1, version: 2 }
] as const

for (const { what, call, nth, version } of moments) {
  t.test(`a kill in a rotation, ${what}, leaves everything under one key`, async (t) => {
    const { directory, path } = await sealedWorld(t)
    t.equal(await run(directory, path, 'rotate', call, String(nth)), 'inside')
    t.equal(await checkWhole(t, directory, path), version)
    t.equal(await run(directory, path, 'rotate'), 'did rotate')
    t.equal(await checkWhole(t, directory, path), version + 1)
  })
}

t.test('a kill in a change of the source leaves one that opens it', async (t) => {
  const { directory, path } = await sealedWorld(t)
  t.equal(await run(directory, path, 'change', 'rewrap', '1'), 'inside')
  await checkWhole(t, directory, path)
  t.equal(await run(directory, path, 'change', 'settle', '1'), 'inside')
  await checkWhole(t, directory, `${path}.new`)
})

t.test('a kill at the first use leaves a vault that can be used', async (t) => {
  const directory = directoryFor(t)
  const path = join(directory, 'vault.key')
  t.equal(await run(directory, path, 'open', 'addKey', '1'), 'inside')
  t.equal(await run(directory, path, 'put', 'put', '1'), 'inside')
  t.equal(await run(directory, path, 'put'), 'did put')
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const vault = await vaultOn(store.sealed, { kind: 'file', path })
  t.equal(vault.get(device('new'), 'password').reveal(), 'a new one')
  t.equal(vault.status().keyVersion, 1)
  const left = readdirSync(directory).filter((name) => name.startsWith('vault.key'))
  t.same(left, ['vault.key'], 'no draft of a key is left')
})

t.test('two processes that use a new vault at the same time agree on one key', async (t) => {
  const directory = directoryFor(t)
  const path = join(directory, 'vault.key')
  const overtaken = async () => {
    t.equal(await run(directory, path, 'put'), 'did put')
    writeFileSync(join(directory, 'go'), '')
  }
  // it has seen that there is no key, and is about to store one
  t.equal(await runWith(overtaken, [directory, path, 'open', 'durably', '1']), 'did open')
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const vault = await vaultOn(store.sealed, { kind: 'file', path })
  t.equal(vault.get(device('new'), 'password').reveal(), 'a new one')
  t.equal(vault.status().keyVersion, 1)
})
