import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { ask, install, startSite, upload } from './f5-simulator-world.ts'

const profiles = 'ltm/profile/client-ssl'
const www = `${profiles}/~Common~www`
const pair = (name: string, more: JsonObject = {}): JsonObject => ({
  name,
  cert: `/Common/${name}.crt`,
  key: `/Common/${name}.key`,
  ...more
})

t.test('a profile shows its pairs, and the first one flat', async (t) => {
  const { unit } = await startSite()
  const { json } = await ask(unit, 'GET', www)
  const file = (kind: string, name: string) => ({
    link: `https://localhost/mgmt/tm/sys/file/ssl-${kind}/~Common~${name}?ver=16.1.4`
  })
  t.match(json, {
    kind: 'tm:ltm:profile:client-ssl:client-sslstate',
    cert: '/Common/www-rsa.crt',
    key: '/Common/www-rsa.key',
    chain: '/Common/site-ca.crt',
    defaultsFrom: '/Common/clientssl',
    inheritCertkeychain: 'false',
    sniDefault: 'true',
    sniRequire: 'false',
    serverName: 'none',
    appService: 'none'
  })
  t.same(json['certKeyChain'], [
    {
      ...pair('www-rsa', { chain: '/Common/site-ca.crt' }),
      appService: 'none',
      certReference: file('cert', 'www-rsa.crt'),
      chainReference: file('cert', 'site-ca.crt'),
      keyReference: file('key', 'www-rsa.key'),
      usage: 'SERVER'
    },
    {
      ...pair('www-ecdsa', { chain: '/Common/site-ca.crt' }),
      appService: 'none',
      certReference: file('cert', 'www-ecdsa.crt'),
      chainReference: file('cert', 'site-ca.crt'),
      keyReference: file('key', 'www-ecdsa.key'),
      usage: 'SERVER'
    }
  ])
  await unit.stop()
})

t.test('the list of pairs is replaced as a whole, flat ones change the first', async (t) => {
  const { unit } = await startSite()
  const one = (await ask(unit, 'PATCH', www, { body: { certKeyChain: [pair('www-rsa')] } })).json
  t.match(one, { certKeyChain: [{ name: 'www-rsa', chain: 'none' }], chain: 'none' })
  t.equal((one['certKeyChain'] as readonly unknown[]).length, 1, 'the ECDSA pair is gone')
  const flat = { cert: '/Common/shop.crt', key: '/Common/shop.key', chain: '/Common/site-ca.crt' }
  const two = (await ask(unit, 'PATCH', www, { body: flat })).json
  t.match(two, { certKeyChain: [{ name: 'www-rsa', ...flat }], ...flat })
  await unit.stop()
})

t.test('what does not fit together is refused, and nothing changes', async (t) => {
  const { unit } = await startSite()
  const before = unit.snapshot()
  const refused = async (body: JsonObject, method = 'PATCH', path = www) => {
    const { status, json } = await ask(unit, method, path, { body })
    t.equal(status, json['code'])
    return [status, json['message']]
  }
  const mixed = { ...pair('www-rsa'), key: '/Common/shop.key' }
  t.same(await refused({ certKeyChain: [mixed] }), [
    400,
    "01070317:3: profile /Common/www's key and certificate do not match"
  ])
  t.same(await refused({ certKeyChain: [pair('none')] }), [
    400,
    '01070277:3: The requested certificate (/Common/none.crt) was not found.'
  ])
  t.same(await refused({ certKeyChain: [{ ...pair('shop'), key: '/Common/none.key' }] }), [
    400,
    '01070277:3: The requested key (/Common/none.key) was not found.'
  ])
  t.same(await refused({ certKeyChain: [pair('shop', { chain: '/Common/none.crt' })] }), [
    400,
    '01070277:3: The requested certificate (/Common/none.crt) was not found.'
  ])
  t.same(await refused({ certKeyChain: [pair('www-rsa')], cert: '/Common/www-rsa.crt' }), [
    400,
    '01b4002a:3: Client SSL profile (/Common/www):cert-key-chain and profile cert/key/chain/passphrase options cannot be specified together.'
  ])
  t.same(await refused({ certKeyChain: [pair('www-rsa'), pair('shop')] }), [
    400,
    '010717e1:3: Client SSL profile (/Common/www): cannot contain more than one set of same certificate/key type.'
  ])
  t.equal((await refused({ certKeyChain: [pair('www-rsa'), { ...pair('shop'), name: 'www-rsa' }] }))[0], 409)
  t.same(await refused({ certKeyChain: [] }), [
    400,
    '010717e3:3: Client SSL profile (/Common/www) must have RSA certificate/key pair.'
  ])
  t.match(await refused({ certKeyChain: [{ name: 'x', cert: '/Common/shop.crt' }] }), [400, /^01070734:3/])
  t.match(await refused({ certKeyChain: [{ ...pair('shop'), colour: 'red' }] }), [
    400,
    /"colour" unknown property/
  ])
  t.match(await refused({ colour: 'red' }), [400, /"colour" unknown property/])
  t.match(await refused({ sniDefault: 'perhaps' }), [400, /sniDefault/])
  t.match(await refused({ sslForwardProxy: 'enabled' }), [
    400,
    /^01071610:3: .*forward proxy RSA CA key is missing/
  ])
  t.match(await refused({ name: 'new', defaultsFrom: '/Common/none' }, 'POST', profiles), [
    404,
    /^01020036:3/
  ])
  t.match(await refused({ name: 'www' }, 'POST', profiles), [
    409,
    '01020066:3: The requested ClientSSL Profile (/Common/www) already exists in partition Common.'
  ])
  t.match(await refused({}, 'PATCH', `${profiles}/~Common~none`), [
    404,
    '01020036:3: The requested ClientSSL Profile (/Common/none) was not found.'
  ])
  t.match(await refused({}, 'DELETE'), [
    400,
    '01070265:3: The ClientSSL Profile (/Common/www) cannot be deleted because it is in use by a virtual server profile (/Common/vs-www /Common/www)'
  ])
  t.match(await refused({}, 'DELETE', `${profiles}/~Common~clientssl`), [
    400,
    /^01070265:3: .*in use by a ClientSSL Profile/
  ])
  t.same(unit.snapshot(), before)
  await unit.stop()
})

