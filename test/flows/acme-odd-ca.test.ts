import t from 'tap'
import { inspect } from 'node:util'
import { findAccount, newAccount } from '../../acme/client/accounts.ts'
import { getAuthorization, respond } from '../../acme/client/authorizations.ts'
import { downloadCertificate, revoke } from '../../acme/client/certificates.ts'
import { finalize, getOrder, newOrder } from '../../acme/client/orders.ts'
import { problemOfFault } from '../../acme/client/refusals.ts'
import { getRenewalInfo } from '../../acme/client/renewal-info.ts'
import { problemTypes } from '../../acme/messages/problem-types.ts'
import { faultCodes } from '../../core/fault.ts'
import { problemReply, problemType } from '../peers/odd-ca.ts'
import { calm } from './acme-world.ts'
import { key, identifiers, world, to, faultOf } from './acme-odd-world.ts'

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

t.test('a CA that does not know the key has no account', async (t) => {
  const { server, ca } = await world(t)
  server.set(to('newAccount', problemReply(400, { type: problemType('accountDoesNotExist') })))
  t.equal(await findAccount(ca, key, calm), null)
  server.set(to('newAccount', problemReply(403, { type: problemType('unauthorized') })))
  await t.rejects(findAccount(ca, key, calm), { code: 'acme-account' })
})
