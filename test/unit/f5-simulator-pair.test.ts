import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { type BigIpPair, type PairOptions, startPair } from '../simulators/f5-bigip/pair.ts'
import { ask, createSite, install, signIn, startSite, upload } from './f5-simulator-world.ts'

const shop = 'ltm/profile/client-ssl/~Common~shop'
const change = { body: { alertTimeout: '5' } }

async function startSitePair(options: PairOptions = {}): Promise<BigIpPair> {
  const { seed } = await createSite('127.0.4.2')
  return startPair({ seed, ...options })
}

interface Sync {
  readonly color: string
  readonly mode: string
  readonly status: string
  readonly summary: string
  readonly details: readonly string[]
}

interface Stats {
  readonly nestedStats: {
    readonly entries: Readonly<Record<string, Stats & { readonly description: string }>>
  }
}

async function syncOf(unit: BigIp): Promise<Sync> {
  const { json } = await ask(unit, 'GET', 'cm/sync-status')
  const entries = json['entries'] as unknown as Readonly<Record<string, Stats>>
  const inside = entries['https://localhost/mgmt/tm/cm/sync-status/0']?.nestedStats.entries ?? {}
  const below = inside['https://localhost/mgmt/tm/cm/syncStatus/0/details']?.nestedStats.entries ?? {}
  const text = (name: string) => inside[name]?.description ?? ''
  return {
    color: text('color'),
    mode: text('mode'),
    status: text('status'),
    summary: text('summary'),
    details: Object.values(below).map((one) => one.nestedStats.entries['details']?.description ?? '')
  }
}

async function untilStatus(unit: BigIp, wanted: string): Promise<void> {
  for (let tries = 0; tries < 500 && (await syncOf(unit)).status !== wanted; tries++) await pause(10)
}

const push = (unit: BigIp, args = 'config-sync to-group failover-group') =>
  ask(unit, 'POST', 'cm', { body: { command: 'run', utilCmdArgs: args } })

t.test('what is not saved is lost at a reboot', async (t) => {
  const { unit } = await startSite()
  const first = unit.snapshot()
  t.same(first.running, first.saved)
  await ask(unit, 'PATCH', shop, change)
  t.notSame(unit.snapshot().running, unit.snapshot().saved)
  await unit.reboot()
  t.same(unit.snapshot(), first)
  await ask(unit, 'PATCH', shop, change)
  t.same((await ask(unit, 'POST', 'sys/config', { body: { command: 'save' } })).json, {
    kind: 'tm:sys:config:savestate',
    command: 'save'
  })
  await unit.reboot()
  t.match((await ask(unit, 'GET', shop)).json, { alertTimeout: '5' })
  await unit.stop()
})

t.test('only one saves at a time, and a part can be saved', async (t) => {
  const { unit } = await startSite({ saveMs: 200 })
  const save = (body: JsonObject = { command: 'save' }) => ask(unit, 'POST', 'sys/config', { body })
  const both = await Promise.all([save(), save()])
  t.equal(both.filter(({ status }) => status === 200).length, 1)
  t.match(both.find(({ status }) => status === 503)?.json, {
    message: /^There is an active asynchronous task executing/
  })
  await ask(unit, 'PATCH', shop, change)
  await ask(unit, 'POST', 'ltm/profile/client-ssl', { body: { name: 'own', partition: 'Shop' } })
  await save({ command: 'save', options: [{ partitions: '{ Shop }' }] })
  await unit.reboot()
  t.equal((await ask(unit, 'GET', 'ltm/profile/client-ssl/~Shop~own')).status, 200)
  t.match((await ask(unit, 'GET', shop)).json, { alertTimeout: 'indefinite' })
  t.equal((await save({ command: 'nonsense' })).status, 400)
  await unit.stop()
})

