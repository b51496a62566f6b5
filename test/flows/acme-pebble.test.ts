import { X509Certificate, createPrivateKey } from 'node:crypto'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import {
  changeAccountKey,
  deactivateAccount,
  findAccount,
  newAccount,
  readAccountFacts,
  updateContacts
} from '../../acme/client/accounts.ts'
import { deactivateAuthorization, getAuthorization, respond } from '../../acme/client/authorizations.ts'
import { downloadCertificate, revoke } from '../../acme/client/certificates.ts'
import { findOrder } from '../../acme/client/find-order.ts'
import { finalize, getOrder, listOrders, newOrder } from '../../acme/client/orders.ts'
import { createAccountKey, openSigner } from '../../acme/client/sign.ts'
import { dnsRecordText, keyAuthorization } from '../../acme/messages/key-authorization.ts'
import { Secret } from '../../core/secret.ts'
import { pebbleMissing, startPebble, type PebbleEdition, type PebbleOptions } from '../peers/pebble.ts'
import { listenWith } from '../peers/peer.ts'
import { skipFor } from '../peers/process.ts'
import { accountAt, calm, caOf, csrOf, issued, makeReady, orderUntil } from './acme-world.ts'

function skipped(edition: PebbleEdition): string | false {
  const missing = pebbleMissing(edition)
  return skipFor(missing)
}

const skip = skipped('debian')

const dns = (value: string) => ({ type: 'dns', value }) as const

async function world(t: Test, options: PebbleOptions = {}) {
  const pebble = await startPebble(options)
  const ca = caOf(pebble)
  t.teardown(async () => {
    ca.close()
    await pebble.stop()
  })
  return { pebble, ca }
}

for (const edition of ['debian', 'new'] as const) {
  t.test(
    `a certificate is issued although half of the nonces are refused (${edition} pebble)`,
    { skip: skipped(edition) },
    async (t) => {
      const bindings = { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }
      const { pebble, ca } = await world(t, { edition, bindings, nonceReject: 50, alwaysValid: true })
      const binding = { keyId: 'kid-1', macKey: new Secret(bindings['kid-1']) }
      const account = await insist(() => accountAt(ca, binding))

      const names = ['a.test', '*.b.test', 'c.test']
      const order = await insist(() => newOrder(account, { identifiers: names.map(dns) }, calm))
      t.equal(order.status, 'pending')
      t.equal(order.authorizationUrls.length, 3)
      for (const url of order.authorizationUrls) {
        const { challenges } = await insist(() => getAuthorization(account, url, calm))
        const [challenge] = challenges
        t.ok(challenge, 'there is a challenge')
        if (challenge) await insist(() => respond(account, challenge, calm))
      }
      const ready = await insist(() => orderUntil(account, order.url, ['ready']))
      const csr = csrOf(...names)
      await insist(() => finalize(account, { order: ready, csr: csr.der }, calm))
      const valid = await insist(() => orderUntil(account, order.url, ['valid']))
      t.equal(valid.status, 'valid')
      if (valid.status !== 'valid') return

      const { chain } = await insist(() => downloadCertificate(account, { url: valid.certificateUrl }, calm))
      const [leaf, intermediate] = chain.certificates.map((der) => new X509Certificate(der))
      const root = new X509Certificate(await pebble.issuingRoot())
      t.ok(leaf?.checkPrivateKey(createPrivateKey(csr.keyPem)), 'it is for the key of the CSR')
      t.same(
        leaf?.subjectAltName?.split(', ').sort(),
        names.map((name) => `DNS:${name}`).sort(),
        'it is for the names that were ordered'
      )
      t.ok(intermediate && leaf?.verify(intermediate.publicKey), 'the chain belongs to it')
      t.ok(intermediate?.verify(root.publicKey), 'and leads to the root')

      t.equal(pebble.gate.count('newOrder'), 1, 'one order was placed')
      t.equal(pebble.gate.count('finalize'), 1, 'and finalized once')
      t.ok(
        pebble.gate.seen.some(({ problem }) => problem === 'badNonce'),
        'nonces were refused'
      )
      t.ok(
        pebble.gate.count('nonce') < pebble.gate.seen.length / 3,
        'most requests use the nonce of the answer before them'
      )
    }
  )
}

