import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import t from 'tap'
import { describeCertificate } from '../../pki/describe.ts'
import { readCertificateFile } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import { ascii, boolean, commonName, element, extension, forge, octets, oid, sequence } from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'
import { openSslZoo } from './pki-openssl-zoo.ts'
import { forgedZoo } from './pki-zoo.ts'

const zoo = forgedZoo()

t.test('a description holds the fields, the version, the key, the signature and the PEM', (t) => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { der } = forge({ keys })
  const description = describeCertificate(der)
  t.strictSame(description.fields, readCertificate(der))
  t.equal(description.version, 3)
  t.strictSame(description.publicKey, { type: 'rsa', modulusLength: '2048', publicExponent: '65537' })
  t.equal(description.publicKeyPem, keys.publicKey.export({ type: 'spki', format: 'pem' }))
  t.equal(description.signatureBytes, 256)
  t.strictSame(readCertificateFile(Buffer.from(description.pem)), [der])
  t.strictSame(description.extensions, [])
  t.equal(describeCertificate(forge({ version: null }).der).version, 1)
  t.strictSame(describeCertificate(zoo.get('unknown curve') ?? der).publicKey, {})
  t.end()
})

t.test('every extension is shown, in order, on one line of bounded length', (t) => {
  const { extensions } = describeCertificate(zoo.get('every extension') ?? Buffer.alloc(0))
  t.strictSame(
    extensions.map(({ name, text }) => [name, text]),
    [
      ['subjectKeyIdentifier', '11'.repeat(20)],
      ['authorityKeyIdentifier', '22'.repeat(20)],
      ['basicConstraints', 'CA:FALSE'],
      ['keyUsage', 'digitalSignature, keyEncipherment'],
      ['extKeyUsage', 'serverAuth, clientAuth'],
      ['subjectAltName', 'DNS:a.example, DNS:b.example'],
      ['certificatePolicies', '2.23.140.1.2.2'],
      [
        'cRLDistributionPoints',
        'URI:http://crl.example/1.crl, URI:ldap://crl.example/o=1, URI:http://crl.example/2.crl'
      ],
      ['authorityInfoAccess', 'OCSP:http://ocsp.example, caIssuers:http://ca.example/ca.cer'],
      ['tlsfeature', 'status_request'],
      ['signedCertificateTimestampList', `#0478${'01'.repeat(120)}`]
    ]
  )
  t.strictSame(
    extensions.filter(({ critical }) => critical).map(({ oid }) => oid),
    ['2.5.29.19', '2.5.29.15']
  )
  const long = describeCertificate(zoo.get('2,000 names') ?? Buffer.alloc(0)).extensions[0]?.text ?? ''
  t.match(long, /^DNS:host-0\.example\.org, DNS:host-1.*…$/)
  t.equal(long.length, 300)
  for (const { text } of extensions) t.ok(text.length <= 300 && !text.includes('\n'))
  const odd = extension('1.2.3.4', octets(Buffer.from('what')), true)
  const broken = extension('2.5.29.19', boolean(7))
  const described = describeCertificate(
    forge({
      extensions: [
        odd,
        broken,
        extension('2.5.29.32', sequence(sequence(oid('2.25.329800735698586629295641978511506172918'))))
      ]
    }).der
  )
  t.match(described.extensions, [
    { oid: '1.2.3.4', name: null, critical: true, text: '#040477686174' },
    { oid: '2.5.29.19', text: '#010107' },
    { name: 'certificatePolicies', text: '2.25.329800735698586629295641978511506172918' }
  ])
  const constraints = extension('2.5.29.30', sequence(element(0xa0, sequence(ascii(0x82, 'example.org')))))
  const [constrained] = describeCertificate(forge({ extensions: [constraints] }).der).extensions
  t.match(constrained, { name: 'nameConstraints', text: /^#30/ })
  t.end()
})

t.test('whatever both readers take can be described', (t) => {
  for (const [name, der] of zoo) t.equal(describeCertificate(der).fields.fingerprint.length, 64, name)
  t.end()
})

testWithOpenSsl('a server certificate of openssl is described whole', (t, program) => {
  const der = openSslZoo(program).get('a server certificate') ?? Buffer.alloc(0)
  const { extensions, publicKey } = describeCertificate(der)
  t.strictSame(
    extensions.map(({ name }) => name),
    ['basicConstraints', 'keyUsage', 'extKeyUsage', 'subjectAltName', 'authorityInfoAccess'].concat([
      'cRLDistributionPoints',
      'certificatePolicies',
      'tlsfeature',
      'subjectKeyIdentifier',
      'netscapeComment',
      'ocspNoCheck'
    ])
  )
  t.equal(
    publicKey['modulusLength'],
    String(new X509Certificate(der).publicKey.asymmetricKeyDetails?.modulusLength)
  )
})

t.test('what is no certificate is refused', (t) => {
  t.throws(() => describeCertificate(commonName('x')), { code: 'certificate-malformed' })
  t.end()
})
