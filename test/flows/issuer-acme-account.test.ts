import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCertificate } from '../../pki/quick.ts'
import { readAcmeSettings } from '../../sensor/issuance/acme-settings.ts'
import { problemReply, problemType, startOddCa } from '../peers/odd-ca.ts'
import { requestFor } from '../unit/issuance-world.ts'
import { calm } from './acme-world.ts'
import { drive, issuerWorld, pebbleSkipped, type IssuerWorld } from './issuer-world.ts'

const skip = pebbleSkipped('debian')
const macKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
const binding = { keyId: 'kid-1', macKey: 'eab' }

function accountsMade({ pebble }: IssuerWorld): number {
  return pebble.gate.seen.filter(({ call, status }) => call === 'newAccount' && status === 201).length
}

t.test('an account is bound to one that the CA has, by the right key only', { skip }, async (t) => {
  const world = await issuerWorld(t, { bindings: { 'kid-1': macKey }, alwaysValid: true })
  const { open, memory } = world
  const bare = open()
  t.match(await bare.check(calm), {
    warnings: [/not made yet/],
    problems: [/wants an external account binding/]
  })
  t.match((await open({ binding }).check(calm)).problems, [/secret eab of the binding is not kept/])
  await t.rejects(bare.createAccount(calm), { code: 'acme-account', message: /external account binding/ })
  await t.rejects(open({ binding }).createAccount(calm), { code: 'key-missing', message: /secret eab/ })
  const wrong = open({ binding }, { eab: 'AAAA'.repeat(16) })
  await t.rejects(wrong.createAccount(calm), { code: 'acme-account' })
  t.equal(accountsMade(world), 0)

  const issuer = open({ binding }, { eab: macKey })
  const made = await issuer.createAccount(calm)
  t.match(made, { status: 'valid', contacts: ['mailto:ops@a.test'] })
  t.same(await issuer.createAccount(calm), made, 'it may be repeated')
  t.equal(accountsMade(world), 1)
  const moved = await open({ contacts: ['mailto:b@b.test'] }).createAccount(calm)
  t.same({ ...moved, contacts: [] }, { ...made, contacts: [] }, 'the binding is not needed any more')
  t.same(moved.contacts, ['mailto:b@b.test'])
  t.ok(await drive(open(), await requestFor(['a.test']), memory()))
  t.match(await issuer.check(calm), { facts: { account: made.url }, warnings: [] })
})

t.test('the answer to a new account may be lost', { skip }, async (t) => {
  const world = await issuerWorld(t)
  world.pebble.gate.loseAnswer('newAccount')
  await t.rejects(world.open().createAccount(calm), { code: 'acme-unreachable' })
  t.match(await world.open().createAccount(calm), { status: 'valid' })
  t.equal(accountsMade(world), 1)
})

t.test('an account belongs to one CA', { skip }, async (t) => {
  const { pebble, open } = await issuerWorld(t)
  await open().createAccount(calm)
  const other = open({ directoryUrl: pebble.directoryUrl.replace('127.0.0.1', 'localhost') })
  await t.rejects(other.createAccount(calm), { code: 'acme-settings', message: /Give another account/ })
})

t.test('the key of an account is changed, also when the answer is lost', { skip }, async (t) => {
  const world = await issuerWorld(t, { alwaysValid: true })
  const { pebble, site, open, memory } = world
  const issuer = open()
  const { url } = await issuer.createAccount(calm)
  await issuer.changeAccountKey(calm)
  t.equal((await open().createAccount(calm)).url, url, 'it is the same account')
  pebble.gate.loseAnswer('keyChange')
  await t.rejects(issuer.changeAccountKey(calm), { code: 'acme-unreachable' })
  t.equal((await open().createAccount(calm)).url, url, 'the key that counts is found')
  t.ok(await drive(open(), await requestFor(['a.test']), memory()))
  await issuer.changeAccountKey(calm)
  t.equal((await open().createAccount(calm)).url, url)
  const keys = readdirSync(site.folder).filter((name) => name.endsWith('.pem'))
  t.equal(keys.length, 4, 'each key was kept before the CA heard of it')
  t.equal(accountsMade(world), 1)

  // one that never reaches the CA leaves the old key
  const unreachable = open({ timeoutSeconds: 1 })
  const held = pebble.gate.hold('keyChange', 'before')
  const changing = unreachable.changeAccountKey(calm)
  await held
  await t.rejects(changing, { code: 'acme-unreachable' })
  t.equal((await open().createAccount(calm)).url, url)
  t.equal(pebble.gate.count('keyChange'), 3)
})

