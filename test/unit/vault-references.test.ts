import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { referenceReader } from '../../appliance/vault/follow.ts'
import { formatReference, looksLikeReference, parseReference } from '../../appliance/vault/reference.ts'
import type { VaultKvSettings } from '../../appliance/vault/vault-kv.ts'
import { openVault } from '../../appliance/vault/vault.ts'
import { openStore } from '../../sensor/store/store.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { startKvServer } from '../peers/kv-server.ts'
import { listenWith } from '../peers/peer.ts'
import { directoryFor } from './inventory-world.ts'

const goodToken = 'hvs.CAESIJlWh-good-token'

async function kvWorld(t: Test) {
  const ca = createAuthority('Vault CA')
  const server = await startKvServer({
    certificate: createCertificate({ names: ['localhost'], ips: ['127.0.0.1'], issuer: ca }),
    tokens: { [goodToken]: ['kv/data/devices/lb-1', 'kv/data/gone', 'kv/data/never'] },
    secrets: { 'kv/data/devices/lb-1': { password: 'from the vault', port: 443 }, 'kv/data/gone': null }
  })
  t.teardown(() => server.close())
  const read = (text: string, settings: Partial<VaultKvSettings> = {}) =>
    referenceReader({
      address: `https://127.0.0.1:${server.port}`,
      token: () => new Secret(goodToken),
      ca: ca.pem,
      ...settings
    })(parseReference(text))
  return { server, read, ca }
}

const password = 'vault-kv:kv/devices/lb-1#password'

t.test('a reference reads as it was written', (t) => {
  for (const text of [
    'env-file:/etc/tlsward/a b.env#LB_1',
    'vault-kv:kv/a/b-c/d.e#field',
    'vault-kv:s/x#y'
  ]) {
    t.equal(formatReference(parseReference(text)), text)
    t.ok(looksLikeReference(text))
  }
  t.notOk(looksLikeReference('s3cret#value'))
  t.end()
})

t.test('what is no reference is refused, and not shown: it may be a secret', (t) => {
  const wrong = [
    'hunter2',
    'env-file:relative#X',
    'env-file:/x',
    'env-file:/x#1',
    'vault-kv:kv#x',
    'vault-kv:kv/../sys/raw#x',
    'vault-kv:kv/a?b#x',
    'vault-kv:kv/a%2f..#x',
    'vault-kv:/kv/a#x',
    'vault-kv:kv//a#x'
  ]
  for (const text of wrong) {
    try {
      parseReference(text)
      t.fail(text)
    } catch (error) {
      t.match(error, { code: 'reference-malformed', kind: 'refused' })
      t.notOk(inspect(error).includes(text), text)
    }
  }
  t.end()
})

t.test('a line of an environment file is read each time', async (t) => {
  const path = join(directoryFor(t), 'lb.env')
  const read = (name: string) => referenceReader()(parseReference(`env-file:${path}#${name}`))
  writeFileSync(path, '# the pair in Berlin\nLB_1=plain\nLB_2="two words # no comment"\nEMPTY=\n', {
    mode: 0o600
  })
  t.equal((await read('LB_1')).reveal(), 'plain')
  t.equal((await read('LB_2')).reveal(), 'two words # no comment')
  writeFileSync(path, 'LB_1=renewed\n')
  t.equal((await read('LB_1')).reveal(), 'renewed')
  for (const name of ['LB_2', 'EMPTY', 'constructor']) {
    await t.rejects(read(name), { code: 'reference-missing', message: new RegExp(`no value to ${name}`) })
  }
})

t.test('an environment file that others can read, a link or none is refused', async (t) => {
  const directory = directoryFor(t)
  const path = join(directory, 'lb.env')
  const read = (file: string) => referenceReader()(parseReference(`env-file:${file}#LB_1`))
  writeFileSync(path, 'LB_1=plain\n', { mode: 0o600 })
  chmodSync(path, 0o640)
  await t.rejects(read(path), { code: 'reference-denied', message: /mode 640.*mode 0600/ })
  chmodSync(path, 0o600)
  symlinkSync(path, join(directory, 'link'))
  mkdirSync(join(directory, 'folder'))
  await t.rejects(read(join(directory, 'link')), { code: 'reference-denied' })
  await t.rejects(read(join(directory, 'folder')), { code: 'reference-denied' })
  await t.rejects(read(join(directory, 'none')), { code: 'reference-missing' })
})

t.test('a field of HashiCorp Vault is read', async (t) => {
  const { server, read } = await kvWorld(t)
  t.equal((await read(password)).reveal(), 'from the vault')
  t.same(server.requests, ['GET /v1/kv/data/devices/lb-1'])
  await t.rejects(referenceReader()(parseReference(password)), { code: 'reference-missing' })
})

