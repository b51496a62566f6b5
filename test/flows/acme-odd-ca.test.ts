import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { changeAccountKey, findAccount, newAccount } from '../../acme/client/accounts.ts'
import { getAuthorization, respond } from '../../acme/client/authorizations.ts'
import { openCa, type Ca } from '../../acme/client/ca.ts'
import { downloadCertificate, revoke } from '../../acme/client/certificates.ts'
import { findOrder } from '../../acme/client/find-order.ts'
import { finalize, getOrder, newOrder } from '../../acme/client/orders.ts'
import type { AcmeAccount } from '../../acme/client/post.ts'
import { problemOfFault } from '../../acme/client/refusals.ts'
import { getRenewalInfo } from '../../acme/client/renewal-info.ts'
import type { CaSettings } from '../../acme/client/settings.ts'
import { createAccountKey, openSigner } from '../../acme/client/sign.ts'
import { problemTypes } from '../../acme/messages/problem-types.ts'
import { systemClock } from '../../core/clock.ts'
import { Fault, faultCodes } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { startConnectProxy } from '../peers/acme-gate.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import {
  problemReply,
  problemType,
  startOddCa,
  type OddCall,
  type OddCa,
  type Oddity
} from '../peers/odd-ca.ts'
import { listen, listenWith } from '../peers/peer.ts'
import { calm } from './acme-world.ts'

const key = await openSigner(await createAccountKey())
const identifiers = [{ type: 'dns', value: 'a.test' }] as const

interface World {
  readonly server: OddCa
  readonly ca: Ca
  readonly account: AcmeAccount
  /** another client of the same server */
  readonly open: (settings: Partial<CaSettings>) => { readonly ca: Ca; readonly account: AcmeAccount }
}

async function world(t: Test, oddity?: Oddity): Promise<World> {
  const server = await startOddCa(oddity)
  t.teardown(() => server.close())
  const open = (settings: Partial<CaSettings>) => {
    const { directoryUrl, trustRoots } = server
    const ca = openCa({ directoryUrl, trustRoots, ...settings }, { clock: systemClock })
    t.teardown(() => ca.close())
    return { ca, account: { ca, key, url: server.url('/account/1') } }
  }
  return { server, ...open({}), open }
}

/** The oddity that answers one call in this way. */
const to =
  (call: OddCall, reply: ReturnType<Oddity>): Oddity =>
  (request) =>
    request.call === call ? reply : undefined

/** The oddity that changes the JSON of one call. */
const changing =
  (call: OddCall, change: Readonly<Record<string, unknown>>): Oddity =>
  (request, good) =>
    request.call === call ? { ...good, body: { ...(good.body as object), ...change } } : undefined

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const thrown = await promise.then(
    () => new Error('it succeeded'),
    (error: unknown) => error
  )
  if (thrown instanceof Fault) return thrown
  throw thrown
}

t.test('everything goes well with a CA that answers as it should', async (t) => {
  const { server, ca } = await world(t)
  const { account } = await newAccount(ca, { key, contacts: [], agreesToTerms: true }, calm)
  const order = await newOrder(account, { identifiers, profile: 'classic' }, calm)
  t.equal(order.expires, Date.parse('2030-01-02T03:04:05Z'))
  const [url = ''] = order.authorizationUrls
  const [challenge] = (await getAuthorization(account, url, calm)).challenges
  if (challenge) await respond(account, challenge, calm)
  const valid = await finalize(account, { order, csr: Buffer.from('csr') }, calm)
  t.equal(valid.status, 'valid')
  if (valid.status !== 'valid') return
  const { chain } = await downloadCertificate(account, { url: valid.certificateUrl }, calm)
  t.equal(await revoke(account, { certificate: chain.certificates[0] ?? Buffer.alloc(0) }, calm), 'revoked')
  t.equal((await getRenewalInfo(ca, 'a.b', calm))?.explanationUrl, 'https://a.test/why')

  const posts = server.requests.filter(({ method }) => method === 'POST')
  t.ok(
    posts.every(({ headers }) => headers['content-type'] === 'application/jose+json'),
    'signed requests are marked as such'
  )
  t.ok(
    server.requests.every(({ headers }) => headers['user-agent'] === 'tlsward'),
    'every request says who asks'
  )
  const nonces = posts.map(({ header }) => header['nonce'])
  t.equal(new Set(nonces).size, nonces.length, 'no nonce is used twice')
  t.equal(server.count('nonce'), 1, 'and only the first was asked for')
  t.equal(server.count('directory'), 1, 'the directory is read once')
})

