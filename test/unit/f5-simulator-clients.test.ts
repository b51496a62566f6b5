// Requests in the order and form in which well-known clients send them.
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { JsonObject } from '../simulators/f5-bigip/json.ts'
import { ask, createSite, signIn, startSite, upload } from './f5-simulator-world.ts'

const downloads = '/var/config/rest/downloads'

t.test('like the Terraform provider: pair in a transaction, uploads with its header', async (t) => {
  const { unit, site } = await startSite()
  const login = { username: 'admin', password: 'demo-Admin-1', loginProviderName: 'tmos' }
  const signedIn = await ask(unit, 'POST', '/mgmt/shared/authn/login', { body: login, as: null })
  const { token = '' } = signedIn.json['token'] as { readonly token?: string }
  const timeout = await ask(unit, 'PATCH', `/mgmt/shared/authz/tokens/${token}`, {
    token,
    body: { timeout: 1200 }
  })
  t.equal(timeout.json['timeout'], 1200)
  for (const [method, path, names] of [
    ['POST', (kind: string) => `sys/file/ssl-${kind}`, ['tf.key', 'tf.crt']],
    ['PATCH', (kind: string, name: string) => `sys/file/ssl-${kind}/~Common~${name}`, ['tf.key', 'tf.crt']]
  ] as const) {
    const pair = createCertificate({ names: ['tf.example'], key: 'rsa2048', issuer: site.authority })
    const [key, cert] = names
    await upload(unit, key, pair.keyPem, { token })
    const { json } = await ask(unit, 'POST', 'transaction', { token, body: {} })
    const headers = { 'x-f5-rest-coordination-id': Number(json['transId']).toString() }
    const file = (name: string): JsonObject => ({
      name,
      partition: 'Common',
      sourcePath: `file://${downloads}/${name}`
    })
    t.equal((await ask(unit, method, path('key', key), { token, headers, body: file(key) })).status, 200)
    t.equal((await upload(unit, cert, pair.pem, { token, headers })).status, 200)
    t.equal((await ask(unit, method, path('cert', cert), { token, headers, body: file(cert) })).status, 200)
    const committed = await ask(unit, 'PATCH', `transaction/${headers['x-f5-rest-coordination-id']}`, {
      token,
      body: { state: 'VALIDATING' }
    })
    t.match(committed.json, { state: 'COMPLETED' })
    t.ok(unit.placesOfKey(pair.keyPem).includes('running /Common/tf.key'))
  }
  await unit.stop()
})

t.test('like f5-sdk: bulk download whose first answer only tells the size', async (t) => {
  const unit = await BigIp.start()
  const content = 'c'.repeat(1000)
  unit.system.disk.write('/var/config/rest/bulk/file', content)
  const part = (range: string) =>
    ask(unit, 'GET', '/mgmt/shared/file-transfer/bulk/file', { headers: { 'content-range': range } })
  const first = await part('0-524287/0')
  const size = Number(/\/(\d+)$/.exec(first.headers['content-range'] as string)?.[1]) - 1
  t.equal((await part(`0-${size}/${size}`)).text, content)
  t.equal((await ask(unit, 'GET', '/mgmt/shared/file-transfer/bulk/none')).status, 404)
  await unit.stop()
})

t.test('like Keyfactor: pages of certificates, a flat binding, and bash in a transaction', async (t) => {
  const { unit } = await startSite()
  const query = '$filter=partition+eq+Common&$select=name,keyType,isBundle&$top=2&$skip=0'
  const names: string[] = []
  let page = (await ask(unit, 'GET', `sys/file/ssl-cert?${query}`)).json
  for (let at = Number(page['pageIndex']); at <= Number(page['totalPages']); at++) {
    names.push(...(page['items'] as readonly { readonly name: string }[]).map(({ name }) => name))
    const next = page['nextLink']
    if (typeof next !== 'string') break
    page = (await ask(unit, 'GET', next.replace('https://localhost', ''))).json
  }
  t.same(names, ['ca-bundle.crt', 'default.crt', 'www-rsa.crt', 'www-ecdsa.crt', 'shop.crt', 'site-ca.crt'])
  const body = { cert: '/Common/www-rsa.crt', key: '/Common/www-rsa.key', chain: '/Common/site-ca.crt' }
  t.equal((await ask(unit, 'PATCH', 'ltm/profile/client-ssl/~Common~shop', { body })).status, 200)
  const id = Number((await ask(unit, 'POST', 'transaction', { body: {} })).json['transId']).toString()
  const archive = "-c 'cp /config/httpd/conf/ssl.crt/server.crt /var/config/rest/downloads/server.crt'"
  const run = await ask(unit, 'POST', 'util/bash', {
    body: { command: 'run', utilCmdArgs: archive },
    headers: { 'x-f5-rest-coordination-id': id }
  })
  t.equal(run.status, 200)
  t.equal(unit.uploads[`${downloads}/server.crt`], unit.certificate)
  const stored = await ask(unit, 'POST', 'util/bash', {
    body: {
      command: 'run',
      utilCmdArgs: "-c 'cat /config/filestore/files_d/Common_d/certificate_d/:Common:shop.crt_* | base64'"
    }
  })
  t.match(
    Buffer.from(stored.json['commandResult'] as string, 'base64').toString(),
    /^-----BEGIN CERTIFICATE-----/
  )
  await unit.stop()
})

t.test('like Ansible: a pair replaced in a transaction, its own version asked by selfLink', async (t) => {
  const site = await createSite()
  const unit = await BigIp.start({ seed: site.seed })
  const token = await signIn(unit)
  const { json } = await ask(unit, 'GET', 'sys/', { token })
  t.equal(new URL(json['selfLink'] as string).searchParams.get('ver'), '16.1.4')
  const start = await ask(unit, 'POST', 'transaction/', { token, body: {} })
  const headers = { 'x-f5-rest-coordination-id': Number(start.json['transId']).toString() }
  await ask(unit, 'POST', 'ltm/profile/client-ssl/', {
    token,
    headers,
    body: {
      name: 'new',
      partition: 'Common',
      certKeyChain: [{ name: 'a', cert: '/Common/shop.crt', key: '/Common/shop.key' }]
    }
  })
  const commit = { state: 'VALIDATING', validateOnly: false }
  const path = `transaction/${headers['x-f5-rest-coordination-id']}`
  t.equal((await ask(unit, 'PATCH', path, { token, body: commit })).status, 200)
  t.match(
    (await ask(unit, 'GET', 'sys/file/ssl-cert/~Common~shop.crt?expandSubcollections=true', { token })).json,
    {
      checksum: /^SHA1:\d+:[0-9a-f]{40}$/,
      certValidatorsReference: { isSubcollection: true }
    }
  )
  const removed = { command: 'run', utilCmdArgs: `${downloads}/none` }
  t.equal((await ask(unit, 'POST', 'util/unix-rm', { token, body: removed })).status, 200)
  t.equal((await ask(unit, 'DELETE', `/mgmt/shared/authz/tokens/${token}`, { token })).status, 200)
  await unit.stop()
})
