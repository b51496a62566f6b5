import t from 'tap'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import { inspect } from 'node:util'
import { openCa } from '../../acme/client/ca.ts'
import { finalize, getOrder, newOrder } from '../../acme/client/orders.ts'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { startConnectProxy } from '../peers/acme-gate.ts'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { startOddCa, type OddCa } from '../peers/odd-ca.ts'
import { listenWith } from '../peers/peer.ts'
import { calm } from './acme-world.ts'
import { identifiers, world, to, faultOf } from './acme-odd-world.ts'

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
