import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { crlStatus, readCrl } from '../../pki/crl.ts'
import { authority, openssl } from './pki-authority.ts'
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
  oid,
  sequence,
  signatureOf,
  utcTime
} from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

const dayMs = 86_400_000

testWithOpenSsl('a CRL of openssl says what is revoked, since when and why', (t, program) => {
  const { issuer, der } = authority(program)
  openssl(program, 'ca -config ca.conf -gencrl -out ca.crl')
  const crl = readCrl(openssl(program, 'crl -in ca.crl -outform DER'))
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

testWithOpenSsl('a CRL signed by RSA-PSS is checked', (t, program) => {
  const { issuer, der } = authority(program, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
  const pss = '-md sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20'
  openssl(program, `ca -config ca.conf -gencrl -out ca.crl ${pss}`)
  const crl = readCrl(openssl(program, 'crl -in ca.crl -outform DER'))
  t.match(crlStatus(crl, { leaf: der('revoked'), issuer, now: Date.now() }), { state: 'revoked' })
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
