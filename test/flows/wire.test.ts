import { createSecureContext } from 'node:tls'
import t from 'tap'
import type { Plan, ServedAt } from '../../connectors/contract.ts'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { createAuthority, createCertificate, type Certificate } from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { freePort } from '../peers/ports.ts'
import { preludes, startStartTls } from '../peers/starttls.ts'
import { credentials, startTls } from '../peers/tls.ts'

const root = createAuthority('Wire Root', { key: 'rsa2048' })
const issuing = createAuthority('Wire Issuing', { key: 'rsa2048', issuer: root })
const leaf = (key: 'rsa2048' | 'p256', names = ['peer.test']) =>
  createCertificate({ names, key, issuer: issuing })
const wire = createWire(
  { dialer: openDialer('auto'), clock: systemClock, random: systemRandom, spared: async () => [] },
  { ...wireLimits, tryMs: 400 }
)
const { signal } = new AbortController()
const covers = () => true

function placeOf({ host, port }: Peer, more: Partial<ServedAt> = {}): ServedAt {
  return { address: host, port, name: 'peer.test', starttls: null, ...more }
}

function planOf(served: readonly ServedAt[], neighbours: readonly ServedAt[] = []): Plan {
  const nothing = {
    connector: 'x',
    target: 't',
    families: [],
    steps: [],
    before: [],
    shares: [],
    warnings: []
  }
  return { ...nothing, served, neighbours, state: '', facts: null }
}

const freshOf = (certificate: Certificate, family: 'rsa' | 'ecdsa', certificates = certificate.chain) => [
  { family, chain: certificates.map(({ fingerprint }) => fingerprint) }
]

/** what is proven at a server, taken for its own former state */
async function proves(
  peer: Peer,
  certificate: Certificate,
  family: 'rsa' | 'ecdsa',
  more: Partial<ServedAt> = {}
) {
  const baseline = await wire.baseline(planOf([placeOf(peer, more)]), signal)
  return wire.proves({ baseline, fresh: freshOf(certificate, family), role: 'single', covers }, signal)
}

t.test(
  'both kinds of keys are seen side by side, in each version, an EC key below an RSA CA too',
  async (t) => {
    const [rsa, ecdsa] = [leaf('rsa2048'), leaf('p256')]
    const peer = await startTls({ show: [rsa, ecdsa] })
    t.teardown(() => peer.close())
    const looks = await wire.baseline(planOf([placeOf(peer)]), signal)
    t.same(
      looks.map(({ version, family, fingerprint }) => [version, family, fingerprint]),
      (['TLSv1.3', 'TLSv1.2'] as const).flatMap((version) => [
        [version, 'rsa', rsa.fingerprint],
        [version, 'ecdsa', ecdsa.fingerprint]
      ])
    )
    for (const [certificate, family] of [
      [rsa, 'rsa'],
      [ecdsa, 'ecdsa']
    ] as const) {
      t.same(await proves(peer, certificate, family), { state: 'agrees', unproven: [] })
    }
  }
)

t.test('a server that sends the leaf without its chain has not got the new certificate', async (t) => {
  const certificate = leaf('p256')
  const peer = await startTls({ show: [certificate], chain: [certificate] })
  t.teardown(() => peer.close())
  const verdict = await proves(peer, certificate, 'ecdsa')
  t.match(verdict, { state: 'differs', why: [/does not send [0-9a-f]{16} of the chain/] })
})

t.test('a version in which the former certificate stays is told by its name', async (t) => {
  const [old, fresh] = [leaf('p256'), leaf('p256')]
  const peer = await startTls({ show: [old], maxVersion: 'TLSv1.2' })
  t.teardown(() => peer.close())
  const verdict = await proves(peer, fresh, 'ecdsa')
  t.match(verdict, { state: 'differs' })
  const why = `peer.test at 127.0.0.1:${peer.port} (TLSv1.2, ecdsa) shows ${old.fingerprint.slice(0, 16)}, not ${fresh.fingerprint.slice(0, 16)}`
  t.match(verdict, { why: [why] })
})

t.test('an old process that still answers now and then is not overheard', async (t) => {
  const [old, fresh] = [leaf('p256'), leaf('p256')]
  let nth = 0
  const contexts = [fresh, fresh, fresh, old].map((one) => createSecureContext(credentials([one])))
  const peer = await startTls({
    show: [old],
    SNICallback: (_, answer) => answer(null, contexts[nth++ % contexts.length])
  })
  t.teardown(() => peer.close())
  t.match(await proves(peer, fresh, 'ecdsa'), { state: 'differs' })
})

t.test('every protocol that starts TLS is proven', async (t) => {
  const certificate = leaf('p256')
  for (const [protocol, prelude] of Object.entries(preludes)) {
    const peer = await startStartTls(prelude, certificate)
    const verdict = await proves(peer, certificate, 'ecdsa', { starttls: protocol })
    t.same(verdict, { state: 'agrees', unproven: [] }, protocol)
    await peer.close()
  }
})

t.test('a place that answered neither before nor after is unproven, unless it is the only one', async (t) => {
  const certificate = leaf('p256')
  const peer = await startTls({ show: [certificate] })
  t.teardown(() => peer.close())
  const gone: ServedAt = { address: '127.0.0.1', port: await freePort(), name: 'peer.test', starttls: null }
  const both = await wire.baseline(planOf([placeOf(peer), gone]), signal)
  const fresh = freshOf(certificate, 'ecdsa')
  t.same(await wire.proves({ baseline: both, fresh, role: 'single', covers }, signal), {
    state: 'agrees',
    unproven: [{ at: `peer.test at 127.0.0.1:${gone.port}`, why: 'silent' }]
  })
  const alone = await wire.baseline(planOf([gone]), signal)
  t.match(await wire.proves({ baseline: alone, fresh, role: 'single', covers }, signal), { state: 'differs' })
  t.match(await wire.proves({ baseline: alone, fresh, role: 'standby', covers }, signal), { state: 'agrees' })
})

