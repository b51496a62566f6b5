import t from 'tap'
import { endpointRecords } from '../../appliance/standalone/records.ts'
import { lookFindings } from '../../sensor/inventory/findings/look.ts'
import { keepDeepLook, keepRevocationLook } from '../../sensor/inventory/looks.ts'
import { weaknessCodes, type WeaknessCode } from '../../sensor/scan/deep/weaknesses.ts'
import type { NewLook } from '../../sensor/store/looks.ts'
import { chainOf, day, leaf, observed, publicIssuer, start, world } from './inventory-world.ts'

const look = (kind: string, at: number, digest: string): NewLook => ({
  kind,
  at,
  scan: 1,
  report: JSON.stringify({ at, digest }),
  digest: digest.padEnd(64, '0')
})

t.test('of the looks at a place the latest is kept, and once the one before that differed', async (t) => {
  const { store } = world(t)
  const place = { address: 0x0a000001, port: 443, name: null }
  const kept = () => store.looks.at(place).map(({ kind, latest, since, at }) => [kind, latest, since, at])
  store.looks.keepAt(place, look('deep', 1, 'aa'))
  store.looks.keepAt(place, look('deep', 2, 'aa'))
  t.same(kept(), [['deep', true, 1, 2]], 'the same again: when it was first so is not forgotten')
  store.looks.keepAt(place, look('deep', 3, 'bb'))
  t.same(kept(), [
    ['deep', true, 3, 3],
    ['deep', false, 1, 2]
  ])
  store.looks.keepAt(place, look('deep', 4, 'bb'))
  store.looks.keepAt(place, look('deep', 5, 'aa'))
  store.looks.keepAt(place, look('ssh', 6, 'aa'))
  t.same(kept(), [
    ['deep', true, 5, 5],
    ['deep', false, 3, 4],
    ['ssh', true, 6, 6]
  ])
  store.looks.keepAt({ ...place, name: 'www.test' }, look('deep', 7, 'cc'))
  t.equal(kept().length, 3, 'another server name is another place')
  t.same(store.looks.namesAt(0x0a000001, 443), [null, 'www.test'])
})

t.test('weaknesses are findings of the endpoint, by what is to be changed', async (t) => {
  const { store, scan } = world(t)
  const running = scan()
  running.record(observed('10.0.0.1:443', { chains: [chainOf(leaf('a.test'), publicIssuer)] }))
  const place = { address: 0x0a000001, port: 443, name: null }
  const id = store.endpoints.find(place)?.id ?? 0
  const codes = () =>
    store.findings.of({ kind: 'look', id }, start).map(({ code, severity }) => [code, severity])
  const weaknesses = [
    { code: 'poodle', severity: 'critical', reason: 'SSL 3.0 is accepted.' },
    { code: 'old-tls', severity: 'warning', reason: 'TLS 1.0 is accepted.' },
    { code: 'rc4', severity: 'warning', reason: 'RC4 is accepted.' }
  ] as const
  keepDeepLook(store, place, { ...look('deep', start, 'aa'), weaknesses, whole: true })
  t.same(codes(), [
    ['weak-protocol', 'critical'],
    ['weak-suite', 'warning']
  ])
  const [protocol] = store.findings.of({ kind: 'look', id }, start)
  t.equal(protocol?.reason, 'SSL 3.0 is accepted. TLS 1.0 is accepted. Seen on 2026-11-01.')
  t.match(store.summary.read({}, start), { attention: 1, bySeverity: { critical: 1 } })
  t.equal(store.pages.count({ finding: 'weak-suite' }, start), 1)

  keepDeepLook(store, place, { ...look('deep', start, 'bb'), weaknesses: [], whole: false })
  t.equal(codes().length, 2, 'a look that was cut short takes nothing away')
  keepDeepLook(store, place, { ...look('deep', start, 'cc'), weaknesses: [], whole: true })
  t.same(codes(), [], 'a whole one does')
})

t.test('each weakness has its finding, as bad as the worst of them', (t) => {
  const all = Object.entries(weaknessCodes).map(([code, [severity]]) => {
    return { code: code as WeaknessCode, severity, reason: 'so it is.' }
  })
  const found = lookFindings(start, all)
  t.same(
    found.map(({ code, severity }) => [code, severity]),
    [
      ['weak-protocol', 'critical'],
      ['weak-suite', 'critical'],
      ['weak-key-exchange', 'critical'],
      ['weak-tls-setting', 'warning']
    ]
  )
  t.same(
    new Set(found.flatMap(({ facts }) => facts['weaknesses'])),
    new Set(Object.keys(weaknessCodes)),
    'none is left out'
  )
  t.equal(lookFindings(start, all.slice(0, 1))[0]?.reason, 'So it is. Seen on 2026-11-01.')
  t.end()
})

t.test('that a certificate is revoked is a finding of all that show it', async (t) => {
  const { store, scan } = world(t)
  const shown = leaf('a.test')
  const running = scan()
  running.record(
    observed('10.0.0.1:443', { chains: [chainOf(shown, publicIssuer)] }),
    observed('10.0.0.2:443', { chains: [chainOf(shown, publicIssuer)] })
  )
  const id = store.certificates.idOf(shown.fingerprint) ?? 0
  const count = () => store.pages.count({ finding: 'revoked', severity: 'critical' }, start)
  const revoked = { at: start - day, reason: 'keyCompromise', by: 'crl' }
  keepRevocationLook(store, id, { ...look('revocation', start, 'aa'), revoked })
  t.equal(count(), 2)
  const { byCode } = store.summary.read({}, start)
  t.match(
    byCode.find(({ code }) => code === 'revoked'),
    { severity: 'critical', endpoints: 2 }
  )
  const rows = store.pages.page({ filter: {}, order: 'address', limit: 9, now: start }).rows
  t.match(rows.map(endpointRecords(store, start))[1]?.findings, [
    { code: 'revoked', severity: 'critical', certificate: shown.fingerprint }
  ])
  keepRevocationLook(store, id, { ...look('revocation', start, 'bb'), revoked: undefined })
  t.equal(count(), 2, 'no answer takes nothing away')
  keepRevocationLook(store, id, { ...look('revocation', start, 'cc'), revoked: null })
  t.equal(count(), 0)
  t.equal(store.looks.of(id).length, 2)
})
