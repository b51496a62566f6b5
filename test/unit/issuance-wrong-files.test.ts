import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { fileKind } from '../../pki/file-kind.ts'
import { encodePem } from '../../pki/pem.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import { importFileOf, readImport } from '../../sensor/issuance/import-file.ts'
import { importIssuer } from '../../sensor/issuance/import.ts'
import type { CertificateRequest } from '../../sensor/issuance/issuer.ts'
import { manualIssuer, personsRequest, readHandedIn } from '../../sensor/issuance/manual.ts'
import { privateCaIssuer } from '../../sensor/issuance/private-ca.ts'
import { dayMs, keyRing, memoryOn, never, privateCa, requestFor } from './issuance-world.ts'
import { openssl } from './pki-authority.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

/** a CA whose root signs leaves itself, as small ones do, and one with an intermediate */
const { settings, tools, root } = await privateCa()
const small = privateCaIssuer({ ...settings, key: 'corp/root', certificate: root, above: [] }, tools)
const large = privateCaIssuer(settings, tools)
const nobody = () => openTrustStore([])
const strict = { now: Date.now(), known: nobody }
const name = 'a.corp.example'

async function signed(request: CertificateRequest, by = small): Promise<Uint8Array[]> {
  const progress = await by.advance(request, memoryOn(), never)
  return progress.state === 'issued' ? [...progress.chain] : []
}

const pem = (...ders: readonly Uint8Array[]) => Buffer.from(ders.map((der) => encodePem(der)).join(''))
const keyOf = ({ privateKey }: Awaited<ReturnType<typeof requestFor>>) => Buffer.from(privateKey.pem.reveal())

t.test('a leaf that a root has signed itself is taken, with the root or where it is known', async (t) => {
  const request = await requestFor([name])
  const [leaf = Buffer.alloc(0)] = await signed(request)
  t.same(readHandedIn(request, pem(leaf, root), strict), [leaf, root])
  t.same(readHandedIn(request, pem(root, leaf), strict), [leaf, root], 'in any order')
  const known = () => openTrustStore([root])
  t.same(readHandedIn(request, pem(leaf), { ...strict, known }), [leaf])
  t.throws(() => readHandedIn(request, pem(leaf), strict), { message: /lacks .* its root where the root/ })

  const text = new Secret(`${keyOf(request).toString()}${pem(leaf, root).toString()}`)
  const bundle = { form: 'bundle', text, passphrase: null } as const
  const imported = await readImport(bundle, strict)
  t.same(imported.chain, [leaf, root])
  const keys = keyRing()
  keys.keep('one', request.privateKey.pem)
  const shelf = (chain: readonly Uint8Array[]) => () => [{ chain, key: 'one' }]
  const bought = { ...request, csr: null }
  const common = { keys, clock: systemClock }
  const from = importIssuer({ ...common, shelf: shelf(imported.chain), known: nobody })
  t.match(await from.advance(bought, memoryOn(), never), { state: 'issued' })
  const alone = importIssuer({ ...common, shelf: shelf([leaf]), known })
  t.match(await alone.advance(bought, memoryOn(), never), { state: 'issued', chain: [leaf] })

  const people = { show() {}, handedIn: () => pem(leaf, root) }
  const person = manualIssuer({ desk: people, clock: systemClock, known: nobody })
  t.match(await person.advance(request, memoryOn(), never), { state: 'issued' })
  t.ok(personsRequest(request).pem)
})

t.test('a root that only has the name of the issuer does not stand for it', async (t) => {
  const request = await requestFor([name])
  const [leaf = Buffer.alloc(0)] = await signed(request)
  const other = (await privateCa()).root
  t.throws(() => readHandedIn(request, pem(leaf, other), strict), { code: 'chain-unfit' })
  const known = () => openTrustStore([other])
  t.throws(() => readHandedIn(request, pem(leaf), { ...strict, known }), { code: 'chain-unfit' })
})