/** with half of the nonces refused, six in a row are refused in one of 64 calls: a caller would try later */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      const isNonce = error instanceof Error && error.message.includes('badNonce')
      if (!isNonce || tries === 5) throw error
    }
  }
}

t.test('an account is made, found, changed, given another key and deactivated', { skip }, async (t) => {
  const { ca } = await world(t)
  const key = await openSigner(await createAccountKey('RS256'))
  t.equal(await findAccount(ca, key, calm), null, 'nobody has it yet')

  const made = await newAccount(ca, { key, contacts: ['mailto:a@a.test'], agreesToTerms: true }, calm)
  t.equal(made.created, true)
  t.same(made.facts.contacts, ['mailto:a@a.test'])
  const again = await newAccount(ca, { key, contacts: [], agreesToTerms: true }, calm)
  t.equal(again.created, false, 'the same key is the same account')
  t.equal(again.account.url, made.account.url)
  t.equal((await findAccount(ca, key, calm))?.account.url, made.account.url)

  const changed = await updateContacts(made.account, ['mailto:b@b.test'], calm)
  t.same(changed.contacts, ['mailto:b@b.test'])

  for (const algorithm of ['ES384', 'ES256'] as const) {
    const next = await openSigner(await createAccountKey(algorithm))
    const rolled = await changeAccountKey(made.account, next, calm)
    t.equal(rolled.url, made.account.url)
    t.equal((await readAccountFacts(rolled, calm)).status, 'valid', `it signs by ${algorithm}`)
    await t.rejects(
      readAccountFacts({ ...rolled, key }, calm),
      { code: 'acme-refused' },
      'the old key is out'
    )
    await changeAccountKey(rolled, key, calm)
  }
  const other = await accountAt(ca)
  await t.rejects(changeAccountKey(other, key, calm), {
    message: /the change of the account key: .*already in use/
  })

  t.equal((await deactivateAccount(made.account, calm)).status, 'deactivated')
  await t.rejects(newOrder(made.account, { identifiers: [dns('a.test')] }, calm), {
    code: 'acme-account',
    message: /new order for a\.test: the account may not do this/
  })
})

t.test('accounts are bound to one that the CA has, or refused with a reason', { skip }, async (t) => {
  const macKey = 'b10lLJs8l1GPIzsLP0s6pMt8O0XVGnfTaCeROxQM0BIt2XrJMDHJZBM5NuQmQJQH'
  const { pebble, ca } = await world(t, { bindings: { 'kid-2': macKey } })
  const good = { keyId: 'kid-2', macKey: new Secret(macKey) }
  await t.rejects(accountAt(ca), { code: 'acme-account', message: /external account binding/ })
  t.equal(pebble.gate.count('newAccount'), 0, 'the CA was not even asked')
  await t.rejects(accountAt(ca, { ...good, keyId: 'kid-3' }), { code: 'acme-account' })
  await t.rejects(accountAt(ca, { ...good, macKey: new Secret('AAAA'.repeat(16)) }), { code: 'acme-account' })
  await t.rejects(accountAt(ca, { ...good, macKey: new Secret('no key!') }), {
    code: 'acme-settings',
    message: /MAC key of the external account binding kid-2/
  })
  t.ok(await accountAt(ca, { ...good, macKey: new Secret(`${macKey}==`) }), 'padding does no harm')
})

