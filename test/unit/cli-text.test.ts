import t from 'tap'
import * as fc from 'fast-check'
import stringWidth from 'string-width'
import { cut, tableLines } from '../../appliance/cli/table.ts'
import { counted, duration, fromNow } from '../../appliance/cli/words.ts'
import { commonNameOf, endpointView, expiryTone, keyName } from '../../appliance/cli/views/endpoints.ts'
import { progressText, showProgress } from '../../appliance/cli/progress.ts'
import type { Screen } from '../../appliance/cli/screen.ts'
import type { Endpoint, Finding, Severity } from '../../appliance/records.ts'
import { systemClock } from '../../core/clock.ts'

const head = (text: string) => text

t.test('a table is as wide as its content when there is room', (t) => {
  const lines = tableLines(
    [{ head: 'A' }, { head: 'B', align: 'right' }],
    [
      ['one', '1'],
      ['three', '23']
    ],
    {
      width: Infinity,
      head
    }
  )
  t.same(lines, ['A       B', 'one     1', 'three  23'])
  t.end()
})

t.test('a narrow terminal first drops columns, then cuts those that may be cut', (t) => {
  const columns = [{ head: 'NAME', least: 4 }, { head: 'PORT' }, { head: 'NOTE', drop: 1, least: 4 }]
  const rows = [['www.example.test', '443', 'something long']]
  t.same(tableLines(columns, rows, { width: 30, head })[1], 'www.exampl…  443   something …')
  t.same(tableLines(columns, rows, { width: 14, head })[1], 'www.exa…  443')
  t.end()
})

t.test('columns that matter are cut after those that do not, and empty ones may be left out', (t) => {
  const columns = [
    { head: 'NAME', least: 4 },
    { head: 'TAGS', least: 4, sparse: true as const },
    { head: 'WRONG', least: 12, late: true as const },
    { head: 'KEY', drop: 1 }
  ]
  const row = (tags: string) => ['www.example.test', tags, 'something long', 'RSA 2048']
  const line = (width: number, tags = '') => tableLines(columns, [row(tags)], { width, head })[1]
  t.equal(line(50), 'www.example.test  something long  RSA 2048')
  t.equal(line(26), 'www.examp…  something long', 'the key is dropped, then the name is cut')
  t.equal(line(20), 'www…  something long')
  t.equal(line(18), 'www…  something l…', 'then what matters')
  t.equal(line(50, 'dmz'), 'www.example.test  dmz   something long  RSA 2048')
  t.equal(line(27, 'dmz'), 'www.…  dmz   something long')
  t.end()
})

const finding = (code: string, severity: Severity): Finding => ({
  code,
  severity,
  reason: 'Because.',
  remedy: 'Do.',
  since: new Date(0).toISOString(),
  certificate: null
})

/** An endpoint with one certificate, otherwise as wished. */
const endpoint = (wishes: Partial<Endpoint>): Endpoint => ({
  type: 'endpoint',
  schema: 1,
  address: '10.20.30.40',
  port: 8443,
  name: null,
  outcome: 'certificate',
  state: 'present',
  starttls: null,
  version: 'TLS 1.3',
  cipher: null,
  clientCertificate: false,
  certificates: [
    {
      fingerprint: `3fa9c2d4e5f6${'0'.repeat(52)}`,
      label: 'a-long-host-name.department.example.com',
      issuer: 'CN=Some Issuing Authority G2',
      notBefore: new Date(0).toISOString(),
      notAfter: new Date(90 * 86_400_000).toISOString(),
      keyType: 'RSA',
      keyBits: 2048,
      curve: null
    }
  ],
  findings: [],
  owner: null,
  tags: [],
  firstSeen: new Date(0).toISOString(),
  lastSeen: new Date(0).toISOString(),
  ...wishes
})

const plainScreen = { paint: (_tone: string, text: string) => text, width: 80 } as unknown as Screen

function tableOf(width: number, ...endpoints: readonly Endpoint[]): string[] {
  const { columns, cells } = endpointView(plainScreen, 0)
  return tableLines(columns, endpoints.map(cells), { width, head })
}

t.test('on a narrow terminal what is wrong stays whole, and less important columns go', (t) => {
  const findings = [finding('expired-intermediate', 'critical'), finding('weak-key', 'warning')]
  const seen = endpoint({ findings: [...findings, finding('missing-twin', 'note')] })
  const [heads, row = ''] = tableOf(80, seen)
  t.match(row, /Critical: Expired intermediate \+1$/, 'a note is not counted as one more problem')
  t.notMatch(heads, /ISSUER|CERTIFICATE/)
  t.ok(stringWidth(row) <= 80)
  t.match(tableOf(Infinity, seen)[1], /3fa9c2d4e5f6 {2}Critical/, 'wide enough, there is a fingerprint')
  const noted = endpoint({ findings: [finding('missing-twin', 'note'), finding('client-auth', 'note')] })
  t.match(tableOf(80, noted)[1], /Note: One key type only$/)
  t.end()
})

t.test('owner and tags are columns where any endpoint has them', (t) => {
  t.notMatch(tableOf(Infinity, endpoint({}))[0], /OWNER|TAGS/)
  const [heads, first, second] = tableOf(
    Infinity,
    endpoint({ owner: 'Web team', tags: ['a', 'b'] }),
    endpoint({})
  )
  t.match(heads, /CERTIFICATE +OWNER +TAGS +FINDINGS/)
  t.match(first, /Web team +a b$/)
  t.notMatch(second, /Web team/)
  t.end()
})

