import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { orderChain } from '../../pki/chain-order.ts'
import { checkIssued, type IssuedQuestion } from '../../pki/issued.ts'
import { type IssuedReason, issuedReasons, refusesIssued, saysOf } from '../../pki/issued-reasons.ts'
import { readCertificate } from '../../pki/quick.ts'
import { isWeakerKey, keyStrength } from '../../pki/strength.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import { ca, expired, future, leafOf, middle, now, root, stranger } from './pki-chains.ts'
import {
  ascii,
  authorityKeyId,
  bits,
  caExtensions,
  commonName,
  dnsNames,
  element,
  extension,
  forge,
  type Forged,
  newKeys,
  oid,
  type Recipe,
  sequence,
  utcTime
} from './pki-forge.ts'

const purpose = (id: string) => extension('2.5.29.37', sequence(oid(id)))
const serverAuth = purpose('1.3.6.1.5.5.7.3.1')
const keys = newKeys()
const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits })
const leaf = (more: Recipe = {}, issuer = middle) =>
  leafOf(issuer, { keys, extensions: [serverAuth], ...more })
const spkiOf = ({ der }: Forged) => readCertificate(der).spki
const good = leaf()
const roots = openTrustStore([root.der])

/** every word that a test has met */
const met = new Set<IssuedReason>()

function reasons(chain: readonly (Forged | Buffer)[], more: Partial<IssuedQuestion> = {}): IssuedReason[] {
  const ders = chain.map((one) => (Buffer.isBuffer(one) ? one : one.der))
  const question = { chain: ders, spki: spkiOf(good), names: ['www.example.org'], now, ...more }
  const flaws = checkIssued(question)
  for (const { reason } of flaws) met.add(reason)
  return flaws.map(({ reason }) => reason)
}

/** asks about a leaf with a key of its own */
function ofOwnKey(one: Forged, more: Partial<IssuedQuestion> = {}): IssuedReason[] {
  return reasons([one, middle], { spki: spkiOf(one), ...more })
}

t.test('a certificate that is right has no flaw', (t) => {
  t.same(reasons([good, middle]), [])
  t.same(reasons([good, middle], { roots }), [])
  t.same(reasons([good, middle, root], { roots }), [], 'a root that comes with it does no harm')
  t.same(reasons([good, middle, root]), [])
  t.same(reasons([leaf({}, root)], { roots }), [], 'issued by the root itself')
  t.end()
})

t.test('what is no certificate, or not the one of the key, is told', (t) => {
  t.same(reasons([]), ['nothing'])
  t.same(reasons([Buffer.from('junk')]), ['unreadable'])
  t.same(reasons([good, middle, Buffer.from('junk')]), ['unreadable'])
  t.same(reasons([good, Buffer.alloc(0)]), ['unreadable', 'issuer-missing'])
  t.same(reasons([leaf({ keys: newKeys() }), middle]), ['key-mismatch'])
  const many = [good, middle, ...Array.from({ length: 40 }, () => stranger)]
  t.same(new Set(reasons(many)), new Set(['too-many', 'stranger', 'repeated']))
  const twice = leaf({ extensions: [serverAuth, serverAuth] })
  t.same(reasons([twice, middle]), ['broken-extension'])
  t.end()
})

t.test('every name that was asked for must be covered', (t) => {
  const names = ['www.example.org', 'ftp.example.org', '*.example.org', '192.0.2.1']
  t.same(reasons([good, middle], { names }), ['name-not-covered', 'name-not-covered', 'name-not-covered'])
  const wide = forge({
    keys,
    issuer: middle,
    extensions: [
      extension('2.5.29.17', sequence(ascii(0x82, '*.Example.org'), element(0x87, [192, 0, 2, 1]))),
      serverAuth
    ]
  })
  t.same(reasons([wide, middle], { names }), [])
  t.same(reasons([wide, middle], { names: ['a.b.example.org'] }), ['name-not-covered'])
  t.same(reasons([wide, middle], { names: ['example.org'] }), ['name-not-covered'])
  const onlyCommon = forge({
    subject: commonName('www.example.org'),
    keys,
    issuer: middle,
    extensions: [serverAuth]
  })
  t.same(reasons([onlyCommon, middle]), ['name-not-covered'])
  t.end()
})

t.test('times of leaf and issuers count', (t) => {
  t.same(reasons([leaf(future), middle]), ['not-yet-valid'])
  t.same(reasons([leaf(expired), middle]), ['expired'])
  const old = ca('old', root, expired)
  t.same(reasons([leaf({}, old), old]), ['issuer-expired'])
  const coming = ca('coming', root, future)
  t.same(reasons([leaf({}, coming), coming]), ['issuer-not-yet-valid'])
  t.end()
})

