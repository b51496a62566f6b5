import { hash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { readCertificateFile } from '../../pki/pem.ts'
import { readPkcs12 } from '../../pki/pkcs12.ts'
import { signingKey } from '../../pki/private-key.ts'
import { openssl } from './pki-authority.ts'
import { ascii, element, integer, octets, oid, sequence } from './pki-forge.ts'
import { type OpenSsl, testWithOpenSsl } from './pki-openssl.ts'

/** the ways in which files are encrypted: options of openssl pkcs12 -export */
const encryptions: readonly (readonly [name: string, options: string])[] = [
  ['OpenSSL 3', ''],
  ['OpenSSL 1 and old Windows (-legacy)', '-legacy'],
  ['3DES throughout', '-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1'],
  ['3DES with two keys', '-legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-2DES'],
  ['RC2 of 128 bits', '-legacy -certpbe PBE-SHA1-RC2-128'],
  ['AES-128', '-keypbe AES-128-CBC -certpbe AES-128-CBC'],
  ['AES-192 and SHA-384', '-keypbe AES-192-CBC -certpbe AES-192-CBC -macalg sha384'],
  ['SHA-512', '-macalg sha512'],
  ['many rounds', '-iter 100000'],
  ['open certificates', '-certpbe NONE'],
  ['no encryption', '-keypbe NONE -certpbe NONE'],
  ['no check sum', '-nomac']
]

/** a chain of two with an EC and an RSA leaf: files leaf-ec.pem, leaf-rsa.pem, ca.pem */
function makeChain(program: OpenSsl): void {
  program.write('leaf.ext', 'subjectAltName=DNS:leaf.example\n')
  openssl(program, 'req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 9')
  for (const [kind, key] of [
    ['rsa', '-newkey rsa:2048'],
    ['ec', '-newkey ec -pkeyopt ec_paramgen_curve:P-384']
  ]) {
    openssl(program, `req -new ${key} -nodes -keyout leaf-${kind}.key -out leaf.csr -subj /CN=leaf`)
    const sign = `x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 9 -extfile leaf.ext -out leaf-${kind}.pem`
    openssl(program, sign)
  }
}

function exportFile(program: OpenSsl, kind: string, password: string, options = ''): Buffer {
  const parts = `pkcs12 -export -inkey leaf-${kind}.key -in leaf-${kind}.pem -certfile ca.pem -name Größe`
  const rest = options === '' ? [] : options.split(' ')
  return program.run(...parts.split(' '), '-passout', `pass:${password}`, ...rest)
}

const derOf = (program: OpenSsl, name: string) =>
  readCertificateFile(readFileSync(join(program.directory, name)))[0] ?? Buffer.alloc(0)

testWithOpenSsl('files of every encryption are read, with RSA and EC keys', async (t, program) => {
  makeChain(program)
  for (const kind of ['rsa', 'ec']) {
    const expected = [derOf(program, `leaf-${kind}.pem`), derOf(program, 'ca.pem')]
    const spki = hash('sha256', openssl(program, `pkey -in leaf-${kind}.key -pubout -outform DER`), 'hex')
    for (const [name, options] of encryptions) {
      const file = exportFile(program, kind, 'geheim', options)
      const { key, certificates } = await readPkcs12(file, new Secret('geheim'))
      t.equal(key.spki, spki, `${kind}, ${name}`)
      t.ok(new X509Certificate(expected[0] ?? '').checkPrivateKey(signingKey(key)))
      t.same(certificates, expected, 'the certificates are byte for byte what went in')
      if (options.includes('-keypbe NONE')) continue
      const wrong = new Secret('falsch')
      await t.rejects(readPkcs12(file, wrong), { code: 'passphrase-wrong', message: /another one/ }, name)
    }
  }
})

testWithOpenSsl('passwords beyond ASCII, empty ones and none are told apart', async (t, program) => {
  makeChain(program)
  for (const options of ['', '-legacy']) {
    for (const password of ['pässwörd', '密码', '🔑 key', '']) {
      const file = exportFile(program, 'ec', password, options)
      t.equal((await readPkcs12(file, new Secret(password))).key.type, 'ec-p384', `${password} ${options}`)
      const without = readPkcs12(file, null)
      if (password === '') t.equal((await without).key.type, 'ec-p384')
      else await t.rejects(without, { code: 'passphrase-wrong', message: /none was given/ })
    }
  }
})

testWithOpenSsl('files without a key, and of kinds that are not handled, are faults', async (t, program) => {
  makeChain(program)
  const password = new Secret('x')
  const noKey = openssl(program, 'pkcs12 -export -nokeys -in ca.pem -passout pass:x')
  await t.rejects(readPkcs12(noKey, password), { code: 'pkcs12-malformed', message: /no private key/ })
  openssl(program, 'req -x509 -newkey ed25519 -nodes -keyout ed.key -out ed.pem -subj /CN=ed')
  const edwards = openssl(program, 'pkcs12 -export -inkey ed.key -in ed.pem -passout pass:x')
  await t.rejects(readPkcs12(edwards, password), { code: 'key-unsupported', message: /ed25519/ })
  const camellia = exportFile(program, 'ec', 'x', '-keypbe CAMELLIA-128-CBC')
  await t.rejects(readPkcs12(camellia, password), {
    code: 'pkcs12-malformed',
    message: /cipher 1\.2\.392.* not known/
  })
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('hello'),
    readFileSync(join(program.directory, 'ca.pem'))
  ]) {
    await t.rejects(readPkcs12(bytes, password), { code: 'pkcs12-malformed' })
  }
  await t.rejects(readPkcs12(derOf(program, 'ca.pem'), password), { code: 'pkcs12-malformed' })
  await t.rejects(readPkcs12(Buffer.alloc(300_000), password), {
    code: 'pkcs12-malformed',
    message: /more than/
  })
})

