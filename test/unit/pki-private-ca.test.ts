import { spawnSync } from 'node:child_process'
import t from 'tap'
import { seededRandom, systemRandom } from '../../core/random.ts'
import { crlStatus, readCrl } from '../../pki/crl.ts'
import { makeCsr, readCsr } from '../../pki/csr.ts'
import { checkIssued } from '../../pki/issued.ts'
import { encodePem } from '../../pki/pem.ts'
import { type CaRecipe, issueCertificate, makeCa, makeCrl, newSerial } from '../../pki/private-ca.ts'
import type { SigningCa } from '../../pki/ca-rules.ts'
import { type KeyType, makePrivateKey } from '../../pki/private-key.ts'
import { readCertificate } from '../../pki/quick.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import { openssl } from './pki-authority.ts'
import { type OpenSsl, testWithOpenSsl } from './pki-openssl.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const now = Math.floor(Date.now() / 1000) * 1000
const serial = () => newSerial(systemRandom)

async function ca(type: KeyType, name: string, more: Partial<CaRecipe> = {}): Promise<SigningCa> {
  const key = await makePrivateKey(type)
  const certificate = await makeCa({
    subject: { C: 'DE', O: 'Größe & Co', CN: name },
    key,
    serial: serial(),
    validity: { notBefore: now - hourMs, notAfter: now + 90 * dayMs },
    pathLength: null,
    permitted: null,
    issuer: null,
    ...more
  })
  const { issuer } = more
  return { key, certificate, above: issuer ? [issuer.certificate, ...issuer.above] : [] }
}

async function leaf(
  issuer: SigningCa,
  names = ['www.corp.example'],
  type: KeyType = 'ec-p256',
  CN = names[0]
) {
  const key = await makePrivateKey(type)
  const csr = readCsr(await makeCsr({ key, names, subject: CN === undefined ? {} : { CN } }))
  const validity = { notBefore: now - 60_000, notAfter: now + 2 * hourMs }
  return issueCertificate({
    issuer,
    csr,
    serial: serial(),
    validity,
    crlUrls: ['http://crl.corp.example/ca.crl']
  })
}

/** what openssl verify says of a leaf under an intermediate under a root; empty when it is content */
function verify(program: OpenSsl, chain: readonly Uint8Array[], ...options: string[]): string {
  const [own, ...above] = chain
  const root = above.at(-1)
  program.write('leaf.pem', encodePem(own ?? Buffer.alloc(0)))
  program.write(
    'middle.pem',
    above
      .slice(0, -1)
      .map((der) => encodePem(der))
      .join('')
  )
  program.write('root.pem', encodePem(root ?? Buffer.alloc(0)))
  const untrusted = above.length > 1 ? ['-untrusted', 'middle.pem'] : []
  const args = [
    'verify',
    '-x509_strict',
    '-purpose',
    'sslserver',
    '-CAfile',
    'root.pem',
    ...untrusted,
    ...options,
    'leaf.pem'
  ]
  const { status, stderr, stdout } = spawnSync('openssl', args, { cwd: program.directory })
  return status === 0 ? '' : `${stdout.toString()}${stderr.toString()}`
}

testWithOpenSsl('openssl accepts the chains of every key type', async (t, program) => {
  const types: readonly (readonly [KeyType, KeyType, KeyType])[] = [
    ['ec-p384', 'ec-p256', 'ec-p256'],
    ['ec-p256', 'ec-p384', 'rsa-2048'],
    ['rsa-3072', 'rsa-2048', 'ec-p384'],
    ['rsa-2048', 'ec-p256', 'rsa-2048']
  ]
  for (const [rootType, middleType, leafType] of types) {
    const root = await ca(rootType, 'root', { pathLength: 1 })
    const middle = await ca(middleType, 'middle', { issuer: root, pathLength: 0 })
    const names = ['www.corp.example', '*.api.corp.example', '10.1.2.3', '2001:db8::1']
    const der = await leaf(middle, names, leafType)
    const chain = [der, middle.certificate, root.certificate]
    t.equal(verify(program, chain, '-verify_hostname', 'v1.api.corp.example'), '', `${rootType}, ${leafType}`)
    t.equal(verify(program, chain, '-verify_ip', '2001:db8::1'), '')
    t.match(verify(program, chain, '-verify_hostname', 'other.example'), /mismatch/i)
    const flaws = checkIssued({
      chain: [der, middle.certificate],
      spki: readCertificate(der).spki,
      names,
      now,
      roots: openTrustStore([root.certificate])
    })
    t.same(flaws, [])
  }
})