t.test('the chain must be whole, in order and signed', (t) => {
  t.same(reasons([middle, good]), ['wrong-order'])
  const lower = ca('lower', middle)
  t.same(reasons([leaf({}, lower), middle, lower]), ['wrong-order'])
  t.same(reasons([leaf({}, lower), lower, middle]), [])
  t.same(reasons([good]), ['issuer-missing'])
  t.same(reasons([good, stranger]), ['issuer-missing', 'stranger'])
  t.same(reasons([good, middle, stranger]), ['stranger'])
  t.same(reasons([good, middle, middle]), ['repeated'])
  const impostor = ca('middle', root)
  t.ok(reasons([good, impostor]).includes('bad-signature'))
  t.same(reasons([good, middle], { roots: openTrustStore([stranger.der]) }), ['untrusted'])
  t.same(reasons([good, middle, root], { roots: openTrustStore([stranger.der]) }), ['untrusted'])
  t.same(
    reasons([
      forge({
        subject: commonName('www.example.org'),
        keys,
        extensions: [dnsNames('www.example.org'), serverAuth]
      })
    ]),
    ['self-signed']
  )
  t.end()
})

t.test('issuers must be allowed to issue it', (t) => {
  const noCa = forge({ subject: commonName('no ca'), keys: newKeys(), issuer: root, extensions: [] })
  t.ok(reasons([leaf({}, noCa), noCa]).includes('issuer-unfit'))
  const short = ca('short', root, { pathLength: 0 })
  const below = ca('below', short)
  t.ok(reasons([leaf({}, below), below, short]).includes('issuer-unfit'))
  const only = extension('2.5.29.30', sequence(element(0xa0, sequence(ascii(0x82, 'corp.example')))), true)
  const narrow = ca('narrow', root, { extensions: [only] })
  t.same(reasons([leaf({}, narrow), narrow]), ['name-not-permitted'])
  t.end()
})

t.test('a cross-signed way to another root is no stranger', (t) => {
  const other = ca('other')
  const rootKeys = { publicKey: root.publicKey, privateKey: root.privateKey }
  const cross = forge({
    subject: root.name,
    keys: rootKeys,
    issuer: other,
    extensions: caExtensions(rootKeys)
  })
  t.same(reasons([good, middle, cross], { roots }), [])
  t.same(reasons([good, middle, cross]), [])
  t.end()
})

t.test('the certificate must be one for servers', (t) => {
  const isCa = forge({
    subject: commonName('www.example.org'),
    keys,
    issuer: middle,
    extensions: [
      ...caExtensions(keys),
      dnsNames('www.example.org'),
      serverAuth,
      authorityKeyId(middle.publicKey)
    ]
  })
  t.same(reasons([isCa, middle]), ['leaf-is-ca', 'may-not-sign'])
  t.same(reasons([leaf({ extensions: [purpose('1.3.6.1.5.5.7.3.2')] }), middle]), ['no-server-auth'])
  t.same(reasons([leaf({ extensions: [purpose('2.5.29.37.0')] }), middle]), [])
  t.same(reasons([leaf({ extensions: [] }), middle]), ['no-purpose'])
  const encrypts = extension('2.5.29.15', bits(Buffer.of(0x20), 5), true)
  t.same(reasons([leaf({ extensions: [serverAuth, encrypts] }), middle]), ['may-not-sign'])
  t.end()
})

t.test('weak keys and signatures are told', (t) => {
  t.same(ofOwnKey(leaf({ keys: rsa(1024) })), ['weak-key'])
  const curve = generateKeyPairSync('ec', { namedCurve: 'secp192k1' })
  t.same(ofOwnKey(leaf({ keys: curve })), ['weak-key'])
  const sha1 = leaf({ signature: sequence(oid('1.2.840.10045.4.1')) })
  t.ok(reasons([sha1, middle]).includes('weak-hash'))
  t.end()
})

t.test('a certificate must be no worse than the one it replaces', (t) => {
  const replacing = (old: Forged, one = good, served: string[] = [], mayLose: string[] = []) =>
    reasons([one, middle], { spki: spkiOf(one), replaced: { der: old.der, served, mayLose } })
  const before = leaf({ keys: newKeys(), notAfter: utcTime('330101000000Z') })
  t.same(replacing(before), [])
  t.same(replacing(good), ['same-certificate'])
  t.same(replacing(leaf({ keys: generateKeyPairSync('ec', { namedCurve: 'P-384' }) })), ['weaker-key'])
  t.same(replacing(leaf({ keys: rsa(2048) })), [])
  const large = leaf({ keys: rsa(3072) })
  t.same(replacing(large, leaf({ keys: rsa(2048) })), ['weaker-key'])
  const sha384 = leaf({ keys: newKeys(), signature: sequence(oid('1.2.840.10045.4.3.3')) })
  t.same(replacing(sha384), ['weaker-hash'])
  const later = leaf({ keys: newKeys(), notAfter: utcTime('360101000000Z') })
  t.same(replacing(later), ['ends-earlier'])
  const hours = leaf({ notAfter: utcTime('260601120000Z') })
  t.same(replacing(before, hours), ['short-life', 'ends-earlier'])
  const hourly = leaf({
    keys: newKeys(),
    notBefore: utcTime('260531220000Z'),
    notAfter: utcTime('260601100000Z')
  })
  t.same(replacing(hourly, hours), [], 'certificates of hours are replaced by their like')
  t.end()
})

