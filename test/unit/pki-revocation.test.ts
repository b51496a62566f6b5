import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { crlStatus, readCrl } from '../../pki/crl.ts'
import { ocspRequest, readOcspResponse } from '../../pki/ocsp.ts'
import { readCertificateFile } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import { checkSignature } from '../../pki/signature.ts'
import {
  bits,
  boolean,
  caExtensions,
  commonName,
  element,
  extension,
  forge,
  type Forged,
  generalizedTime,
  integer,
  newKeys,
  octets,
  oid,
  sequence,
  signatureOf,
  utcTime
} from './pki-forge.ts'
import { type OpenSsl, testWithOpenSsl } from './pki-openssl.ts'

const dayMs = 86_400_000

const configuration = `
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 7
policy = any
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
[responder]
extendedKeyUsage = OCSPSigning
[req]
distinguished_name = subject
prompt = no
[subject]
CN = overridden
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
`

/** A CA run by `openssl ca`, with a good and a revoked certificate. */
interface Authority {
  readonly issuer: Buffer
  readonly der: (name: string) => Buffer
  readonly issue: (name: string, extensions: string) => void
}

function authority(program: OpenSsl, own = newKeys().privateKey): Authority {
  for (const [name, content] of Object.entries({
    'ca.conf': configuration,
    'index.txt': '',
    'index.txt.attr': 'unique_subject = no\n',
    serial: '7FFF01\n',
    crlnumber: '01\n'
  })) {
    program.write(name, content)
  }
  const keep = (name: string, key: KeyObject) => {
    program.write(`${name}.key`, key.export({ type: 'pkcs8', format: 'pem' }))
  }
  const der = (name: string): Buffer => {
    const [first] = readCertificateFile(readFileSync(join(program.directory, `${name}.pem`)))
    return first ?? Buffer.alloc(0)
  }
  keep('ca', own)
  const subject = ['-config', 'ca.conf', '-extensions', 'authority', '-subj', '/O=Test/CN=authority']
  program.run('req', '-x509', '-new', '-key', 'ca.key', '-out', 'ca.pem', '-days', '60', ...subject)
  const issue = (name: string, extensions: string) => {
    keep(name, newKeys().privateKey)
    program.run(
      'req',
      '-new',
      '-key',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-config',
      'ca.conf',
      '-subj',
      `/CN=${name}`
    )
    const request = ['-in', `${name}.csr`, '-out', `${name}.pem`, '-extensions', extensions]
    program.run('ca', '-batch', '-config', 'ca.conf', '-notext', ...request)
  }
  for (const name of ['good', 'revoked', 'held']) issue(name, 'server')
  program.run('ca', '-config', 'ca.conf', '-revoke', 'revoked.pem', '-crl_reason', 'keyCompromise')
  program.run('ca', '-config', 'ca.conf', '-revoke', 'held.pem', '-crl_reason', 'certificateHold')
  return { issuer: der('ca'), der, issue }
}

testWithOpenSsl('a CRL of openssl says what is revoked, since when and why', (t, program) => {
  const { issuer, der } = authority(program)
  program.run('ca', '-config', 'ca.conf', '-gencrl', '-out', 'ca.crl')
  const crl = readCrl(program.run('crl', '-in', 'ca.crl', '-outform', 'DER'))
  const now = Date.now()
  t.match(crl, { issuer: 'CN=authority,O=Test', size: 2, unusable: null, only: null })
  t.equal(crl.checkSignature(issuer), 'good')
  t.ok(Math.abs(crl.thisUpdate - now) < 60_000)
  t.equal((crl.nextUpdate ?? 0) - crl.thisUpdate, 7 * dayMs)

  t.match(crlStatus(crl, { leaf: der('good'), issuer, now }), { state: 'good', thisUpdate: crl.thisUpdate })
  const revoked = crlStatus(crl, { leaf: der('revoked'), issuer, now })
  t.match(revoked, { state: 'revoked', reason: 'keyCompromise' })
  t.ok(revoked.state === 'revoked' && Math.abs(revoked.at - now) < 60_000)
  t.match(crlStatus(crl, { leaf: der('held'), issuer, now }), { state: 'revoked', reason: 'certificateHold' })

  t.match(crlStatus(crl, { leaf: der('good'), issuer, now: now + 8 * dayMs }), {
    state: 'error',
    error: 'stale'
  })
  t.match(crlStatus(crl, { leaf: der('good'), issuer, now: now - dayMs }), {
    state: 'error',
    error: 'not-yet-valid'
  })
  const stranger = forge({ subject: commonName('stranger'), keys: newKeys() })
  t.match(crlStatus(crl, { leaf: stranger.der, issuer, now }), { state: 'error', error: 'not-about-it' })
})

