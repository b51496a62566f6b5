import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { Secret } from '../../core/secret.ts'
import { encodePem, readPem } from '../../pki/pem.ts'
import { readImport } from '../../sensor/issuance/import-file.ts'
import { importIssuer, type ShelvedCertificate } from '../../sensor/issuance/import.ts'
import type { CertificateRequest, Progress } from '../../sensor/issuance/issuer.ts'
import {
  manualIssuer,
  type PersonsRequest,
  personsRequest,
  readHandedIn
} from '../../sensor/issuance/manual.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import { privateCaIssuer } from '../../sensor/issuance/private-ca.ts'
import { clockAt, dayMs, keyRing, memoryOn, never, privateCa, requestFor } from './issuance-world.ts'
import { openssl } from './pki-authority.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

/** a CA that people take requests to */
const { settings, tools, root } = await privateCa()
const authority = privateCaIssuer(settings, tools)
const now = () => Date.now()
const known = () => openTrustStore([])
/** what is brought is held against these, so much later */
const by = (laterMs = 0) => ({ now: now() + laterMs, known })

async function signed(request: CertificateRequest): Promise<readonly Uint8Array[]> {
  const progress = await authority.advance(request, memoryOn(), never)
  return progress.state === 'issued' ? progress.chain : []
}

const pem = (ders: readonly Uint8Array[]) => Buffer.from(ders.map((der) => encodePem(der)).join('hello\n'))

function desk() {
  const files = new Map<string, Uint8Array>()
  const shown: PersonsRequest[] = []
  return {
    files,
    shown,
    show: (one: PersonsRequest) => void shown.push(one),
    handedIn: (id: string) => files.get(id) ?? null
  }
}

t.test('a manual request waits for a person until a certificate was handed in', async (t) => {
  const people = desk()
  const issuer = manualIssuer({ desk: people, clock: systemClock, known })
  const request = await requestFor(['*.corp.example', 'corp.example'])
  t.match(await issuer.advance(request, memoryOn(), never), {
    state: 'person',
    why: /wildcard\.corp\.example\.csr/
  })
  const [shown] = people.shown
  t.match(shown, { names: request.names, pem: /^-----BEGIN CERTIFICATE REQUEST-----/ })
  t.same(readPem(shown?.pem ?? '')[0]?.der, request.csr)
  await issuer.advance(request, memoryOn(), never)
  t.same(people.shown[1], shown, 'it is the same request, however often it is shown')
  const chain = await signed(request)
  people.files.set(shown?.id ?? '', pem([root, ...[...chain].reverse()]))
  const progress = await issuer.advance(request, memoryOn(), never)
  t.same(progress, { state: 'issued', chain, key: null }, 'in order, without root')
})

t.test('a certificate that does not fit is for the person to put right', async (t) => {
  const people = desk()
  const issuer = manualIssuer({ desk: people, clock: systemClock, known })
  const request = await requestFor(['a.corp.example'])
  const [leaf = Buffer.alloc(0), middle = Buffer.alloc(0)] = await signed(request)
  const other = await signed(await requestFor(['a.corp.example']))
  const wrong: readonly (readonly [file: Uint8Array, why: RegExp])[] = [
    [Buffer.from('hello'), /neither PEM nor DER .* Hand in the certificate/],
    [pem(other), /it is for another key .* from the CSR of this event/],
    [pem([leaf]), /lacks the certificate that issued/]
  ]
  for (const [file, why] of wrong) {
    people.files.set(personsRequest(request).id, file)
    t.match(await issuer.advance(request, memoryOn(), never), { state: 'person', why })
    t.throws(() => readHandedIn(request, file, by()), { message: why }, 'and heard when it is handed in')
  }
  const late = manualIssuer({ desk: people, clock: clockAt(9 * dayMs), known })
  people.files.set(personsRequest(request).id, pem([leaf, middle]))
  t.match(await late.advance(request, memoryOn(), never), { state: 'person', why: /has expired/ })
  t.match(await issuer.advance(request, memoryOn(), never), { state: 'issued' })
  const replaced = { ...request, replaces: leaf }
  t.match(await issuer.advance(replaced, memoryOn(), never), {
    state: 'person',
    why: /that it should replace/
  })
  await t.rejects(issuer.revoke(leaf, 'superseded', never), { code: 'certificate-foreign' })
})

testWithOpenSsl('PKCS#7 of a CA is taken, PEM and DER', async (t, program) => {
  const request = await requestFor(['a.corp.example'])
  const chain = await signed(request)
  program.write('chain.pem', pem([root, ...chain]))
  const p7 = (form: string) => openssl(program, `crl2pkcs7 -nocrl -certfile chain.pem -outform ${form}`)
  t.same(readHandedIn(request, p7('PEM'), by()), chain)
  t.same(readHandedIn(request, p7('DER'), by()), chain)
  t.same(readHandedIn(request, pem(chain), by()), chain)
  const empty = openssl(program, 'crl2pkcs7 -nocrl -outform DER')
  t.throws(() => readHandedIn(request, empty, by()), {
    code: 'certificate-malformed',
    message: /holds none/
  })
})

