import { generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { makeCsr, readCsr } from '../../pki/csr.ts'
import { encodePem } from '../../pki/pem.ts'
import { keyTypes, makePrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import { canonicalName, canonicalNames } from '../../pki/subject-names.ts'
import { openssl } from './pki-authority.ts'
import {
  ascii,
  bits,
  commonName,
  element,
  integer,
  oid,
  octets,
  sequence,
  set,
  signatureOf
} from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

const asked = ['www.example.org', '*.example.org', 'Bücher.example.', '192.0.2.1', '2001:DB8::1']
const given = {
  dnsNames: ['www.example.org', '*.example.org', 'xn--bcher-kva.example'],
  ipAddresses: ['192.0.2.1', '2001:db8::1']
}
const subject = { C: 'DE', ST: 'Hessen', L: 'Köln', O: '#4142, "x" + \\y', OU: 'IT', CN: 'www.example.org' }

testWithOpenSsl('a request of every key type is what openssl takes, and reads back', async (t, program) => {
  for (const type of keyTypes) {
    const key = await makePrivateKey(type)
    const der = await makeCsr({ key, names: asked, subject })
    program.write('request.pem', encodePem(der, 'CERTIFICATE REQUEST'))
    const text = openssl(program, 'req -in request.pem -verify -noout -text').toString()
    t.match(
      text,
      /DNS:www\.example\.org, DNS:\*\.example\.org, DNS:xn--bcher-kva\.example, IP Address:192\.0\.2\.1/
    )
    t.match(text, type === 'ec-p384' ? /ecdsa-with-SHA384/ : /(ecdsa-with-SHA256|sha256WithRSA)/)
    t.notMatch(text, /Key Usage|TLS Feature/)
    const name = openssl(
      program,
      'req -in request.pem -noout -subject -nameopt RFC2253,utf8,-esc_msb'
    ).toString()
    t.match(name, 'CN=www.example.org,OU=IT,O=\\#4142\\, \\"x\\" \\+ \\\\y,L=Köln,ST=Hessen,C=DE')
    t.match(readCsr(der), { ...given, commonName: 'www.example.org', spki: key.spki, hasOtherNames: false })
  }
})

testWithOpenSsl('a request without a subject is made', async (t, program) => {
  const der = await makeCsr({ key: await makePrivateKey('ec-p256'), names: ['one.example'] })
  program.write('request.pem', encodePem(der, 'CERTIFICATE REQUEST'))
  openssl(program, 'req -in request.pem -verify -noout')
  t.match(readCsr(der), {
    subject: '',
    commonName: null,
    dnsNames: ['one.example'],
    keyType: 'ECDSA',
    curve: 'P-256'
  })
})

testWithOpenSsl('requests of openssl are read, whoever wrote them', (t, program) => {
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout key.pem'
  const der = (rest: string) => openssl(program, `req -new ${key} -outform DER -subj /O=Org/CN=host ${rest}`)
  t.match(readCsr(der('-addext subjectAltName=DNS:A.example,IP:10.0.0.1')), {
    subject: 'CN=host,O=Org',
    dnsNames: ['A.example'],
    ipAddresses: ['10.0.0.1'],
    keyBits: 384
  })
  t.match(readCsr(der('-addext subjectAltName=email:a@b.c')), { dnsNames: [], hasOtherNames: true })
  t.match(readCsr(der('-addext basicConstraints=CA:TRUE')), { dnsNames: [], commonName: 'host' })
  const rsa = openssl(
    program,
    'req -new -newkey rsa:2048 -nodes -keyout r.pem -outform DER -subj /CN=r -sha512'
  )
  t.match(readCsr(rsa), { keyType: 'RSA', keyBits: 2048 })
  const pss = '-sigopt rsa_padding_mode:pss'
  t.match(readCsr(openssl(program, `req -new -key r.pem -outform DER -subj /CN=r ${pss}`)), { keyBits: 2048 })
})

t.test('a request that somebody changed, or another key signed, is refused', async (t) => {
  const der = await makeCsr({ key: await makePrivateKey('ec-p256'), names: ['one.example'] })
  const changed = Buffer.from(der)
  changed.write('two', changed.indexOf('one.example'))
  t.throws(() => readCsr(changed), { code: 'csr-malformed', message: /not made by its own key/ })
  t.throws(() => readCsr(Buffer.concat([der, Buffer.of(0)])), { code: 'csr-malformed' })
  t.throws(() => readCsr(der.subarray(0, 100)), { code: 'csr-malformed' })
})

t.test('a request with two sets of names is refused', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = (...list: string[]) =>
    sequence(oid('2.5.29.17'), octets(sequence(...list.map((name) => ascii(0x82, name)))))
  const request = (...extensions: Buffer[]) => {
    const attribute = sequence(oid('1.2.840.113549.1.9.14'), set(sequence(...extensions)))
    const spki = publicKey.export({ type: 'spki', format: 'der' })
    const info = sequence(integer(0), commonName('x'), spki, element(0xa0, attribute))
    return sequence(info, sequence(oid('1.2.840.10045.4.3.2')), bits(signatureOf(info, privateKey)))
  }
  t.match(readCsr(request(names('a.example'))), { dnsNames: ['a.example'] })
  t.throws(() => readCsr(request(names('a.example'), names('b.example'))), { message: /comes twice/ })
  t.end()
})

t.test('whatever bytes come, reading a request ends in a request or a fault', async () => {
  const der = await makeCsr({ key: await makePrivateKey('ec-p256'), names: ['one.example'] })
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bytes = Buffer.from(der)
      bytes[at] = (bytes[at] ?? 0) ^ flip
      try {
        readCsr(bytes)
        return false
      } catch (thrown) {
        return thrown instanceof Fault && thrown.code === 'csr-malformed'
      }
    }),
    { numRuns: 1000 }
  )
})

