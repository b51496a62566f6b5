import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { encodePem, readCertificateFile, readPem } from '../../pki/pem.ts'
import { commonName, element, forge, sequence } from './pki-forge.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

const one = forge({ subject: commonName('one') }).der
const two = forge({ subject: commonName('two') }).der

t.test('what is written is read back', (t) => {
  t.strictSame(readCertificateFile(Buffer.from(encodePem(one) + encodePem(two))), [one, two])
  t.strictSame(readPem(encodePem(one, 'X509 CRL')), [{ label: 'X509 CRL', der: one, line: 1 }])
  t.match(
    encodePem(one),
    /^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n-----END CERTIFICATE-----\n$/
  )
  t.end()
})

t.test('text between, other line ends, a byte order mark and other blocks do not matter', (t) => {
  const bundle = [
    '\ufeffsubject=/CN=one',
    encodePem(one),
    '# a key that nobody takes along',
    encodePem(Buffer.from('secret'), 'PRIVATE KEY'),
    'issuer: ---- not a block ----',
    encodePem(two).trimEnd()
  ].join('\n')
  for (const ends of ['\n', '\r\n', '\r']) {
    t.strictSame(readCertificateFile(Buffer.from(bundle.replaceAll('\n', ends))), [one, two])
  }
  const spaced = encodePem(one).replaceAll('\n', ' \t\n')
  t.strictSame(readCertificateFile(Buffer.from(spaced)), [one])
  t.end()
})

t.test('headers inside a block are passed over', (t) => {
  const text = encodePem(one).replace('-----\n', '-----\nProc-Type: 4,CLEAR\nX-Note: hello\n\n')
  t.strictSame(readCertificateFile(Buffer.from(text)), [one])
  t.end()
})

t.test('DER is taken as it is', (t) => {
  t.strictSame(readCertificateFile(one), [one])
  t.end()
})

testWithOpenSsl('the trust settings of openssl are cut off', (t, program) => {
  program.write('one.pem', encodePem(one))
  const trusted = program.run(
    'x509',
    '-in',
    'one.pem',
    '-trustout',
    '-addtrust',
    'serverAuth',
    '-setalias',
    'mine'
  )
  t.match(trusted.toString(), /TRUSTED CERTIFICATE/)
  t.strictSame(readCertificateFile(trusted), [one])
})

t.test('a broken file is refused with the line and what is wrong there', (t) => {
  const good = encodePem(one)
  const cases: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['nothing', '', /The file holds nothing/],
    ['prose', 'Dear customer, your certificate is attached.', /The file holds no PEM block/],
    ['only a key', encodePem(Buffer.from('k'), 'PRIVATE KEY'), /The file holds only PRIVATE KEY/],
    ['no end', good.replace(/-----END.*/, ''), /line 1: the CERTIFICATE has no END line/],
    ['no begin', good.replace(/-----BEGIN.*/, ''), /line \d+: END CERTIFICATE ends nothing that began/],
    ['another end', good.replace('END CERTIFICATE', 'END X509 CRL'), /END X509 CRL ends nothing that began/],
    [
      'a block in a block',
      good.replace(/\n/, `\n${good}`),
      /line 2: BEGIN CERTIFICATE stands inside the CERTIFICATE of line 1/
    ],
    ['no base64', good.replace(/\n./, '\n*'), /line 2: the CERTIFICATE holds something that is no base64/],
    ['a lost character', good.replace(/\n./, '\n'), /line 1: the base64 of the CERTIFICATE is cut short/],
    ['padding in the middle', good.replace(/\n..../, '\nAA==\n'), /is cut short/],
    [
      'an empty block',
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----',
      /line 1: the CERTIFICATE is empty/
    ]
  ]
  for (const [what, text, message] of cases) {
    t.throws(
      () => readCertificateFile(Buffer.from(text)),
      { name: 'Fault', code: 'certificate-malformed', message },
      what
    )
  }
  const trusted = encodePem(element(0x04, sequence()), 'TRUSTED CERTIFICATE')
  t.throws(() => readCertificateFile(Buffer.from(trusted)), Fault)
  t.end()
})