testWithOpenSsl('a bought certificate is imported with its key, in every form', async (t, program) => {
  for (const keyType of ['rsa-2048', 'ec-p384'] as const) {
    const request = await requestFor(['a.corp.example'], { keyType })
    const chain = await signed(request)
    const key = request.privateKey.pem
    program.write('key.pem', key.reveal())
    program.write('chain.pem', pem([root, ...chain]))
    const file = openssl(program, 'pkcs12 -export -inkey key.pem -in chain.pem -passout pass:x')
    const bundle = new Secret(`${key.reveal()}${pem(chain).toString()}`)
    const locked = new Secret(openssl(program, 'pkcs8 -topk8 -in key.pem -passout pass:x').toString())
    for (const imported of [
      await readImport({ form: 'pkcs12', file, password: new Secret('x') }, by()),
      await readImport({ form: 'bundle', text: bundle, passphrase: null }, by()),
      await readImport(
        { form: 'pair', key: locked, passphrase: new Secret('x'), certificates: pem(chain) },
        by()
      )
    ]) {
      t.same(imported.chain, chain)
      t.equal(imported.key.spki, request.privateKey.spki)
      t.same(imported.strangers, [])
    }
    const other = (await requestFor(['a.corp.example'])).privateKey.pem
    const pair = { form: 'pair', key: other, passphrase: null, certificates: pem(chain) } as const
    await t.rejects(readImport(pair, by()), {
      code: 'chain-unfit',
      message: /it is for another key .* its own certificate/
    })
    await t.rejects(readImport({ ...pair, key, certificates: pem(chain.slice(0, 1)) }, by()), {
      code: 'chain-unfit',
      message: /lacks/
    })
    await t.rejects(readImport({ ...pair, key }, by(9 * dayMs)), {
      code: 'chain-unfit',
      message: /expired/
    })
  }
})

t.test('of what was imported the best is given, with its key', async (t) => {
  const keys = keyRing()
  const shelf: ShelvedCertificate[] = []
  const put = async (names: string[], more: Partial<CertificateRequest> = {}) => {
    const request = await requestFor(names, more)
    const one = { chain: await signed(request), key: `import/${shelf.length}` }
    keys.keep(one.key, request.privateKey.pem)
    shelf.push(one)
    return { ...one, spki: request.privateKey.spki }
  }
  const issuer = importIssuer({ shelf: () => shelf, keys, clock: systemClock, known })
  const request = { ...(await requestFor(['www.corp.example'])), csr: null }
  const ask = (more: Partial<CertificateRequest> = {}): Promise<Progress> =>
    issuer.advance({ ...request, ...more }, memoryOn(), never)
  t.equal(issuer.keyFrom, 'issuer')
  t.match(await ask(), { state: 'person', why: /import a certificate for www\.corp\.example/ })
  const wide = await put(['*.corp.example'])
  t.match(await ask(), { state: 'issued', chain: wide.chain, key: { spki: wide.spki } })
  t.match(await ask({ names: ['a.b.corp.example'] }), { state: 'person' })
  const longer = await put(['*.corp.example'], { validityMs: 20 * dayMs })
  t.match(await ask(), { chain: longer.chain })
  const rsa = await put(['www.corp.example'], { keyType: 'rsa-2048' })
  t.match(await ask(), { chain: longer.chain })
  t.match(await ask({ keyType: 'rsa-3072' }), { chain: rsa.chain, key: { spki: rsa.spki } })
  const replaces = longer.chain[0] ?? null
  t.match(await ask({ replaces }), { state: 'person', why: /import the successor of/ })
  t.match(await ask({ replaces: wide.chain[0] ?? null }), { chain: longer.chain })
  t.match(await issuer.check(never), { facts: { certificates: '3' }, warnings: [/ends/, /ends/, /ends/] })
  t.match(await issuer.check(never), { problems: [] })
  const forgetful = importIssuer({ shelf: () => shelf, keys: keyRing(), clock: systemClock, known })
  await t.rejects(forgetful.advance(request, memoryOn(), never), { code: 'key-missing' })
  t.match((await forgetful.check(never)).problems[0], /the key of .* is not in the vault: import it again/)
  const empty = importIssuer({ shelf: () => [], keys, clock: systemClock, known })
  t.match(await empty.check(never), { problems: [/nothing is imported: tlsward import FILE/] })
  const over = importIssuer({ shelf: () => shelf, keys, clock: clockAt(99 * dayMs), known })
  t.match(await over.check(never), { problems: [/every certificate has expired.*: import its successor/] })
  const late = importIssuer({ shelf: () => shelf, keys, clock: clockAt(25 * dayMs), known })
  t.match(await late.advance(request, memoryOn(), never), { state: 'person' })
})