t.test('a place that shows one kind of key only, of two that the target has, goes on doing so', async (t) => {
  const [rsa, ecdsa] = [leaf('rsa2048'), leaf('p256')]
  const both = await startTls({ show: [rsa, ecdsa] })
  const one = await startTls({ show: [ecdsa] })
  t.teardown(() => Promise.all([both.close(), one.close()]))
  const fresh = [...freshOf(rsa, 'rsa'), ...freshOf(ecdsa, 'ecdsa')]
  const places = [placeOf(both), placeOf(one, { name: null })]
  const baseline = await wire.baseline(planOf(places), signal)
  t.same(await wire.proves({ baseline, fresh, role: 'single', covers }, signal), {
    state: 'agrees',
    unproven: []
  })
  // nobody showed RSA before: then each place must show it now
  const alone = await wire.baseline(planOf([placeOf(one)]), signal)
  t.match(await wire.proves({ baseline: alone, fresh, role: 'single', covers }, signal), {
    state: 'differs',
    why: [/\(TLSv1\.[23], rsa\) shows no certificate/]
  })
})

t.test('what a neighbour shows must stay, and is seen to come back', async (t) => {
  const [one, other] = [leaf('p256'), leaf('p256', ['other.test'])]
  const peer = await startTls({ show: [one], byName: { 'other.test': other } })
  t.teardown(() => peer.close())
  const neighbour = placeOf(peer, { name: 'other.test' })
  const baseline = await wire.baseline(planOf([placeOf(peer)], [neighbour]), signal)
  t.same(await wire.restored(baseline, signal), { state: 'agrees', unproven: [] })
  const before = baseline.map((look) =>
    look.part === 'neighbour' && look.fingerprint ? { ...look, fingerprint: one.fingerprint } : look
  )
  t.match(
    await wire.proves({ baseline: before, fresh: freshOf(one, 'ecdsa'), role: 'single', covers }, signal),
    {
      state: 'differs',
      why: [/^other\.test at .* shows/]
    }
  )
})

t.test(
  'what is shown under a name that the certificate does not cover neither proves nor hinders',
  async (t) => {
    const [old, fresh] = [leaf('p256', ['a.test', 'b.test']), leaf('p256', ['a.test'])]
    let shows = old
    const peer = await startTls({
      show: [old],
      // as HAProxy does: what no certificate covers gets the default one
      SNICallback: (name, answer) =>
        answer(null, createSecureContext(credentials([name === 'a.test' ? shows : old])))
    })
    t.teardown(() => peer.close())
    const [a, b] = ['a.test', 'b.test'].map((name) => placeOf(peer, { name }))
    if (!a || !b) throw new Error('there are two places')
    const baseline = await wire.baseline(planOf([a, b]), signal)
    const question = {
      fresh: freshOf(fresh, 'ecdsa'),
      role: 'single',
      covers: (name: string) => name === 'a.test'
    } as const
    t.match(
      await wire.proves({ ...question, baseline }, signal),
      { state: 'differs' },
      'a.test has it not yet'
    )
    shows = fresh
    t.same(await wire.proves({ ...question, baseline }, signal), {
      state: 'agrees',
      unproven: [{ at: `b.test at 127.0.0.1:${peer.port}`, why: 'uncovered' }]
    })
    const only = await wire.baseline(planOf([a]), signal)
    t.match(
      await wire.proves({ ...question, baseline: only, covers: () => false }, signal),
      { state: 'differs', why: [/^no handshake can prove the new certificate: a\.test at/] },
      'the right certificate under a name that it does not cover is no proof'
    )
    shows = old
    t.same(await wire.restored(baseline, signal), { state: 'agrees', unproven: [] })
  }
)

t.test('a place of the do-not-scan list is not touched, before or after', async (t) => {
  const certificate = leaf('p256')
  let heard = 0
  const [open, listed] = [
    await startTls({ show: [certificate] }),
    await startTls({
      show: [certificate],
      SNICallback: (_, answer) => {
        heard++
        answer(null, createSecureContext(credentials([certificate])))
      }
    })
  ]
  t.teardown(() => Promise.all([open.close(), listed.close()]))
  let spared: readonly number[] = []
  const sparing = createWire(
    {
      dialer: openDialer('auto'),
      clock: systemClock,
      random: systemRandom,
      spared: async (places) => places.filter(({ port }) => spared.includes(port))
    },
    { ...wireLimits, tryMs: 400 }
  )
  const plan = planOf([placeOf(open), placeOf(listed)])
  const before = await sparing.baseline(plan, signal)
  t.ok(heard > 0)
  heard = 0
  spared = [listed.port]
  const unproven = [{ at: `peer.test at 127.0.0.1:${listed.port}`, why: 'spared' }]
  const fresh = freshOf(certificate, 'ecdsa')
  t.same(await sparing.proves({ baseline: before, fresh, role: 'single', covers }, signal), {
    state: 'agrees',
    unproven
  })
  t.same(await sparing.restored(before, signal), { state: 'agrees', unproven })
  t.same(
    (await sparing.baseline(plan, signal)).filter(({ at }) => at.port === listed.port),
    []
  )
  t.equal(heard, 0)
})
