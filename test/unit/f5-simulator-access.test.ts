import t from 'tap'
import { BigIp, demoAccounts } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { ask, movableClock, signIn, startSite, upload } from './f5-simulator-world.ts'

const login = '/mgmt/shared/authn/login'
const admin = { username: 'admin', password: 'demo-Admin-1', loginProviderName: 'tmos' }

t.test('a token lets in, and is shown as the device shows it', async (t) => {
  const unit = await BigIp.start()
  const { status, json } = await ask(unit, 'POST', login, { body: admin, as: null })
  t.equal(status, 200)
  const token = json['token'] as JsonObject
  t.match(token['token'], /^[A-Z0-9]{26}$/)
  t.match(json, { username: 'admin', loginProviderName: 'tmos', generation: 0, lastUpdateMicros: 0 })
  t.match(token, {
    name: token['token'],
    userName: 'admin',
    authProviderName: 'tmos',
    user: { link: 'https://localhost/mgmt/shared/authz/users/admin' },
    timeout: 1200,
    partition: '[All]',
    kind: 'shared:authz:tokens:authtokenitemstate',
    selfLink: `https://localhost/mgmt/shared/authz/tokens/${token['token'] as string}`
  })
  t.equal((await ask(unit, 'GET', 'sys/version', { token: token['token'] as string })).status, 200)
  await unit.stop()
})

t.test('who cannot say who they are is refused as by the layer that looks', async (t) => {
  const accounts = [...demoAccounts, { ...demoAccounts[0], name: 'new', isPasswordExpired: true } as const]
  const unit = await BigIp.start({ accounts: accounts as typeof demoAccounts })
  const wrong = await ask(unit, 'GET', 'sys/version', { as: 'stranger' })
  t.match(wrong, {
    status: 401,
    reason: 'F5 Authorization Required',
    text: /<title>401 F5 Authorization Required/
  })
  t.match(wrong.headers['content-type'], /^text\/html/)
  const nobody = await ask(unit, 'GET', 'sys/version', { as: null })
  t.match(nobody.json, {
    code: 401,
    message:
      'Authorization failed: no user authentication header or token detected. Uri:http://localhost:8100/mgmt/tm/sys/version Referrer:127.0.0.1 Sender:127.0.0.1',
    referer: '127.0.0.1',
    restOperationId: Number,
    kind: ':resterrorresponse'
  })
  t.equal(nobody.reason, 'F5 Authorization Required')
  const refused = async (body: JsonObject) => (await ask(unit, 'POST', login, { body, as: null })).json
  t.match(await refused({ ...admin, password: 'x' }), { code: 401, message: 'Authentication failed.' })
  t.match(await refused({ ...admin, loginProviderName: 'ldap' }), {
    code: 401,
    message: 'loginProviderName is invalid.'
  })
  t.match(await refused({ ...admin, username: 'new' }), { code: 401, message: 'Your password has expired.' })
  t.match((await ask(unit, 'GET', 'sys/version', { token: 'A'.repeat(26) })).json, {
    code: 401,
    message: 'X-F5-Auth-Token does not exist.',
    kind: ':resterrorresponse'
  })
  await unit.stop()
})

t.test('tokens end: by time, by request, and with the daemon', async (t) => {
  const clock = movableClock()
  const unit = await BigIp.start({ clock })
  const seen = async (token: string) => (await ask(unit, 'GET', 'sys/version', { token })).json['message']
  const first = await signIn(unit)
  const second = await signIn(unit)
  const path = (token: string) => `/mgmt/shared/authz/tokens/${token}`
  const longer = await ask(unit, 'PATCH', path(second), { token: second, body: { timeout: 36_000 } })
  t.match(longer.json, { timeout: 36_000, token: second })
  t.equal((await ask(unit, 'PATCH', path(second), { token: second, body: { timeout: 36_001 } })).status, 400)
  clock.move(1_200_000)
  t.equal(await seen(first), 'X-F5-Auth-Token has expired.')
  t.equal(await seen(second), undefined)
  t.same(
    unit.tokens.map(({ token }) => token),
    [second]
  )
  t.equal((await ask(unit, 'DELETE', path(second), { token: second })).status, 200)
  t.equal(await seen(second), 'X-F5-Auth-Token does not exist.')
  const third = await signIn(unit)
  await unit.reboot()
  t.equal(await seen(third), 'X-F5-Auth-Token does not exist.')
  await signIn(unit)
  unit.forgetTokens()
  t.same(unit.tokens, [])
  await unit.stop()
})

t.test('the 101st token of a user is refused, until one ends', async (t) => {
  const unit = await BigIp.start()
  const tokens = []
  for (let count = 0; count < 100; count++) tokens.push(await signIn(unit))
  const one = await ask(unit, 'POST', login, { body: admin, as: null })
  t.match(one.json, { code: 400, message: /^user [0-9a-f-]{36} has reached maximum active login tokens$/ })
  t.ok(await signIn(unit, 'guest'), 'others have tokens of their own')
  await ask(unit, 'DELETE', `/mgmt/shared/authz/tokens/${tokens[0]}`, { token: tokens[1] ?? '' })
  t.ok(await signIn(unit))
  await unit.stop()
})

