import { mkdirSync, readFileSync, writeFileSync, chmodSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { asFault } from '../../core/fault.ts'
import { encodePem } from '../../pki/pem.ts'
import { readCertificate } from '../../pki/quick.ts'
import type { CertificateRequest, Issuer, OrderMemory } from '../../sensor/issuance/issuer.ts'
import { digestOf } from '../../sensor/issuance/order-memory.ts'
import { freePort } from '../peers/ports.ts'
import { requestFor } from '../unit/issuance-world.ts'
import { calm } from './acme-world.ts'
import { dnsSkipped, dnsWorld, drive, issuerWorld, pebbleSkipped } from './issuer-world.ts'

const skip = pebbleSkipped('debian')
const skipNew = pebbleSkipped('new')

function spkiOf([leaf]: readonly Uint8Array[]): string {
  return leaf ? readCertificate(leaf).spki : 'none'
}

/** drives on through trouble that passes by itself, as the engine does */
async function insist(issuer: Issuer, request: CertificateRequest, memory: OrderMemory) {
  for (let tries = 1; ; tries++) {
    try {
      return await drive(issuer, request, memory)
    } catch (thrown) {
      if (asFault(thrown).kind !== 'busy' || tries === 20) throw thrown
    }
  }
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1', () => {
    socket.destroy()
    resolve(true)
  })
  socket.on('error', () => resolve(false))
  return promise
}

for (const edition of ['debian', 'new'] as const) {
  t.test(
    `names are proved by the listener, although nonces are refused (${edition} pebble)`,
    { skip: pebbleSkipped(edition) },
    async (t) => {
      const { pebble, open, memory } = await issuerWorld(t, { edition, nonceReject: 40 })
      const issuer = open()
      const request = await requestFor(['a.test', 'b.test'])
      const kept = memory()
      const { chain, key } = await insist(issuer, request, kept)
      t.equal(spkiOf(chain), request.privateKey.spki)
      t.equal(key, null)
      const refused = pebble.gate.seen.filter(({ problem }) => problem === 'badNonce').length
      t.ok(refused > 0, `${refused} nonces were refused`)
      t.equal(pebble.gate.count('newOrder'), 1)
      t.equal(pebble.gate.count('finalize'), 1)
      t.notOk(await accepts(pebble.httpPort), 'nobody listens any more')
      t.same(spkiOf((await insist(issuer, request, kept)).chain), spkiOf(chain), 'it can be had again')
      t.equal(pebble.gate.count('newOrder'), 1)
    }
  )
}

t.test(
  'names, wildcards and aliases are proved by DNS updates',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const { pebble, bind, open, memory } = await dnsWorld(t)
    const request = await requestFor(['a.test', '*.a.test', 'far.a.test', 'www.b.test'])
    const { chain } = await drive(open(), request, memory())
    t.equal(spkiOf(chain), request.privateKey.spki)
    t.equal(pebble.gate.count('challenge'), 4)
    for (const name of ['_acme-challenge.a.test', 'proofs.a.test', '_acme-challenge.www.b.test']) {
      t.same(await bind.txt(name), [], `${name} is as it was`)
    }
  }
)

t.test(
  'a record may go elsewhere, each name has its rule, and many names take several calls',
  { skip },
  async (t) => {
    const { pebble, site, open, memory } = await issuerWorld(t, { alwaysValid: true })
    const bin = join(site.folder, 'bin')
    mkdirSync(bin)
    const program = join(bin, 'hook')
    writeFileSync(program, `#!/bin/sh\necho "$1 $2" >> ${bin}/calls\n`)
    chmodSync(program, 0o755)
    const [, ...rest] = site.settings.proofs
    const listener = { kind: 'http-listener', host: '127.0.0.1', port: pebble.httpPort } as const
    const issuer = open({
      proofs: [
        { names: ['b.test'], solver: listener },
        { names: ['*'], solver: listener },
        { names: ['*.c.test'], solver: { kind: 'script', program }, record: '{name}.deleg.test' },
        ...rest
      ]
    })
    const many = Array.from({ length: 12 }, (_, at) => `n${at}.b.test`)
    const request = await requestFor(['b.test', '*.c.test', ...many])
    const kept = memory()
    const first = await issuer.advance(request, kept, calm)
    t.match(first, { state: 'pending', why: /names are still to be proved/ })
    const { chain } = await drive(issuer, request, kept)
    t.equal(spkiOf(chain), request.privateKey.spki)
    t.same(readFileSync(join(bin, 'calls'), 'utf8').trim().split('\n'), [
      'present c.test.deleg.test.',
      'cleanup c.test.deleg.test.'
    ])
    t.equal(pebble.gate.count('newOrder'), 1)
  }
)