t.test('overwriting a key in use, without its certificate, is refused', async (t) => {
  const { unit, site } = await startSite()
  const fresh = createCertificate({ names: ['shop.example.org'], key: 'rsa2048', issuer: site.authority })
  await install(unit, 'fresh', fresh)
  const sourcePath = 'file:/var/config/rest/downloads/fresh.key'
  const mismatch = /^01070317:3: profile \/Common\/(shop|child)'s key and certificate do not match$/
  t.match((await ask(unit, 'PATCH', 'sys/file/ssl-key/~Common~shop.key', { body: { sourcePath } })).json, {
    code: 400,
    message: mismatch,
    errorStack: [],
    apiError: 3
  })
  const command = {
    command: 'install',
    name: '/Common/shop.key',
    'from-local-file': '/var/config/rest/downloads/fresh.key'
  }
  t.match((await ask(unit, 'POST', 'sys/crypto/key', { body: command })).json, {
    code: 400,
    message: mismatch
  })
  await unit.stop()
})

t.test('versions before 14.1 cannot do without RSA', async (t) => {
  const { unit } = await startSite()
  const body = { name: 'ec', certKeyChain: [pair('www-ecdsa')] }
  t.equal((await ask(unit, 'POST', profiles, { body })).status, 200)
  await unit.stop()
  const old = await startSite({ version: '13.1.0' })
  t.match((await ask(old.unit, 'POST', profiles, { body })).json, {
    code: 400,
    message: /must have RSA certificate\/key pair/
  })
  t.match((await ask(old.unit, 'GET', 'sys/version')).text, /"Version":\{"description":"13.1.0"\}/)
  await old.unit.stop()
})

t.test('older versions show less, wait shorter, and overwrite nothing by sys crypto', async (t) => {
  const seen = async (version: string) => {
    const { unit } = await startSite({ version })
    const profile = (await ask(unit, 'GET', www)).json
    const [first] = profile['certKeyChain'] as readonly JsonObject[]
    const attached = (await ask(unit, 'GET', 'ltm/virtual/~Common~vs-www/profiles/~Common~www')).json
    const { json } = await ask(unit, 'POST', 'transaction', { body: {} })
    await upload(unit, 'same', unit.system.running.certs['/Common/shop.crt']?.content ?? '')
    const body = {
      command: 'install',
      name: '/Common/shop.crt',
      'from-local-file': '/var/config/rest/downloads/same'
    }
    const { status } = await ask(unit, 'POST', 'sys/crypto/cert', { body })
    await unit.stop()
    const shown = ['inheritCertkeychain' in profile, 'usage' in (first ?? {}), 'nameReference' in attached]
    return [...shown, json['timeoutSeconds'], status]
  }
  t.same(await seen('11.6.0'), [false, false, false, 30, 409])
  t.same(await seen('12.1.2'), [false, false, true, 120, 200])
  t.same(await seen('13.1.5'), [true, false, true, 120, 200])
  t.same(await seen('17.1.0'), [true, true, true, 120, 200])
})