const nameCases: readonly (readonly [text: string, name: string | RegExp])[] = [
  ['Example.ORG', 'example.org'],
  ['example.org.', 'example.org'],
  [' example.org ', 'example.org'],
  ['*.Example.org', '*.example.org'],
  ['straße.example', 'xn--strae-oqa.example'],
  ['*.straße.example', '*.xn--strae-oqa.example'],
  ['xn--strae-oqa.example', 'xn--strae-oqa.example'],
  ['intranet', 'intranet'],
  ['my_host.corp', 'my_host.corp'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:0DB8::0:1', '2001:db8::1'],
  ['', /is empty/],
  ['.', /is empty/],
  ['a..b', /label ""/],
  ['.example.org', /label ""/],
  ['-a.example', /label "-a"/],
  ['a-.example', /label "a-"/],
  [`${'a'.repeat(64)}.example`, /label "a+/],
  [`${'a.'.repeat(130)}example`, /253/],
  ['exa mple.org', /label "exa mple"/],
  ['a/b.example', /label "a\/b"/],
  ['host:443', /label "host:443"/],
  ['https://example.org', /label/],
  ['a@example.org', /label "a@example"/],
  ['a.example\0.evil', /label/],
  ['127.1', /ends in a number/],
  ['300.1.1.1', /ends in a number/],
  ['１２７.1', /ends in a number/],
  ['192.0.2.0/24', /label/],
  ['*', /wildcard that is not/],
  ['*.org', /whole top-level/],
  ['*.*.example.org', /wildcard that is not/],
  ['www.*.example.org', /wildcard that is not/],
  ['w*.example.org', /label "w\*"/],
  ['*.192.0.2.1', /ends in a number/],
  ['xn--a.example', /no IDN/],
  ['[2001:db8::1]', /label/],
  ['fe80::1%eth0', /label/]
]

t.test('names are brought into one form, and wrong ones named', (t) => {
  for (const [text, name] of nameCases) {
    if (typeof name === 'string') t.equal(canonicalName(text), name, JSON.stringify(text))
    else t.throws(() => canonicalName(text), { code: 'name-malformed', message: name }, JSON.stringify(text))
  }
  t.same(canonicalNames(['A.example', 'a.example.', '10.0.0.1']), ['a.example', '10.0.0.1'])
  t.throws(() => canonicalNames([]), { code: 'name-malformed' })
  t.throws(() => canonicalNames(Array.from({ length: 1001 }, (_, at) => `n${at}.example`)), {
    code: 'name-malformed'
  })
  t.end()
})

t.test('a wrong subject is a fault that names the field', async (t) => {
  const key = await makePrivateKey('ec-p256')
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ C: 'Germany' }, /C=Germany: a country/],
    [{ C: 'de' }, /two capital/],
    [{ O: '' }, /O=: it is empty/],
    [{ CN: 'x'.repeat(65) }, /65 characters, and may have 64/],
    [{ L: 'a\nb' }, /control/]
  ]
  for (const [subject, message] of wrong) {
    await t.rejects(makeCsr({ key, names: ['a.example'], subject }), { code: 'subject-malformed', message })
  }
  await t.rejects(makeCsr({ key, names: ['a b'] }), { code: 'name-malformed' })
})

t.test('a key read from a file makes requests as a new one does', async (t) => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs1',
    format: 'pem'
  })
  const key = readPrivateKey(new Secret(pem.toString()))
  t.match(readCsr(await makeCsr({ key, names: ['a.example'] })), { spki: key.spki })
})
