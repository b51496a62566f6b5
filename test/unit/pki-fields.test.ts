import t from 'tap'
import type { CertificateFields } from '../../pki/fields.ts'
import { attributeTypes } from '../../pki/object-ids.ts'
import { readCertificate } from '../../pki/quick.ts'
import { ascii, element, forge, rdn, type Recipe, sequence } from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'
import { openSslZoo } from './pki-openssl-zoo.ts'
import { forgedZoo } from './pki-zoo.ts'

const zoo = forgedZoo()

/** What the fields of a member of the zoo must be, as far as it is about them. */
const expected: Readonly<Record<string, Partial<CertificateFields>>> = {
  'version 1': { dnsNames: [], keyUsage: null, isCa: false },
  'serial zero': { serial: '00' },
  'negative serial': { serial: '850102' },
  'serial with a sign byte': { serial: 'ff01' },
  'GeneralizedTime from 2050': { notAfter: Date.UTC(2050, 0, 1) },
  'the last time there is': { notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) },
  'GeneralizedTime before 1900': { notBefore: Date.UTC(1789, 6, 14, 12) },
  'UTCTime of 1950 and 2049': {
    notBefore: Date.UTC(1950, 0, 1),
    notAfter: Date.UTC(2049, 11, 31, 23, 59, 59)
  },
  'a leap day': { notBefore: Date.UTC(2024, 1, 29, 12), notAfter: Date.UTC(2400, 1, 29) },
  'UTCTime with an offset': {
    notBefore: Date.UTC(2025, 0, 1, 0, 33, 4),
    notAfter: Date.UTC(2035, 0, 1, 13, 3, 4)
  },
  'GeneralizedTime with a fraction': { notBefore: Date.UTC(2025, 0, 1, 2, 3, 4) },
  'empty subject': { subject: '', commonName: null, dnsNames: ['only.san.example'] },
  'T61String with umlauts': { subject: 'CN=Müller & Söhne', commonName: 'Müller & Söhne' },
  BMPString: { subject: 'CN=Žluťoučký kůň 漢字' },
  UniversalString: { subject: 'CN=A漢😀' },
  'value that is no string': { subject: 'CN=second,CN=#03020005', commonName: 'second' },
  'multi-valued relative names': { subject: 'CN=one+OU=two+UID=three,C=DE', commonName: 'one' },
  'two common names': { subject: 'CN=second,CN=first', commonName: 'first' },
  'unknown attribute types': {
    subject: '2.25.329800735698586629295641978511506172918=#0c0475756964,1.2.3.4.5=#0c0474657874'
  },
  'characters that RFC 4514 escapes': {
    subject: String.raw`OU=a b#,OU=\ ,OU=\#lead,O=\ #a\"\+\,\;\<\>\\=b\ `
  },
  'a zero character': {
    subject: String.raw`CN=good.example\00.evil.example`,
    commonName: 'good.example\0.evil.example'
  },
  'names of every kind': {
    dnsNames: ['xn--strae-oqa.example', '*.example.org'],
    ipAddresses: ['192.0.2.1', '2001:db8::1'],
    emails: ['root@example.org'],
    uris: ['https://example.org/a?b=c']
  },
  'IPv6 addresses': {
    ipAddresses: ['::', '::1', '::ffff:102:304', '2001:db8:0:1::1', '2001:db8:1:1:1:1:1:1', 'fe80::']
  },
  'an address of five bytes': {
    dnsNames: ['kept.example'],
    ipAddresses: [],
    brokenExtensions: ['subjectAltName']
  },
  'an address as text': { ipAddresses: ['10.0.0.1'], brokenExtensions: ['subjectAltName'] },
  'every extension': {
    subjectKeyId: '11'.repeat(20),
    authorityKeyId: '22'.repeat(20),
    isCa: false,
    pathLength: null,
    keyUsage: ['digitalSignature', 'keyEncipherment'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    dnsNames: ['a.example', 'b.example'],
    policies: ['2.23.140.1.2.2'],
    crlUrls: ['http://crl.example/1.crl', 'ldap://crl.example/o=1', 'http://crl.example/2.crl'],
    ocspUrls: ['http://ocsp.example'],
    issuerUrls: ['http://ca.example/ca.cer'],
    mustStaple: true,
    hasScts: true
  },
  'a path length': { isCa: true, pathLength: 3 },
  'a negative path length': { isCa: false, pathLength: null, brokenExtensions: ['basicConstraints'] },
  'all key usages': {
    keyUsage: [
      'digitalSignature',
      'nonRepudiation',
      'keyEncipherment',
      'dataEncipherment',
      'keyAgreement',
      'keyCertSign',
      'cRLSign',
      'encipherOnly',
      'decipherOnly'
    ]
  },
  'no key usage': { keyUsage: [] },
  'unknown purposes': { extendedKeyUsage: ['serverAuth', '1.2.3.4', 'nsSGC'] },
  'authorityKeyIdentifier with issuer and serial': { authorityKeyId: null },
  'another TLS feature': { mustStaple: false },
  'the same extension twice': { dnsNames: ['first.example'], brokenExtensions: ['subjectAltName'] },
  'a broken extension': { dnsNames: [], brokenExtensions: ['subjectAltName'] },
  'several broken extensions': { brokenExtensions: ['basicConstraints', 'keyUsage', 'subjectKeyIdentifier'] },
  'own name in issuer and subject': { selfIssued: true },
  'another issuer': { selfIssued: false, issuer: 'CN=another' },
  'RSA 1024': { keyType: 'RSA', keyBits: 1024, curve: null },
  'RSA 2049': { keyType: 'RSA', keyBits: 2049 },
  'RSA 4096': { keyType: 'RSA', keyBits: 4096 },
  'P-256': { keyType: 'ECDSA', keyBits: 256, curve: 'P-256' },
  'P-384': { keyBits: 384, curve: 'P-384' },
  'P-521': { keyBits: 521, curve: 'P-521' },
  secp256k1: { keyBits: 256, curve: '1.3.132.0.10' },
  brainpoolP384r1: { keyBits: 384, curve: '1.3.36.3.3.2.8.1.1.11' },
  sect283k1: { keyBits: 283, curve: '1.3.132.0.16' },
  'a curve outside the table': { keyBits: 160, curve: '1.3.132.0.8' },
  'explicit curve parameters': { keyType: 'ECDSA', keyBits: 256, curve: null },
  'explicit binary curve': { keyType: 'ECDSA', keyBits: 233, curve: null },
  'unknown curve': { keyBits: 224, curve: '1.2.3.4' },
  Ed25519: { keyType: 'Ed25519', keyBits: 256, signatureAlgorithm: 'Ed25519' },
  'Ed448 key': { keyType: 'Ed448', keyBits: 456 },
  'X25519 key': { keyType: 'other', keyBits: 0 },
  'DSA key': { keyType: 'DSA', keyBits: 1024 },
  'DSA key without parameters': { keyType: 'DSA', keyBits: 0 },
  'RSA-PSS key': { keyType: 'RSA', keyBits: 1024 },
  'unknown key algorithm': { keyType: 'other', keyBits: 0, curve: null },
  'RSA-PSS without parameters': { signatureAlgorithm: 'RSA-PSS-SHA1' },
  'RSA-PSS with defaults': { signatureAlgorithm: 'RSA-PSS-SHA1' },
  'RSA-PSS with MD5': { signatureAlgorithm: 'RSA-PSS-MD5' },
  'RSA-PSS with SHA-384': { signatureAlgorithm: 'RSA-PSS' },
  'RSA-MD5': { signatureAlgorithm: 'RSA-MD5' },
  'DSA-SHA256': { signatureAlgorithm: 'DSA-SHA256' },
  'unknown signature algorithm': { signatureAlgorithm: '1.2.3.4.5.6.7' }
}