t.test('a unit alone is Standalone', async (t) => {
  const { unit } = await startSite()
  t.same(await syncOf(unit), {
    color: 'green',
    mode: 'standalone',
    status: 'Standalone',
    summary: ' ',
    details: ['Optional action: Add a device to the trust domain']
  })
  t.equal((await push(unit)).status, 404)
  await unit.stop()
})

t.test(
  'units of a pair know each other, and a change on one is given to the other when it is asked for',
  async (t) => {
    const pair = await startSitePair({ syncMs: 100 })
    const { a, b } = pair
    const devices = async (unit: BigIp) => {
      const { json } = await ask(unit, 'GET', 'cm/device')
      return (json['items'] as readonly JsonObject[]).map((one) => [
        one['name'],
        one['failoverState'],
        one['selfDevice']
      ])
    }
    t.same(await devices(a), [
      ['bigip-a.example', 'active', 'true'],
      ['bigip-b.example', 'standby', 'false']
    ])
    t.same(await devices(b), [
      ['bigip-b.example', 'standby', 'true'],
      ['bigip-a.example', 'active', 'false']
    ])
    t.match((await ask(a, 'GET', 'cm/device-group/~Common~failover-group')).json, {
      type: 'sync-failover',
      autoSync: 'disabled',
      saveOnAutoSync: 'false'
    })
    t.match(await syncOf(a), { color: 'green', mode: 'high-availability', status: 'In Sync' })
    await ask(a, 'PATCH', shop, change)
    for (const unit of [a, b]) {
      const { status, color, details } = await syncOf(unit)
      t.same([status, color], ['Changes Pending', 'yellow'])
      t.match(details.at(-1), /Recommended action: Synchronize bigip-a\.example to group failover-group$/)
    }
    t.match((await ask(b, 'GET', shop)).json, { alertTimeout: 'indefinite' })
    t.match((await push(a)).json, { kind: 'tm:cm:runstate', command: 'run' })
    t.equal((await syncOf(a)).status, 'Not All Devices Synced')
    await untilStatus(a, 'In Sync')
    t.equal((await syncOf(b)).status, 'In Sync')
    t.match((await ask(b, 'GET', shop)).json, { alertTimeout: '5' })
    t.same(b.snapshot().running, a.snapshot().running)
    t.notSame(b.snapshot().running, b.snapshot().saved, 'the receiver has not saved')
    await pair.stop()
  }
)

t.test('the peer may be ahead, or both may be, and a push overwrites', async (t) => {
  const pair = await startSitePair({ syncMs: 1 })
  const { a, b } = pair
  await ask(b, 'PATCH', shop, change)
  t.match((await syncOf(a)).details.at(-1), /Synchronize bigip-b\.example to group/)
  await ask(a, 'PATCH', shop, { body: { alertTimeout: '6' } })
  const { status, summary } = await syncOf(b)
  t.same(
    [status, summary],
    ['Changes Pending', 'There is a possible change conflict between bigip-b.example and bigip-a.example.']
  )
  await ask(a, 'POST', 'cm/config-sync', { body: { command: 'run', utilCmdArgs: 'to-group failover-group' } })
  await pair.settled()
  t.match((await ask(b, 'GET', shop)).json, { alertTimeout: '6' })
  await ask(b, 'PATCH', shop, { body: { alertTimeout: '7' } })
  t.equal((await push(a, 'config-sync from-group failover-group')).status, 200)
  await pair.settled()
  t.match((await ask(a, 'GET', shop)).json, { alertTimeout: '7' })
  t.equal((await push(a, 'config-sync force-full-load-push to-group failover-group')).status, 200)
  t.match((await push(a, 'config-sync to-group other')).json, {
    code: 404,
    message: /^01020036:3: The requested device group/
  })
  t.equal((await push(a, 'config-sync sideways failover-group')).status, 400)
  await pair.settled()
  await pair.stop()
})

