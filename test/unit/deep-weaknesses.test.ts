import t from 'tap'
import type { DeepReport, VersionReport } from '../../sensor/scan/deep/report.ts'
import { weaknessCodes, weaknessesOf, type WeaknessCode } from '../../sensor/scan/deep/weaknesses.ts'

/** an endpoint without fault, of TLS 1.2 and 1.3 */
const good: DeepReport = {
  address: '192.0.2.1',
  port: 443,
  name: null,
  starttls: null,
  at: 0,
  stopped: null,
  cost: { connections: 60, sentBytes: 1, receivedBytes: 1, ms: 1 },
  versions: [speaks(0x0304, [0x1301]), speaks(0x0303, [0xc02f, 0x009e])],
  groups: { tls13: [29], ecdhe: [29] },
  diffieHellman: { bits: 2048, exportBits: null },
  alpn: [],
  stapling: false,
  staple: null,
  tickets: { tls12: true, tls13: true },
  secureRenegotiation: true,
  extendedMasterSecret: true,
  compression: false,
  fallbackScsv: true,
  heartbeat: true,
  http: null
}

function speaks(version: number, suites: readonly number[], complete = true): VersionReport {
  return { version, accepted: true, suites, order: null, complete }
}

function withVersion(...reports: readonly VersionReport[]): Partial<DeepReport> {
  return { versions: [...good.versions, ...reports] }
}

/** what makes each weakness appear, alone or with those that always come along, and what its reason names */
const cases: readonly (readonly [WeaknessCode, Partial<DeepReport>, RegExp, ...WeaknessCode[]])[] = [
  ['drown', withVersion(speaks(0x0002, [0x010080])), /SSL 2\.0/],
  ['poodle', withVersion(speaks(0x0300, [0xc011])), /SSL 3\.0/, 'rc4'],
  [
    'old-tls',
    withVersion(speaks(0x0302, [0xc013]), speaks(0x0301, [0xc011])),
    /TLS 1\.1 and TLS 1\.0 are/,
    'rc4'
  ],
  ['old-tls', withVersion(speaks(0x0302, [0xc013])), /TLS 1\.1 is/],
  ['anonymous', withVersion(speaks(0x0303, [0x00a6])), /TLS_DH_anon_WITH_AES_128_GCM_SHA256/],
  ['anonymous', withVersion(speaks(0x0303, [0xc018])), /TLS_ECDH_anon/],
  ['unencrypted', withVersion(speaks(0x0303, [0xc010])), /TLS_ECDHE_RSA_WITH_NULL_SHA/],
  ['unencrypted', withVersion(speaks(0x0304, [0xc0b4])), /TLS_SHA256_SHA256/],
  ['freak', withVersion(speaks(0x0303, [0xc02f, 0x0003])), /TLS_RSA_EXPORT_WITH_RC4_40_MD5/],
  ['logjam', withVersion(speaks(0x0303, [0xc02f, 0x0014])), /TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA/],
  ['logjam', { diffieHellman: { bits: 1024, exportBits: null } }, /1024 bits/],
  [
    'logjam',
    { ...withVersion(speaks(0x0303, [0xc02f, 0x0014])), diffieHellman: { bits: 2048, exportBits: 512 } },
    /512 bits/
  ],
  ['rc4', withVersion(speaks(0x0303, [0xc011])), /TLS_ECDHE_RSA_WITH_RC4_128_SHA/],
  ['single-des', withVersion(speaks(0x0303, [0x0015])), /TLS_DHE_RSA_WITH_DES_CBC_SHA/, 'sweet32'],
  [
    'sweet32',
    withVersion(speaks(0x0303, [0xc012, 0x0016])),
    /TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA/
  ],
  ['beast', withVersion(speaks(0x0301, [0xc013])), /TLS 1\.0/, 'old-tls'],
  ['beast', withVersion(speaks(0x0300, [0xc013])), /SSL 3\.0/, 'poodle'],
  ['crime', { compression: true }, /compression/],
  ['no-forward-secrecy', withVersion(speaks(0x0303, [0x009c, 0x002f])), /TLS 1\.2/],
  ['insecure-renegotiation', { secureRenegotiation: false }, /RFC 5746/],
  ['no-fallback-protection', { fallbackScsv: false }, /RFC 7507/]
]

t.test('a good endpoint has no weakness', (t) => {
  t.same(weaknessesOf(good), [])
  t.end()
})

t.test('each weakness appears where it is, with its severity, reason and remedy', (t) => {
  for (const [code, change, reason, ...others] of cases) {
    const found = weaknessesOf({ ...good, ...change })
    t.same(
      found.map((one) => one.code).toSorted(),
      [code, ...others].toSorted(),
      `${code}: ${String(reason)}`
    )
    const [severity, remedy] = weaknessCodes[code]
    t.match(
      found.find((one) => one.code === code),
      { severity, remedy, reason }
    )
  }
  const shown = new Set(cases.map(([code]) => code))
  t.same([...shown].toSorted(), Object.keys(weaknessCodes).toSorted(), 'there is a case for each')
  t.end()
})

t.test('the worst weakness comes first', (t) => {
  const all = weaknessesOf({
    ...good,
    ...withVersion(speaks(0x0002, [0x010080]), speaks(0x0301, [0xc013, 0x0003])),
    compression: true,
    fallbackScsv: false
  })
  const order = ['critical', 'warning', 'note']
  t.same([...new Set(all.map(({ severity }) => severity))], order, 'some of each, in order')
  t.equal(
    all.filter(({ severity }, at) => severity !== all[at - 1]?.severity).length,
    3,
    'none out of its place'
  )
  t.end()
})

t.test('what is not known is no weakness', (t) => {
  const nothing: DeepReport = {
    ...good,
    versions: [speaks(0x0303, [0x009c], false)],
    diffieHellman: { bits: null, exportBits: null },
    secureRenegotiation: null,
    compression: null,
    fallbackScsv: null
  }
  t.same(weaknessesOf(nothing), [], 'an incomplete list says nothing about what is missing in it')
  t.end()
})

t.test('a reason names three suites and counts the rest', (t) => {
  const [rc4] = weaknessesOf({
    ...good,
    ...withVersion(speaks(0x0303, [0xc007, 0xc011, 0x0005, 0x0004, 0x0018]))
  }).filter(({ code }) => code === 'rc4')
  t.match(
    rc4?.reason,
    /: TLS_ECDHE_ECDSA_WITH_RC4_128_SHA, TLS_ECDHE_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_RC4_128_SHA and 2 more\.$/
  )
  t.end()
})
