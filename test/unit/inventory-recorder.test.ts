import t from 'tap'
import { parseAddress } from '../../core/address.ts'
import { tlsOutcomes, outcomes, type Outcome } from '../../sensor/scan/observation.ts'
import { signs } from '../../sensor/inventory/presence.ts'
import type { KeptVerdict } from '../../sensor/inventory/judging.ts'
import type { Store } from '../../sensor/store/store.ts'
import { createCertificate } from '../peers/certificates.ts'
import {
  chainOf,
  codesOf,
  day,
  leaf,
  observed,
  ownRoot,
  publicIssuer,
  publicRoot,
  servedChain,
  start,
  world
} from './inventory-world.ts'

const shop = leaf('shop.example')
const shopChain = chainOf(shop, publicIssuer)
const shopTwin = chainOf(leaf('shop.example', { key: 'rsa2048' }), publicIssuer)

const endpointsOf = (store: Store) => store.pages.count({ presence: 'any' }, start)
const rowOf = (store: Store, id: number | undefined) => store.pages.byIds([id ?? 0])[0]

t.test('certificates and chains are kept once, however many endpoints show them', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const { certificates, ...known } = shopChain
  const { found } = record(
    observed('10.0.0.1', { chains: [shopChain] }),
    observed('10.0.0.2', { chains: [known] }),
    observed('10.0.0.3', { chains: [{ ...known, ...(certificates ? { certificates } : {}) }] })
  )
  t.match(found, { seen: 3, added: 3, certificates: 2 })
  const again = record(observed('10.0.0.4', { chains: [known] }))
  t.match(again.found, { seen: 1, added: 1, certificates: 0 })
  const rows = store.pages.page({ filter: {}, order: 'address', limit: 10, now: start }).rows
  t.equal(new Set(rows.map((row) => row.state)).size, 1, 'they share one state')
  const leafId = store.certificates.idOf(shop.fingerprint) ?? 0
  t.match(store.certificates.byId(leafId), {
    label: 'shop.example',
    issuer: 'CN=Public Issuing',
    notAfter: start + 80 * day,
    trust: 'public',
    firstSeen: start
  })
  t.same(Buffer.from(store.certificates.der(leafId)), shop.der)
  t.end()
})

t.test('a chain keeps its members in order and what the check said', (t) => {
  const { store, scan } = world(t)
  scan().record(observed('10.0.0.1', { chains: [shopChain] }))
  const id = store.chains.idOf(shopChain.id) ?? 0
  const fingerprints = store.chains.members(id).map((member) => store.certificates.byId(member)?.fingerprint)
  t.same(fingerprints, [shop.fingerprint, publicIssuer.fingerprint])
  const verdict = JSON.parse(store.chains.byId(id)?.verdict ?? '') as KeptVerdict
  t.same(verdict, {
    verdict: 'trusted',
    trust: 'public',
    complete: true,
    ordered: true,
    root: publicRoot.fingerprint,
    path: [0, 1, publicRoot.fingerprint]
  })
  t.end()
})

t.test('a chain that is not known must bring its certificates', (t) => {
  const { scan } = world(t)
  const { certificates: _, ...bare } = shopChain
  t.throws(() => scan().record(observed('10.0.0.1', { chains: [bare] })), { code: 'internal' })
  t.end()
})

t.test('a certificate that nothing can read is kept as it came, with a finding', (t) => {
  const { store, scan } = world(t)
  const broken = Uint8Array.from(shop.der.subarray(0, 200))
  const { found, endpoints } = scan().record(observed('10.0.0.1', { chains: [servedChain(broken)] }))
  t.match(found, { added: 1, certificates: 1 })
  t.same(codesOf(store, endpoints[0] ?? 0, start), ['unreadable-certificate'])
  const row = rowOf(store, endpoints[0])
  const id = store.chains.byId(row?.chain ?? 0)?.leaf ?? 0
  t.same(Uint8Array.from(store.certificates.der(id)), broken)
  t.end()
})

t.test('every outcome that speaks TLS makes an endpoint, no other does', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  for (const outcome of Object.keys(outcomes) as Outcome[]) {
    const { found, endpoints } = record(observed(`10.0.1.${endpointsOf(store) + 1}`, { outcome }))
    t.equal(found.added, tlsOutcomes.has(outcome) ? 1 : 0, outcome)
    t.equal(endpoints.length, tlsOutcomes.has(outcome) ? 1 : 0, outcome)
    t.equal(signs[outcome] === 'answers', tlsOutcomes.has(outcome), outcome)
  }
  t.end()
})

