import t from 'tap'
import { changeAccountKey } from '../../acme/client/accounts.ts'
import { getAuthorization } from '../../acme/client/authorizations.ts'
import { downloadCertificate, revoke } from '../../acme/client/certificates.ts'
import { findOrder } from '../../acme/client/find-order.ts'
import { getOrder, newOrder } from '../../acme/client/orders.ts'
import { getRenewalInfo } from '../../acme/client/renewal-info.ts'
import { createAuthority } from '../peers/certificates.ts'
import { problemReply, problemType, type Oddity } from '../peers/odd-ca.ts'
import { listen } from '../peers/peer.ts'
import { calm } from './acme-world.ts'
import { key, identifiers, world, to, changing, faultOf } from './acme-odd-world.ts'

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