t.test('http-01 and dns-01 are proved to a CA that looks', { skip }, async (t) => {
  const responder = createServer()
  const answers = new Map<string, string>()
  responder.on('request', (asked, answer) => answer.end(answers.get(asked.url ?? '') ?? 'no'))
  const web = await listenWith(responder)
  const { pebble, ca } = await world(t, { withDns: true, httpPort: web.port })
  t.teardown(() => web.close())
  const account = await accountAt(ca)

  const order = await newOrder(account, { identifiers: [dns('a.test'), dns('*.b.test')] }, calm)
  for (const url of order.authorizationUrls) {
    const { identifier, isWildcard, challenges, offered } = await getAuthorization(account, url, calm)
    t.same(offered.length, challenges.length, 'all that this CA offers is understood')
    const wanted = isWildcard ? 'dns-01' : 'http-01'
    const challenge = challenges.find(({ type }) => type === wanted)
    if (!challenge || !('token' in challenge)) throw new Error(`no ${wanted}`)
    const proof = keyAuthorization(challenge.token, account.key.thumbprint)
    answers.set(`/.well-known/acme-challenge/${challenge.token}`, proof)
    await pebble.dns?.setTxt(`_acme-challenge.${identifier.value}`, dnsRecordText(proof))
    await respond(account, challenge, calm)
  }
  t.equal((await orderUntil(account, order.url, ['ready', 'invalid'])).status, 'ready')

  const failing = await newOrder(account, { identifiers: [dns('c.test')] }, calm)
  const [url = ''] = failing.authorizationUrls
  const { challenges } = await getAuthorization(account, url, calm)
  const challenge = challenges.find(({ type }) => type === 'http-01')
  if (challenge) await respond(account, challenge, calm)
  const invalid = await orderUntil(account, failing.url, ['ready', 'invalid'])
  t.equal(invalid.status, 'invalid')
  const [failed] = (await getAuthorization(account, url, calm)).challenges.filter(({ problem }) => problem)
  t.match(failed, { type: 'http-01', status: 'invalid', problem: { type: 'unauthorized' } })
  t.ok(failed?.problem?.detail, 'and the CA tells why')
})

t.test('a certificate is chosen by the root that its chain leads to', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { alwaysValid: true, alternateRoots: 2, chainLength: 2 })
  const account = await accountAt(ca)
  const { url } = await issued(account, 'a.test')
  const names = await Promise.all(
    [0, 1, 2].map(async (number) =>
      commonNameOf(new X509Certificate(await pebble.issuingRoot(number)).subject)
    )
  )
  const first = await downloadCertificate(account, { url }, calm)
  t.equal(first.chain.issuerName, names[0])
  t.equal(first.chain.certificates.length, 3, 'a leaf and two issuers')
  for (const name of names) {
    const { chain, isPreferred } = await downloadCertificate(account, { url, preferredIssuer: name }, calm)
    t.equal(chain.issuerName, name)
    t.equal(isPreferred, true)
  }
  const none = await downloadCertificate(account, { url, preferredIssuer: 'No such root' }, calm)
  t.equal(none.isPreferred, false)
  t.equal(none.chain.issuerName, names[0], "the CA's own choice is taken then")
  t.same(new Set(none.offered), new Set(names), 'and it tells what there was')
})

t.test('certificates are revoked by account and by their own key', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { alwaysValid: true })
  const account = await accountAt(ca)
  const first = await issued(account, 'a.test')
  const { certificate } = first
  t.equal(await revoke(account, { certificate, reason: 'superseded' }, calm), 'revoked')
  t.same(await pebble.statusOf(first.serial), { status: 'Revoked', reason: 4 })
  t.equal(await revoke(account, { certificate }, calm), 'already-revoked', 'which does no harm')

  const second = await issued(account, 'b.test')
  const stranger = await accountAt(ca)
  await t.rejects(revoke(stranger, { certificate: second.certificate }, calm), { code: 'acme-account' })
  t.equal((await pebble.statusOf(second.serial)).status, 'Valid')
  const key = await openSigner(new Secret(second.keyPem))
  const by = { ca, key }
  t.equal(await revoke(by, { certificate: second.certificate, reason: 'keyCompromise' }, calm), 'revoked')
  t.same(await pebble.statusOf(second.serial), { status: 'Revoked', reason: 1 })
})