t.test('an unchanged endpoint is only seen again', (t) => {
  const { store, clock, scan } = world(t)
  const first = scan()
  const [id] = first.record(observed('10.0.0.1', { chains: [shopChain] })).endpoints
  clock.time += day
  const second = scan()
  const { found } = second.record(observed('10.0.0.1', { chains: [shopChain], at: clock.time, ms: 90 }))
  t.match(found, { seen: 1, added: 0, changed: 0, certificates: 0 })
  t.match(rowOf(store, id), { firstSeen: start, lastSeen: start + day, since: start })
  t.same(store.history.of(id ?? 0), [])
  t.end()
})

t.test('a second certificate that was not asked for is not gone', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const [id] = record(observed('10.0.0.1', { chains: [shopChain, shopTwin] })).endpoints
  for (const chain of [shopChain, shopTwin]) {
    const { found } = record(observed('10.0.0.1', { chains: [chain], twinUnasked: true }))
    t.equal(found.changed, 0)
  }
  t.not(rowOf(store, id)?.otherChain, null)
  t.equal(record(observed('10.0.0.1', { chains: [shopChain] })).found.changed, 1, 'asked for, it is gone')
  t.end()
})

t.test('that a certificate was not asked for is no note, and asking for it later is no change', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const seen = observed('10.0.0.1', { chains: [shopChain] })
  const [id = 0] = record({ ...seen, twinUnasked: true }).endpoints
  t.same(codesOf(store, id, start), [])
  store.transaction(() => store.endpoints.settle(1))
  t.match(record(seen).found, { seen: 1, changed: 0 })
  t.same(codesOf(store, id, start), ['missing-twin'], 'asked for, it is missing')
  t.same(store.history.of(id), [])
  t.match(store.pages.page({ filter: {}, order: 'expiry', limit: 9, now: start }).rows, [{ id }])
  t.match(record({ ...seen, twinUnasked: true }).found, { changed: 0 })
  t.same(codesOf(store, id, start), ['missing-twin'], 'what is known stays known')
  t.end()
})

t.test('where the port is closed, nothing answers under any name', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const named = observed('10.0.0.1', { chains: [shopTwin], name: 'shop.example' })
  const ids = record(observed('10.0.0.1', { chains: [shopChain] }), named).endpoints
  record(observed('10.0.0.1', { outcome: 'silent', name: 'shop.example' }))
  const stands = () => ids.map((id) => [rowOf(store, id)?.present, rowOf(store, id)?.why])
  t.same(stands(), [
    [true, null],
    [false, 'silent']
  ])
  record(named)
  t.match(record(observed('10.0.0.1', { outcome: 'closed' })).found, { gone: 2, seen: 0 })
  t.same(stands(), [
    [false, 'closed'],
    [false, 'closed']
  ])
  t.end()
})

t.test('a change moves what was before into history', (t) => {
  const { store, clock, scan } = world(t)
  const [id = 0] = scan().record(observed('10.0.0.1', { chains: [shopChain] })).endpoints
  const before = rowOf(store, id)
  clock.time += day
  const second = scan()
  const seen = observed('10.0.0.1', { chains: [shopChain], version: 0x0303, at: clock.time })
  t.match(second.record(seen).found, { changed: 1, added: 0 })
  t.same(store.history.of(id), [
    { state: before?.state, present: true, why: null, since: start, until: start + day, scan: second.id }
  ])
  t.match(rowOf(store, id), { version: 0x0303, since: start + day })
  t.end()
})

t.test('each field of what was seen counts as a change, what only varies does not', (t) => {
  const { scan } = world(t)
  const { record } = scan()
  const base = { chains: [shopChain] }
  record(observed('10.0.0.1', base))
  const changes: readonly Parameters<typeof observed>[1][] = [
    { version: 0x0303 },
    { cipher: 0x1302 },
    { starttls: 'smtp' },
    { clientCertificate: true },
    { chains: [chainOf(shop)] },
    { chains: [shopChain, shopTwin] },
    { outcome: 'alert', chains: [], alert: 40 }
  ]
  for (const change of changes) {
    t.equal(
      record(observed('10.0.0.1', { ...base, ...change })).found.changed,
      1,
      Object.keys(change ?? {}).join()
    )
    t.equal(record(observed('10.0.0.1', base)).found.changed, 1, 'and back')
  }
  t.equal(record(observed('10.0.0.1', { ...base, ms: 99, connections: 3, at: start + 5 })).found.changed, 0)
  t.end()
})

