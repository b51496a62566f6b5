import t from 'tap'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { readDestination } from '../simulators/f5-bigip/destination.ts'
import { ask, startSite } from './f5-simulator-world.ts'

const profiles = 'ltm/profile/client-ssl'
const www = `${profiles}/~Common~www`

t.test('destinations are read in all their forms', (t) => {
  const forms: readonly (readonly [string, readonly [string, number, number | null] | null])[] = [
    ['/Common/10.0.0.10:443', ['10.0.0.10', 443, null]],
    ['/Common/10.0.0.10%2:443', ['10.0.0.10', 443, 2]],
    ['/Common/2001:db8::10.443', ['2001:db8::10', 443, null]],
    ['/Common/2001:db8::10%3.443', ['2001:db8::10', 443, 3]],
    ['/Common/::1.8443', ['::1', 8443, null]],
    ['/Common/10.0.0.10:https', ['10.0.0.10', 443, null]],
    ['/Common/10.0.0.10:0', ['10.0.0.10', 0, null]],
    ['/Common/10.0.0.10:any', ['10.0.0.10', 0, null]],
    ['/P/folder/10.0.0.10:443', ['10.0.0.10', 443, null]],
    ['/Common/0.0.0.0:443', ['0.0.0.0', 443, null]],
    ['/Common/any6.443', ['any6', 443, null]],
    ['/Common/2001:db8::10.any', ['2001:db8::10', 0, null]],
    ['/Common/10.0.0.10:65536', null],
    ['/Common/address-list', null]
  ]
  for (const [text, wanted] of forms) {
    const read = readDestination(text)
    t.same(read && [read.address, read.port, read.routeDomain], wanted, text)
  }
  t.end()
})

t.test('a virtual server shows its profiles when it is asked to', async (t) => {
  const { unit } = await startSite()
  const one = (await ask(unit, 'GET', 'ltm/virtual/~Common~vs-www')).json
  t.match(one, {
    kind: 'tm:ltm:virtual:virtualstate',
    enabled: true,
    profilesReference: { isSubcollection: true }
  })
  t.notOk('disabled' in one || 'items' in (one['profilesReference'] as JsonObject))
  const { json } = await ask(unit, 'GET', 'ltm/virtual?expandSubcollections=true')
  const [first] = json['items'] as readonly {
    readonly profilesReference: { readonly items: readonly JsonObject[] }
  }[]
  const items = first?.profilesReference.items ?? []
  t.match(
    items.map((item) => [item['fullPath'], item['context'], (item['nameReference'] as JsonObject)['link']]),
    [
      ['/Common/tcp', 'all', 'https://localhost/mgmt/tm/ltm/profile/tcp/~Common~tcp?ver=16.1.4'],
      ['/Common/http', 'all', 'https://localhost/mgmt/tm/ltm/profile/http/~Common~http?ver=16.1.4'],
      [
        '/Common/www',
        'clientside',
        'https://localhost/mgmt/tm/ltm/profile/client-ssl/~Common~www?ver=16.1.4'
      ],
      [
        '/Common/shop',
        'clientside',
        'https://localhost/mgmt/tm/ltm/profile/client-ssl/~Common~shop?ver=16.1.4'
      ]
    ]
  )
  const below = (await ask(unit, 'GET', 'ltm/virtual/~Common~vs-www/profiles')).json
  t.same(below['items'], items)
  t.match((await ask(unit, 'GET', 'ltm/virtual/~Common~vs-www/profiles/~Common~www')).json, {
    context: 'clientside'
  })
  await unit.stop()
})

t.test('profiles come and go, one by one and all together', async (t) => {
  const { unit } = await startSite()
  const path = 'ltm/virtual/~Common~vs-child'
  const names = async () =>
    ((await ask(unit, 'GET', `${path}/profiles`)).json['items'] as readonly JsonObject[]).map(
      (item) => item['name']
    )
  t.same(await names(), ['tcp', 'http', 'child'])
  t.match((await ask(unit, 'POST', `${path}/profiles`, { body: { name: '/Common/serverssl' } })).json, {
    context: 'serverside'
  })
  t.equal(
    (await ask(unit, 'POST', `${path}/profiles`, { body: { name: 'serverssl', partition: 'Common' } }))
      .status,
    409
  )
  t.match((await ask(unit, 'POST', `${path}/profiles`, { body: { name: '/Common/none' } })).json, {
    code: 404,
    message: '01020036:3: The requested profile (/Common/none) was not found.'
  })
  t.same(await names(), ['tcp', 'http', 'child', 'serverssl'])
  t.equal((await ask(unit, 'DELETE', `${path}/profiles/~Common~child`)).status, 200)
  t.equal((await ask(unit, 'DELETE', `${path}/profiles/~Common~child`)).status, 404)
  t.same(await names(), ['tcp', 'http', 'serverssl'])
  await ask(unit, 'PATCH', path, {
    body: { profiles: [{ name: 'child', partition: 'Common', context: 'clientside' }] }
  })
  t.same(await names(), ['tcp', 'child'])
  const whole = { destination: '127.0.4.1:9', profiles: ['/Common/http'] }
  await ask(unit, 'PUT', path, { body: whole })
  t.same(await names(), ['tcp', 'http'])
  await unit.stop()
})

