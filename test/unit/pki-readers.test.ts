import { X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { readCertificateFully } from '../../pki/full.ts'
import { readCertificate, readKeyType } from '../../pki/quick.ts'
import { skipFor } from '../peers/process.ts'
import { commonName, forge, sequence } from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'
import { openSslZoo } from './pki-openssl-zoo.ts'
import { brokenForQuick, forgedZoo, fullOnly, quickOnly } from './pki-zoo.ts'

const zoo = forgedZoo()

for (const store of ['system', 'bundled'] as const) {
  const pems = getCACertificates(store)
  const skip = skipFor(pems.length === 0 ? 'the store is empty: install ca-certificates' : undefined)
  t.test(
    `both readers give the same fields for every certificate of the ${store} trust store`,
    { skip },
    (t) => {
      const ders = pems.map((pem) => new X509Certificate(pem).raw)
      t.ok(ders.length > 100, `${ders.length} certificates`)
      for (const der of ders) t.strictSame(readCertificate(der), readCertificateFully(der))
      t.end()
    }
  )
}

t.test('both readers give the same fields for every certificate of the zoo', (t) => {
  for (const [name, der] of zoo) t.strictSame(readCertificate(der), readCertificateFully(der), name)
  t.end()
})

testWithOpenSsl('both readers give the same fields for what openssl makes', (t, program) => {
  for (const [name, der] of openSslZoo(program)) {
    t.strictSame(readCertificate(der), readCertificateFully(der), name)
  }
})

t.test('the differences between the readers are those that the documentation names', (t) => {
  for (const [name, recipe] of Object.entries(quickOnly)) {
    const { der } = forge(recipe)
    t.ok(readCertificate(der), `the quick one takes ${name}`)
    t.throws(() => readCertificateFully(der), Fault, `the full one refuses ${name}`)
  }
  for (const [name, recipe] of Object.entries(fullOnly)) {
    const { der } = forge(recipe)
    t.throws(() => readCertificate(der), Fault, `the quick one refuses ${name}`)
    t.ok(readCertificateFully(der), `the full one takes ${name}`)
  }
  for (const [name, recipe] of Object.entries(brokenForQuick)) {
    const { der } = forge(recipe)
    t.strictSame(readCertificate(der).brokenExtensions, ['basicConstraints'], `the quick one minds ${name}`)
    t.equal(readCertificateFully(der).brokenExtensions, undefined, `the full one does not mind ${name}`)
  }
  t.end()
})

t.test('OpenSSL agrees about what it can say itself', (t) => {
  for (const [name, der] of zoo) {
    const fields = readCertificate(der)
    const node = new X509Certificate(der)
    t.equal(fields.fingerprint, node.fingerprint256.replaceAll(':', '').toLowerCase(), name)
    t.equal(fields.notBefore, node.validFromDate.getTime(), name)
    t.equal(fields.notAfter, node.validToDate.getTime(), name)
    if (!/^(negative|serial zero)/.test(name)) t.equal(fields.serial, node.serialNumber.toLowerCase(), name)
  }
  t.end()
})

t.test('the key type alone is that of the fields', (t) => {
  for (const [name, der] of zoo) t.equal(readKeyType(der), readCertificate(der).keyType, name)
  t.end()
})

t.test('a fingerprint that is given is not computed', (t) => {
  t.equal(readCertificate(forge().der, 'known').fingerprint, 'known')
  t.end()
})

t.test('a certificate is read wherever it lies in a buffer', (t) => {
  const { der } = forge()
  const padded = Buffer.concat([Buffer.alloc(7, 0x30), der, Buffer.alloc(5, 0x30)])
  const view = new Uint8Array(padded.buffer, padded.byteOffset + 7, der.length)
  t.strictSame(readCertificate(view), readCertificate(der))
  t.end()
})

t.test('what is no certificate is refused with the field and the byte', (t) => {
  const issuer = forge()
  const { der } = issuer
  const cases: readonly (readonly [what: string, der: Uint8Array, message: RegExp])[] = [
    ['nothing', Buffer.alloc(0), /certificate ends too early \(byte 0\)/],
    ['a cut one', der.subarray(0, -1), /certificate is longer than what holds it/],
    ['something behind it', Buffer.concat([der, Buffer.of(0)]), /certificate has something behind it/],
    ['another type', Buffer.from('a\x03abc'), /certificate has the type 0x61/],
    ['an empty SEQUENCE', sequence(), /tbsCertificate ends too early/],
    ['an indefinite length', Buffer.of(0x30, 0x80, 0, 0), /indefinite length/],
    ['a length of five bytes', Buffer.of(0x30, 0x85, 0, 0, 0, 0, 0), /is longer than what holds it/],
    ['a tag number above 30', Buffer.of(0x3f, 0x81, 0x01, 0x00), /tag number above 30/],
    ['more than a megabyte', Buffer.alloc(2 ** 20 + 1, 0x30), /has more than 1048576 bytes/],
    [
      'an impossible date',
      forge({ notAfter: Buffer.from('170d3235303233303030303030305a', 'hex') }).der,
      /notAfter is no time that exists/
    ],
    ['an empty serial number', forge({ serial: Buffer.of(2, 0) }).der, /serialNumber is an empty INTEGER/],
    [
      'a relative name without an attribute',
      forge({ subject: sequence(Buffer.of(0x31, 0)), issuer }).der,
      /subject ends too early/
    ],
    [
      'a key without bits',
      forge({ spki: Buffer.from('30090605550403020103 00'.replace(' ', ''), 'hex') }).der,
      /subjectPublicKeyInfo/
    ],
    [
      '257 extensions',
      forge({
        extensions: Array.from({ length: 257 }, () => sequence(Buffer.of(6, 1, 0x2a), Buffer.of(4, 0)))
      }).der,
      /extensions are more than 256/
    ]
  ]
  for (const [what, bytes, message] of cases) {
    t.throws(() => readCertificate(bytes), { name: 'Fault', code: 'certificate-malformed', message }, what)
  }
  t.match(
    faultOf(() => readCertificate(der.subarray(0, 40))),
    { facts: { field: 'certificate', offset: 0 } }
  )
  t.end()
})

t.test('the full reader refuses the same with the same fault', (t) => {
  const { der } = forge()
  for (const bytes of [
    Buffer.alloc(0),
    der.subarray(0, -1),
    Buffer.concat([der, Buffer.of(0)]),
    commonName('x')
  ]) {
    t.match(
      faultOf(() => readCertificateFully(bytes)),
      { code: 'certificate-malformed' }
    )
  }
  t.end()
})

function faultOf(act: () => unknown): Fault | undefined {
  try {
    act()
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown
    throw thrown
  }
  return undefined
}