t.test('every type of problem becomes its fault, with words for a person', async (t) => {
  const { server, account } = await world(t)
  for (const [type, { code, because, remedy }] of Object.entries(problemTypes)) {
    server.set(to('newOrder', problemReply(400, { type: problemType(type), detail: 'so it is.' })))
    const fault = await faultOf(newOrder(account, { identifiers }, calm))
    t.equal(fault.code, code, type)
    t.ok(fault.message.includes(because) && fault.message.includes(remedy), `${type} is explained`)
    t.match(fault.message, `It says: "so it is".`)
    t.equal(problemOfFault(fault)?.type, type)
    t.ok(Object.hasOwn(faultCodes, fault.code))
  }
})

t.test('what the CA says of each name reaches the person, and nothing of it acts', async (t) => {
  const { server, account } = await world(t)
  const sub = (value: string, type: string, detail: string) => ({
    type: problemType(type),
    detail,
    identifier: { type: 'dns', value }
  })
  const many = Array.from({ length: 30 }, (_, at) => sub(`n${at}.test`, 'caa', 'no'))
  const problem = {
    type: problemType('compound'),
    detail: 'Several \u001b[31mnames',
    instance: 'javascript:alert(1)',
    subproblems: [
      sub('bad.test', 'rejectedIdentifier', 'It is on a list.'),
      sub('worse.test', 'caa', 'other CA'),
      ...many
    ]
  }
  server.set(to('newOrder', problemReply(403, problem)))
  const fault = await faultOf(newOrder(account, { identifiers }, calm))
  t.match(fault.message, 'bad.test: the CA does not issue for a name, "It is on a list"')
  t.match(fault.message, 'worse.test: a CAA record in DNS forbids this CA to issue, "other CA"')
  t.match(fault.message, 'and 12 more')
  t.notMatch(inspect(fault), '\u001b')
  t.equal(problemOfFault(fault)?.instance, null, 'a page that is none is left out')

  const page = 'https://a.test/agree'
  server.set(to('newAccount', problemReply(403, { type: problemType('userActionRequired'), instance: page })))
  const agree = await faultOf(newAccount(account.ca, { key, contacts: [], agreesToTerms: false }, calm))
  t.match(agree, { code: 'acme-account', message: `See ${page}.` })
})

t.test('a rate limit is told with its time at once, and nothing is asked again', async (t) => {
  const { server, account, open } = await world(t)
  const limited = (header: string) =>
    to('newOrder', problemReply(429, { type: problemType('rateLimited') }, { 'retry-after': header }))
  const day = 86_400_000
  server.set(limited('86400'))
  const fault = await faultOf(newOrder(account, { identifiers }, calm))
  t.match(fault, { code: 'acme-rate-limited', kind: 'busy', facts: { retryAfterMs: day } })
  t.match(fault.message, /The CA wants to be asked again in 1 d\.$/)
  t.equal(server.count('newOrder'), 1)

  server.set(limited(new Date(Date.now() + 7_200_000).toUTCString()))
  const dated = await faultOf(newOrder(account, { identifiers }, calm))
  t.ok(Number(dated.facts['retryAfterMs']) > 7_190_000 && Number(dated.facts['retryAfterMs']) <= 7_200_000)
  for (const [header, wanted] of [
    ['9999999', day],
    ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['soon', undefined],
    ['-5', undefined]
  ] as const) {
    server.set(limited(header))
    const fault = await faultOf(newOrder(account, { identifiers }, calm))
    t.equal(fault.facts['retryAfterMs'], wanted, header)
  }
  const patient = open({ maxRetryAfterMs: 1000 })
  server.set(limited('86400'))
  t.equal((await faultOf(newOrder(patient.account, { identifiers }, calm))).facts['retryAfterMs'], 1000)
})