t.test('the fields say what is in the certificate', (t) => {
  for (const [name, fields] of Object.entries(expected)) {
    const der = zoo.get(name)
    if (!der) throw new Error(`the zoo has no ${name}`)
    const read = Object.entries(readCertificate(der))
    t.strictSame(Object.fromEntries(read.filter(([field]) => field in fields)), fields, name)
  }
  const many = readCertificate(zoo.get('2,000 names') ?? Buffer.alloc(0))
  t.equal(many.dnsNames.length, 2000)
  t.equal(many.dnsNames.at(-1), 'host-1999.example.org')
  t.end()
})

t.test('brokenExtensions is absent where nothing is broken', (t) => {
  t.notOk('brokenExtensions' in readCertificate(zoo.get('every extension') ?? Buffer.alloc(0)))
  t.end()
})

t.test('times that do not exist or are no times are refused', (t) => {
  const short =
    '250229000000Z 251301000000Z 250001000000Z 250100000000Z 250132000000Z 250431000000Z 250101240000Z ' +
    '250101006000Z 250101000060Z 2501010000Z0 25010100000 25010100000aZ 250101000000+15000 ' +
    '250101000000+1500 250101000000.5Z 250101000000ZZ 2025010100000Z'
  const long = '2025010100 2025-01-01 20250101000000Zz 20250101000000.5+01 21000229000000Z 250101000000Z'
  const cases = [
    ...short.split(' ').map((text) => ascii(0x17, text)),
    ...long.split(' ').map((text) => ascii(0x18, text))
  ]
  for (const time of [...cases, element(0x0c, Buffer.from('250101000000Z'))]) {
    t.throws(
      () => readCertificate(forge({ notBefore: time }).der),
      { code: 'certificate-malformed' },
      time.toString('hex')
    )
  }
  t.end()
})