testWithOpenSsl('each wrong file is told for what it is, with what to do instead', async (t, program) => {
  const request = await requestFor([name])
  const [leaf = Buffer.alloc(0), middle = Buffer.alloc(0)] = await signed(request, large)
  const other = await requestFor([name])
  const csr = request.csr ?? Buffer.alloc(0)
  program.write('key.pem', keyOf(request).toString())
  program.write('chain.pem', pem(leaf, middle).toString())
  const p12 = openssl(program, 'pkcs12 -export -inkey key.pem -in chain.pem -passout pass:')
  const locked = openssl(program, 'pkcs8 -topk8 -in key.pem -passout pass:x')
  const keyDer = openssl(program, 'pkey -in key.pem -outform DER')
  const publicKey = openssl(program, 'pkey -in key.pem -pubout -outform DER')
  const p7b = openssl(program, 'crl2pkcs7 -nocrl -certfile chain.pem -outform DER')
  const oldKey = await signed(other, large)
  const replaces = oldKey[0] ?? null

  const wrong: readonly (readonly [what: string, file: Uint8Array, why: RegExp])[] = [
    ['a CSR, PEM', Buffer.from(encodePem(csr, 'CERTIFICATE REQUEST')), /\(CSR\)\. Take it to the CA/],
    ['a CSR, DER', csr, /\(CSR\)\. Take it to the CA/],
    ['a key, PEM', keyOf(request), /a private key\. The key of this event is kept here already/],
    ['a key, DER', keyDer, /a private key\. The key of this event is kept here already/],
    ['a locked key', locked, /a private key\. The key of this event is kept here already/],
    ['a PKCS#12', p12, /a PKCS#12 file\. It has a key of its own/],
    ['a public key', publicKey, /a public key\. Hand in the certificate/],
    ['nothing', Buffer.from(' \n'), /The file is empty\. Hand in/],
    ['a page', Buffer.from('<html>'), /neither PEM nor DER/],
    ['another key', pem(...oldKey), /it is for another key .* from the CSR of this event/],
    ['only CAs', pem(middle, root), /only certificates of CAs .* from the CSR of this event/],
    ['no intermediate', pem(leaf), /lacks the certificate that issued .* Put the intermediate/]
  ]
  for (const [what, file, why] of wrong)
    t.throws(() => readHandedIn(request, file, strict), { message: why }, what)
  t.throws(
    () => readHandedIn({ ...request, replaces }, pem(...oldKey), strict),
    { message: /that it should replace\. Give its successor/ },
    'the old one again'
  )
  const late = { ...strict, now: strict.now + 9 * dayMs }
  t.throws(() => readHandedIn(request, pem(leaf, middle), late), { message: /expired.* Have the CA issue/ })
  for (const file of [pem(middle, leaf), p7b, pem(leaf, middle, root)])
    t.same(readHandedIn(request, file, strict), [leaf, middle])

  const brought: readonly (readonly [what: string, file: Uint8Array, why: RegExp])[] = [
    [
      'a certificate alone',
      pem(leaf, middle),
      /without its key\. Give key and certificates .* events certificate/
    ],
    ['one as DER', leaf, /without its key/],
    ['PKCS#7', p7b, /without its key/],
    ['a key alone', keyOf(request), /a private key\. Put its certificate behind it/],
    ['a CSR', csr, /\(CSR\)\. Give the certificate that a CA made/],
    ['a page', Buffer.from('<html>'), /neither PEM nor DER .* as PKCS#12/]
  ]
  for (const [what, file, why] of brought)
    t.throws(() => importFileOf(file, null), { code: 'certificate-malformed', message: why }, what)
  const opened = await readImport(importFileOf(p12, null), strict)
  t.same(opened.chain, [leaf, middle], 'a PKCS#12 without a password')
  const both = Buffer.concat([locked, pem(leaf, middle)])
  await t.rejects(readImport(importFileOf(both, null), strict), { code: 'passphrase-wrong' })
  t.same((await readImport(importFileOf(both, new Secret('x')), strict)).chain, [leaf, middle])
  const strange = Buffer.concat([keyOf(other), pem(leaf, middle)])
  await t.rejects(readImport(importFileOf(strange, null), strict), {
    message: /another key .* its own certificate/
  })
})

t.test('any bytes have a kind', (t) => {
  const { raw } = new X509Certificate(root)
  t.equal(fileKind(raw), 'certificates')
  for (let cut = 0; cut < raw.length; cut += 7) t.type(fileKind(raw.subarray(0, cut)), 'string')
  t.equal(fileKind(Buffer.from([0x30, 0x80, 0x00, 0x00])), 'other')
  t.end()
})