t.test('refused nonces are replaced by fresh ones, and not for ever', async (t) => {
  const { server, account } = await world(t)
  let refusals = 5
  server.set((request) => {
    if (request.call !== 'newOrder' || refusals === 0) return undefined
    // every other refusal brings no nonce
    return problemReply(
      400,
      { type: problemType('badNonce') },
      refusals-- % 2 === 0 ? { 'replay-nonce': '' } : {}
    )
  })
  t.equal((await newOrder(account, { identifiers }, calm)).status, 'pending', 'the sixth was taken')
  t.equal(server.count('newOrder'), 6)
  const nonces = server.requests.flatMap(({ header }) => header['nonce'] ?? [])
  t.equal(new Set(nonces).size, nonces.length, 'each with another nonce')

  const before = server.count('order')
  server.set(to('order', problemReply(400, { type: problemType('badNonce') })))
  await t.rejects(getOrder(account, server.url('/order/1'), calm), {
    code: 'acme-unavailable',
    message: /kept refusing the nonces/
  })
  t.equal(server.count('order') - before, 6)

  server.set(to('nonce', { headers: { 'replay-nonce': '' } }))
  account.ca.nonces.clear()
  await t.rejects(getOrder(account, server.url('/order/1'), calm), {
    code: 'acme-malformed',
    message: /gives no nonce/
  })
})

t.test('answers that are no ACME are told from refusals', async (t) => {
  const { server, account, ca, open } = await world(t)
  const html = { headers: { 'content-type': 'text/html' }, body: '<h1>Sign in</h1>' }
  const cases: readonly (readonly [string, ReturnType<Oddity>, string, RegExp])[] = [
    ['a page with status 200', html, 'acme-malformed', /text\/html, and not JSON/],
    ['a page with status 403', { ...html, status: 403 }, 'acme-malformed', /answers 403 .*text\/html/],
    ['a page with status 404', { ...html, status: 404 }, 'acme-missing', /answers 404/],
    ['a page with status 429', { ...html, status: 429 }, 'acme-rate-limited', /answers 429/],
    ['a page with status 502', { ...html, status: 502 }, 'acme-unavailable', /answers 502 .*Try again/],
    [
      'trouble of the CA',
      problemReply(500, { type: problemType('serverInternal'), detail: 'database' }),
      'acme-unavailable',
      /"database"/
    ],
    ['a conflict', problemReply(409, { type: problemType('malformed') }), 'acme-conflict', /malformed/],
    [
      'a problem of another world',
      problemReply(403, { type: 'https://ca.test/no-money', detail: 'pay' }),
      'acme-refused',
      /no-money.*HTTP status 403.*"pay"/
    ],
    ['a problem without anything', problemReply(400, {}), 'acme-refused', /without naming a reason/],
    ['JSON of another kind', { body: [1, 2] }, 'acme-malformed', /not understood/],
    ['no body', { body: '' }, 'acme-malformed', /no JSON/],
    ['half of the JSON', { body: '{"status": "pen' }, 'acme-malformed', /cut/],
    ['a type that is none', { headers: { 'content-type': '' } }, 'acme-malformed', /without a content type/],
    ['10 MB', { body: `"${'x'.repeat(10 << 20)}"` }, 'acme-malformed', /more than 1048576 bytes/],
    ['a body that ends early', { body: '{"status": "pending"}', how: 'cut' }, 'acme-unreachable', /./],
    ['zipped bytes', { headers: { 'content-encoding': 'gzip' } }, 'acme-malformed', /encoded/],
    ['endless headers', { headers: { link: 'x'.repeat(60_000) } }, 'acme-malformed', /more headers/],
    [
      'another place',
      { status: 302, headers: { location: server.url('/order/1') } },
      'acme-malformed',
      /sends elsewhere/
    ]
  ]
  for (const [name, reply, code, message] of cases) {
    server.set(to('newOrder', reply))
    const fault = await faultOf(newOrder(account, { identifiers }, calm))
    t.match({ code: fault.code, message: fault.message }, { code, message }, name)
  }
  t.equal(server.count('newOrder'), cases.length, 'no order was placed twice')
  t.equal(server.count('order'), 0, 'and no redirection followed')

  server.set(to('directory', { status: 404, body: 'no' }))
  await t.rejects(open({}).ca.directory(calm), { code: 'acme-settings', message: /no ACME directory at/ })
  server.set(changing('directory', { newOrder: undefined }))
  await t.rejects(open({}).ca.directory(calm), { code: 'acme-malformed', message: /newOrder|required/ })
  t.ok(await ca.directory(calm), 'while the one that was read is kept')
})