t.test('each way in which HashiCorp Vault does not give it has its fault, and shows no token', async (t) => {
  const { server, read } = await kvWorld(t)
  const closed = await listenWith(createServer())
  await closed.close()
  const cases = [
    ['reference-denied', () => read(password, { token: () => new Secret('hvs.wrong-token') })],
    ['reference-denied', () => read('vault-kv:kv/other#password')],
    ['reference-missing', () => read('vault-kv:kv/devices/lb-1#user')],
    ['reference-missing', () => read('vault-kv:kv/devices/lb-1#port')],
    ['reference-missing', () => read('vault-kv:kv/devices/lb-1#constructor')],
    ['reference-missing', () => read('vault-kv:kv/gone#password')],
    ['reference-missing', () => read('vault-kv:kv/never#password')],
    ['reference-unreachable', () => read(password, { address: `https://127.0.0.1:${closed.port}` })],
    ['reference-unreachable', () => read(password, { address: `http://127.0.0.1:${server.port}` })],
    ['reference-unreachable', () => read(password, { address: 'vault' })]
  ] as const
  for (const [code, act] of cases) await refused(t, act, code)
  for (const [status, body] of [
    [503, '{"sealed":true}'],
    [302, ''],
    [500, '']
  ] as const) {
    server.answer(status, body, { location: `https://127.0.0.1:${server.port}/elsewhere` })
    await refused(t, () => read(password), 'reference-unreachable')
  }
  t.notOk(server.requests.includes('GET /elsewhere'), 'the token is not carried elsewhere')
  for (const body of ['', '[]', '{"data":{}}', '{"data":{"data":"x"}}', '<html>']) {
    server.answer(200, body)
    await refused(t, () => read(password), 'reference-missing')
  }
  server.answer(200, 'x'.repeat(2 << 20))
  await refused(t, () => read(password), 'reference-unreachable')
})

async function refused(t: Test, act: () => Promise<Secret>, code: string): Promise<void> {
  try {
    await act()
    t.fail(`no ${code}`)
  } catch (error) {
    t.match(error, { code })
    const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)
    t.notMatch(shown, /hvs\./, 'no token')
    t.notMatch(shown, /from the vault/, 'no value')
  }
}

t.test('a server whose certificate is not trusted, or is of another name, gets no token', async (t) => {
  const { server, read, ca } = await kvWorld(t)
  await refused(t, () => read(password, { ca: createAuthority('Another CA').pem }), 'reference-unreachable')
  const elsewhere = await startKvServer({
    certificate: createCertificate({ names: ['other.test'], issuer: ca }),
    tokens: {},
    secrets: {}
  })
  t.teardown(() => elsewhere.close())
  await refused(
    t,
    () => read(password, { address: `https://127.0.0.1:${elsewhere.port}` }),
    'reference-unreachable'
  )
  t.same([...server.requests, ...elsewhere.requests], [])
})

t.test('a server that does not answer is given up on', async (t) => {
  const { read } = await kvWorld(t)
  const silent = await listenWith(createServer())
  t.teardown(() => silent.close())
  await refused(
    t,
    () => read(password, { address: `https://127.0.0.1:${silent.port}`, timeoutMs: 200 }),
    'reference-unreachable'
  )
})

t.test('a credential can be a reference: it is kept sealed, and followed at each use', async (t) => {
  const directory = directoryFor(t)
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const path = join(directory, 'lb.env')
  writeFileSync(path, 'LB_1=one\n', { mode: 0o600 })
  const vault = await openVault({
    store: store.sealed,
    source: { kind: 'file', path: join(directory, 'vault.key') },
    clock: { now: () => 0 },
    random: systemRandom,
    follow: referenceReader()
  })
  const owner = { kind: 'device', id: '1' } as const
  const text = `env-file:${path}#LB_1`
  vault.put(owner, 'password', parseReference(text))
  vault.put(owner, 'token', new Secret(text))
  t.equal((await vault.read(owner, 'password')).reveal(), 'one')
  writeFileSync(path, 'LB_1=two\n')
  vault.rotate()
  t.equal((await vault.read(owner, 'password')).reveal(), 'two')
  t.equal(vault.reference(owner, 'password'), text)
  t.equal(vault.reference(owner, 'token'), null)
  t.equal((await vault.read(owner, 'token')).reveal(), text, 'a value that only looks like one is a value')
  t.throws(() => vault.get(owner, 'password'), { code: 'internal', message: /is a reference/ })
})