t.test('certificates are revoked with their reason', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t, { alwaysValid: true })
  const issuer = open()
  const { chain } = await drive(issuer, await requestFor(['a.test']), memory())
  const [leaf = Buffer.alloc(0)] = chain
  await t.rejects(issuer.revoke(leaf, 'certificateHold', calm), {
    code: 'acme-unsupported',
    message: /certificateHold.*keyCompromise/
  })
  await issuer.revoke(leaf, 'superseded', calm)
  const serial = readCertificate(leaf).serial
  t.same(await pebble.statusOf(serial), { status: 'Revoked', reason: 4 })
  await issuer.revoke(leaf, 'superseded', calm)
})

t.test('a rate limit is waited for outside, and costs no order', { skip }, async (t) => {
  const { open, memory } = await issuerWorld(t)
  const server = await startOddCa()
  t.teardown(() => server.close())
  const issuer = open({ directoryUrl: server.directoryUrl, trustRoots: server.trustRoots, account: 'odd' })
  server.set(({ call }) =>
    call === 'newOrder'
      ? problemReply(429, { type: problemType('rateLimited'), detail: 'slowly' }, { 'retry-after': '7200' })
      : undefined
  )
  const kept = memory()
  const request = await requestFor(['a.test'])
  const progress = await issuer.advance(request, kept, calm)
  if (progress.state !== 'pending') throw new Error(progress.state)
  t.match(progress.why, /a rate limit of the CA is reached.*slowly/)
  const wait = progress.againAt - Date.now()
  t.ok(wait > 7_100_000 && wait <= 7_200_000, `${wait} ms`)
  t.match(JSON.parse(kept.text() ?? ''), { placed: 0, orderUrl: null })
  t.equal(server.count('newOrder'), 1)
})

t.test('terms are agreed to by a person', async (t) => {
  const { open } = await issuerWorld(t)
  const server = await startOddCa()
  t.teardown(() => server.close())
  const termsOfService = 'https://ca.test/terms'
  server.set(({ call, payload }, good) => {
    if (call === 'directory') return { ...good, body: { ...(good.body as object), meta: { termsOfService } } }
    const isSearch = call === 'newAccount' && 'onlyReturnExisting' in (payload as object)
    return isSearch ? problemReply(400, { type: problemType('accountDoesNotExist') }) : undefined
  })
  const { directoryUrl, trustRoots } = server
  const odd = { directoryUrl, trustRoots, account: 'odd' }
  const issuer = open({ ...odd, agreesToTerms: false })
  t.match(await issuer.check(calm), {
    warnings: [/not made yet/],
    problems: [/terms, https:\/\/ca\.test\/terms/]
  })
  await t.rejects(issuer.createAccount(calm), { code: 'acme-account', message: /set agreesToTerms/ })
  t.equal(server.count('newAccount'), 0)
  await open({ ...odd, agreesToTerms: true }).createAccount(calm)
  t.match(server.requests.findLast(({ call }) => call === 'newAccount')?.payload, {
    termsOfServiceAgreed: true
  })
})

t.test('settings name what is wrong with them', (t) => {
  const good = {
    directoryUrl: 'https://ca.test/dir',
    account: 'ca',
    proofs: [{ names: ['*'], solver: { kind: 'none' } }]
  }
  t.same(readAcmeSettings(good), good)
  const page = readFileSync(join(import.meta.dirname, '../../docs/acme.md'), 'utf8')
  const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
  t.ok(readAcmeSettings(JSON.parse(example)), 'the example of the documents is good')
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ directoryUrl: 'ftp://ca.test' }, /directoryUrl is no URL/],
    [{ trustRoots: 'no PEM' }, /trustRoots holds no certificates/],
    [{ proxy: { url: 'https://p' } }, /proxy\.url is no URL/],
    [{ account: '' }, /account is ""/],
    [{ proofs: [] }, /proofs is a list: wanted at least 1 entry/],
    [{ proofs: [{ names: ['A B'], solver: { kind: 'none' } }] }, /proofs\.0\.names\.0 is "A B"/],
    [{ proofs: [{ names: ['*'], solver: { kind: 'magic' } }] }, /proofs\.0\.solver/],
    [{ binding: { keyId: 'x' } }, /binding\.macKey is missing/],
    [{ more: 1 }, /more is not known/]
  ]
  for (const [change, message] of cases) {
    t.throws(() => readAcmeSettings({ ...good, ...change }), { code: 'acme-settings', message })
  }
  t.end()
})