testWithOpenSsl(
  'an OCSP response of openssl is believed from the issuer and its delegate only',
  (t, program) => {
    const { issuer, der, issue } = authority(program)
    issue('responder', 'responder')
    issue('pretender', 'server')
    const now = Date.now()
    const answer = (leaf: string, signer: string, ...more: string[]) => {
      program.write('request.der', ocspRequest(der(leaf), issuer).der)
      const database = [
        '-index',
        'index.txt',
        '-CA',
        'ca.pem',
        '-reqin',
        'request.der',
        '-respout',
        'response.der'
      ]
      program.run(
        'ocsp',
        ...database,
        '-rsigner',
        `${signer}.pem`,
        '-rkey',
        `${signer}.key`,
        '-ndays',
        '2',
        ...more
      )
      return readFileSync(join(program.directory, 'response.der'))
    }
    const read = (leaf: string, response: Uint8Array, at = now) =>
      readOcspResponse(response, { leaf: der(leaf), issuer, now: at })

    for (const signer of ['ca', 'responder']) {
      t.match(read('good', answer('good', signer)), { state: 'good' }, `good by ${signer}`)
      t.match(
        read('revoked', answer('revoked', signer)),
        { state: 'revoked', reason: 'keyCompromise' },
        `revoked by ${signer}`
      )
    }
    const good = answer('good', 'responder')
    const status = read('good', good)
    t.ok(status.state === 'good' && (status.nextUpdate ?? 0) - status.thisUpdate === 2 * dayMs)
    t.match(read('good', answer('good', 'ca', '-resp_key_id')), { state: 'good' })
    t.match(read('good', answer('good', 'responder', '-resp_no_certs')), {
      state: 'error',
      error: 'bad-signature'
    })
    t.match(read('good', answer('good', 'pretender')), { state: 'error', error: 'unauthorized-signer' })
    t.match(read('revoked', good), { state: 'error', error: 'not-about-it' })
    t.match(read('good', good, now + 3 * dayMs), { state: 'error', error: 'stale' })
    t.match(read('good', good, now - dayMs), { state: 'error', error: /not-yet-valid|unauthorized-signer/ })
    const spoilt = Buffer.from(good.toString('latin1').replace(/(20\d{10})\d\dZ/, '$199Z'), 'latin1')
    t.match(read('good', spoilt), { state: 'error', error: 'bad-signature' })
    for (const cut of [0, 1, 10, 100, good.length - 1]) {
      t.match(read('good', good.subarray(0, cut)), { state: 'error', error: 'malformed' }, `cut at ${cut}`)
    }

    program.write('index.txt', '')
    t.match(read('good', answer('good', 'ca')), { state: 'unknown' })
  }
)

