import { spawnSync } from 'node:child_process'
import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { crlStatus, readCrl } from '../../pki/crl.ts'
import { checkIssued } from '../../pki/issued.ts'
import { encodePem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import type { Progress } from '../../sensor/issuance/issuer.ts'
import { currentCrl, privateCaIssuer } from '../../sensor/issuance/private-ca.ts'
import { setUpPrivateCa } from '../../sensor/issuance/private-ca-setup.ts'
import {
  clockAt,
  dayMs,
  hourMs,
  keyRing,
  memoryOn,
  never,
  privateCa,
  recipe,
  requestFor
} from './issuance-world.ts'
import { testWithOpenSsl } from './pki-openssl.ts'

function chainOf(progress: Progress): readonly Uint8Array[] {
  return progress.state === 'issued' ? progress.chain : []
}

testWithOpenSsl('the private CA issues what was asked for', async (t, program) => {
  const { settings, tools, root } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  const names = ['www.corp.example', '10.0.0.7']
  const request = await requestFor(names)
  const progress = await issuer.advance(request, memoryOn(), never)
  t.match(progress, { state: 'issued', key: null })
  const chain = chainOf(progress)
  t.equal(chain.length, 2, 'leaf and intermediate, the root stays at home')
  const roots = openTrustStore([root])
  const now = Date.now()
  t.same(checkIssued({ chain, spki: request.privateKey.spki, names, now, roots }), [])
  for (const [name, ders] of [
    ['leaf', chain.slice(0, 1)],
    ['middle', chain.slice(1)],
    ['root', [root]]
  ] as const) {
    program.write(`${name}.pem`, ders.map((der) => encodePem(der)).join(''))
  }
  const args =
    'verify -x509_strict -CAfile root.pem -untrusted middle.pem -verify_hostname www.corp.example leaf.pem'
  const { status, stderr } = spawnSync('openssl', args.split(' '), { cwd: program.directory })
  t.equal(status, 0, stderr.toString())
})

t.test('validity is what was asked for, as far as the settings go', async (t) => {
  const { settings, tools } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  for (const [asked, given] of [
    [null, 7 * dayMs],
    [6 * hourMs, 6 * hourMs],
    [400 * dayMs, 30 * dayMs]
  ] as const) {
    const request = await requestFor(['a.corp.example'], { validityMs: asked })
    const [leaf] = chainOf(await issuer.advance(request, memoryOn(), never))
    const { notBefore, notAfter } = readCertificate(leaf ?? Buffer.alloc(0))
    t.ok(Math.abs(notAfter - Date.now() - given) < 60_000, `${asked} ms`)
    t.ok(notBefore <= Date.now())
  }
})

t.test('an order that is repeated gives the same certificate', async (t) => {
  const { settings, tools } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  const memory = memoryOn()
  const request = await requestFor(['a.corp.example'])
  const first = await issuer.advance(request, memory, never)
  t.same(await issuer.advance(request, memory, never), first)
  t.equal(tools.register.all().length, 1)
  const keyless = privateCaIssuer(settings, { ...tools, keys: keyRing() })
  t.same(await keyless.advance(request, memory, never), first, 'nothing is signed again')
  const other = await requestFor(['a.corp.example'])
  await t.rejects(issuer.advance(other, memory, never), { code: 'order-changed' })
  const longer = { ...request, validityMs: dayMs }
  await t.rejects(issuer.advance(longer, memory, never), { code: 'order-changed' })
  const broken = memoryOn()
  broken.write('{"digest":1}')
  await t.rejects(issuer.advance(request, broken, never), { code: 'store-corrupt' })
})

t.test('an order survives a power failure at any write, with one certificate', async (t) => {
  for (const failsAt of [1, 2]) {
    for (const written of [true, false]) {
      const power = { failsAt, written }
      const { settings, tools } = await privateCa(power)
      const issuer = privateCaIssuer(settings, tools)
      const memory = memoryOn(power)
      const request = await requestFor(['a.corp.example'])
      await t.rejects(issuer.advance(request, memory, never), { message: 'power failure' })
      const planned = memory.text()
      const [leaf] = chainOf(await issuer.advance(request, memory, never))
      t.same(tools.register.all(), [leaf], `write ${failsAt}, ${written ? 'done' : 'lost'}`)
      if (planned !== null) t.equal(memory.text(), planned, 'what was planned is what was done')
    }
  }
})

t.test('two who go on with one order at the same time get one certificate', async (t) => {
  const { settings, tools } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  const memory = memoryOn()
  const request = await requestFor(['a.corp.example'])
  const both = await Promise.all([
    issuer.advance(request, memory, never),
    issuer.advance(request, memory, never)
  ])
  t.same(both[0], both[1])
  t.equal(tools.register.all().length, 1)
})

t.test('requests that contradict themselves, and names that are not permitted, are refused', async (t) => {
  const { settings, tools } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  const request = await requestFor(['a.corp.example'])
  const ask = (more: object) => issuer.advance({ ...request, ...more }, memoryOn(), never)
  await t.rejects(ask({ csr: null }), { code: 'request-inconsistent' })
  await t.rejects(ask({ names: ['a.corp.example', 'b.corp.example'] }), { message: /lacks b\.corp/ })
  await t.rejects(ask({ names: ['b.corp.example'] }), { code: 'request-inconsistent' })
  await t.rejects(ask({ csr: Buffer.from('junk') }), { code: 'csr-malformed' })
  const outside = await requestFor(['www.example.org'])
  await t.rejects(issuer.advance(outside, memoryOn(), never), { code: 'name-not-permitted' })
  t.equal(tools.register.all().length, 0)
})

t.test('a certificate that was revoked is on the list', async (t) => {
  const { settings, tools } = await privateCa()
  const issuer = privateCaIssuer(settings, tools)
  const issue = async (validityMs: number) => {
    const request = await requestFor(['a.corp.example'], { validityMs })
    return chainOf(await issuer.advance(request, memoryOn(), never))[0] ?? Buffer.alloc(0)
  }
  const [stolen, good, brief] = [await issue(dayMs), await issue(dayMs), await issue(hourMs)]
  await issuer.revoke(stolen, 'keyCompromise', never)
  await issuer.revoke(stolen, 'superseded', never)
  await issuer.revoke(brief, 'superseded', never)
  const question = { issuer: settings.certificate, now: Date.now() }
  const crl = readCrl(await currentCrl(settings, tools))
  t.match(crlStatus(crl, { leaf: stolen, ...question }), { state: 'revoked', reason: 'keyCompromise' })
  t.match(crlStatus(crl, { leaf: good, ...question }), { state: 'good' })
  t.equal(crl.size, 2)
  const later = await currentCrl(settings, { ...tools, clock: clockAt(2 * hourMs) })
  t.equal(readCrl(later).size, 1, 'an expired certificate needs no entry')
  const [foreign] = (await privateCa()).settings.above
  await t.rejects(issuer.revoke(foreign ?? good, 'superseded', never), { code: 'certificate-foreign' })
})

t.test('the check says what is wrong before it matters', async (t) => {
  const { settings, tools } = await privateCa()
  const check = (more: object) => privateCaIssuer({ ...settings, ...more }, tools).check(never)
  t.match(await check({}), {
    name: 'private CA CN=Corp issuer,O=Corp',
    facts: { key: 'ec-p256' },
    problems: [],
    warnings: []
  })
  t.match(await check({ key: 'corp/root' }), {
    problems: [/is not that of the CA .*: restore the vault/]
  })
  await t.rejects(check({ key: 'nowhere' }), { code: 'key-missing' })
  const late = privateCaIssuer(settings, { ...tools, clock: clockAt(350 * dayMs) })
  t.match(await late.check(never), {
    problems: [],
    warnings: [/Corp issuer.* expires.*: add another issuer/]
  })
  const over = privateCaIssuer(settings, { ...tools, clock: clockAt(400 * dayMs) })
  t.match(await over.check(never), {
    problems: [/Corp issuer.* has expired.*: add another issuer of kind private-ca/],
    warnings: []
  })
  t.equal(await late.renewalWindow(settings.certificate, never), null)
})

t.test('setting up a CA goes on with the keys that are there', async (t) => {
  const tools = { keys: keyRing(), clock: systemClock, random: systemRandom }
  const first = await setUpPrivateCa(recipe, tools)
  const again = await setUpPrivateCa(recipe, tools)
  t.equal(readCertificate(first.issuer).spki, readCertificate(again.issuer).spki)
  t.same(tools.keys.names(), ['corp/root', 'corp/issuer'])
  t.match(readCertificate(first.root), { pathLength: 1, isCa: true })
  t.match(readCertificate(first.issuer), { pathLength: 0, isCa: true })
  await t.rejects(setUpPrivateCa({ ...recipe, keyType: 'ec-p384' }, tools), { code: 'key-unsupported' })
})