t.test('names that the CA knows need no proof, and others are told', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t, { alwaysValid: true, reuseAuthorizations: 100 })
  await drive(open(), await requestFor(['a.test', 'b.test']), memory())
  const asked = pebble.gate.count('challenge')
  const known = open({ proofs: [{ names: ['*'], solver: { kind: 'none' } }] })
  const request = await requestFor(['a.test', 'b.test'])
  const { chain } = await drive(known, request, memory())
  t.equal(spkiOf(chain), request.privateKey.spki)
  t.equal(pebble.gate.count('challenge'), asked, 'no challenge was answered')
  const stranger = drive(known, await requestFor(['a.test', 'c.test']), memory())
  await t.rejects(stranger, { code: 'challenge-unfit', message: /a proof for c\.test/ })
  const ruled = open({ proofs: [{ names: ['*.a.test'], solver: { kind: 'none' } }] })
  const unruled = drive(ruled, await requestFor(['d.test']), memory())
  await t.rejects(unruled, {
    code: 'challenge-unfit',
    message: /no way to prove d\.test: the CA offers .*dns-01/
  })
})

t.test('an order that the CA refuses says why, and leaves no answer behind', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t)
  const port = await freePort()
  // the CA looks where nobody listens
  const solver = { kind: 'http-listener', host: '127.0.0.1', port } as const
  const issuer = open({ proofs: [{ names: ['*'], solver }] })
  const request = await requestFor(['a.test', 'b.test'])
  const kept = memory()
  const wrong = {
    code: 'acme-validation',
    message: /refuses the proof of .*[ab]\.test.*could not connect/
  }
  await t.rejects(drive(issuer, request, kept), wrong)
  t.notOk(await accepts(port), 'nobody listens any more')
  t.match(JSON.parse(kept.text() ?? ''), { proofs: [], failure: { code: 'acme-validation' } })
  t.equal(pebble.gate.count('finalize'), 0)
  const calls = pebble.gate.seen.length
  await t.rejects(issuer.advance(request, kept, calm), wrong, 'it stays so')
  t.equal(pebble.gate.seen.length, calls, 'and the CA is not asked again')
})

t.test(
  'an answer that cannot be taken away is tried again, and told no CA',
  { skip: dnsSkipped('debian') },
  async (t) => {
    const { bind, pebble, open, memory } = await dnsWorld(t)
    const issuer = open()
    const request = await requestFor(['a.test'])
    const kept = memory()
    await issuer.advance(request, kept, calm)
    await bind.stop()
    const { chain } = await drive(issuer, request, kept)
    t.equal(spkiOf(chain), request.privateKey.spki, 'the certificate is there all the same')
    t.equal(pebble.gate.count('finalize'), 1)
    t.match(JSON.parse(kept.text() ?? ''), { proofs: [{ name: 'a.test' }] }, 'what is left is remembered')
  }
)

t.test('who shares an order with another request begins again', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t, { alwaysValid: true })
  const issuer = open()
  const [one, other] = [await requestFor(['a.test']), await requestFor(['a.test'])]
  const [kept, shared] = [memory(), memory()]
  await issuer.advance(one, kept, calm)
  const notes = JSON.parse(kept.text() ?? '') as object
  shared.write(JSON.stringify({ ...notes, proofs: [], digest: digestOf(other) }))
  await issuer.advance(other, shared, calm)
  const [first, second] = await Promise.all([drive(issuer, one, kept), drive(issuer, other, shared)])
  t.equal(spkiOf(first.chain), one.privateKey.spki)
  t.equal(spkiOf(second.chain), other.privateKey.spki)
  t.equal(pebble.gate.count('newOrder'), 2)
  t.equal(pebble.gate.count('finalize'), 2)
})

t.test('an order whose answer is lost twice is not placed a third time', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t)
  pebble.gate.rewrite((_call, body) => body.replace(/,?\s*"orders": "[^"]*"/, ''))
  const issuer = open()
  const request = await requestFor(['a.test'])
  const kept = memory()
  for (let time = 0; time < 2; time++) {
    pebble.gate.loseAnswer('newOrder')
    await t.rejects(drive(issuer, request, kept), { code: 'acme-unreachable' })
  }
  await t.rejects(drive(issuer, request, kept), { code: 'acme-order-lost', kind: 'conflict' })
  t.equal(pebble.gate.count('newOrder'), 2)
  t.equal(pebble.gate.count('finalize'), 0)
})