t.test('orders without the fields that are needed are not believed', async (t) => {
  const { server, account } = await world(t)
  const cases: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ status: undefined }, /status/],
    [{ status: 'lost' }, /status/],
    [{ identifiers: undefined }, /identifiers/],
    [{ authorizations: undefined }, /authorizations/],
    [{ authorizations: [7] }, /authorizations/],
    [{ finalize: undefined }, /finalize/],
    [{ status: 'valid' }, /valid, and names no certificate/]
  ]
  for (const [change, message] of cases) {
    server.set(changing('order', change))
    await t.rejects(getOrder(account, server.url('/order/1'), calm), { code: 'acme-malformed', message })
  }
  server.set((request, good) => (request.call === 'newOrder' ? { ...good, headers: {} } : undefined))
  await t.rejects(newOrder(account, { identifiers }, calm), { message: /does not tell the URL of the order/ })

  const error = { type: problemType('caa'), detail: 'no' }
  server.set(changing('order', { status: 'invalid', error, certificate: null, expires: 'never', more: 1 }))
  const order = await getOrder(account, server.url('/order/1'), calm)
  t.match(order, { status: 'invalid', expires: null, problem: { type: 'caa', detail: 'no' } })
})

t.test('challenges that are not understood do not hide the others', async (t) => {
  const { server, account } = await world(t)
  const url = server.url('/challenge/1')
  const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
  const good = { type: 'dns-01', url, status: 'pending', token }
  const challenges = [
    { type: 'quantum-07', url, status: 'pending' },
    { ...good, type: 'http-01', token: '../../etc/passwd/aaaaaaaaaaaaaaaaaaaaaa' },
    { ...good, type: 'tls-alpn-01', status: 'odd' },
    { type: 'dns-persist-01', url, status: 'pending', 'issuer-domain-names': ['ca.test'] },
    'odd',
    good
  ]
  server.set(changing('authorization', { challenges }))
  const authorization = await getAuthorization(account, server.url('/authorization/1'), calm)
  t.same(
    authorization.challenges.map(({ type }) => type),
    ['dns-persist-01', 'dns-01'],
    'one with a token that is no file name is none'
  )
  t.same(authorization.offered, ['quantum-07', 'http-01', 'tls-alpn-01', 'dns-persist-01', 'dns-01'])
  for (const value of ['../a', 'a..test', 'a test', 'a.test\n', '', '*', '.', '127.0.0.1/8']) {
    for (const type of ['dns', 'ip', 'permanent-identifier']) {
      server.set(changing('authorization', { identifier: { type, value } }))
      const look = getAuthorization(account, server.url('/authorization/1'), calm)
      await t.rejects(look, { code: 'acme-malformed', message: /identifier/ }, `${type} ${value}`)
    }
  }
  server.set(changing('authorization', { challenges: [] }))
  t.same((await getAuthorization(account, server.url('/authorization/1'), calm)).challenges, [])
})