t.test('that a request for a client certificate was not seen is no change', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const [id] = record(observed('10.0.0.1', { chains: [shopChain], clientCertificate: true })).endpoints
  t.equal(record(observed('10.0.0.1', { chains: [shopChain], clientCertificate: null })).found.changed, 0)
  t.equal(rowOf(store, id)?.clientCertificate, true)
  const changed = record(
    observed('10.0.0.1', { chains: [shopChain], clientCertificate: null, version: 0x0303 })
  )
  t.equal(changed.found.changed, 1, 'another field is one')
  t.end()
})

t.test('an endpoint goes when its port closes or speaks something else, and comes back', (t) => {
  for (const outcome of ['closed', 'not-tls', 'no-starttls', 'silent', 'unreachable'] as const) {
    const { store, clock, scan } = world(t)
    const { record } = scan()
    const [id] = record(observed('10.0.0.1', { chains: [shopChain] })).endpoints
    clock.time += day
    const seen = observed('10.0.0.1', {
      outcome,
      at: clock.time,
      banner: outcome === 'not-tls' ? 'SSH-2.0' : null
    })
    t.match(record(seen).found, { gone: 1, changed: 0 }, outcome)
    t.match(rowOf(store, id), {
      present: false,
      why: outcome,
      since: start + day,
      lastSeen: start,
      banner: seen.banner,
      outcome: 'certificate'
    })
    t.match(record({ ...seen, outcome: 'reset' }).found, { gone: 0, changed: 0 }, 'nothing more to say')
    const back = record(observed('10.0.0.1', { chains: [shopChain], at: start + 2 * day }))
    t.match(back.found, { returned: 1, added: 0, changed: 0 })
    t.match(rowOf(store, id), { present: true, why: null, banner: null, lastSeen: start + 2 * day })
    t.equal(store.history.of(id ?? 0).length, 2)
  }
  t.end()
})

t.test('trouble is a change, but the endpoint stays with what it showed', (t) => {
  for (const outcome of ['reset', 'ended', 'stalled'] as const) {
    const { store, scan } = world(t)
    const { record } = scan()
    const [id] = record(observed('10.0.0.1', { chains: [shopChain] })).endpoints
    const troubled = observed('10.0.0.1', { outcome, at: start + 5 })
    t.match(record(troubled).found, { changed: 1, gone: 0 }, outcome)
    t.match(rowOf(store, id), { present: true, why: outcome, lastSeen: start, outcome: 'certificate' })
    t.match(record(troubled, { ...troubled, outcome: 'ended' }).found, { changed: 0 }, 'more of it is none')
    t.match(record(observed('10.0.0.1', { chains: [shopChain], at: start + 9 })).found, { changed: 1 })
    t.match(rowOf(store, id), { present: true, why: null, lastSeen: start + 9 })
  }
  t.end()
})

t.test('names at one address and port are endpoints of their own', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const { found } = record(
    observed('10.0.0.1', { chains: [shopChain] }),
    observed('10.0.0.1', { chains: [shopChain], name: 'shop.example' }),
    observed('10.0.0.1', { chains: [shopChain], name: 'other.example' }),
    observed('10.0.0.1:8443', { chains: [shopChain] }),
    observed('[2001:db8::1]:443', { chains: [shopChain] })
  )
  t.equal(found.added, 5)
  const key = { address: parseAddress('2001:db8::1') ?? 0, port: 443, name: null }
  t.ok(store.endpoints.find(key))
  t.end()
})

t.test('a name that the certificate does not cover is a finding until it is covered', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const named = { chains: [shopChain, shopTwin], name: 'other.example' }
  const [id = 0] = record(observed('10.0.0.1', named)).endpoints
  t.same(codesOf(store, id, start), ['name-mismatch'])
  const right = chainOf(leaf('other.example'), publicIssuer)
  record(observed('10.0.0.1', { ...named, chains: [right, shopTwin] }))
  t.same(codesOf(store, id, start), ['name-mismatch'], 'the other chain is still wrong')
  record(observed('10.0.0.1', { ...named, chains: [right] }))
  t.same(codesOf(store, id, start), ['missing-twin'])
  t.end()
})