t.test('a CA that is gone for a while costs no order', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t)
  const port = await freePort()
  const issuer = open({ directoryUrl: `https://127.0.0.1:${port}/dir` })
  const kept = memory()
  const request = await requestFor(['a.test'])
  for (let time = 0; time < 3; time++) {
    await t.rejects(issuer.advance(request, kept, calm), { code: 'acme-unreachable' })
  }
  t.equal(kept.text(), null, 'nothing is noted as sent')
  t.equal(pebble.gate.seen.length, 0)
})

t.test('the chain is that of the wanted root', { skip }, async (t) => {
  const { pebble, open, memory } = await issuerWorld(t, { alwaysValid: true, alternateRoots: 2 })
  const { subject } = new X509Certificate(await pebble.issuingRoot(1))
  const preferredChain = subject.replace(/^[\s\S]*CN=/, '')
  const request = await requestFor(['a.test'], { preferredChain })
  const { chain } = await drive(open(), request, memory())
  t.equal(readCertificate(chain.at(-1) ?? Buffer.alloc(0)).issuer.includes(preferredChain), true)
  const other = await requestFor(['a.test'], { preferredChain: 'No such root' })
  t.equal(spkiOf((await drive(open(), other, memory())).chain), other.privateKey.spki)
})

t.test('profiles are ordered, and renewals replace what they renew', { skip: skipNew }, async (t) => {
  const profiles = { classic: 7_776_000, shortlived: 518_400 }
  const { pebble, open, memory } = await issuerWorld(t, { edition: 'new', alwaysValid: true, profiles })
  const issuer = open({ profile: 'classic' })
  const life = (chain: readonly Uint8Array[]) => {
    const { notBefore, notAfter } = readCertificate(chain[0] ?? Buffer.alloc(0))
    return Math.round((notAfter - notBefore) / 86_400_000)
  }
  const first = await drive(issuer, await requestFor(['a.test']), memory())
  t.equal(life(first.chain), 90)
  const [replaces = null] = first.chain
  const short = await requestFor(['a.test'], { issuerProfile: 'shortlived', replaces })
  t.equal(life((await drive(issuer, short, memory())).chain), 6)
  const again = await requestFor(['a.test'], { replaces })
  t.ok(await drive(issuer, again, memory()), 'one that is replaced already is renewed all the same')
  t.ok(
    pebble.gate.seen.some(({ problem }) => problem === 'alreadyReplaced'),
    'although the CA minded'
  )
  t.equal(pebble.gate.count('newOrder'), 3)
  const odd = await requestFor(['a.test'], { issuerProfile: 'odd' })
  await t.rejects(drive(issuer, odd, memory()), { code: 'acme-unsupported', message: /profile odd/ })
})

t.test(
  'the CA tells when it wants a certificate renewed, and a CA without that has no wish',
  { skip: skipNew },
  async (t) => {
    const { pebble, open, memory } = await issuerWorld(t, { edition: 'new', alwaysValid: true })
    const issuer = open()
    const { chain } = await drive(issuer, await requestFor(['a.test']), memory())
    const [leaf = Buffer.alloc(0), intermediate = Buffer.alloc(0)] = chain
    const { notAfter } = readCertificate(leaf)
    const window = await issuer.renewalWindow(leaf, calm)
    t.ok(window && window.start < window.end && window.end <= notAfter)
    t.ok(window && window.againAt > Date.now())
    const suggestedWindow = { start: '2030-01-01T00:00:00Z', end: '2030-01-02T00:00:00Z' }
    const response = JSON.stringify({ suggestedWindow, explanationURL: 'https://a.test/why' })
    await pebble.setRenewalInfo(encodePem(leaf), response)
    t.match(await issuer.renewalWindow(leaf, calm), {
      start: Date.parse(suggestedWindow.start),
      explanation: 'https://a.test/why'
    })
    t.equal(await issuer.renewalWindow(intermediate, calm), null, 'nor for what is not from it')
  }
)

t.test('nobody waits inside of a call: the time to go on comes from the CA', { skip: skipNew }, async (t) => {
  const retryAfter = { authz: 30, order: 40 }
  const { open, memory } = await issuerWorld(t, { edition: 'new', alwaysValid: true, retryAfter })
  const issuer = open()
  const kept = memory()
  const request = await requestFor(['a.test'])
  for (let calls = 0; calls < 200; calls++) {
    const progress = await issuer.advance(request, kept, calm)
    if (progress.state !== 'pending') throw new Error(`it is ${progress.state}`)
    if (!/issues/.test(progress.why)) {
      await pause(25)
      continue
    }
    const wait = progress.againAt - Date.now()
    t.ok(wait > 30_000 && wait <= 40_000, `${progress.why}: ${wait} ms`)
    return
  }
  t.fail('the CA never issues')
})