t.test('no answer makes us ask elsewhere', async (t) => {
  const { server, account, open } = await world(t)
  const trap = await listen((socket) => void socket.end())
  t.teardown(() => trap.close())
  const elsewhere = [
    `https://127.0.0.1:${trap.port}/order/1`,
    `http://127.0.0.1:${trap.port}/`,
    'file:///etc/passwd',
    '/order/1',
    `https://user:password@127.0.0.1:${server.port}/order/1`,
    'https://[not a url',
    `${server.url('/order/1')}#part`,
    `${server.url('/order/1')} x`,
    ''
  ]
  const wrong = { code: 'acme-malformed', message: /is not asked/ }
  for (const place of elsewhere) {
    server.set(changing('order', { finalize: place }))
    await t.rejects(getOrder(account, server.url('/order/1'), calm), wrong, `finalize: ${place}`)
    server.set(changing('order', { authorizations: [place] }))
    await t.rejects(getOrder(account, server.url('/order/1'), calm), wrong, `authorizations: ${place}`)
    server.set(to('orders', { body: { orders: [place] } }))
    const search = findOrder(account, { identifiers, except: [] }, calm)
    await t.rejects(search, wrong, `orders: ${place}`)
    await t.rejects(getOrder(account, place, calm), wrong, `kept: ${place}`)
    server.set((request, good) =>
      request.call === 'newOrder' ? { ...good, headers: { location: place || 'x' } } : undefined
    )
    await t.rejects(newOrder(account, { identifiers }, calm), wrong, `Location: ${place}`)
    const link = `<${place}>;rel="alternate"`
    server.set((request, good) =>
      request.call === 'certificate' ? { ...good, headers: { ...good.headers, link } } : undefined
    )
    const download = { url: server.url('/certificate/1'), preferredIssuer: 'another' }
    await t.rejects(downloadCertificate(account, download, calm), wrong, `alternate: ${place}`)
  }
  server.set(changing('directory', { newNonce: `http://127.0.0.1:${trap.port}/` }))
  await t.rejects(open({}).ca.directory(calm), { code: 'acme-malformed', message: /newNonce/ })
  t.equal(trap.connections?.total, 0, 'nobody was asked')
})

t.test('a chain holds certificates and nothing else', async (t) => {
  const { server, account } = await world(t)
  const url = server.url('/certificate/1')
  const authority = createAuthority('Some root')
  const pem = 'application/pem-certificate-chain'
  const sends = (body: string, type = pem) =>
    server.set(to('certificate', { headers: { 'content-type': type }, body }))
  const broken = authority.pem.replace(/\n.{10}/, '\nAAAAAAAAAA')
  const cases: readonly (readonly [string, RegExp])[] = [
    [authority.pem + authority.keyPem, /a PRIVATE KEY in the chain/],
    ['', /no certificate/],
    ['hello', /no certificate/],
    [broken, /malformed|not understood/],
    [authority.pem.repeat(21), /21 certificates/],
    [authority.pem.slice(0, 200), /no END line/]
  ]
  for (const [body, message] of cases) {
    sends(body)
    await t.rejects(downloadCertificate(account, { url }, calm), { code: 'acme-malformed', message })
  }
  sends(authority.pem, 'text/plain')
  await t.rejects(downloadCertificate(account, { url }, calm), {
    code: 'acme-malformed',
    message: /pem-cert/
  })
  sends(`ssl_key /tmp/x;\n${authority.pem}rm -rf\n`)
  const { chain } = await downloadCertificate(account, { url }, calm)
  t.equal(chain.pem, authority.pem, 'text around it is left out')
})

