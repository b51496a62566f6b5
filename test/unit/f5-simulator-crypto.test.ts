import { createPrivateKey, createPublicKey } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { isInstalled, temporaryFolder } from '../peers/process.ts'
import { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { ask, upload } from './f5-simulator-world.ts'

const noOpenssl = isInstalled('openssl') || process.env['CI'] === 'true' ? false : 'openssl is not installed'
const downloads = '/var/config/rest/downloads'

t.test('sys crypto installs over what is there, and makes keys and requests of its own', async (t) => {
  const unit = await BigIp.start()
  const pair = createCertificate({ names: ['crypto.example'], key: 'p256' })
  await upload(unit, 'c', pair.pem)
  const command = { command: 'install', name: '/Common/c.crt', 'from-local-file': `${downloads}/c` }
  const installed = await ask(unit, 'POST', 'sys/crypto/cert', { body: command })
  t.same(installed.json, { kind: 'tm:sys:crypto:cert:installstate', ...command })
  t.equal((await ask(unit, 'POST', 'sys/crypto/cert', { body: command })).status, 200, 'again')
  t.match((await ask(unit, 'GET', 'sys/crypto/cert/~Common~c.crt')).json, {
    name: '/Common/c.crt',
    commonName: 'crypto.example',
    apiRawValues: { publicKeyType: 'EC', certificateKeySize: '256' }
  })
  const missing = { ...command, 'from-local-file': '/var/config/rest/downloads/none' }
  t.match((await ask(unit, 'POST', 'sys/crypto/cert', { body: missing })).json, {
    code: 400,
    message: /^01070712:3/
  })

  const key = { name: '/Common/made.key', keyType: 'ec-private', curveName: 'secp384r1' }
  t.match((await ask(unit, 'POST', 'sys/crypto/key', { body: key })).json, {
    keySize: '384',
    curveName: 'secp384r1'
  })
  t.equal((await ask(unit, 'POST', 'sys/crypto/key', { body: key })).status, 409)
  const request = {
    name: 'made',
    key: '/Common/made.key',
    commonName: 'made.example',
    country: 'DE',
    subjectAlternativeName: 'DNS:made.example, DNS:other.example'
  }
  const csr = await ask(unit, 'POST', 'sys/crypto/csr/', { body: request })
  t.match(csr.json, {
    kind: 'tm:sys:crypto:csr:csrstate',
    commonName: 'made.example',
    apiRawValues: { keySize: '384', publicKeyType: 'EC' }
  })
  const mv = { command: 'run', utilCmdArgs: '/config/ssl/ssl.csr/made /var/config/rest/bulk/made' }
  await ask(unit, 'POST', 'util/unix-mv', { body: mv })
  const pem = await ask(unit, 'GET', '/mgmt/shared/file-transfer/bulk/made', {
    headers: { 'content-range': '0-524287/0' }
  })
  t.match(pem.headers['content-range'], /^0-\d+\/\d+$/)
  if (noOpenssl === false) {
    const read = spawnSync('openssl', ['req', '-verify', '-noout', '-text'], { input: pem.text })
    t.match(
      read.stdout.toString(),
      /Subject: C ?= ?DE, CN ?= ?made.example[^]*DNS:made.example, DNS:other.example/
    )
    t.match(read.stderr.toString(), /verify OK/)
  }
  const own = { name: '/Common/made.crt', key: '/Common/made.key', commonName: 'made.example', lifetime: 30 }
  t.equal((await ask(unit, 'POST', 'sys/crypto/cert', { body: own })).status, 200)
  const profile = { name: 'made', certKeyChain: [{ name: 'made', cert: 'made.crt', key: 'made.key' }] }
  t.equal(
    (await ask(unit, 'POST', 'ltm/profile/client-ssl', { body: profile })).status,
    200,
    'they are a pair'
  )
  await unit.stop()
})

t.test('sys crypto takes a pair from a PKCS#12 file', { skip: noOpenssl }, async (t) => {
  const unit = await BigIp.start()
  const pair = createCertificate({ names: ['p12.example'], key: 'p256' })
  const folder = temporaryFolder()
  const file = join(folder.path, 'pair.pem')
  writeFileSync(file, pair.keyPem + pair.pem)
  const packed = spawnSync('openssl', ['pkcs12', '-export', '-in', file, '-passout', 'pass:p12-secret'])
  folder.remove()
  await upload(unit, 'p.p12', '', {
    body: packed.stdout,
    headers: { 'content-range': `0-${packed.stdout.length - 1}/${packed.stdout.length}` }
  })
  const body = {
    command: 'install',
    name: '/Common/p',
    'from-local-file': `${downloads}/p.p12`,
    passphrase: 'p12-secret'
  }
  t.equal((await ask(unit, 'POST', 'sys/crypto/pkcs12', { body: { ...body, passphrase: 'no' } })).status, 400)
  t.equal((await ask(unit, 'POST', 'sys/crypto/pkcs12', { body })).status, 200)
  t.match((await ask(unit, 'GET', 'sys/file/ssl-cert/~Common~p.crt')).json, { subject: 'CN=p12.example' })
  const held = unit.system.running.keys['/Common/p.key']?.content ?? ''
  const spki = createPublicKey(createPrivateKey(held)).export({ type: 'spki', format: 'der' })
  t.same(spki, createPublicKey(pair.key).export({ type: 'spki', format: 'der' }))
  await unit.stop()
})