t.test('virtual servers that cannot be are refused', async (t) => {
  const { unit, site } = await startSite()
  const before = unit.snapshot()
  const post = async (body: JsonObject) => {
    const { json } = await ask(unit, 'POST', 'ltm/virtual', {
      body: { name: 'v', destination: '127.0.4.9:1', ...body }
    })
    return [json['code'], json['message']]
  }
  await ask(unit, 'POST', profiles, { body: { name: 'twin', serverName: 'SHOP.example.org' } })
  t.match(await post({ profiles: ['/Common/www', '/Common/shop', '/Common/twin'] }), [
    400,
    '0107149e:3: Virtual server /Common/v has more than one clientssl/serverssl profile with same server name.'
  ])
  t.match(await post({ profiles: ['/Common/shop', '/Common/child'] }), [
    400,
    /^0107149f:3: .*none is default for SNI/
  ])
  await ask(unit, 'PATCH', `${profiles}/~Common~twin`, { body: { sniDefault: 'true' } })
  t.match(await post({ profiles: ['/Common/www', '/Common/twin'] }), [400, /^0107149d:3: /])
  t.match(await post({ destination: `${site.address}:${site.port}` }), [
    400,
    /^01070333:3: Virtual Server \/Common\/v illegally shares destination address.*\/Common\/vs-www\.$/
  ])
  t.match(await post({ destination: 'nowhere' }), [400, /^01070340:3/])
  t.match(await post({ enabled: true, disabled: true }), [400, /may not be specified/])
  t.match(await post({ colour: 'red' }), [400, /unknown property/])
  t.match(await post({ profiles: ['/Common/none'] }), [404, /^01020036:3: The requested profile/])
  t.match(await post({ name: 'vs-www' }), [409, /^01020066:3: The requested Virtual Server/])
  // what serves somebody is checked when it changes, too
  await ask(unit, 'DELETE', `${profiles}/~Common~twin`)
  t.match((await ask(unit, 'PATCH', www, { body: { serverName: 'shop.example.org' } })).json, {
    code: 400,
    message: /^0107149e:3: Virtual server \/Common\/vs-www/
  })
  t.match((await ask(unit, 'PATCH', www, { body: { sniDefault: 'false' } })).json, {
    code: 400,
    message: /^0107149f:3/
  })
  t.same(unit.snapshot(), before)
  await unit.stop()
})

t.test('collections come in pages, in parts, and by partition', async (t) => {
  const unit = await BigIp.start({
    seed: {
      partitions: { Shop: 0, Empty: 0 },
      clientSsl: Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [`/Shop/${name}`, {}]))
    }
  })
  const get = async (query: string) => (await ask(unit, 'GET', `${profiles}?${query}`)).json
  const shop = '$filter=partition+eq+Shop&$select=name'
  t.same(
    (await get(shop))['items'],
    ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name }))
  )
  const first = await get(`${shop}&$top=2`)
  t.match(first, {
    kind: 'tm:ltm:profile:client-ssl:client-sslcollectionstate',
    currentItemCount: 2,
    itemsPerPage: 2,
    pageIndex: 1,
    startIndex: 1,
    totalItems: 5,
    totalPages: 3,
    items: [{ name: 'a' }, { name: 'b' }]
  })
  const names: unknown[] = []
  for (let next: string | undefined = `/mgmt/tm/${profiles}?${shop}&$top=2&$skip=0`; next;) {
    const { json }: { readonly json: JsonObject } = await ask(unit, 'GET', next)
    names.push(...(json['items'] as readonly JsonObject[]).map((item) => item['name']))
    next = (json['nextLink'] as string | undefined)?.replace('https://localhost', '')
  }
  t.same(names, ['a', 'b', 'c', 'd', 'e'])
  const empty = await get('$filter=partition+eq+Empty')
  t.match(empty, { kind: String, selfLink: String })
  t.notOk('items' in empty, 'an empty collection has no items')
  t.match(await get('$filter=name+eq+a'), { code: 400 })
  t.match(await get('$top=x'), { code: 400 })
  t.match(await ask(unit, 'GET', `${profiles}/~Shop~a?$select=name,cert&ver=12.0.0`), {
    json: { name: 'a', cert: '/Common/default.crt' }
  })
  await unit.stop()
})

t.test('what clients ask before they begin is answered', async (t) => {
  const unit = await BigIp.start()
  const get = async (path: string) => (await ask(unit, 'GET', path)).json
  t.match(await get('sys/'), { selfLink: 'https://localhost/mgmt/tm/sys?ver=16.1.4', items: Array })
  t.match(await get('sys/provision'), {
    items: [
      { name: 'ltm', level: 'nominal' },
      { name: 'asm', level: 'none' }
    ]
  })
  t.match(await get('sys/global-settings'), { hostname: 'bigip-a.example' })
  t.match(await get('ltm/profile'), { items: Array })
  t.notOk('items' in (await get('net/self')))
  t.match(await get('cm/device?$select=name,failoverState'), {
    items: [{ name: 'bigip-a.example', failoverState: 'active' }]
  })
  t.match(await get('cm/device-group'), { items: [{ name: 'device_trust_group', type: 'sync-only' }] })
  t.match(await get('cm/traffic-group'), {
    items: [{ name: 'traffic-group-1' }, { name: 'traffic-group-local-only' }]
  })
  t.match(await get('auth/user/admin'), { partitionAccess: [{ name: 'all-partitions', role: 'admin' }] })
  t.match(await get('sys/folder'), { items: [{ fullPath: '/' }, { fullPath: '/Common' }] })
  t.match(await get('sys/httpd'), { sslCertfile: '/etc/httpd/conf/ssl.crt/server.crt' })
  await unit.stop()
})