testWithOpenSsl('openssl understands our request', (t, program) => {
  const { issuer, der } = authority(program)
  const request = ocspRequest(der('good'), issuer)
  program.write('request.der', request.der)
  const text = program.run('ocsp', '-reqin', 'request.der', '-req_text').toString()
  t.match(text, new RegExp(`Issuer Name Hash: ${request.certificateId.issuerNameHash}`, 'i'))
  t.match(text, new RegExp(`Issuer Key Hash: ${request.certificateId.issuerKeyHash}`, 'i'))
  t.match(text, new RegExp(`Serial Number: ${readCertificate(der('good')).serial}`, 'i'))
  t.notMatch(text, /Nonce/)
  const own = program.run('ocsp', '-issuer', 'ca.pem', '-cert', 'good.pem', '-no_nonce', '-reqout', '-')
  t.strictSame(request.der, own.subarray(0, request.der.length), 'it is the same request')
})

testWithOpenSsl('RSA-PSS signatures of CRLs and responses are checked', (t, program) => {
  const { issuer, der } = authority(program, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  const pss = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:20']
  program.run('ca', '-config', 'ca.conf', '-gencrl', '-out', 'ca.crl', '-md', 'sha384', ...pss)
  const crl = readCrl(program.run('crl', '-in', 'ca.crl', '-outform', 'DER'))
  t.match(crlStatus(crl, { leaf: der('revoked'), issuer, now: Date.now() }), { state: 'revoked' })
  program.write('request.der', ocspRequest(der('good'), issuer).der)
  const signer = [
    '-rsigner',
    'ca.pem',
    '-rkey',
    'ca.key',
    '-rmd',
    'sha512',
    ...pss.map((one) => one.replace('-sig', '-rsig'))
  ]
  const files = ['-index', 'index.txt', '-CA', 'ca.pem', '-reqin', 'request.der', '-respout', 'response.der']
  program.run('ocsp', ...files, ...signer)
  const response = readFileSync(join(program.directory, 'response.der'))
  t.match(readOcspResponse(response, { leaf: der('good'), issuer, now: Date.now() }), { state: 'good' })
})

t.test('signatures of every family are checked, with the right kind of key only', (t) => {
  const data = Buffer.from('what was signed')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = newKeys()
  const dsa = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 })
  const ed25519 = generateKeyPairSync('ed25519')
  const ed448 = generateKeyPairSync('ed448')
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const cases = [
    { algorithm: 'RSA-SHA1', keys: rsa, signature: sign('sha1', data, rsa.privateKey) },
    { algorithm: 'RSA-SHA3-256', keys: rsa, signature: sign('sha3-256', data, rsa.privateKey) },
    {
      algorithm: 'RSA-PSS',
      keys: rsa,
      signature: sign('sha256', data, { key: rsa.privateKey, padding, saltLength: 32 })
    },
    { algorithm: 'ECDSA-SHA384', keys: ec, signature: sign('sha384', data, ec.privateKey) },
    { algorithm: 'DSA-SHA256', keys: dsa, signature: sign('sha256', data, dsa.privateKey) },
    { algorithm: 'Ed25519', keys: ed25519, signature: sign(null, data, ed25519.privateKey) },
    { algorithm: 'Ed448', keys: ed448, signature: sign(null, data, ed448.privateKey) }
  ]
  for (const { algorithm, keys: signer, signature } of cases) {
    const signed = { algorithm, pssHash: algorithm === 'RSA-PSS' ? 'SHA256' : null, data, signature }
    t.equal(checkSignature(signed, signer.publicKey), 'good', algorithm)
    t.equal(checkSignature({ ...signed, data: Buffer.from('another') }, signer.publicKey), 'bad', algorithm)
    const wrongKey = signer === rsa ? ec : rsa
    t.equal(checkSignature(signed, wrongKey.publicKey), 'bad', algorithm)
    t.equal(checkSignature({ ...signed, algorithm: '1.2.3.4' }, signer.publicKey), 'unsupported')
  }
  const odd = { algorithm: 'RSA-MD2', pssHash: null, data, signature: Buffer.alloc(256) }
  t.equal(checkSignature(odd, rsa.publicKey), 'unsupported')
  t.end()
})