t.test('renewal information that is none is not believed', async (t) => {
  const { server, ca, open } = await world(t)
  const windows = [
    { start: '2030-01-02T00:00:00Z', end: '2030-01-02T00:00:00Z' },
    { start: '2030-01-02T00:00:00Z', end: '2030-01-01T00:00:00Z' },
    { start: 'now', end: 'later' },
    { start: 5, end: 6 },
    null
  ]
  for (const suggestedWindow of windows) {
    server.set(changing('renewalInfo', { suggestedWindow }))
    await t.rejects(getRenewalInfo(ca, 'a.b', calm), { code: 'acme-malformed' })
  }
  server.set(changing('renewalInfo', { explanationURL: 'javascript:alert(1)' }))
  t.equal((await getRenewalInfo(ca, 'a.b', calm))?.explanationUrl, null)
  server.set(changing('directory', { renewalInfo: null, keyChange: '', revokeCert: undefined }))
  const bare = open({})
  t.equal(await getRenewalInfo(bare.ca, 'a.b', calm), null, 'a CA without it has none')
  await newOrder(bare.account, { identifiers, replaces: 'a.b' }, calm)
  t.notHas(server.requests.at(-1)?.payload, { replaces: 'a.b' }, 'nor is told what is replaced')
  await t.rejects(changeAccountKey(bare.account, key, calm), { code: 'acme-unsupported' })
  await t.rejects(revoke(bare.account, { certificate: Buffer.alloc(1) }, calm), { code: 'acme-unsupported' })
})

t.test('a CA that is silent, gone or not trusted is told by that', async (t) => {
  const { server, account, open } = await world(t)
  server.set(to('order', { how: 'silent' }))
  const hasty = open({ timeoutMs: 300 })
  await t.rejects(getOrder(hasty.account, server.url('/order/1'), calm), {
    code: 'acme-unreachable',
    message: /no whole answer within 0.3 s/
  })
  t.equal(server.count('order'), 1)

  const stop = new AbortController()
  const waiting = getOrder(account, server.url('/order/1'), stop.signal)
  const reason = new Error('enough')
  stop.abort(reason)
  await t.rejects(waiting, reason, 'an abort ends the call with its reason')

  const { trustRoots } = await startAndStop()
  await t.rejects(open({ trustRoots }).ca.directory(calm), {
    code: 'acme-untrusted',
    message: /not believed: .*Give the root/
  })
  for (const [names, more, message] of [
    [['other.test'], {}, /for another name/],
    [[], { ips: ['127.0.0.1'], notAfter: Date.now() - 60_000 }, /has expired/]
  ] as const) {
    const root = createAuthority('Root')
    const leaf = createCertificate({ names, ...more, issuer: root })
    const peer = await listenWith(createServer({ key: leaf.keyPem, cert: leaf.pem }))
    t.teardown(() => peer.close())
    const settings = { directoryUrl: `https://127.0.0.1:${peer.port}/`, trustRoots: root.pem }
    await t.rejects(open(settings).ca.directory(calm), { code: 'acme-untrusted', message })
  }
  const named = server.directoryUrl.replace('127.0.0.1', '127.0.0.2')
  const gone = await faultOf(open({ directoryUrl: named }).ca.directory(calm))
  t.equal(gone.code, 'acme-unreachable')
})

/** a CA that is gone, with roots that nobody else has */
async function startAndStop(): Promise<OddCa> {
  const server = await startOddCa()
  await server.close()
  return server
}

t.test('a kept connection that was closed is replaced, and an order never sent twice', async (t) => {
  const { server, account } = await world(t)
  await getOrder(account, server.url('/order/1'), calm)
  let drops = 1
  server.set((request) => (request.call === 'order' && drops-- > 0 ? { how: 'drop' } : undefined))
  t.equal((await getOrder(account, server.url('/order/1'), calm)).status, 'pending')
  t.equal(server.count('order'), 3, 'a look is repeated once')

  server.set(to('newOrder', { how: 'drop' }))
  await t.rejects(newOrder(account, { identifiers }, calm), { code: 'acme-unreachable' })
  t.equal(server.count('newOrder'), 1)
  server.set(to('finalize', { how: 'drop' }))
  const order = await getOrder(account, server.url('/order/1'), calm)
  await t.rejects(finalize(account, { order, csr: Buffer.alloc(1) }, calm), { code: 'acme-unreachable' })
  t.equal(server.count('finalize'), 1)
  const connections = server.connections?.total ?? 0
  await getOrder(account, server.url('/order/1'), calm)
  t.equal(server.connections?.total, connections, 'looks share a connection')
})

