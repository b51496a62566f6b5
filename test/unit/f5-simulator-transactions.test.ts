import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { type BigIp, demoAccounts } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { ask, install, movableClock, type Seen, startSite, upload } from './f5-simulator-world.ts'

const downloads = '/var/config/rest/downloads'
const www = 'ltm/profile/client-ssl/~Common~www'

async function begin(unit: BigIp): Promise<string> {
  const { json } = await ask(unit, 'POST', 'transaction', { body: {} })
  return Number(json['transId']).toString()
}

function queue(
  unit: BigIp,
  id: string,
  [method, path, body]: readonly [string, string, JsonObject?]
): Promise<Seen> {
  return ask(unit, method, path, { body, headers: { 'x-f5-rest-coordination-id': id } })
}

const commit = (unit: BigIp, id: string, more: JsonObject = {}) =>
  ask(unit, 'PATCH', `transaction/${id}`, { body: { state: 'VALIDATING', ...more } })

t.test('commands wait, and are done together', async (t) => {
  const { unit, site } = await startSite()
  const fresh = createCertificate({ names: ['www.example.org'], key: 'rsa2048', issuer: site.authority })
  await upload(unit, 'n.crt', fresh.pem)
  await upload(unit, 'n.key', fresh.keyPem)
  const started = await ask(unit, 'POST', 'transaction', { body: {} })
  const id = Number(started.json['transId']).toString()
  t.match(started.json, {
    transId: Number,
    state: 'STARTED',
    timeoutSeconds: 120,
    asyncExecution: false,
    validateOnly: false,
    executionTimeout: 300,
    executionTime: 0,
    failureReason: '',
    kind: 'tm:transactionstate',
    selfLink: `https://localhost/mgmt/tm/transaction/${id}?ver=16.1.4`
  })
  const body = { certKeyChain: [{ name: 'n', cert: '/Common/n.crt', key: '/Common/n.key' }] }
  const queued = await queue(unit, id, ['PATCH', www, body])
  t.match(queued.json, {
    transId: Number(id),
    commandId: 1,
    evalOrder: 1,
    method: 'PATCH',
    uri: `https://localhost/mgmt/tm/${www}`,
    body,
    kind: 'tm:transaction:commandsstate'
  })
  await queue(unit, id, [
    'POST',
    'sys/file/ssl-key',
    { name: 'n.key', sourcePath: `file:${downloads}/n.key` }
  ])
  await queue(unit, id, [
    'POST',
    'sys/file/ssl-cert',
    { name: 'n.crt', sourcePath: `file:${downloads}/n.crt` }
  ])
  t.match((await ask(unit, 'GET', www)).json, { cert: '/Common/www-rsa.crt' }, 'nothing has happened yet')
  t.match(
    (await queue(unit, id, ['GET', www])).json,
    { cert: '/Common/www-rsa.crt' },
    'reading is not queued'
  )
  t.equal((await ask(unit, 'GET', 'sys/file/ssl-key/~Common~n.key')).status, 404)
  t.match((await commit(unit, id)).json, { state: 'COMPLETED', transId: Number(id) })
  t.match((await ask(unit, 'GET', www)).json, { cert: '/Common/n.crt', key: '/Common/n.key' })
  t.match((await commit(unit, id)).json, { code: 400 }, 'done is done')
  await unit.stop()
})

t.test('a key and its certificate are overwritten in one, in either order', async (t) => {
  const { unit, site } = await startSite()
  for (const order of [
    ['key', 'crt'],
    ['crt', 'key']
  ]) {
    const fresh = createCertificate({ names: ['shop.example.org'], key: 'rsa2048', issuer: site.authority })
    await upload(unit, 'o.crt', fresh.pem)
    await upload(unit, 'o.key', fresh.keyPem)
    const id = await begin(unit)
    for (const end of order) {
      const path = `sys/file/ssl-${end === 'crt' ? 'cert' : 'key'}/~Common~shop.${end}`
      t.equal(
        (await queue(unit, id, ['PATCH', path, { sourcePath: `file:${downloads}/o.${end}` }])).status,
        200
      )
    }
    t.equal((await commit(unit, id)).status, 200)
    t.same(unit.placesOfKey(fresh.keyPem), [`${downloads}/o.key`, 'running /Common/shop.key'])
  }
  await unit.stop()
})