t.test('a certificate must not lose a name that is served, unless it may', (t) => {
  const wide = forge({
    keys: newKeys(),
    issuer: middle,
    notAfter: utcTime('330101000000Z'),
    extensions: [dnsNames('www.example.org', '*.api.example.org', 'old.example.org'), serverAuth]
  })
  const replacing = (served: string[], mayLose: string[] = []) =>
    reasons([good, middle], { replaced: { der: wide.der, served, mayLose } })
  t.same(replacing([]), [])
  t.same(replacing(['www.example.org']), [])
  t.same(replacing(['old.example.org', 'v1.api.example.org']), ['loses-name', 'loses-name'])
  t.same(replacing(['*.api.example.org']), ['loses-name'])
  t.same(replacing(['old.example.org'], ['old.example.org']), [])
  t.same(replacing(['never.example.net']), [], 'a name that the old one did not cover either is not lost')
  t.end()
})

t.test('every reason has been met, refuses or warns, and has a sentence', (t) => {
  t.same([...met].sort(), Object.keys(issuedReasons).sort())
  t.equal(saysOf({ reason: 'expired', detail: '2026' }), 'the certificate has expired: 2026')
  t.equal(saysOf({ reason: 'nothing', detail: '' }), 'the issuer gave no certificate')
  t.ok(refusesIssued({ reason: 'expired', detail: '' }))
  t.notOk(refusesIssued({ reason: 'ends-earlier', detail: '' }))
  t.end()
})

t.test('keys of different algorithms are compared by their strength', (t) => {
  const key = (keyType: 'RSA' | 'ECDSA', keyBits: number) => ({ keyType, keyBits })
  t.same(
    [key('RSA', 1024), key('RSA', 2048), key('RSA', 4096), key('ECDSA', 256), key('ECDSA', 384)].map(
      keyStrength
    ),
    [80, 112, 128, 128, 192]
  )
  t.notOk(isWeakerKey(key('ECDSA', 256), key('RSA', 4096)), 'the move to P-256 is no loss')
  t.ok(isWeakerKey(key('RSA', 2048), key('ECDSA', 256)))
  t.ok(isWeakerKey(key('RSA', 3072), key('RSA', 4096)))
  t.end()
})

const names = (ders: readonly Buffer[]) => ders.map((der) => readCertificate(der).subject)

t.test('a chain is brought into order, without root and strangers', (t) => {
  const lower = ca('lower', middle)
  const own = leaf({}, lower)
  const mixed = [stranger, root, lower, own, middle, lower].map(({ der }) => der)
  const { chain, root: top, strangers } = orderChain(mixed, spkiOf(own))
  t.same(names(chain), ['CN=www.example.org', 'CN=lower', 'CN=middle'])
  t.same(names(top ? [top] : []), ['CN=root'])
  t.same(names(strangers), ['CN=stranger'])
  t.same(names(orderChain([own.der], spkiOf(own)).chain), ['CN=www.example.org'])
  t.end()
})

t.test('issuers are told by their signatures, not by their names', (t) => {
  const impostor = ca('middle', root)
  const { chain, strangers } = orderChain([impostor.der, middle.der, good.der], spkiOf(good))
  t.same(chain, [good.der, middle.der])
  t.same(strangers, [impostor.der])
  t.end()
})

t.test('of several ways up the one that ends at a root is taken', (t) => {
  const [other, rootKeys] = [ca('other'), { publicKey: root.publicKey, privateKey: root.privateKey }]
  const far = ca('far', other)
  const cross = forge({ subject: root.name, keys: rootKeys, issuer: far, extensions: caExtensions(rootKeys) })
  const {
    chain,
    root: top,
    strangers
  } = orderChain([cross.der, far.der, root.der, middle.der, good.der], spkiOf(good))
  t.same([chain, top], [[good.der, middle.der], root.der])
  t.same(strangers, [cross.der, far.der])
  const without = orderChain([cross.der, far.der, middle.der, good.der], spkiOf(good))
  t.same(without.chain, [good.der, middle.der, cross.der, far.der], 'else the longest')
  t.end()
})

t.test('of several certificates for the key the newest counts', (t) => {
  const newer = leaf({ notBefore: utcTime('260101000000Z') })
  t.same(orderChain([good.der, newer.der, middle.der], spkiOf(good)).chain, [newer.der, middle.der])
  t.end()
})

t.test('a certificate signed by its own key is a chain of itself', (t) => {
  const own = forge({ subject: commonName('self'), keys })
  t.same(orderChain([own.der], spkiOf(own)), { chain: [own.der], root: null, strangers: [] })
  t.end()
})

t.test('certificates without the one of the key are a fault', (t) => {
  t.throws(() => orderChain([middle.der], spkiOf(good)), { code: 'chain-unfit', message: /CN=middle/ })
  t.throws(() => orderChain([], spkiOf(good)), { code: 'chain-unfit', message: /no certificate/ })
  t.throws(() => orderChain([Buffer.from('junk')], spkiOf(good)), { code: 'certificate-malformed' })
  const many = Array.from({ length: 201 }, () => middle.der)
  t.throws(() => orderChain(many, spkiOf(good)), { code: 'chain-unfit', message: /201/ })
  t.end()
})