t.test('a CA is reached through a proxy, and through it only', async (t) => {
  const { server, open } = await world(t)
  const secret = 'a password: with@marks'
  const wants = { user: 'us er', password: secret }
  const proxy = await startConnectProxy({ wants })
  t.teardown(() => proxy.close())
  const settings = {
    url: `http://127.0.0.1:${proxy.port}`,
    user: wants.user,
    password: new Secret(secret)
  }
  const { account } = open({ proxy: settings })
  await newOrder(account, { identifiers }, calm)
  await getOrder(account, server.url('/order/1'), calm)
  t.ok(proxy.targets.length > 0 && proxy.targets.length <= 3, 'its connections are kept')
  t.ok(proxy.targets.every((target) => target === `127.0.0.1:${server.port}`))
  t.equal(server.connections?.total, proxy.targets.length, 'no connection went around it')

  const stop = new AbortController()
  await getOrder(account, server.url('/order/1'), stop.signal)
  stop.abort()
  t.ok(await getOrder(account, server.url('/order/1'), calm), 'an abort that comes late ends nothing')

  const stranger = open({ proxy: { ...settings, password: new Secret('wrong') } })
  const fault = await faultOf(stranger.ca.directory(calm))
  t.match(fault, {
    code: 'acme-unreachable',
    message: /the proxy 127.*answers 407\. Give the name and password/
  })
  t.notMatch(inspect(fault, { depth: 9 }), /wrong|a password|d3Jvbmc/, 'and no secret is told')
  for (const [manner, message] of [
    ['refuses', /answers 403/],
    ['stays-silent', /no whole answer within 0.3 s/]
  ] as const) {
    const other = await startConnectProxy({ manner })
    t.teardown(() => other.close())
    const through = open({ proxy: { url: `http://127.0.0.1:${other.port}` }, timeoutMs: 300 })
    await t.rejects(through.ca.directory(calm), { code: 'acme-unreachable', message })
  }
  const { trustRoots } = await startAndStop()
  await t.rejects(open({ proxy: settings, trustRoots }).ca.directory(calm), { code: 'acme-untrusted' })
  t.equal(server.count('directory'), 1)
})

t.test('a CA that does not know the key has no account', async (t) => {
  const { server, ca } = await world(t)
  server.set(to('newAccount', problemReply(400, { type: problemType('accountDoesNotExist') })))
  t.equal(await findAccount(ca, key, calm), null)
  server.set(to('newAccount', problemReply(403, { type: problemType('unauthorized') })))
  await t.rejects(findAccount(ca, key, calm), { code: 'acme-account' })
})

t.test('a directory by http is read on this machine, and leads nowhere else', async (t) => {
  let newOrder = ''
  const server = createPlainServer((asked, answer) => {
    const here = `http://${asked.headers.host ?? ''}`
    const directory = { newNonce: `${here}/nonce`, newAccount: `${here}/account`, newOrder: newOrder || here }
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(directory))
  })
  const peer = await listenWith(server)
  t.teardown(() => peer.close())
  const directoryUrl = `http://127.0.0.1:${peer.port}/directory`
  const read = async () => {
    const ca = openCa({ directoryUrl }, { clock: systemClock })
    t.teardown(() => ca.close())
    return ca.directory(calm)
  }
  t.equal((await read()).newNonce, `http://127.0.0.1:${peer.port}/nonce`)
  newOrder = 'http://ca.test/order'
  await t.rejects(read(), { code: 'acme-malformed', message: /newOrder is no absolute https URL/ })
})