t.test('when one command fails nothing is done, and the device says why', async (t) => {
  const { unit } = await startSite()
  await install(unit, 'spare', createCertificate())
  const before = unit.snapshot()
  const good = ['PATCH', www, { alertTimeout: '5' }] as const
  const cases: readonly (readonly [readonly [string, string, JsonObject?], number, RegExp])[] = [
    [
      ['PATCH', www, { certKeyChain: [{ name: 'x', cert: '/Common/shop.crt', key: '/Common/spare.key' }] }],
      400,
      /^transaction failed:01070317:3: profile \/Common\/www's key and certificate do not match$/
    ],
    [
      ['DELETE', 'sys/file/ssl-cert/~Common~none'],
      404,
      /^transaction failed:01020036:3: The requested Certificate File/
    ],
    [['POST', 'ltm/profile/client-ssl', { name: 'www' }], 409, /^transaction failed:01020066:3: /],
    [['DELETE', 'sys/file/ssl-cert/~Common~shop.crt'], 400, /^transaction failed:01071349:3: /]
  ]
  for (const [bad, status, message] of cases) {
    const id = await begin(unit)
    await queue(unit, id, good)
    t.equal((await queue(unit, id, bad)).status, 200, 'it is only queued')
    await queue(unit, id, good)
    t.match((await commit(unit, id)).json, { code: status, message, errorStack: [], apiError: 2 })
    t.match((await ask(unit, 'GET', `transaction/${id}`)).json, { state: 'FAILED', failureReason: String })
    t.same(unit.snapshot(), before)
  }
  await unit.stop()
})

t.test('the order counts, and can be changed', async (t) => {
  const { unit } = await startSite()
  const id = await begin(unit)
  const create: JsonObject = { name: 'ordered' }
  await queue(unit, id, ['PATCH', 'ltm/profile/client-ssl/~Common~ordered', { alertTimeout: '5' }])
  await queue(unit, id, ['POST', 'ltm/profile/client-ssl', create])
  await queue(unit, id, ['DELETE', 'ltm/profile/client-ssl/~Common~child'])
  const order = async () => {
    const { json } = await ask(unit, 'GET', `transaction/${id}/commands`)
    return ((json['items'] ?? []) as readonly JsonObject[]).map((one) => [one['evalOrder'], one['commandId']])
  }
  t.same(await order(), [
    [1, 1],
    [2, 2],
    [3, 3]
  ])
  t.match((await ask(unit, 'PATCH', `transaction/${id}/commands/2`, { body: { evalOrder: 1 } })).json, {
    evalOrder: 1
  })
  t.same(await order(), [
    [1, 2],
    [2, 1],
    [3, 3]
  ])
  t.equal((await ask(unit, 'DELETE', `transaction/${id}/commands/3`)).status, 200)
  t.equal((await ask(unit, 'DELETE', `transaction/${id}/commands/3`)).status, 404)
  t.equal((await commit(unit, id)).status, 200)
  t.match((await ask(unit, 'GET', 'ltm/profile/client-ssl/~Common~ordered')).json, { alertTimeout: '5' })
  const wrong = await begin(unit)
  await queue(unit, wrong, ['PATCH', 'ltm/profile/client-ssl/~Common~second', { alertTimeout: '5' }])
  await queue(unit, wrong, ['POST', 'ltm/profile/client-ssl', { name: 'second' }])
  t.match((await commit(unit, wrong)).json, { code: 404 })
  await unit.stop()
})

t.test('a dry run changes nothing', async (t) => {
  const { unit } = await startSite()
  const before = unit.snapshot()
  const id = await begin(unit)
  await queue(unit, id, ['PATCH', www, { alertTimeout: '5' }])
  t.match((await commit(unit, id, { validateOnly: true })).json, { state: 'COMPLETED', validateOnly: true })
  const bad = await begin(unit)
  await queue(unit, bad, ['DELETE', 'sys/file/ssl-cert/~Common~shop.crt'])
  t.equal((await commit(unit, bad, { validateOnly: true })).status, 400)
  t.same(unit.snapshot(), before)
  await unit.stop()
})