t.test('roles may do what they may', async (t) => {
  const { unit } = await startSite()
  const may = async (as: string, method: string, path: string, body?: JsonObject) =>
    (await ask(unit, method, path, { as, body })).status
  const profile = 'ltm/profile/client-ssl/~Common~www'
  const virtual = 'ltm/virtual/~Common~vs-www'
  const bash = { command: 'run', utilCmdArgs: "-c 'true'" }
  const rm = { command: 'run', utilCmdArgs: '/var/config/rest/downloads/none' }
  for (const [as, patch, enable, bashed, removed, saved] of [
    ['admin', 200, 200, 200, 200, 200],
    ['resource', 200, 200, 401, 200, 200],
    ['certs', 401, 401, 401, 401, 200],
    ['manager', 200, 200, 401, 401, 200],
    ['operator', 401, 200, 401, 401, 401],
    ['guest', 401, 401, 401, 401, 401]
  ] as const) {
    t.equal(await may(as, 'GET', profile), 200, `${as} reads`)
    t.equal(await may(as, 'PATCH', profile, { alertTimeout: '10' }), patch, `${as} changes a profile`)
    t.equal(await may(as, 'PATCH', virtual, { enabled: true }), enable, `${as} enables`)
    t.equal(await may(as, 'POST', 'util/bash', bash), bashed, `${as} runs bash`)
    t.equal(await may(as, 'POST', 'util/unix-rm', rm), removed, `${as} removes a file`)
    t.equal(await may(as, 'POST', 'sys/config', { command: 'save' }), saved, `${as} saves`)
    const uploaded = await upload(unit, 'x', 'x', { as })
    t.equal(uploaded.status, ['admin', 'resource'].includes(as) ? 200 : 401, `${as} uploads`)
  }
  const refused = await ask(unit, 'PATCH', profile, { as: 'guest', body: {} })
  t.equal(
    refused.json['message'],
    'Authorization failed: user=https://localhost/mgmt/shared/authz/users/guest resource=/mgmt/tm/ltm/profile/client-ssl/~Common~www verb=PATCH uri:http://localhost:8100/mgmt/tm/ltm/profile/client-ssl/~Common~www referrer:127.0.0.1 sender:127.0.0.1'
  )
  await unit.stop()
})

t.test(
  'a manager of one partition changes nothing elsewhere, and does not see other partitions',
  async (t) => {
    const shop = { name: 'shop', password: 'demo', role: 'manager', partition: 'Shop' } as const
    const { unit } = await startSite({ accounts: [...demoAccounts, shop] })
    const headers = { authorization: `Basic ${Buffer.from('shop:demo').toString('base64')}` }
    const as = { as: null, headers }
    const elsewhere = await ask(unit, 'PATCH', 'ltm/profile/client-ssl/~Common~www', {
      ...as,
      body: { alertTimeout: '9' }
    })
    t.match(elsewhere.json, { code: 403, message: /^01070822:3: Access Denied: User \(shop\)/ })
    const made = await ask(unit, 'POST', 'ltm/profile/client-ssl', {
      ...as,
      body: { name: 'own', partition: 'Shop' }
    })
    t.match(made, { status: 200, json: { fullPath: '/Shop/own' } })
    const guest = { name: 'g', password: 'demo', role: 'guest', partition: 'Other' } as const
    const listed = async (account: typeof shop | typeof guest) => {
      const own = await BigIp.start({
        seed: { partitions: { Shop: 0 }, clientSsl: { '/Shop/own': {} } },
        accounts: [account]
      })
      const authorization = `Basic ${Buffer.from(`${account.name}:demo`).toString('base64')}`
      const { json } = await ask(own, 'GET', 'ltm/profile/client-ssl?$filter=partition+eq+Shop', {
        as: null,
        headers: { authorization }
      })
      const one = await ask(own, 'GET', 'ltm/profile/client-ssl/~Shop~own', {
        as: null,
        headers: { authorization }
      })
      await own.stop()
      return [((json['items'] ?? []) as readonly unknown[]).length, one.status]
    }
    t.same(await listed(shop), [1, 200])
    t.same(await listed(guest), [0, 403])
    await unit.stop()
  }
)

t.test('bodies must be JSON, and say so', async (t) => {
  const unit = await BigIp.start()
  const post = (headers: Record<string, string>, body: Buffer) =>
    ask(unit, 'POST', 'transaction', { body, headers })
  t.match((await post({ 'content-type': 'text/plain' }, Buffer.from('{}'))).json, {
    code: 415,
    message: 'Found invalid content-type. Content-type must be application/json.',
    errorStack: [],
    apiError: 1
  })
  t.match((await post({}, Buffer.from('{'))).json, {
    code: 400,
    message: 'Found invalid JSON body in the request.'
  })
  t.match((await post({}, Buffer.from('[]'))).json, { code: 400 })
  await unit.stop()
})

t.test('paths that are none are told so by the framework', async (t) => {
  const unit = await BigIp.start()
  t.match((await ask(unit, 'GET', 'ltm/pool/~Common~x')).json, {
    code: 404,
    message: 'Public URI path not registered: /tm/ltm/pool/?Common?x',
    kind: ':resterrorresponse'
  })
  t.equal((await ask(unit, 'DELETE', 'ltm/virtual')).status, 405)
  t.equal((await ask(unit, 'GET', 'ltm/virtual/%zz')).status, 400)
  t.equal((await ask(unit, 'GET', '/tmui/login.jsp', { as: null })).status, 200)
  t.match(await ask(unit, 'GET', '/', { as: null }), {
    status: 302,
    headers: { location: '/tmui/login.jsp' }
  })
  await unit.stop()
})