t.test('a responder that refuses is told by its word', (t) => {
  const { der } = forge()
  for (const [number, word] of [
    [1, 'malformedRequest'],
    [3, 'tryLater'],
    [6, 'unauthorized']
  ] as const) {
    const response = sequence(element(0x0a, [number]))
    t.match(readOcspResponse(response, { leaf: der, issuer: der, now: 0 }), {
      state: 'error',
      error: 'refused',
      detail: word
    })
  }
  const empty = sequence(element(0x0a, [0]))
  t.match(readOcspResponse(empty, { leaf: der, issuer: der, now: 0 }), { state: 'error', error: 'malformed' })
  const other = sequence(element(0x0a, [0]), element(0xa0, sequence(oid('1.2.3.4'), octets(Buffer.of(5, 0)))))
  t.match(readOcspResponse(other, { leaf: der, issuer: der, now: 0 }), {
    state: 'error',
    error: 'unsupported'
  })
  t.end()
})

const keys = newKeys()
const issuer = forge({ subject: commonName('crl issuer'), keys, extensions: caExtensions(keys) })
const leaf = forge({ serial: integer(0, 0x99, 1), keys: newKeys(), issuer })
const day = Date.UTC(2026, 0, 1)

interface CrlRecipe {
  readonly entries?: readonly Uint8Array[]
  readonly extensions?: readonly Uint8Array[]
  readonly nextUpdate?: Uint8Array
  readonly signer?: Pick<Forged, 'privateKey' | 'name'>
}

function forgeCrl({ entries, extensions, nextUpdate, signer = issuer }: CrlRecipe): Buffer {
  const none = Buffer.alloc(0)
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const tbs = sequence(
    integer(1),
    algorithm,
    signer.name,
    utcTime('251231000000Z'),
    nextUpdate ?? none,
    entries ? sequence(...entries) : none,
    extensions ? element(0xa0, sequence(...extensions)) : none
  )
  return sequence(tbs, algorithm, bits(signatureOf(tbs, signer.privateKey)))
}

const entry = (serial: Uint8Array, ...extensions: readonly Uint8Array[]): Buffer =>
  sequence(serial, utcTime('251224180000Z'), ...(extensions.length > 0 ? [sequence(...extensions)] : []))
const reason = (number: number): Buffer => extension('2.5.29.21', element(0x0a, [number]))
const statusBy = (recipe: CrlRecipe, of: Forged = leaf) =>
  crlStatus(readCrl(forgeCrl(recipe)), { leaf: of.der, issuer: issuer.der, now: day })

t.test('a CRL may have no entries, no next update, and serial numbers with sign bytes', (t) => {
  t.strictSame(statusBy({}), { state: 'good', thisUpdate: Date.UTC(2025, 11, 31), nextUpdate: null })
  t.match(statusBy({ entries: [entry(integer(1)), entry(integer(0x01, 0x99, 1))] }), { state: 'good' })
  t.strictSame(
    statusBy({
      entries: [entry(integer(1)), entry(integer(0, 0x99, 1))],
      nextUpdate: generalizedTime('20510101000000Z')
    }),
    {
      state: 'revoked',
      at: Date.UTC(2025, 11, 24, 18),
      reason: 'unspecified',
      thisUpdate: Date.UTC(2025, 11, 31),
      nextUpdate: Date.UTC(2051, 0, 1)
    }
  )
  t.match(statusBy({ entries: [entry(integer(0, 0x99, 1), reason(4))] }), {
    state: 'revoked',
    reason: 'superseded'
  })
  t.match(statusBy({ entries: [entry(integer(0, 0x99, 1), reason(99))] }), {
    state: 'revoked',
    reason: 'unspecified'
  })
  t.match(statusBy({ entries: [entry(integer(0, 0x99, 1), reason(8))] }), { state: 'good' })
  t.end()
})