t.test('commits and headers that make no sense are refused', async (t) => {
  const { unit } = await startSite()
  const id = await begin(unit)
  t.match((await commit(unit, id)).json, {
    code: 400,
    message: 'there is no command to commit in the transaction'
  })
  await queue(unit, id, ['PATCH', www, { alertTimeout: '5' }])
  const headers = { 'x-f5-rest-coordination-id': id }
  t.equal(
    (await ask(unit, 'PATCH', `transaction/${id}`, { body: { state: 'VALIDATING' }, headers })).status,
    400
  )
  t.equal((await ask(unit, 'PATCH', `transaction/${id}`, { body: { state: 'DONE' } })).status, 400)
  t.match((await queue(unit, '1', ['PATCH', www, {}])).json, {
    code: 404,
    message: 'There is no transaction with id (1).'
  })
  t.match((await queue(unit, id, ['PATCH', 'ltm/nothing', {}])).json, {
    code: 404,
    message: /^Public URI path not registered/
  })
  t.same(unit.transactions, [Number(id)])
  t.equal((await ask(unit, 'DELETE', `transaction/${id}`)).status, 200)
  t.equal((await commit(unit, id)).status, 404)
  t.same(unit.transactions, [])
  await unit.stop()
})

t.test('what is no change of the configuration is done at once, header or not', async (t) => {
  const { unit } = await startSite()
  const id = await begin(unit)
  await upload(unit, 'f', 'x', { headers: { 'x-f5-rest-coordination-id': id } })
  t.equal(Object.keys(unit.uploads).length, 1)
  await queue(unit, id, ['POST', 'util/unix-rm', { command: 'run', utilCmdArgs: `${downloads}/f` }])
  t.same(unit.uploads, {})
  t.match((await queue(unit, id, ['POST', 'sys/config', { command: 'save' }])).json, {
    kind: 'tm:sys:config:savestate'
  })
  await unit.stop()
})

t.test('a transaction that nobody goes on with is dropped, and so it is by a reboot', async (t) => {
  const clock = movableClock()
  const { unit } = await startSite({ clock })
  const id = await begin(unit)
  clock.move(100_000)
  await queue(unit, id, ['PATCH', www, { alertTimeout: '5' }])
  clock.move(100_000)
  t.equal((await ask(unit, 'GET', `transaction/${id}`)).status, 200, 'a command keeps it')
  clock.move(20_000)
  t.equal((await commit(unit, id)).status, 404)
  const longer = await begin(unit)
  t.match((await ask(unit, 'PATCH', `transaction/${longer}`, { body: { timeoutSeconds: 900 } })).json, {
    timeoutSeconds: 900
  })
  clock.move(800_000)
  t.match((await ask(unit, 'GET', 'transaction')).json, { items: [{ transId: Number(longer) }] })
  await unit.reboot()
  t.notOk('items' in (await ask(unit, 'GET', 'transaction')).json)
  await unit.stop()
})

t.test('rights count at the commit', async (t) => {
  const shop = { name: 'shop', password: 'demo', role: 'manager', partition: 'Shop' } as const
  const { unit } = await startSite({ accounts: [...demoAccounts, shop] })
  const authorization = `Basic ${Buffer.from('shop:demo').toString('base64')}`
  const asking = { as: null, headers: { authorization } }
  const { json } = await ask(unit, 'POST', 'transaction', { ...asking, body: {} })
  const id = Number(json['transId']).toString()
  const headers = { authorization, 'x-f5-rest-coordination-id': id }
  t.equal((await ask(unit, 'PATCH', www, { as: null, headers, body: { alertTimeout: '5' } })).status, 200)
  const committed = await ask(unit, 'PATCH', `transaction/${id}`, {
    ...asking,
    body: { state: 'VALIDATING' }
  })
  t.match(committed.json, { code: 403, message: /^transaction failed:01070822:3: Access Denied/ })
  await unit.stop()
})