testWithOpenSsl('names read as openssl writes them', (t, program) => {
  const subjects: Readonly<Record<string, Uint8Array>> = {
    'every known attribute type': sequence(
      ...Object.keys(attributeTypes).map((id) => rdn(id, `value of ${id}`))
    ),
    escapes: sequence(rdn('2.5.4.10', ' #a"+,;<>\\=b '), rdn('2.5.4.11', '#lead'), rdn('2.5.4.11', ' b  c ')),
    'not ASCII': sequence(rdn('2.5.4.3', 'Zürich 漢字')),
    'unknown type': sequence(rdn('1.2.3.4.5', 'text'))
  }
  for (const [what, subject] of Object.entries(subjects)) {
    const { der } = forge({ subject } satisfies Recipe)
    program.write('name.der', der)
    const shown = program
      .run(
        'x509',
        '-inform',
        'DER',
        '-in',
        'name.der',
        '-noout',
        '-subject',
        '-nameopt',
        'RFC2253,-esc_msb,utf8'
      )
      .toString()
    const text = shown
      .replace(/^subject=/, '')
      .replace(/\n$/, '')
      .replace(/#[0-9A-F]+$/, (hex) => hex.toLowerCase())
    t.equal(readCertificate(der).subject.replace('STREET=', 'street='), text, what)
  }
})

testWithOpenSsl('algorithms and purposes have the names that openssl takes for them', (t, program) => {
  const made = openSslZoo(program)
  const algorithmOf = (name: string) => readCertificate(made.get(name) ?? Buffer.alloc(0)).signatureAlgorithm
  for (const hash of ['MD5', 'SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-256']) {
    t.equal(algorithmOf(`RSA-${hash}`), `RSA-${hash}`)
  }
  for (const hash of ['SHA1', 'SHA224', 'SHA256', 'SHA384', 'SHA512', 'SHA3-384']) {
    t.equal(algorithmOf(`ECDSA-${hash}`), `ECDSA-${hash}`)
  }
  t.equal(algorithmOf('DSA-SHA256'), 'DSA-SHA256')
  t.equal(algorithmOf('Ed25519'), 'Ed25519')
  t.equal(algorithmOf('Ed448'), 'Ed448')
  t.equal(algorithmOf('RSA-PSS SHA-256'), 'RSA-PSS')
  const server = readCertificate(made.get('a server certificate') ?? Buffer.alloc(0))
  t.equal(
    server.extendedKeyUsage?.join(' '),
    'serverAuth clientAuth codeSigning emailProtection timeStamping OCSPSigning ' +
      'ipsecIKE msSmartcardLogin msSGC nsSGC anyExtendedKeyUsage 1.2.3.4'
  )
  t.strictSame(server.dnsNames, ['www.example.org', '*.example.org'])
  t.strictSame(server.ipAddresses, ['192.0.2.7', '2001:db8::7'])
  t.equal(server.mustStaple, true)
  t.equal(server.issuerUrls[0], 'http://ca.example/ca.der')
  t.equal(server.keyUsage?.join(), 'digitalSignature,keyEncipherment')
  t.equal(server.commonName, 'www.example.org')
})
