import { connect } from 'node:tls'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { ask, type Seen, startSite } from './f5-simulator-world.ts'

const shop = 'ltm/profile/client-ssl/~Common~shop'
const change = { body: { alertTimeout: '5' } }

/** What a client sees when it changes the profile, and whether it was changed. */
async function changed(unit: BigIp): Promise<readonly [seen: Seen | string, wasDone: boolean]> {
  const seen = await ask(unit, 'PATCH', shop, change).catch((thrown: unknown) =>
    thrown instanceof Error ? thrown.message : 'nothing'
  )
  const settings = unit.system.running.clientSsl['/Common/shop']?.settings
  await unit.act('PATCH', shop, { alertTimeout: 'indefinite' })
  return [seen, settings?.['alertTimeout'] === '5']
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !isSo(); tries++) await pause(5)
}

t.test('a fault meets its request, and the next one goes well', async (t) => {
  const { unit } = await startSite()
  unit.faults.add({ does: 'refuse', status: 503, message: 'There is an active asynchronous task executing' })
  t.match(await changed(unit), [{ status: 503, json: { kind: ':resterrorresponse' } }, false])
  t.match(await changed(unit), [{ status: 200 }, true])
  unit.faults.add({
    does: 'refuse',
    status: 400,
    message: '01070734:3: Configuration error: x',
    method: 'PATCH'
  })
  t.equal((await ask(unit, 'GET', shop)).status, 200)
  t.match(await changed(unit), [{ status: 400, json: { errorStack: [], apiError: 3 } }, false])
  unit.faults.add({ does: 'busy-page', path: '/mgmt/tm/ltm', nth: 2, times: 2 })
  const seen = [await changed(unit), await changed(unit), await changed(unit), await changed(unit)]
  t.match(seen, [
    [{ status: 200 }, true],
    [{ status: 503, text: /Configuration Utility restarting\.\.\./ }, false],
    [{ status: 503 }, false],
    [{ status: 200 }, true]
  ])
  unit.faults.add({ does: 'drop-before', path: /client-ssl/ })
  t.equal(unit.faults.waiting, 1)
  unit.faults.clear()
  t.match(await changed(unit), [{ status: 200 }, true])
  await unit.stop()
})

t.test('connections break before or after, or amid the answer', async (t) => {
  const { unit } = await startSite()
  for (const [does, wasDone] of [
    ['drop-before', false],
    ['drop-after', true],
    ['break-off', true]
  ] as const) {
    unit.faults.add({ does, method: 'PATCH' })
    const [seen, done] = await changed(unit)
    t.match(seen, /socket hang up|ECONNRESET|broken off|aborted/, does)
    t.equal(done, wasDone, does)
  }
  t.same(
    unit.requests.map(({ status }) => status),
    [null, null, null]
  )
  await unit.stop()
})

t.test('answers come late, wrong, half or not at all', async (t) => {
  const { unit } = await startSite()
  for (const [fault, seen] of [
    [
      { does: 'delay', ms: 30 },
      { status: 200, json: { alertTimeout: '5' } }
    ],
    [{ does: 'garbage' }, { status: 200, json: {} }],
    [{ does: 'truncated' }, { status: 200, text: /^\{"kind":"tm:ltm:profile/, json: {} }],
    [{ does: 'time-out' }, { status: 500, text: /AsyncContext timeout/ }]
  ] as const) {
    unit.faults.add(fault)
    t.match(await changed(unit), [seen, true], fault.does)
  }
  unit.faults.add({ does: 'hang' })
  const hanging = ask(unit, 'GET', shop).catch((thrown: unknown) => (thrown as Error).message)
  t.equal((await ask(unit, 'GET', shop)).status, 200, 'others are served meanwhile')
  unit.cut()
  t.match(await hanging, /hang up|ECONNRESET/)
  unit.mend()
  await unit.stop()
})

t.test('somebody else acts in between', async (t) => {
  const { unit } = await startSite()
  const run = () => unit.act('PATCH', shop, { ciphers: 'HIGH' }).then(() => {})
  unit.faults.add({ does: 'meanwhile', run })
  t.match((await ask(unit, 'PATCH', shop, change)).json, { ciphers: 'HIGH', alertTimeout: '5' })
  await t.rejects(unit.act('DELETE', shop), /^01070265:3: /)
  await unit.stop()
})

t.test('a cut network lets nothing through, and a silent one hears nothing', async (t) => {
  const { unit } = await startSite()
  unit.cut()
  t.match(await changed(unit), [/hang up|ECONNRESET|disconnected/, false])
  unit.mend()
  t.match(await changed(unit), [{ status: 200 }, true])
  const { length } = unit.requests
  await until(() => unit.connections === 0)
  unit.cut('silent')
  const waiting = ask(unit, 'GET', shop).catch((thrown: unknown) => (thrown as Error).message)
  await until(() => unit.connections > 0)
  unit.mend()
  t.match(await waiting, /hang up|ECONNRESET|disconnected/)
  t.equal(unit.requests.length, length)
  await unit.stop()
})

t.test('the log tells who asked for what, and no secrets', async (t) => {
  const unit = await BigIp.start()
  const login = { username: 'admin', password: 'demo-Admin-1', loginProviderName: 'tmos' }
  await ask(unit, 'POST', '/mgmt/shared/authn/login', { body: login, as: null })
  await ask(unit, 'GET', 'sys/version?ver=16.1.4', { as: 'guest' })
  await ask(unit, 'PATCH', 'sys/httpd', {
    body: { passphrase: 'p"q' },
    headers: { 'x-f5-rest-coordination-id': '7' }
  })
  t.match(unit.requests, [
    {
      number: 1,
      method: 'POST',
      path: '/mgmt/shared/authn/login',
      user: null,
      status: 200,
      transaction: null
    },
    { number: 2, method: 'GET', path: '/mgmt/tm/sys/version?ver=16.1.4', user: 'guest', status: 200 },
    { number: 3, method: 'PATCH', user: 'admin', transaction: '7', body: '{"passphrase":"[secret]"}' }
  ])
  t.notMatch(JSON.stringify(unit.requests), /demo-Admin-1|p\\\\"q/)
  await unit.stop()
})

t.test('requests that come before the last answer is through are answered, each', async (t) => {
  const unit = await BigIp.start()
  t.teardown(() => unit.stop())
  const socket = connect({ host: unit.host, port: unit.port, rejectUnauthorized: false })
  t.teardown(() => socket.destroy())
  let text = ''
  const answered = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (answers(text) === 5) resolve()
    })
    socket.on('close', resolve)
  })
  const head = `GET /mgmt/tm/sys/version HTTP/1.1\r\nhost: ${unit.host}\r\nauthorization: Basic ${Buffer.from('admin:demo-Admin-1').toString('base64')}\r\n\r\n`
  socket.write(head.repeat(5))
  await answered
  t.equal(answers(text), 5)
})

const answers = (text: string) => text.split('HTTP/1.1 200').length - 1