testWithOpenSsl('a certificate says what it is for', async (t, program) => {
  const root = await ca('ec-p256', 'root')
  const fields = readCertificate(await leaf(root, ['www.corp.example', '10.0.0.1']))
  t.match(fields, {
    subject: 'CN=www.corp.example',
    issuer: 'CN=root,O=Größe & Co,C=DE',
    dnsNames: ['www.corp.example'],
    ipAddresses: ['10.0.0.1'],
    isCa: false,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth'],
    crlUrls: ['http://crl.corp.example/ca.crl'],
    authorityKeyId: readCertificate(root.certificate).subjectKeyId,
    notBefore: now - 60_000,
    notAfter: now + 2 * hourMs
  })
  t.match(readCertificate(await leaf(root, ['a.corp.example'], 'rsa-2048')).keyUsage, [
    'digitalSignature',
    'keyEncipherment'
  ])
  const nameless = await leaf(root, ['a.corp.example'], 'ec-p256', 'elsewhere.example')
  t.equal(readCertificate(nameless).subject, '', 'a common name that is none of the names is left out')
  program.write('x.pem', encodePem(nameless))
  t.match(openssl(program, 'x509 -in x.pem -noout -ext subjectAltName').toString(), /critical/)
  t.equal(verify(program, [nameless, root.certificate]), '')
})

t.test('serial numbers are 16 random bytes, positive', (t) => {
  const random = seededRandom(7)
  const many = Array.from({ length: 1000 }, () => newSerial(random))
  t.ok(many.every((one) => /^[4-7][0-9a-f]{31}$/.test(one)))
  t.equal(new Set(many).size, 1000)
  t.end()
})

testWithOpenSsl('name constraints bind openssl and us alike', async (t, program) => {
  const permitted = { domains: ['corp.example'], networks: ['10.0.0.0/8'] }
  const root = await ca('ec-p256', 'root', { permitted })
  const middle = await ca('ec-p256', 'middle', { issuer: root })
  const above = [middle.certificate, root.certificate]
  for (const name of ['corp.example', 'a.b.corp.example', '*.corp.example', '10.255.0.1']) {
    t.equal(verify(program, [await leaf(middle, [name]), ...above]), '', name)
  }
  const lawless = { ...middle, above: [] }
  for (const name of ['corp.example.evil', 'xcorp.example', '11.0.0.1', 'fd00::1', '192.168.0.1']) {
    await t.rejects(leaf(middle, [name]), { code: 'name-not-permitted', message: new RegExp(name) })
    const der = await leaf(lawless, [name])
    t.match(
      verify(program, [der, ...above]),
      /permitted subtree violation|excluded subtree/,
      `openssl: ${name}`
    )
    const [flaw] = checkIssued({ chain: [der, ...above], spki: readCertificate(der).spki, names: [], now })
    t.match(flaw, { reason: 'name-not-permitted' })
  }
})

testWithOpenSsl('a kind of names of which nothing is permitted is excluded', async (t, program) => {
  const names = { domains: ['corp.example'], networks: [] }
  const onlyNames = await ca('ec-p256', 'names', { permitted: names })
  t.equal(verify(program, [await leaf(onlyNames), onlyNames.certificate]), '')
  await t.rejects(leaf(onlyNames, ['10.0.0.1']), { code: 'name-not-permitted' })
  const onlyAddresses = await ca('ec-p256', 'addresses', {
    permitted: { domains: [], networks: ['fd00::/8'] }
  })
  t.equal(verify(program, [await leaf(onlyAddresses, ['fd00::7']), onlyAddresses.certificate]), '')
  await t.rejects(leaf(onlyAddresses), { code: 'name-not-permitted' })
  await t.rejects(leaf(onlyAddresses, ['10.0.0.1']), { code: 'name-not-permitted' })
})