t.test('a CRL that is not the whole list of its issuer is not used', (t) => {
  const scope = (...parts: readonly Uint8Array[]) => [extension('2.5.29.28', sequence(...parts), true)]
  const point = element(0xa0, element(0xa0, element(0x86, Buffer.from('http://crl.example'))))
  const cases: readonly (readonly [what: string, recipe: CrlRecipe, status: object])[] = [
    [
      'a number and a key identifier',
      { extensions: [extension('2.5.29.20', integer(7))] },
      { state: 'good' }
    ],
    ['a distribution point alone', { extensions: scope(point) }, { state: 'good' }],
    ['only certificates of users', { extensions: scope(point, element(0x81, [255])) }, { state: 'good' }],
    ['only certificates of CAs', { extensions: scope(element(0x82, [255])) }, { error: 'not-about-it' }],
    ['only attribute certificates', { extensions: scope(element(0x85, [255])) }, { error: 'unsupported' }],
    ['only some reasons', { extensions: scope(element(0x83, [1, 0x40])) }, { error: 'unsupported' }],
    ['an indirect CRL', { extensions: scope(element(0x84, [255])) }, { error: 'unsupported' }],
    ['a false flag', { extensions: scope(element(0x84, [0])) }, { state: 'good' }],
    ['a delta', { extensions: [extension('2.5.29.27', integer(6), true)] }, { error: 'unsupported' }],
    ['something unknown', { extensions: [extension('1.2.3', integer(6))] }, { state: 'good' }],
    [
      'something unknown and critical',
      { extensions: [extension('1.2.3', integer(6), true)] },
      { error: 'unsupported' }
    ],
    [
      'an entry of another issuer',
      { entries: [entry(integer(5), extension('2.5.29.29', sequence(), true))] },
      { error: 'unsupported' }
    ],
    [
      'an entry with something critical',
      { entries: [entry(integer(5), extension('1.2.3', sequence(), true))] },
      { error: 'unsupported' }
    ],
    [
      'an entry with an invalidity date',
      { entries: [entry(integer(5), extension('2.5.29.24', utcTime('250101000000Z')))] },
      { state: 'good' }
    ]
  ]
  for (const [what, recipe, status] of cases) t.match(statusBy(recipe), status, what)
  t.end()
})

t.test('a CRL of the wrong hand is not believed', (t) => {
  const other = newKeys()
  t.match(statusBy({ signer: { privateKey: other.privateKey, name: issuer.name } }), {
    error: 'bad-signature'
  })
  t.match(statusBy({ signer: { ...other, name: commonName('another') } }), { error: 'not-about-it' })
  const mute = forge({
    subject: issuer.name,
    keys,
    extensions: [
      extension('2.5.29.19', sequence(boolean(255))),
      extension('2.5.29.15', bits(Buffer.of(0x04), 2))
    ]
  })
  const crl = readCrl(forgeCrl({}))
  t.match(crlStatus(crl, { leaf: leaf.der, issuer: mute.der, now: day }), { error: 'unauthorized-signer' })
  t.end()
})

t.test('a broken CRL is refused with the field', (t) => {
  const whole = forgeCrl({ entries: [entry(integer(5), reason(1))] })
  for (let cut = 0; cut < whole.length; cut += 7) {
    t.throws(() => readCrl(whole.subarray(0, cut)), {
      code: 'certificate-malformed',
      message: /^The CRL is malformed: /
    })
  }
  t.throws(() => readCrl(Buffer.concat([whole, Buffer.of(0)])), { message: /has something behind it/ })
  const badEntry = forgeCrl({ entries: [sequence(integer(5), utcTime('259999000000Z'))] })
  t.throws(() => readCrl(badEntry), { message: /revocationDate is no time that exists/ })
  t.end()
})

t.test('a CRL of 100,000 entries is read without objects for each', (t) => {
  const one = entry(integer(5), reason(1))
  const crl = readCrl(
    forgeCrl({
      entries: [Buffer.concat(Array.from({ length: 100_000 }, () => one)), entry(integer(0, 0x99, 1))]
    })
  )
  t.equal(crl.size, 100_001)
  t.match(crl.find('9901'), { reason: 'unspecified' })
  t.equal(crl.find('9902'), null)
  t.end()
})