t.test('children show what their parents have, until they have their own', async (t) => {
  const { unit } = await startSite()
  const child = async () => (await ask(unit, 'GET', `${profiles}/~Common~child`)).json
  t.match(await child(), { cert: '/Common/shop.crt', inheritCertkeychain: 'true', serverName: 'none' })
  await ask(unit, 'PATCH', `${profiles}/~Common~shop`, {
    body: { certKeyChain: [pair('www-rsa')], alertTimeout: '7' }
  })
  t.match(await child(), { cert: '/Common/www-rsa.crt', alertTimeout: '7', inheritCertkeychain: 'true' })
  await ask(unit, 'PATCH', `${profiles}/~Common~child`, { body: { certKeyChain: [pair('shop')] } })
  t.match(await child(), { cert: '/Common/shop.crt', inheritCertkeychain: 'false' })
  await ask(unit, 'PATCH', `${profiles}/~Common~child`, { body: { inheritCertkeychain: 'true' } })
  t.match(await child(), { cert: '/Common/www-rsa.crt', inheritCertkeychain: 'true' })
  const circle = { body: { defaultsFrom: '/Common/child' } }
  t.equal((await ask(unit, 'PATCH', `${profiles}/~Common~shop`, circle)).status, 400)
  t.match((await ask(unit, 'PUT', `${profiles}/~Common~child`, { body: {} })).json, { alertTimeout: '7' })
  await unit.stop()
})

t.test('the generation of an object grows with its changes, and only then', async (t) => {
  const { unit } = await startSite()
  const generation = async (path: string) => Number((await ask(unit, 'GET', path)).json['generation'])
  const [first, other] = [await generation(www), await generation(`${profiles}/~Common~shop`)]
  await ask(unit, 'PATCH', www, { body: { alertTimeout: '8' } })
  t.ok((await generation(www)) > first)
  t.equal(await generation(`${profiles}/~Common~shop`), other)
  await unit.stop()
})

t.test('partitions reach only themselves and Common', async (t) => {
  const { unit } = await startSite()
  const body = { name: 'x', partition: 'Shop', certKeyChain: [pair('shop')] }
  t.equal((await ask(unit, 'POST', profiles, { body })).status, 200)
  const virtual = { name: 'v', destination: '127.0.4.9:1', profiles: ['/Shop/x'] }
  t.match((await ask(unit, 'POST', 'ltm/virtual', { body: virtual })).json, {
    code: 400,
    message: /^01070726:3: /
  })
  t.equal((await ask(unit, 'POST', 'ltm/virtual', { body: { ...virtual, partition: 'Shop' } })).status, 200)
  t.equal((await ask(unit, 'DELETE', 'auth/partition/Shop')).status, 400)
  t.match((await ask(unit, 'GET', 'auth/partition/Shop')).json, {
    name: 'Shop',
    fullPath: 'Shop',
    defaultRouteDomain: 2
  })
  await unit.stop()
})

t.test('what an application service owns is not changed by hand', async (t) => {
  const owned = { appService: '/Common/app.app/app' }
  const unit = await BigIp.start({
    seed: {
      folders: { '/Common/app.app': owned },
      clientSsl: { '/Common/app.app/ssl': owned },
      virtuals: {
        '/Common/app.app/vs': { destination: '127.0.4.9:1', profiles: ['/Common/app.app/ssl'], ...owned }
      }
    }
  })
  const { json } = await ask(unit, 'GET', 'ltm/virtual/~Common~app.app~vs')
  t.equal(json['destination'], '/Common/app.app/127.0.4.9:1')
  for (const path of [`${profiles}/~Common~app.app~ssl`, 'ltm/virtual/~Common~app.app~vs']) {
    t.match((await ask(unit, 'GET', path)).json, { ...owned, subPath: 'app.app' })
    for (const method of ['PATCH', 'DELETE']) {
      const { json } = await ask(unit, method, path, { body: {} })
      t.match(json, {
        code: 400,
        message: /^01070712:3: .*must be updated using an application management interface/
      })
    }
  }
  t.match((await ask(unit, 'GET', 'sys/folder/~Common~app.app')).json, owned)
  await unit.stop()
})
