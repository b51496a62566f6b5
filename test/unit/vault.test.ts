import type { KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../core/secret.ts'
import type { KeySource } from '../../appliance/vault/key-source.ts'
import { keyRing } from '../../appliance/vault/key-ring.ts'
import type { Owner } from '../../appliance/vault/vault.ts'
import type { OrderKeys } from '../../sensor/automation/ports.ts'
import { openStore } from '../../sensor/store/store.ts'
import { createKey } from '../peers/keys.ts'
import { searchSecrets, soughtKey } from '../peers/secret-search.ts'
import { device, fill, moment, place, secretNumber, vaultOn } from './vault-world.ts'

const owner: Owner = device('7')
const passphrase = (text: string): KeySource => ({ kind: 'passphrase', passphrase: new Secret(text) })

t.test('a secret comes back as it was given, also after a new start', async (t) => {
  const { sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  for (const text of ['', 'secret', 'pässwörd 🔑', '\0\n\r', 'x'.repeat(200_000)]) {
    vault.put(owner, 'password', new Secret(text))
    t.equal(vault.get(owner, 'password').reveal(), text)
    t.equal((await vaultOn(sealed, file)).get(owner, 'password').reveal(), text)
  }
  t.same(vault.status(), { source: 'file', keyVersion: 1, keyCreated: moment, records: 1 })
})

t.test('what is kept for an owner is listed by name, and forgotten together', async (t) => {
  const { sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  vault.put(owner, 'password', new Secret('one'))
  vault.put(owner, 'api-token', new Secret('two'))
  vault.put({ kind: 'order', id: '7' }, 'key', new Secret('three'))
  t.same(vault.fields(owner), [
    { field: 'api-token', changed: moment },
    { field: 'password', changed: moment }
  ])
  t.equal(vault.drop(owner), 2)
  t.same(vault.fields(owner), [])
  t.throws(() => vault.get(owner, 'password'), {
    code: 'secret-missing',
    message: /no password is kept for device 7; give it/
  })
  t.equal(vault.get({ kind: 'order', id: '7' }, 'key').reveal(), 'three', 'another owner of the same number')
  t.equal(vault.drop(owner), 0)
})

t.test('nothing that was sealed is readable in the database, in any form', async (t) => {
  const { sealed, file, directory } = place(t)
  const vault = await vaultOn(sealed, file)
  const [rsa, ec] = [createKey('rsa2048'), createKey('p256')]
  const password = 'correct horse battery staple'
  const pem = (key: KeyObject) => new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString())
  vault.put(owner, 'password', new Secret(password))
  vault.put({ kind: 'order', id: '1' }, 'key', pem(rsa))
  vault.put({ kind: 'account', id: '1' }, 'key', pem(ec))
  vault.rotate()
  vault.put({ kind: 'order', id: '2' }, 'key', pem(rsa))
  const digits = /[0-9a-f]{64}/.exec(readFileSync(file.path, 'utf8'))?.[0] ?? ''
  const sought = [
    { name: 'password', value: password },
    { name: 'key of the file', value: Buffer.from(digits, 'hex') },
    ...soughtKey('rsa', rsa),
    ...soughtKey('ec', ec)
  ]
  const { hits, files } = searchSecrets(sought, {
    paths: [directory],
    texts: { shown: inspect(vault, { depth: 9, showHidden: true }) + JSON.stringify(vault.status()) }
  })
  t.same(
    hits.map(({ secret, place }) => `${secret} in ${place}`),
    [`key of the file in ${file.path}`],
    'the key file itself is found, and nothing else'
  )
  t.ok(files >= 3, 'database, log and key file')
})

t.test('the same secret twice looks different', async (t) => {
  const { sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  const blob = () => {
    vault.put(owner, 'password', new Secret('secret'))
    return Buffer.from(sealed.page(0, 1)[0]?.blob ?? []).toString('hex')
  }
  t.not(blob(), blob())
})

t.test('a record opens in its own row only', async (t) => {
  const { sealed, file, db } = place(t)
  const vault = await vaultOn(sealed, file)
  const places = [
    [device('1'), 'password'],
    [device('2'), 'password'],
    [device('1'), 'key'],
    [{ kind: 'order', id: '1' }, 'password']
  ] as const
  for (const [who, field] of places) vault.put(who, field, new Secret(`of ${who.kind} ${who.id} ${field}`))
  for (const [who, field] of places.slice(1)) {
    db()
      .prepare(
        `UPDATE sealed SET blob = (SELECT blob FROM sealed WHERE owner_kind = 'device' AND owner_id = '1'
           AND field = 'password') WHERE owner_kind = ? AND owner_id = ? AND field = ?`
      )
      .run(who.kind, who.id, field)
    t.throws(() => vault.get(who, field), {
      code: 'vault-broken',
      message: new RegExp(`${field} of ${who.kind} ${who.id} does not open`)
    })
  }
  t.equal(vault.get(device('1'), 'password').reveal(), 'of device 1 password')
})

t.test('a record that was altered in any byte, or cut, does not open', async (t) => {
  const { sealed, file, db } = place(t)
  const vault = await vaultOn(sealed, file)
  vault.put(owner, 'password', new Secret('secret'))
  const blob = Buffer.from(sealed.page(0, 1)[0]?.blob ?? [])
  const set = db().prepare('UPDATE sealed SET blob = ?')
  const refused = (bytes: Buffer, what: string) => {
    set.run(bytes)
    t.throws(() => vault.get(owner, 'password'), { code: 'vault-broken' }, what)
  }
  for (let at = 0; at < blob.length; at++) {
    const altered = Buffer.from(blob)
    altered[at] = (altered[at] ?? 0) ^ 1
    refused(altered, `byte ${at}`)
  }
  for (let length = 0; length < blob.length; length++) refused(blob.subarray(0, length), `${length} bytes`)
  refused(Buffer.concat([blob, Buffer.of(0)]), 'a byte more')
  set.run(blob)
  t.equal(vault.get(owner, 'password').reveal(), 'secret')
  db().prepare('UPDATE sealed SET field = ?').run('other')
  t.throws(() => vault.get(owner, 'other'), { code: 'vault-broken' }, 'a row that was renamed')
})

t.test('rotation gives every record a new key, and the old one is gone', async (t) => {
  const { sealed, file, directory } = place(t)
  const vault = await vaultOn(sealed, file)
  fill(vault, 700)
  const old = { key: sealed.key()?.wrapped ?? Buffer.of(), blob: sealed.page(0, 1)[0]?.blob ?? Buffer.of() }
  vault.rotate()
  t.match(vault.status(), { keyVersion: 2, records: 700 })
  for (let n = 0; n < 700; n++) {
    if (vault.get(device(String(n)), 'password').reveal() !== secretNumber(n)) t.fail(`record ${n}`)
  }
  t.ok(sealed.page(0, 1000).every(({ keyVersion }) => keyVersion === 2))
  t.equal((await vaultOn(sealed, file)).get(device('3'), 'password').reveal(), secretNumber(3))
  for (const end of ['', '-wal']) {
    const bytes = readFileSync(join(directory, `tlsward.db${end}`))
    t.notOk(bytes.includes(Buffer.from(old.key)), `the old key is overwritten, tlsward.db${end}`)
    t.notOk(bytes.includes(Buffer.from(old.blob)), `and what it sealed, tlsward.db${end}`)
  }
})

t.test('rotation with a broken record names it and changes nothing', async (t) => {
  const { sealed, file, db } = place(t)
  const vault = await vaultOn(sealed, file)
  fill(vault, 5)
  const before = sealed.page(0, 9)
  db().prepare("UPDATE sealed SET blob = zeroblob(60) WHERE owner_id = '3'").run()
  t.throws(() => vault.rotate(), { code: 'vault-broken', message: /password of device 3/ })
  t.match(vault.status(), { keyVersion: 1, records: 5 })
  t.same(sealed.page(0, 9)[4], before[4])
  vault.drop(device('3'))
  vault.rotate()
  t.equal(vault.get(device('4'), 'password').reveal(), secretNumber(4))
})

t.test('another process sees a rotation, and seals with the new key', async (t) => {
  const { sealed, file, directory } = place(t)
  const vault = await vaultOn(sealed, file)
  vault.put(owner, 'password', new Secret('one'))
  const elsewhere = openStore({ directory, busyMs: 0 })
  t.teardown(() => elsewhere.close())
  const second = await vaultOn(elsewhere.sealed, file)
  vault.rotate()
  t.equal(second.get(owner, 'password').reveal(), 'one')
  vault.rotate()
  second.put(owner, 'token', new Secret('two'))
  t.equal(vault.get(owner, 'token').reveal(), 'two')
  t.equal(sealed.get({ ownerKind: 'device', ownerId: '7', field: 'token' })?.keyVersion, 3)
})

t.test('a change of the source leaves the records as they are', async (t) => {
  const { sealed, file, directory } = place(t)
  const vault = await vaultOn(sealed, file)
  fill(vault, 3)
  const before = sealed.page(0, 9)
  const wrapped = sealed.key()?.wrapped ?? Buffer.of()
  const words = passphrase('correct horse battery')
  await vault.changeSource(words)
  t.match(vault.status(), { source: 'passphrase', keyVersion: 1 })
  t.same(sealed.page(0, 9), before)
  t.equal(vault.get(device('2'), 'password').reveal(), secretNumber(2))
  await t.rejects(vaultOn(sealed, file), { code: 'vault-locked' })
  t.equal((await vaultOn(sealed, words)).get(device('2'), 'password').reveal(), secretNumber(2))
  for (const end of ['', '-wal']) {
    const bytes = readFileSync(join(directory, `tlsward.db${end}`))
    t.notOk(bytes.includes(Buffer.from(wrapped)), `what the old source opens is overwritten, ${end}`)
  }
  vault.rotate()
  t.equal((await vaultOn(sealed, words)).status().keyVersion, 2)
})

t.test('a process that has not heard of a new source does not bring the old one back', async (t) => {
  const { sealed, file, directory } = place(t)
  const vault = await vaultOn(sealed, file)
  const elsewhere = openStore({ directory, busyMs: 0 })
  t.teardown(() => elsewhere.close())
  const second = await vaultOn(elsewhere.sealed, file)
  const words = passphrase('correct horse battery')
  await vault.changeSource(words)
  t.throws(() => second.rotate(), { code: 'vault-locked', message: /another process changed what opens it/ })
  second.put(owner, 'password', new Secret('the key is the same'))
  vault.rotate()
  t.throws(() => second.get(owner, 'password'), { code: 'vault-locked' })
  t.equal((await vaultOn(sealed, words)).get(owner, 'password').reveal(), 'the key is the same')
})

t.test('sealing takes part in a durable transaction, and in no other', async (t) => {
  const { store, sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  const put = () => vault.put(owner, 'key', new Secret('secret'))
  t.throws(() => store.transaction(put), { code: 'internal', message: /power cut/ })
  t.same(vault.fields(owner), [])
  const half = () =>
    store.durable(() => {
      put()
      throw new Error('the order could not be stored')
    })
  t.throws(half, /could not be stored/)
  t.same(vault.fields(owner), [], 'both or none')
  store.durable(put)
  t.equal(vault.get(owner, 'key').reveal(), 'secret')
})

t.test('a ring of keys keeps each once, with what rests on it', async (t) => {
  const { store, sealed, file } = place(t)
  const vault = await vaultOn(sealed, file)
  const orders: OrderKeys = keyRing(vault, 'order')
  const accounts: OrderKeys = keyRing(vault, 'account')
  t.equal(orders.read('order:1'), null)
  store.durable(() => {
    orders.keep('order:1', new Secret('one'))
    store.settings.set('order', 'issuing')
  })
  accounts.keep('order:1', new Secret('of an account'))
  t.equal(orders.read('order:1')?.reveal(), 'one')
  t.throws(() => orders.keep('order:1', new Secret('two')), { code: 'secret-exists', kind: 'conflict' })
  t.equal(orders.read('order:1')?.reveal(), 'one')
  orders.drop('order:1')
  orders.drop('order:1')
  t.equal(orders.read('order:1'), null)
  t.equal(accounts.read('order:1')?.reveal(), 'of an account')
})