t.test('findings about certificates, chains and protocols reach the endpoint', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const codes = (seen: Parameters<typeof observed>[1]) => {
    const { endpoints } = record(observed(`10.0.0.${endpointsOf(store) + 1}`, seen))
    return codesOf(store, endpoints[0] ?? 0, start)
  }
  const twin = [shopTwin]
  t.same(codes({ chains: [shopChain, ...twin] }), [])
  t.same(codes({ chains: [shopChain, ...twin], version: 0x0301 }), ['old-protocol'])
  t.same(codes({ chains: [chainOf(shop), ...twin] }), ['chain-incomplete'])
  t.same(codes({ chains: [shopChain, chainOf(leaf('a', { key: 'rsa1024' }), publicIssuer)] }), ['weak-key'])
  const self = createCertificate({
    names: ['self.example'],
    notBefore: start - day,
    notAfter: start + 50 * day
  })
  t.same(codes({ chains: [chainOf(self), ...twin] }), ['self-signed'])
  const old = leaf('old.example', { notAfter: start - day })
  t.same(codes({ chains: [chainOf(old, publicIssuer), ...twin] }), ['expired'])
  t.end()
})

t.test('a certificate is as trusted as the best chain that shows it', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const long = leaf('long.example', { notAfter: start + 800 * day })
  const trusted = () => store.certificates.byId(store.certificates.idOf(long.fingerprint) ?? 0)?.trust
  const severities = () =>
    store.findings
      .of({ kind: 'certificate', id: store.certificates.idOf(long.fingerprint) ?? 0 }, start)
      .map(({ code, severity }) => `${code} ${severity}`)
  record(observed('10.0.0.1', { chains: [chainOf(long)] }))
  t.equal(trusted(), null)
  t.same(severities(), ['long-validity note'])
  record(observed('10.0.0.2', { chains: [chainOf(long, publicIssuer)] }))
  t.equal(trusted(), 'public')
  t.same(severities(), ['long-validity warning'])
  record(observed('10.0.0.3', { chains: [chainOf(long, publicIssuer, ownRoot)] }))
  t.equal(trusted(), 'public')
  const own = leaf('own.example', { issuer: ownRoot })
  record(observed('10.0.0.4', { chains: [chainOf(own)] }))
  t.equal(store.certificates.byId(store.certificates.idOf(own.fingerprint) ?? 0)?.trust, 'private')
  t.end()
})

t.test('embedded timestamps mark a public certificate even in an incomplete chain', (t) => {
  const { store, scan } = world(t)
  const logged = leaf('logged.example', { scts: true, notAfter: start + 800 * day })
  const [id = 0] = scan().record(observed('10.0.0.1', { chains: [chainOf(logged)] })).endpoints
  const leafId = store.chains.byId(rowOf(store, id)?.chain ?? 0)?.leaf ?? 0
  const found = store.findings.of({ kind: 'certificate', id: leafId }, start)
  t.same(
    found.map(({ code, severity }) => `${code} ${severity}`),
    ['long-validity warning']
  )
  t.end()
})

t.test('a certificate that was an intermediate before is judged when it is shown as a leaf', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  record(observed('10.0.0.1', { chains: [shopChain] }))
  const [id = 0] = record(observed('10.0.0.2', { chains: [chainOf(publicIssuer)] })).endpoints
  t.ok(codesOf(store, id, start).includes('long-validity'))
  t.end()
})

t.test('what expires is found by the time of the question alone', (t) => {
  const { store, scan } = world(t)
  const [id = 0] = scan().record(observed('10.0.0.1', { chains: [shopChain, shopTwin] })).endpoints
  const codes = (days: number) => [...new Set(codesOf(store, id, start + days * day))]
  t.same(codes(0), [])
  t.same(codes(55), ['expires-soon'])
  t.same(codes(79.9), ['expires-soon'])
  t.same(codes(80), ['expired'])
  t.end()
})

t.test('labels of a scan are given to what it sees', (t) => {
  const { store, scan } = world(t)
  const { record } = scan({ labels: { owner: 'web team', addTags: ['dmz', 'shop'] } })
  const [id] = record(observed('10.0.0.1'), observed('10.0.0.2', { outcome: 'closed' })).endpoints
  t.match(rowOf(store, id), { owner: 'web team', tags: ['dmz', 'shop'] })
  t.end()
})

t.test('a clock that was set back does not make history run backwards', (t) => {
  const { store, scan } = world(t)
  const { record } = scan()
  const [id = 0] = record(observed('10.0.0.1', { chains: [shopChain] })).endpoints
  record(observed('10.0.0.1', { chains: [shopChain], version: 0x0303, at: start - day }))
  t.match(store.history.of(id), [{ since: start, until: start }])
  t.end()
})