testWithOpenSsl('a file that would take hours to open is refused at once', async (t, program) => {
  makeChain(program)
  for (const options of [
    '-iter 65537',
    '-legacy -iter 65537',
    '-iter 65537 -nomac',
    '-legacy -iter 65537 -nomac'
  ]) {
    const file = exportFile(program, 'ec', 'x', options)
    const count = Buffer.of(2, 3, 1, 0, 1)
    t.ok(file.includes(count), 'the number of rounds is in the open')
    for (let at = file.indexOf(count); at >= 0; at = file.indexOf(count))
      file.set([2, 3, 0x7f, 0xff, 0xff], at)
    await t.rejects(
      readPkcs12(file, new Secret('x')),
      { code: 'pkcs12-malformed', message: /rounds/ },
      options
    )
  }
})

testWithOpenSsl('whatever bytes come, reading ends in a key or a fault', async (t, program) => {
  makeChain(program)
  const file = exportFile(program, 'ec', 'x', '-iter 1')
  const cut = exportFile(program, 'ec', 'x', '-iter 1 -nomac')
  const { key } = await readPkcs12(file, new Secret('x'))
  for (const whole of [file, cut]) {
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] ?? 0) ^ flip
        try {
          return (await readPkcs12(bytes, new Secret('x'))).key.spki === key.spki
        } catch (thrown) {
          return thrown instanceof Fault && thrown.code !== 'internal'
        }
      }),
      { numRuns: 300 }
    )
  }
  t.pass()
})

t.test('safes inside safes end somewhere', async (t) => {
  const data = (content: Buffer) => sequence(oid('1.2.840.113549.1.7.1'), element(0xa0, octets(content)))
  let contents = sequence()
  for (let depth = 0; depth < 20; depth++) {
    contents = sequence(sequence(oid('1.2.840.113549.1.12.10.1.6'), element(0xa0, contents)))
  }
  const file = sequence(integer(3), data(sequence(data(contents))))
  await t.rejects(readPkcs12(file, null), { code: 'pkcs12-malformed', message: /too deep/ })
  const secret = sequence(oid('1.2.840.113549.1.12.10.1.5'), element(0xa0, ascii(0x0c, 'hello')))
  const many = sequence(
    integer(3),
    data(sequence(data(sequence(...Array.from({ length: 101 }, () => secret)))))
  )
  await t.rejects(readPkcs12(many, null), { code: 'pkcs12-malformed', message: /more than 100/ })
})
