import { createHash, X509Certificate } from 'node:crypto'
import t from 'tap'
import { createAuthority, createCertificate } from '../peers/certificates.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { ask, install, signIn, startSite, upload } from './f5-simulator-world.ts'

const downloads = '/var/config/rest/downloads'
const uploads = '/mgmt/shared/file-transfer/uploads'

t.test('a file comes in chunks, by byte, and lies in the downloads folder', async (t) => {
  const unit = await BigIp.start()
  const content = `${'ä'.repeat(300_000)}end`
  const bytes = Buffer.from(content)
  const send = (first: number, last: number, total = bytes.length) =>
    upload(unit, 'big.txt', '', {
      body: bytes.subarray(first, last + 1),
      headers: { 'content-range': `${first}-${last}/${total}` }
    })
  const half = await send(0, 299_999)
  t.match(half.json, {
    remainingByteCount: bytes.length - 300_000,
    usedChunks: { 0: 300_000 },
    totalByteCount: bytes.length,
    localFilePath: `${downloads}/big.txt`,
    temporaryFilePath: `${downloads}/tmp/big.txt`
  })
  t.same(unit.uploads, {}, 'it is not there before it is whole')
  t.match((await send(300_000, bytes.length - 1)).json, { remainingByteCount: 0 })
  t.equal(Buffer.from(unit.uploads[`${downloads}/big.txt`] ?? '', 'latin1').toString(), content)
  await unit.stop()
})

t.test('chunks that do not fit are refused', async (t) => {
  const unit = await BigIp.start()
  const send = async (range: string | null, length: number) => {
    const headers = {
      'content-type': 'application/octet-stream',
      ...(range === null ? {} : { 'content-range': range })
    }
    const { status, json } = await ask(unit, 'POST', `${uploads}/x`, {
      body: Buffer.alloc(length, 65),
      headers
    })
    return [status, json['message']]
  }
  t.same(await send(null, 10), [400, 'Content-Range header is required'])
  t.same(await send('bytes 0-9/10', 10), [400, 'Invalid Content-Range header: bytes 0-9/10'])
  t.same(await send('0-10/10', 10), [400, 'Invalid Content-Range header: 0-10/10'])
  t.same(await send('0-9/10', 9), [400, 'Chunk byte count 10 different from received buffer length 9'])
  t.same(await send('5-9/10', 5), [400, 'Invalid range for x: expected 0, got 5'])
  t.equal((await send('0-1048576/1048577', 1_048_577))[0], 400, 'more than 1 MiB at once')
  t.equal((await send('0-4/10', 5))[0], 200)
  t.equal((await send('7-9/10', 3))[0], 400, 'a gap')
  t.equal((await send('0-4/10', 5))[0], 200, 'from the beginning again')
  t.equal((await send('5-9/10', 5))[0], 200)
  t.equal((await ask(unit, 'DELETE', `${uploads}/x`)).status, 405)
  await unit.stop()
})

t.test('a refused chunk gives its bytes back, and the log keeps none of a key', async (t) => {
  const unit = await BigIp.start()
  const { keyPem } = createCertificate()
  const refused = await upload(unit, 'k', keyPem, { headers: { 'content-range': '0-9/10' } })
  t.equal(refused.json['originalRequestBody'], keyPem)
  t.notMatch(JSON.stringify(unit.requests), /BEGIN|MIG/)
  t.match(unit.requests, [
    { number: 1, method: 'POST', path: `${uploads}/k`, body: '[private key]', user: 'admin', status: 400 }
  ])
  await unit.stop()
})