t.test('a push can fail, and peers can lose each other', async (t) => {
  const pair = await startSitePair({ syncMs: 1 })
  pair.group.failsNext = true
  await ask(pair.a, 'PATCH', shop, change)
  await push(pair.a)
  await pair.settled()
  t.match(await syncOf(pair.a), { color: 'red', status: 'Sync Failure' })
  await push(pair.a)
  await pair.settled()
  t.match(await syncOf(pair.a), { status: 'In Sync' })
  pair.disconnect()
  t.match(await syncOf(pair.a), { color: 'red', status: 'Disconnected' })
  t.equal((await push(pair.a)).status, 400)
  pair.reconnect()
  pair.group.state = 'awaiting-initial'
  t.match(await syncOf(pair.a), { color: 'blue', status: 'Awaiting Initial Sync' })
  await pair.stop()
})

t.test('who falls back to an older configuration is behind', async (t) => {
  const pair = await startSitePair({ syncMs: 1 })
  const { a, b } = pair
  await ask(a, 'PATCH', shop, change)
  await a.reboot()
  t.match(await syncOf(a), { status: 'In Sync' }, 'nothing is left of the change')
  await ask(a, 'PATCH', shop, change)
  await push(a)
  await pair.settled()
  await b.reboot()
  t.match(
    (await ask(b, 'GET', shop)).json,
    { alertTimeout: 'indefinite' },
    'it had not saved what it was given'
  )
  t.match((await syncOf(b)).details.at(-1), /Synchronize bigip-a\.example to group/)
  await pair.stop()
})

t.test('with autoSync nobody needs to push', async (t) => {
  const pair = await startSitePair({ autoSync: true, saveOnAutoSync: true, syncMs: 1 })
  t.match((await ask(pair.a, 'GET', 'cm/device-group/~Common~failover-group')).json, {
    autoSync: 'enabled',
    saveOnAutoSync: 'true'
  })
  await ask(pair.a, 'PATCH', shop, change)
  await pair.settled()
  t.match((await ask(pair.b, 'GET', shop)).json, { alertTimeout: '5' })
  t.same(pair.b.snapshot().saved, pair.a.snapshot().running)
  t.match(await syncOf(pair.b), { status: 'In Sync' })
  pair.disconnect()
  await ask(pair.a, 'PATCH', shop, { body: { alertTimeout: '6' } })
  await pair.settled()
  t.match((await ask(pair.b, 'GET', shop)).json, { alertTimeout: '5' })
  pair.reconnect()
  await pair.settled()
  t.match((await ask(pair.b, 'GET', shop)).json, { alertTimeout: '6' })
  await pair.stop()
})

t.test('roles change at a failover, by request, and when the active unit reboots', async (t) => {
  const pair = await startSitePair()
  const { a, b } = pair
  const roles = () => [a.state, b.state]
  t.same(roles(), ['active', 'standby'])
  await pair.failover()
  t.same(roles(), ['standby', 'active'])
  t.equal(pair.active, b)
  await ask(b, 'POST', 'sys/failover', { body: { command: 'run', utilCmdArgs: 'standby' } })
  t.same(roles(), ['active', 'standby'])
  await a.reboot()
  t.same(roles(), ['standby', 'active'])
  await b.become('forced-offline')
  t.match((await ask(a, 'GET', 'cm/device/~Common~bigip-b.example')).json, {
    failoverState: 'forced-offline'
  })
  await pair.stop()
})

t.test('files, tokens and saved configurations are of one unit alone', async (t) => {
  const pair = await startSitePair({ syncMs: 1 })
  const own = createCertificate({ key: 'rsa2048' })
  await install(pair.a, 'own', own)
  await push(pair.a)
  await pair.settled()
  t.same(pair.b.placesOfKey(own.keyPem), ['running /Common/own.key'])
  await upload(pair.b, 'only-b', 'x')
  t.notOk(Object.keys(pair.a.uploads).includes('/var/config/rest/downloads/only-b'))
  const token = await signIn(pair.a)
  t.equal((await ask(pair.b, 'GET', 'sys/version', { token })).status, 401)
  await pair.stop()
})