t.test('an order is found again after the answer to it was lost', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { ordersPerPage: 2 })
  const account = await accountAt(ca)
  const others = []
  for (const name of ['x.test', 'y.test', 'z.test']) {
    others.push(await newOrder(account, { identifiers: [dns(name)] }, calm))
  }
  const wanted = [dns('B.test'), dns('a.test')]
  pebble.gate.loseAnswer('newOrder')
  await t.rejects(newOrder(account, { identifiers: wanted }, calm), { code: 'acme-unreachable' })
  t.equal(pebble.gate.count('newOrder'), 4, 'it was not sent again')

  const search = { identifiers: [dns('a.test'), dns('b.test')], except: others.map(({ url }) => url) }
  const found = await findOrder(account, search, calm)
  t.match(found, { found: 'order', order: { status: 'pending' } })
  t.equal(pebble.gate.count('order'), 1, 'orders that are known were passed over')
  if (found.found !== 'order') return
  t.same(
    await findOrder(account, { ...search, except: [...search.except, found.order.url] }, calm),
    { found: 'none', isComplete: true },
    'nothing else is like it'
  )
  t.same(await findOrder(account, { ...search, mostPages: 1 }, calm), { found: 'none', isComplete: false })

  const { ordersUrl } = await readAccountFacts(account, calm)
  const page = await listOrders(account, ordersUrl ?? '', calm)
  t.equal(page.orderUrls.length, 2)
  t.ok(page.nextUrl, 'there is another page')
})

t.test('an order that is over is not found again', { skip }, async (t) => {
  const { ca } = await world(t, { alwaysValid: true })
  const account = await accountAt(ca)
  await issued(account, 'a.test')
  const search = { identifiers: [dns('a.test')], except: [] }
  t.same(await findOrder(account, search, calm), { found: 'none', isComplete: true })
  const { url } = await newOrder(account, { identifiers: [dns('a.test')] }, calm)
  t.match(await findOrder(account, search, calm), { found: 'order', order: { url } })
})

t.test('many orders at once share the nonces of a CA', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { nonceReject: 20 })
  const account = await insist(() => accountAt(ca))
  const names = Array.from({ length: 24 }, (_, at) => `n${at}.test`)
  const orders = await Promise.all(
    names.map((name) => insist(() => newOrder(account, { identifiers: [dns(name)] }, calm)))
  )
  t.equal(new Set(orders.map(({ url }) => url)).size, 24)
  t.equal(pebble.gate.count('newOrder'), 24)
})

t.test('an order goes on after the answer to its finalization was lost', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { alwaysValid: true })
  const account = await accountAt(ca)
  const order = await makeReady(account, await newOrder(account, { identifiers: [dns('a.test')] }, calm))
  const csr = csrOf('a.test')
  pebble.gate.loseAnswer('finalize')
  await t.rejects(finalize(account, { order, csr: csr.der }, calm), { code: 'acme-unreachable' })
  t.equal((await orderUntil(account, order.url, ['valid'])).status, 'valid', 'a look tells that it was done')
  await t.rejects(finalize(account, { order, csr: csr.der }, calm), {
    code: 'acme-conflict',
    message: /the order is not in the state for this \(orderNotReady\)/
  })
  t.equal(pebble.gate.count('finalize'), 1)
})

t.test('what the CA does not have, and what it does not like, is told by name', { skip }, async (t) => {
  const { pebble, ca } = await world(t, { alwaysValid: true })
  const account = await accountAt(ca)
  const gone = pebble.directoryUrl.replace('/dir', '/my-order/none')
  await t.rejects(getOrder(account, gone, calm), { code: 'acme-missing', message: /a look at the order/ })

  const order = await makeReady(account, await newOrder(account, { identifiers: [dns('a.test')] }, calm))
  await t.rejects(finalize(account, { order, csr: csrOf('other.test').der }, calm), {
    code: 'acme-account',
    message: /the finalization of the order: .*"CSR is missing Order domain 'a\.test'"/
  })
  await t.rejects(newOrder(account, { identifiers: [dns('a.test')], profile: 'shortlived' }, calm), {
    code: 'acme-unsupported',
    message: /profile shortlived \(it offers none\)/
  })
  const pending = await newOrder(account, { identifiers: [dns('b.test')] }, calm)
  await t.rejects(finalize(account, { order: pending, csr: csrOf('b.test').der }, calm), {
    code: 'acme-conflict'
  })
  const [url = ''] = pending.authorizationUrls
  t.equal((await deactivateAuthorization(account, url, calm)).status, 'deactivated')

  const address = await newOrder(account, { identifiers: [{ type: 'ip', value: '127.0.0.1' }] }, calm)
  t.same(address.identifiers, [{ type: 'ip', value: '127.0.0.1' }])
})

const commonNameOf = (subject: string) => /CN=(.*)/.exec(subject)?.[1] ?? ''