t.test('a key stays readable until somebody removes the file', async (t) => {
  const unit = await BigIp.start()
  const { keyPem } = createCertificate()
  const run = async (name: string, utilCmdArgs: string) =>
    (await ask(unit, 'POST', `util/${name}`, { body: { command: 'run', utilCmdArgs } })).json
  t.notOk(unit.holdsKey(keyPem))
  await upload(unit, 'own.key', keyPem)
  t.same(unit.placesOfKey(keyPem), [`${downloads}/own.key`])
  t.equal((await run('bash', `-c 'cat ${downloads}/own.key'`))['commandResult'], keyPem)
  const base64 = await run('bash', `-c 'cat ${downloads}/own.key | base64'`)
  t.equal(Buffer.from(base64['commandResult'] as string, 'base64').toString(), keyPem)
  await unit.reboot()
  t.ok(unit.holdsKey(keyPem), 'files outlive a reboot')
  t.same(await run('unix-rm', `${downloads}/own.key`), {
    kind: 'tm:util:unix-rm:runstate',
    command: 'run',
    utilCmdArgs: `${downloads}/own.key`
  })
  t.notOk(unit.holdsKey(keyPem))
  t.match(await run('unix-rm', `${downloads}/own.key`), {
    commandResult: /^\/bin\/rm: cannot remove .*No such file/
  })
  t.match(await run('unix-ls', `${downloads}/own.key`), { commandResult: /No such file or directory/ })
  t.match(await run('bash', "-c 'reboot'"), { commandResult: /command not found/ })
  await unit.stop()
})

t.test('a certificate object says of its file what the device says', async (t) => {
  const unit = await BigIp.start()
  const ca = createAuthority('Test CA, "odd"', { key: 'p384' })
  const leaf = createCertificate({
    names: ['a.example', 'b.example'],
    organization: 'Acme',
    key: 'rsa2048',
    issuer: ca,
    serial: '1000'
  })
  await install(unit, 'a', leaf)
  const { json } = await ask(unit, 'GET', 'sys/file/ssl-cert/~Common~a.crt')
  t.match(json, {
    kind: 'tm:sys:file:ssl-cert:ssl-certstate',
    name: 'a.crt',
    partition: 'Common',
    fullPath: '/Common/a.crt',
    selfLink: 'https://localhost/mgmt/tm/sys/file/ssl-cert/~Common~a.crt?ver=16.1.4',
    certificateKeyCurveName: 'none',
    certificateKeySize: 2048,
    checksum: `SHA1:${leaf.pem.length}:${createHash('sha1').update(leaf.pem).digest('hex')}`,
    createdBy: 'admin',
    expirationDate: new Date(new X509Certificate(leaf.pem).validTo).getTime() / 1000,
    expirationString: /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT$/,
    fingerprint: `SHA256/${new X509Certificate(leaf.pem).fingerprint256}`,
    isBundle: 'false',
    keyType: 'rsa-public',
    mode: 33_188,
    revision: 1,
    serialNumber: '4096',
    size: leaf.pem.length,
    subject: 'CN=a.example,O=Acme',
    subjectAlternativeName: 'DNS:a.example, DNS:b.example',
    updatedBy: 'admin',
    version: 3,
    bundleCertificatesReference: { isSubcollection: true }
  })
  await upload(unit, 'both', leaf.pem + ca.pem)
  const body = { name: 'both.crt', sourcePath: `file://${downloads}/both` }
  const bundle = (await ask(unit, 'POST', 'sys/file/ssl-cert', { body })).json
  t.match(bundle, { isBundle: 'true', serialNumber: '4096', subject: 'CN=a.example,O=Acme' })
  const inside = await ask(unit, 'GET', 'sys/file/ssl-cert/~Common~both.crt/bundle-certificates')
  t.match(inside.json['items'], [
    { name: '0' },
    { name: '1', serialNumber: /^[0-9a-f]{2}(:[0-9a-f]{2}){15}$/ }
  ])
  const key = (await ask(unit, 'GET', 'sys/file/ssl-key/~Common~a.key')).json
  t.match(key, {
    kind: 'tm:sys:file:ssl-key:ssl-keystate',
    keyType: 'rsa-private',
    keySize: 2048,
    curveName: 'none',
    securityType: 'normal',
    mode: 33_184
  })
  t.notMatch(JSON.stringify(key), /BEGIN/)
  await unit.stop()
})