t.test('wrong constraints and nameless CAs are faults', async (t) => {
  const wrong = (domains: string[], networks: string[]) =>
    ca('ec-p256', 'x', { permitted: { domains, networks } })
  for (const domain of ['*.corp.example', '10.0.0.1', 'a b']) {
    await t.rejects(wrong([domain], []), { code: 'name-malformed' }, domain)
  }
  for (const network of ['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'x/8', '10.0.0.0/8/8']) {
    await t.rejects(wrong([], [network]), { code: 'name-malformed' }, network)
  }
  await t.rejects(ca('ec-p256', 'x', { subject: {} }), { code: 'subject-malformed' })
})

t.test('a CA signs only what it may, and while it may', async (t) => {
  const root = await ca('ec-p256', 'root', { pathLength: 1 })
  const middle = await ca('ec-p256', 'middle', { issuer: root, pathLength: 0 })
  const more = (issuer: SigningCa, pathLength: number | null) => ca('ec-p256', 'more', { issuer, pathLength })
  await t.rejects(more(middle, 0), { code: 'ca-unfit', message: /allows 0 CAs/ })
  await t.rejects(more(middle, null), { code: 'ca-unfit' })
  await t.rejects(more(root, 1), { code: 'ca-unfit' })
  const other = await makePrivateKey('ec-p256')
  await t.rejects(leaf({ ...root, key: other }), { code: 'ca-unfit', message: /another key/ })
  const der = await leaf(root)
  await t.rejects(leaf({ ...root, certificate: der }), { code: 'ca-unfit' })
  const over = { notBefore: now - 9 * dayMs, notAfter: now - dayMs }
  await t.rejects(leaf(await ca('ec-p256', 'old', { validity: over })), {
    code: 'ca-unfit',
    message: /valid from/
  })
  const short = await ca('ec-p256', 'short', { validity: { notBefore: now - dayMs, notAfter: now + hourMs } })
  t.equal(readCertificate(await leaf(short)).notAfter, now + hourMs, 'no certificate outlives its CA')
  const young = await ca('ec-p256', 'young', { validity: { notBefore: now, notAfter: now + dayMs } })
  t.equal(readCertificate(await leaf(young)).notBefore, now, 'nor is older')
  const below = await ca('ec-p256', 'below', { issuer: short })
  t.equal(readCertificate(below.certificate).notAfter, now + hourMs)
})

testWithOpenSsl('requests with weak keys or other names are not signed', async (t, program) => {
  const root = await ca('ec-p256', 'root')
  const validity = { notBefore: now, notAfter: now + hourMs }
  const issue = (options: string) => {
    const csr = readCsr(openssl(program, `req -new -nodes -keyout k -outform DER -subj /CN=x ${options}`))
    return issueCertificate({ issuer: root, csr, serial: serial(), validity })
  }
  const san = '-addext subjectAltName=DNS:a.example'
  await t.rejects(issue(`-newkey rsa:1024 ${san}`), { code: 'csr-malformed', message: /RSA 1024/ })
  await t.rejects(issue(`-newkey rsa:2048 ${san},email:a@b.c`), { code: 'csr-malformed', message: /e-mail/ })
  await t.rejects(issue('-newkey rsa:2048'), { code: 'name-malformed', message: /0 are given/ })
  const der = await issue(`-newkey rsa:2048 ${san} -addext basicConstraints=critical,CA:TRUE`)
  t.equal(readCertificate(der).isCa, false, 'a request to be a CA is not heard')
})

testWithOpenSsl(
  'a foreign CA may issue too, whatever its names and key identifier look like',
  async (t, program) => {
    program.write(
      'ca.ext',
      'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=01:02:03\n'
    )
    const key = await makePrivateKey('rsa-2048')
    program.write('ca.key', key.pem.reveal())
    program.run('req', '-new', '-key', 'ca.key', '-subj', '/C=DE/O=Tür/CN=foreign', '-utf8', '-out', 'ca.csr')
    const certificate = openssl(
      program,
      'x509 -req -in ca.csr -key ca.key -days 5 -extfile ca.ext -outform DER'
    )
    const der = await leaf({ certificate, key, above: [] })
    t.equal(readCertificate(der).authorityKeyId, '010203')
    t.equal(verify(program, [der, certificate]), '')
    const list = makeCrl({
      issuer: { certificate, key, above: [] },
      number: 1,
      thisUpdate: now,
      nextUpdate: now,
      revoked: []
    })
    await t.rejects(list, { code: 'ca-unfit', message: /key usage cRLSign/ })
  }
)

testWithOpenSsl('a revocation list is one for openssl and for us', async (t, program) => {
  for (const type of ['ec-p256', 'ec-p384', 'rsa-2048'] as const) {
    const issuer = await ca(type, 'root')
    const [good, stolen, old] = [await leaf(issuer), await leaf(issuer), await leaf(issuer)]
    const serialOf = (der: Buffer) => readCertificate(der).serial
    const crl = await makeCrl({
      issuer,
      number: 7,
      thisUpdate: now,
      nextUpdate: now + dayMs,
      revoked: [
        { serial: serialOf(stolen), at: now - hourMs, reason: 'keyCompromise' },
        { serial: serialOf(old), at: now - hourMs, reason: 'unspecified' }
      ]
    })
    program.write('ca.crl', encodePem(crl, 'X509 CRL'))
    program.write('root.pem', encodePem(issuer.certificate))
    const text = openssl(program, 'crl -in ca.crl -noout -text -CAfile root.pem').toString()
    t.match(text, /X509v3 CRL Number:\s+7[\s\S]*Key Compromise/)
    const check = ['-crl_check', '-CRLfile', 'ca.crl']
    t.equal(verify(program, [good, issuer.certificate], ...check), '', type)
    t.match(verify(program, [stolen, issuer.certificate], ...check), /certificate revoked/)
    t.match(verify(program, [old, issuer.certificate], ...check), /certificate revoked/)
    const read = readCrl(crl)
    t.same([read.size, read.thisUpdate, read.nextUpdate], [2, now, now + dayMs])
    const status = (der: Buffer) => crlStatus(read, { leaf: der, issuer: issuer.certificate, now })
    t.match(status(good), { state: 'good' })
    t.match(status(stolen), { state: 'revoked', reason: 'keyCompromise', at: now - hourMs })
  }
})

testWithOpenSsl('an empty revocation list is one too', async (t, program) => {
  const issuer = await ca('ec-p256', 'root')
  const crl = await makeCrl({ issuer, number: 1, thisUpdate: now, nextUpdate: now + dayMs, revoked: [] })
  program.write('ca.crl', encodePem(crl, 'X509 CRL'))
  t.equal(verify(program, [await leaf(issuer), issuer.certificate], '-crl_check', '-CRLfile', 'ca.crl'), '')
})
