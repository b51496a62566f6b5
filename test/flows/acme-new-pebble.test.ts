import t, { type Test } from 'tap'
import { getAuthorization } from '../../acme/client/authorizations.ts'
import { finalize, newOrder } from '../../acme/client/orders.ts'
import { problemOfFault } from '../../acme/client/refusals.ts'
import { chooseRenewalTime, getRenewalInfo } from '../../acme/client/renewal-info.ts'
import { certificateId } from '../../acme/messages/renewal-info.ts'
import { Fault } from '../../core/fault.ts'
import { seededRandom } from '../../core/random.ts'
import { pebbleMissing, startPebble, type PebbleOptions } from '../peers/pebble.ts'
import { skipFor } from '../peers/process.ts'
import { accountAt, calm, caOf, csrOf, issued, makeReady } from './acme-world.ts'

const missing = pebbleMissing('new')
const skip = skipFor(missing)

const dns = (value: string) => ({ type: 'dns', value }) as const

async function world(t: Test, options: PebbleOptions = {}) {
  const pebble = await startPebble({ edition: 'new', alwaysValid: true, ...options })
  const ca = caOf(pebble)
  t.teardown(async () => {
    ca.close()
    await pebble.stop()
  })
  return { pebble, ca, account: await accountAt(ca) }
}

t.test('the CA says when it wants a certificate to be renewed', { skip }, async (t) => {
  const { pebble, ca, account } = await world(t)
  const { certificate, pem } = await issued(account, 'a.test')
  const id = certificateId(certificate)
  const info = await getRenewalInfo(ca, id, calm)
  t.ok(info && info.window.start > Date.now(), 'not now')
  t.equal(info?.retryAfterMs, 6 * 3_600_000)

  const response = {
    suggestedWindow: { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' },
    explanationURL: 'https://ca.test/incident'
  }
  await pebble.setRenewalInfo(pem, JSON.stringify(response))
  const urgent = await getRenewalInfo(ca, id, calm)
  t.equal(urgent?.explanationUrl, 'https://ca.test/incident')
  t.ok(urgent && chooseRenewalTime(urgent.window, seededRandom(1)) < Date.now(), 'at once')

  await pebble.setRenewalInfo(pem, '{"suggestedWindow": {"start": "2020-01-02T00:00:00Z"')
  await t.rejects(getRenewalInfo(ca, id, calm), { code: 'acme-malformed', message: /no JSON/ })
  await t.rejects(getRenewalInfo(ca, id.replace(/\..*/, '.AIdlQyE'), calm), { code: 'acme-missing' })
})

t.test('a renewal names the certificate that it replaces, and only one does', { skip }, async (t) => {
  const { account } = await world(t)
  const { certificate } = await issued(account, 'a.test')
  const replaces = certificateId(certificate)
  await issued(account, 'a.test', { replaces })
  await t.rejects(newOrder(account, { identifiers: [dns('a.test')], replaces }, calm), {
    code: 'acme-conflict',
    message: /another order has replaced that certificate already \(alreadyReplaced\)/
  })
})

t.test('profiles are ordered by name', { skip }, async (t) => {
  const { ca, account } = await world(t, { profiles: { classic: 7_776_000, shortlived: 518_400 } })
  t.same((await ca.directory(calm)).profiles, { classic: 'classic', shortlived: 'shortlived' })
  const order = await newOrder(account, { identifiers: [dns('a.test')], profile: 'shortlived' }, calm)
  t.equal(order.profile, 'shortlived')
  await t.rejects(newOrder(account, { identifiers: [dns('a.test')], profile: 'odd' }, calm), {
    code: 'acme-unsupported',
    message: /profile odd \(it offers .*shortlived/
  })
})

t.test('a name that is refused is told with its reason', { skip }, async (t) => {
  const { account } = await world(t, { blocklist: ['blocked.test'] })
  const identifiers = ['good.test', 'blocked.test'].map(dns)
  const fault = await newOrder(account, { identifiers }, calm).catch((thrown: unknown) => thrown)
  if (!(fault instanceof Fault)) throw new Error('no fault')
  t.equal(fault.code, 'acme-refused')
  t.match(fault.message, /blocked\.test: the CA does not issue for a name/)
  t.same(fault.facts['names'], ['blocked.test'])
  t.match(problemOfFault(fault)?.subproblems, [{ type: 'rejectedIdentifier', identifier: 'blocked.test' }])
})

t.test('when to look again is handed on, as seconds and as a date', { skip }, async (t) => {
  const { account } = await world(t, { retryAfter: { authz: 30, order: 40 } })
  // this CA tosses a coin for the form of the header
  for (const name of ['a.test', 'b.test', 'c.test', 'd.test']) {
    const order = await makeReady(account, await newOrder(account, { identifiers: [dns(name)] }, calm))
    const { retryAfterMs } = await finalize(account, { order, csr: csrOf(name).der }, calm)
    t.ok(
      retryAfterMs !== null && retryAfterMs > 35_000 && retryAfterMs <= 40_000,
      `${String(retryAfterMs)} ms`
    )
  }
})

t.test('challenges of later drafts stand beside the ones that are understood', { skip }, async (t) => {
  const { account } = await world(t)
  const order = await newOrder(account, { identifiers: [dns('a.test')] }, calm)
  const { challenges, offered } = await getAuthorization(account, order.authorizationUrls[0] ?? '', calm)
  const types = challenges.map(({ type }) => type)
  for (const type of ['http-01', 'dns-01', 'tls-alpn-01', 'dns-persist-01'] as const) {
    t.ok(types.includes(type), type)
  }
  t.ok(offered.includes('dns-account-01'), 'one that is not understood is told')
  t.notOk((types as readonly string[]).includes('dns-account-01'), 'and left out')
  const persistent = challenges.find((one) => one.type === 'dns-persist-01')
  t.ok(persistent && persistent.issuerNames.length > 0)
})