t.test('a key with a passphrase is stored with it, and shows it sealed', async (t) => {
  const unit = await BigIp.start()
  const { key } = createCertificate({ key: 'p256' })
  const pem = key
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' })
    .toString()
  await upload(unit, 'sealed.key', pem)
  const create = (more: JsonObject) =>
    ask(unit, 'POST', 'sys/file/ssl-key', {
      body: { name: 'sealed.key', sourcePath: `file:${downloads}/sealed.key`, ...more }
    })
  t.match((await create({})).json, { code: 400, message: /^01070712:3: Caught configuration exception/ })
  t.match((await create({ passphrase: 'wrong' })).json, { code: 400 })
  const made = await create({ passphrase: 'open' })
  t.match(made.json, {
    securityType: 'password',
    keyType: 'ec-private',
    keySize: 256,
    curveName: 'prime256v1'
  })
  t.match(made.json['passphrase'], /^\$M\$/)
  t.ok(unit.holdsKey(key.export({ type: 'pkcs8', format: 'pem' }).toString()), 'a sealed key is a key')
  t.notMatch(JSON.stringify(unit.requests), /"open|MII/)
  await unit.stop()
})

t.test('content is replaced by PATCH and PUT, and read again when they name the file', async (t) => {
  const unit = await BigIp.start()
  const [first, second] = [createCertificate({ names: ['one'] }), createCertificate({ names: ['two'] })]
  await install(unit, 'x', first)
  await upload(unit, 'x.crt', second.pem)
  const path = 'sys/file/ssl-cert/~Common~x.crt'
  const before = (await ask(unit, 'GET', path)).json
  t.match((await ask(unit, 'PATCH', path, { body: { issuerCert: 'none' } })).json, { subject: 'CN=one' })
  const body = { name: 'x.crt', partition: 'Common', sourcePath: `file:${downloads}/x.crt` }
  const after = (await ask(unit, 'PATCH', path, { body })).json
  t.match(after, { subject: 'CN=two', revision: 2 })
  t.ok(Number(after['generation']) > Number(before['generation']))
  t.match((await ask(unit, 'PUT', path, { body: { sourcePath: `file:${downloads}/x.crt` } })).json, {
    revision: 3
  })
  t.equal((await ask(unit, 'PATCH', path, { body: { name: 'y.crt' } })).status, 400)
  await unit.stop()
})

t.test('what is refused of files is refused in the words of the device', async (t) => {
  const { unit } = await startSite()
  await upload(unit, 'bad', 'no PEM')
  const cert = (body: JsonObject) => ask(unit, 'POST', 'sys/file/ssl-cert', { body })
  const source = { sourcePath: `file:${downloads}/bad` }
  t.match((await cert({ name: 'x', ...source })).json, {
    code: 400,
    message: /^01070712:3: Caught configuration exception/,
    apiError: 3
  })
  t.match((await cert({ name: 'x', sourcePath: `file:${downloads}/none` })).json, {
    code: 400,
    message: /^01070712:3/
  })
  t.match((await cert({ name: 'x', sourcePath: 'http://127.0.0.1/x' })).json, {
    code: 400,
    message: /not supported/
  })
  t.match((await cert({ name: 'x' })).json, { code: 400, message: /sourcePath/ })
  t.match((await cert({ name: 'x', partition: 'None', ...source })).json, {
    code: 404,
    message: '01020036:3: The requested folder (/None) was not found.'
  })
  const good = unit.system.running.certs['/Common/shop.crt']?.content ?? ''
  await upload(unit, 'good', good)
  t.same((await cert({ name: 'shop.crt', sourcePath: `file:${downloads}/good` })).json, {
    code: 409,
    message:
      '01020066:3: The requested Certificate File (/Common/shop.crt) already exists in partition Common.',
    errorStack: [],
    apiError: 3
  })
  t.same((await ask(unit, 'GET', 'sys/file/ssl-cert/~Common~none.crt')).json, {
    code: 404,
    message: '01020036:3: The requested Certificate File (/Common/none.crt) was not found.',
    errorStack: [],
    apiError: 3
  })
  t.match((await ask(unit, 'DELETE', 'sys/file/ssl-key/~Common~none.key')).json, {
    message: '01020036:3: The requested Certificate Key File (/Common/none.key) was not found.'
  })
  for (const [kind, name] of [
    ['cert', 'shop.crt'],
    ['cert', 'site-ca.crt'],
    ['key', 'shop.key']
  ]) {
    t.same((await ask(unit, 'DELETE', `sys/file/ssl-${kind}/~Common~${name}`)).json, {
      code: 400,
      message: `01071349:3: File object by name (/Common/${name}) is in use.`,
      errorStack: [],
      apiError: 3
    })
  }
  await unit.stop()
})

t.test('files that other parts name are in use, too', async (t) => {
  const { unit } = await startSite()
  const pair = createCertificate({ names: ['other'], key: 'rsa2048' })
  for (const name of ['ssl', 'gui', 'issuer', 'free']) await install(unit, name, pair)
  const body = { name: 'back', cert: '/Common/ssl.crt', key: '/Common/ssl.key' }
  t.equal((await ask(unit, 'POST', 'ltm/profile/server-ssl', { body })).status, 200)
  await ask(unit, 'PATCH', 'sys/httpd', { body: { sslCertfile: '/Common/gui.crt' } })
  await ask(unit, 'PATCH', 'sys/file/ssl-cert/~Common~shop.crt', {
    body: { issuerCert: '/Common/issuer.crt' }
  })
  for (const name of ['ssl', 'gui', 'issuer', 'free']) {
    const { status, text } = await ask(unit, 'DELETE', `sys/file/ssl-cert/~Common~${name}.crt`)
    t.equal(status, name === 'free' ? 200 : 400, name)
    if (name === 'free') t.equal(text, '', 'nothing is said when something is gone')
  }
  await unit.stop()
})

t.test('names are found with what they contain', async (t) => {
  const unit = await BigIp.start({ seed: { partitions: { Shop: 0 }, folders: { '/Shop/app': {} } } })
  const { pem } = createCertificate()
  await upload(unit, 'f', pem)
  const token = await signIn(unit)
  const sourcePath = `file:${downloads}/f`
  const create = (body: JsonObject) =>
    ask(unit, 'POST', 'sys/file/ssl-cert', { token, body: { sourcePath, ...body } })
  t.equal((await create({ name: 'a%b.crt', partition: 'Shop' })).status, 200)
  t.equal((await create({ name: 'deep.crt', partition: 'Shop', subPath: 'app' })).status, 200)
  t.match((await create({ name: '/Shop/app/whole.crt' })).json, {
    name: 'whole.crt',
    partition: 'Shop',
    subPath: 'app',
    fullPath: '/Shop/app/whole.crt'
  })
  t.match((await create({ name: 'a b' })).json, { code: 400, message: /^01070734:3: Configuration error/ })
  t.match((await ask(unit, 'GET', 'sys/file/ssl-cert/~Shop~a%25b.crt', { token })).json, {
    name: 'a%b.crt',
    selfLink: 'https://localhost/mgmt/tm/sys/file/ssl-cert/~Shop~a%25b.crt?ver=16.1.4'
  })
  t.match((await ask(unit, 'GET', 'sys/file/ssl-cert/~Shop~app~deep.crt', { token })).json, {
    name: 'deep.crt',
    subPath: 'app'
  })
  t.match((await ask(unit, 'GET', 'sys/file/ssl-cert/default.crt', { token })).json, {
    fullPath: '/Common/default.crt'
  })
  await unit.stop()
})