t.test('no line of a table is wider than the terminal, whatever the cells hold', (t) => {
  const cell = fc.string({ unit: 'grapheme', maxLength: 60 })
  const columns = [
    { head: 'A', least: 3 },
    { head: 'B', least: 3, drop: 1 },
    { head: 'C', least: 3, align: 'right' as const }
  ]
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
      fc.integer({ min: 14, max: 120 }),
      (rows, width) => tableLines(columns, rows, { width, head }).every((line) => stringWidth(line) <= width)
    ),
    { seed: 7, numRuns: 500 }
  )
  t.end()
})

t.test('text is cut between characters as people see them', (t) => {
  t.equal(cut('日本語', 6), '日本語')
  t.equal(cut('日本語', 5), '日本…')
  t.equal(cut('👩‍💻👩‍💻', 3), '👩‍💻…')
  t.end()
})

t.test('times and counts read as people write them', (t) => {
  t.equal(duration(450), '450 ms')
  t.equal(duration(12_400), '12 s')
  t.equal(duration(221_000), '3 min 41 s')
  t.equal(duration(120_000), '2 min')
  t.equal(duration(7_500_000), '2 h 5 min')
  t.equal(duration(59_700), '59 s')
  t.equal(fromNow(1_000 + 12 * 86_400_000, 1_000), 'in 12 d')
  t.equal(fromNow(0, 3 * 86_400_000), '3 d ago')
  t.equal(counted(1, 'endpoint'), '1 endpoint')
  t.equal(counted(35_512, 'address', 'addresses'), '35,512 addresses')
  t.end()
})

t.test('progress says done, rate, found, and the time left once it is known', (t) => {
  const base = { done: 500, size: 2000, found: 12, rate: 99.6, leftMs: null, instead: null, opensAt: null }
  t.equal(progressText(base), '500 of 2,000 (25 %) · 100/s · 12 found')
  t.equal(progressText({ ...base, leftMs: 15_000 }), '500 of 2,000 (25 %) · 100/s · 12 found · 15 s left')
  t.equal(
    progressText({ ...base, leftMs: 15_000, instead: 'looking closer' }),
    '500 of 2,000 (25 %) · 100/s · 12 found · looking closer'
  )
  t.match(
    progressText({ ...base, leftMs: 15_000, opensAt: Date.UTC(2026, 10, 26, 12) }),
    /12 found · waiting for the window of time, until 2[67] Nov 2026, \d\d:\d\d \S+$/
  )
  t.match(progressText({ ...base, opensAt: Infinity }), /waiting for the window of time$/)
  t.end()
})

t.test('away from a terminal, waiting for a window of time is said once', (t) => {
  const clock = { ...systemClock, at: 0, ticks: () => clock.at }
  const notes: string[] = []
  const screen = { watched: false, note: (line: string) => notes.push(line) } as unknown as Screen
  const tell = showProgress(screen, clock)
  const base = { done: 5, size: 20, found: 1, rate: 0, leftMs: null, instead: null, opensAt: null }
  const opensAt = Date.UTC(2026, 10, 26, 12)
  for (let second = 0; second < 3_600; second++) {
    clock.at = second * 1_000
    tell({ ...base, opensAt })
  }
  t.equal(notes.length, 1)
  t.match(notes[0], /waiting for the window of time, until/)
  clock.at += 10_000
  tell(base)
  t.equal(notes.length, 2, 'and progress goes on')
  tell({ ...base, opensAt: opensAt + 86_400_000 })
  t.equal(notes.length, 3, 'the next window is said again')
  t.end()
})

t.test('a key has the name that people use', (t) => {
  t.equal(keyName({ keyType: 'RSA', keyBits: 2048, curve: null }), 'RSA 2048')
  t.equal(keyName({ keyType: 'ECDSA', keyBits: 256, curve: 'P-256' }), 'ECDSA P-256')
  t.equal(keyName({ keyType: 'Ed25519', keyBits: 256, curve: null }), 'Ed25519')
  t.end()
})

t.test('the common name is found in a distinguished name with escapes', (t) => {
  t.equal(commonNameOf('CN=Example CA,O=Example'), 'Example CA')
  t.equal(commonNameOf('O=Example\\, Inc.,CN=a\\+b'), 'a+b')
  t.equal(commonNameOf('O=Example\\, Inc.'), 'Example, Inc.')
  t.equal(commonNameOf(''), '')
  t.end()
})

t.test('the tone of an expiry follows the lifetime', (t) => {
  const day = 86_400_000
  const leaf = (days: number) => ({
    fingerprint: '',
    label: '',
    issuer: '',
    notBefore: new Date(0).toISOString(),
    notAfter: new Date(days * day).toISOString(),
    keyType: 'RSA',
    keyBits: 2048,
    curve: null
  })
  t.equal(expiryTone(leaf(90), 10 * day), 'good')
  t.equal(expiryTone(leaf(90), 61 * day), 'warn', 'the last third')
  t.equal(expiryTone(leaf(90), 84 * day), 'bad', 'the last week')
  t.equal(expiryTone(leaf(6), 4 * day), 'warn', 'a six-day certificate is not red all its life')
  t.equal(expiryTone(leaf(90), 91 * day), 'bad', 'expired')
  t.equal(expiryTone(leaf(3650), 3000 * day), 'good', 'years are left')
  t.equal(expiryTone(leaf(3650), 3621 * day), 'warn', 'a month is left')
  t.end()
})
