import Database from 'better-sqlite3'
import { join } from 'node:path'
import t from 'tap'
import { formatAddress, parseAddress } from '../../core/address.ts'
import { seededRandom } from '../../core/random.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import type { EndpointFilter } from '../../sensor/store/endpoint-filter.ts'
import { type EndpointOrder, type EndpointRow, type PageStart } from '../../sensor/store/endpoint-pages.ts'
import { walkedSql } from '../../sensor/store/page-sql.ts'
import { createCertificate } from '../peers/certificates.ts'
import {
  authority,
  chainOf,
  day,
  leaf,
  observed,
  ownRoot,
  publicIssuer,
  publicRoot,
  start,
  world,
  type World
} from './inventory-world.ts'

const weak = leaf('weak.example.com', { key: 'rsa1024', notAfter: start + 20 * day })
const wide = createCertificate({
  commonName: 'Café Zürich',
  names: ['www.example.com', '*.shop.example.com', 'example.com'],
  ips: ['10.9.9.9'],
  emails: ['Admin@example.org'],
  issuer: publicIssuer,
  notBefore: start - day,
  notAfter: start + 60 * day
})
const own = leaf('own.internal', { issuer: ownRoot, key: 'rsa2048', notAfter: start + 300 * day })
const short = authority('Brief Issuing', { issuer: publicRoot, notAfter: start - day })
const stale = leaf('stale.test', { issuer: short, notAfter: start + 70 * day })

/** One endpoint of each kind, in an order that is no order of anything. */
const kinds: readonly Observation[] = [
  observed('10.0.0.9', { chains: [chainOf(wide, publicIssuer)], name: 'www.example.com', at: start + 3 }),
  observed('9.255.0.1:8443', { chains: [chainOf(weak, publicIssuer)], at: start + 9 }),
  observed('[2001:db8::2]:443', { chains: [chainOf(own)], at: start + 1 }),
  observed('10.0.0.10', {
    chains: [chainOf(own), chainOf(weak, publicIssuer)],
    version: 0x0301,
    at: start + 5
  }),
  observed('200.0.0.1:25', { chains: [chainOf(stale, short)], starttls: 'smtp', at: start + 2 }),
  observed('10.0.0.9:8443', { outcome: 'alert', alert: 40, at: start + 7 }),
  observed('[::5]:443', { chains: [chainOf(wide, publicIssuer)], name: 'mail.other.test', at: start + 4 })
]

type Tap = Parameters<typeof world>[0]

/** How much of it is in the order of expiry already. */
const ways = ['nothing settled', 'half settled', 'all settled'] as const

type Way = (typeof ways)[number]

function filled(t: Tap, way: Way = 'all settled'): World {
  const here = world(t)
  const { record } = here.scan()
  const half = way === 'half settled' ? 4 : kinds.length
  record(...kinds.slice(0, half))
  if (way !== 'nothing settled') here.store.transaction(() => here.store.endpoints.settle(1))
  record(...kinds.slice(half))
  return here
}

/** A test of what is found, which must not depend on what is settled. */
function foundAlike(name: string, check: (t: Tap, here: World) => void): void {
  for (const way of ways) {
    t.test(`${name} (${way})`, (t) => {
      check(t, filled(t, way))
      t.end()
    })
  }
}

const place = ({ address, port }: EndpointRow) => `${formatAddress(address)}:${port}`

function listed({ store }: World, filter: EndpointFilter, order: EndpointOrder = 'address'): string[] {
  return store.pages.page({ filter, order, limit: 100, now: start }).rows.map(place)
}

foundAlike('addresses are in the order of numbers, IPv4 before IPv6', (t, here) => {
  t.same(listed(here, {}), [
    '9.255.0.1:8443',
    '10.0.0.9:443',
    '10.0.0.9:8443',
    '10.0.0.10:443',
    '200.0.0.1:25',
    '::5:443',
    '2001:db8::2:443'
  ])
})

foundAlike(
  'the other orders: what expires first, by name of the certificate, what was seen last',
  (t, here) => {
    t.same(listed(here, {}, 'expiry'), [
      '9.255.0.1:8443',
      '10.0.0.10:443',
      '10.0.0.9:443',
      '::5:443',
      '200.0.0.1:25',
      '2001:db8::2:443',
      '10.0.0.9:8443'
    ])
    t.same(listed(here, {}, 'name'), [
      '10.0.0.9:8443',
      '10.0.0.9:443',
      '::5:443',
      '2001:db8::2:443',
      '10.0.0.10:443',
      '200.0.0.1:25',
      '9.255.0.1:8443'
    ])
    t.same(listed(here, {}, 'last-seen').slice(0, 3), ['9.255.0.1:8443', '10.0.0.9:8443', '10.0.0.10:443'])
  }
)

foundAlike('filters mean what they say, and hold together', (t, here) => {
  const range = (first: string, last: string) => ({
    first: parseAddress(first) ?? 0,
    last: parseAddress(last) ?? 0
  })
  const cases: readonly (readonly [EndpointFilter, readonly string[]])[] = [
    [{ expiresBefore: start + 30 * day }, ['9.255.0.1:8443', '10.0.0.10:443']],
    [{ port: 25 }, ['200.0.0.1:25']],
    [{ network: range('10.0.0.0', '10.255.255.255') }, ['10.0.0.9:443', '10.0.0.9:8443', '10.0.0.10:443']],
    [{ network: range('2001:db8::', '2001:db8::ffff') }, ['2001:db8::2:443']],
    [{ keyType: 'RSA' }, ['9.255.0.1:8443', '10.0.0.10:443', '2001:db8::2:443']],
    [{ issuer: 'own ro' }, ['10.0.0.10:443', '2001:db8::2:443']],
    [{ finding: 'weak-key' }, ['9.255.0.1:8443', '10.0.0.10:443']],
    [{ finding: 'expired-intermediate' }, ['200.0.0.1:25']],
    [{ finding: 'old-protocol' }, ['10.0.0.10:443']],
    [{ finding: 'name-mismatch' }, ['::5:443']],
    [{ finding: 'expired' }, []],
    [{ severity: 'critical' }, ['200.0.0.1:25', '::5:443']],
    [{ severity: ['critical', 'warning'], port: 25 }, ['200.0.0.1:25']],
    [{ finding: 'weak-key', severity: 'critical' }, []],
    [{ fingerprint: own.fingerprint }, ['10.0.0.10:443', '2001:db8::2:443']],
    [{ presence: 'gone' }, []],
    [{ port: 443, keyType: 'RSA', network: range('10.0.0.0', '10.0.0.255') }, ['10.0.0.10:443']],
    [{ certificateName: 'www.EXAMPLE.com' }, ['10.0.0.9:443', '::5:443']],
    [{ certificateName: '.shop.example.com' }, ['10.0.0.9:443', '::5:443']],
    [{ certificateName: '.example.com' }, ['9.255.0.1:8443', '10.0.0.9:443', '10.0.0.10:443', '::5:443']],
    [{ certificateName: '.ample.com' }, []],
    [{ certificateName: '.internal' }, ['10.0.0.10:443', '2001:db8::2:443']],
    [{ certificateName: 'example' }, []]
  ]
  for (const [filter, wanted] of cases) {
    const told = JSON.stringify(filter, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value
    )
    t.same(listed(here, filter), wanted, told)
    t.equal(here.store.pages.count(filter, start), wanted.length, `the number of ${told}`)
  }
})

foundAlike('a text is found anywhere in names and subjects, and as an address', (t, here) => {
  const found = (needle: string, address?: string) => {
    const at = address === undefined ? undefined : parseAddress(address)
    return listed(here, { text: { needle, range: at === undefined ? null : { first: at, last: at } } })
  }
  t.same(found('shop.ex'), ['10.0.0.9:443', '::5:443'])
  t.same(found('CAFÉ'), ['10.0.0.9:443', '::5:443'], 'case does not matter, nor beyond ASCII')
  t.same(found('min@exa'), ['10.0.0.9:443', '::5:443'])
  t.same(found('10.9.9.9'), ['10.0.0.9:443', '::5:443'], 'an address in a certificate')
  t.same(found('other.t'), ['::5:443'], 'the server name')
  t.same(found('zü'), ['10.0.0.9:443', '::5:443'], 'two letters')
  t.same(
    found('.'),
    listed(here, {}).filter((one) => one !== '10.0.0.9:8443'),
    'all but the one without any name'
  )
  t.same(found('200.0.0.1', '200.0.0.1'), ['200.0.0.1:25'])
  t.same(found('exa mple'), [])
  t.same(found('"; DROP'), [])
  t.same(found('100%'), [])
  t.same(found('exam\0ple'), [])
})

t.test('every order gives every endpoint once, whatever the size of the pages', (t) => {
  const here = world(t)
  const random = seededRandom(5)
  const leaves = [wide, weak, own, stale]
  const seen = Array.from({ length: 400 }, (_, at) => {
    const one = leaves[random.word() % 4] ?? own
    const address =
      at % 10 === 0
        ? `[2001:db8::${at.toString(16)}]:${(at % 3) + 1}`
        : `10.${at % 7}.0.${at % 250}:${(at % 5) + 1}`
    return observed(address, {
      chains: [chainOf(one)],
      at: start + (random.word() % 50),
      name: at % 3 === 0 ? `n${at}.test` : null
    })
  })
  const { record } = here.scan()
  record(...seen.slice(0, 250))
  here.store.transaction(() => here.store.endpoints.settle(1))
  record(...seen.slice(250))
  const all = here.store.pages.count({}, start)
  t.ok(all > 350)
  for (const order of ['expiry', 'address', 'name', 'last-seen'] as const) {
    const whole = here.store.pages.page({ filter: {}, order, limit: 1000, now: start })
    t.equal(whole.rows.length, all)
    t.equal(whole.next, null)
    for (const limit of [1, 7, 100]) {
      const ids: number[] = []
      for (let after: PageStart | null | undefined; after !== null;) {
        const page = here.store.pages.page({
          filter: {},
          order,
          limit,
          now: start,
          ...(after ? { after } : {})
        })
        ids.push(...page.rows.map((row) => row.id))
        after = page.next
      }
      t.same(
        ids,
        whole.rows.map((row) => row.id),
        `${order} by ${limit}`
      )
    }
  }
  t.end()
})

t.test('filters that most endpoints pass and filters that few do give the same as looking at each', (t) => {
  const here = world(t)
  const leaves = [wide, weak, own].map((one) => chainOf(one))
  const seen = Array.from({ length: 5_600 }, (_, at) => {
    const place = `10.${at % 7}.${at >> 8}.${at & 255}:${at % 20 === 0 ? 8443 : 443}`
    return observed(place, { chains: leaves.slice(at % 3, (at % 3) + 1), at: start + ((at * 7919) % 100) })
  })
  here.scan().record(...seen)
  for (const order of ['expiry', 'address', 'name', 'last-seen'] as const) {
    const page = (filter: EndpointFilter, limit: number, after?: PageStart | null) =>
      here.store.pages.page({ filter, order, limit, now: start, ...(after ? { after } : {}) })
    const all = page({}, 10_000).rows
    for (const port of [443, 8443]) {
      const wanted = all.filter((row) => row.port === port).map(({ id }) => id)
      const first = page({ port }, 200)
      const second = page({ port }, 50, first.next)
      t.same(
        [...first.rows, ...second.rows].map(({ id }) => id),
        wanted.slice(0, 250),
        `${order}, port ${port}`
      )
    }
  }
  t.end()
})

t.test('pages are found by an index, not by sorting what is there', (t) => {
  const { store, directory } = filled(t)
  const db = new Database(join(directory, 'tlsward.db'), { readonly: true })
  t.teardown(() => db.close())
  const plan = (order: EndpointOrder, after: PageStart, filter: EndpointFilter = {}) => {
    const { sql, values } = walkedSql({ filter, order, after, limit: 50, now: start })
    type Step = { id: number; parent: number; detail: string }
    return db.prepare<[typeof values], Step>(`EXPLAIN QUERY PLAN ${sql}`).all(values)
  }
  const plans = {
    expiry: plan('expiry', [start, 1, 1], { expiresBefore: start + 30 * day }),
    address: plan('address', [5, 443, '']),
    name: plan('name', ['a', 1, 1])
  }
  const used = (order: keyof typeof plans) => plans[order].map(({ detail }) => detail).join('\n')
  t.match(used('expiry'), /SEARCH x USING PRIMARY KEY \(\(expires,state,id\)>/)
  t.match(used('address'), /SEARCH e USING INDEX sqlite_autoindex_endpoint_1/)
  t.match(used('name'), /SEARCH s USING INDEX state_by_label/)
  for (const order of Object.keys(plans) as (keyof typeof plans)[]) {
    // what is not settled yet is sorted, the rest is not
    const right = plans[order].find(({ detail }) => detail === 'RIGHT')
    const sorted = plans[order].filter(({ detail }) => detail.includes('TEMP B-TREE FOR ORDER BY'))
    t.ok(
      sorted.every(({ parent }) => parent === right?.id),
      order
    )
  }
  t.equal(store.pages.count({}, start), kinds.length)
  t.end()
})

t.test('the order of expiry follows what changes, goes and comes back', (t) => {
  const here = filled(t)
  const { record } = here.scan()
  const at = start + day
  const place = '9.255.0.1:8443'
  record(observed(place, { chains: [chainOf(own)], at }), observed('10.0.0.10', { outcome: 'closed', at }))
  t.same(
    listed(here, {}, 'expiry').slice(0, 1),
    ['10.0.0.9:443'],
    'what expired first expires later, or is gone'
  )
  t.equal(listed(here, {}, 'expiry').filter((one) => one === place).length, 1)
  t.same(listed(here, { presence: 'gone' }, 'expiry'), ['10.0.0.10:443'])
  record(observed('10.0.0.10', { chains: [chainOf(weak, publicIssuer)], at }), observed('1.1.1.1', { at }))
  here.store.transaction(() => here.store.endpoints.settle(1))
  t.same(listed(here, {}, 'expiry').slice(0, 1), ['10.0.0.10:443'])
  t.equal(new Set(listed(here, {}, 'expiry')).size, kinds.length + 1)
  t.equal(here.store.pages.count({}, start), kinds.length + 1)
  t.end()
})

t.test('owners and tags are set by filter and by place, and found', (t) => {
  const here = filled(t)
  const { ownership } = here.store
  t.same(ownership.setWhere({ keyType: 'RSA' }, start, { owner: 'crypto team', addTags: ['rsa', 'old'] }), {
    met: 3,
    changed: 3
  })
  t.same(listed(here, { owner: 'crypto team' }), ['9.255.0.1:8443', '10.0.0.10:443', '2001:db8::2:443'])
  t.same(listed(here, { tag: 'rsa', port: 443 }), ['10.0.0.10:443', '2001:db8::2:443'])
  const address = parseAddress('10.0.0.9') ?? 0
  t.same(ownership.setAt({ address, port: null, name: null }, { addTags: ['nine'] }), { met: 2, changed: 2 })
  t.same(ownership.setAt({ address, port: 443, name: null }, { owner: 'shop' }), { met: 1, changed: 1 })
  t.same(ownership.setAt({ address, port: null, name: 'www.example.com' }, { removeTags: ['nine'] }), {
    met: 1,
    changed: 1
  })
  t.same(ownership.setAt({ address: 1, port: null, name: null }, { owner: 'nobody' }), { met: 0, changed: 0 })
  t.same(listed(here, { tag: 'nine' }), ['10.0.0.9:8443'])
  t.same(
    ownership.setAt({ address, port: 443, name: null }, { owner: 'shop', removeTags: ['never'] }),
    { met: 1, changed: 0 },
    'what was so before is no change'
  )
  t.same(ownership.tags(), ['nine', 'old', 'rsa'])
  ownership.setWhere({ owner: 'crypto team' }, start, { owner: null, removeTags: ['rsa'] })
  t.same(listed(here, { owner: 'crypto team' }), [])
  t.same(
    here.store.pages.page({ filter: { tag: 'old' }, order: 'address', limit: 1, now: start }).rows[0]?.tags,
    ['old']
  )
  t.end()
})

t.test('certificates are found by the first digits of their fingerprint', (t) => {
  const { certificates } = filled(t).store
  const prints = (digits: string) => certificates.byPrefix(digits, 10).map(({ fingerprint }) => fingerprint)
  t.same(prints(own.fingerprint), [own.fingerprint])
  t.ok(prints(own.fingerprint.slice(0, 5)).includes(own.fingerprint), 'also by half a byte')
  t.same(prints(''), [...prints('')].toSorted())
  t.ok(prints('').length >= 6)
  t.same(prints(own.fingerprint.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))), [])
  t.end()
})

t.test('a certificate leads to those that may have issued it', (t) => {
  const { certificates } = filled(t).store
  const id = certificates.idOf(wide.fingerprint) ?? 0
  const issuerKey = certificates.byId(id)?.authorityKeyId ?? ''
  t.same(
    certificates.bySubjectKeyId(issuerKey).map(({ label }) => label),
    ['Public Issuing']
  )
  t.end()
})

t.test('the figures count endpoints, and each finding for each endpoint that has it', async (t) => {
  const here = world(t)
  const scan = here.scan()
  scan.record(...kinds)
  await finishScan(here, { scan: scan.id, contains: () => true })
  const { summary } = here.store
  const all = summary.read({}, start)
  t.match(all, { endpoints: 7, certificates: 4, bySeverity: { critical: 2 } })
  const count = (code: string) => all.byCode.filter((one) => one.code === code).map((one) => one.endpoints)
  t.same(count('weak-key'), [2])
  t.same(count('name-mismatch'), [1])
  t.same(count('missing-twin'), [5])
  t.same(count('old-protocol'), [1])
  t.same(count('same-key'), [])
  for (const { code, severity, endpoints } of all.byCode) {
    t.equal(here.store.pages.count({ finding: code, severity }, start), endpoints, `${code} ${severity}`)
  }
  for (const severity of ['critical', 'warning', 'note'] as const) {
    t.equal(here.store.pages.count({ severity }, start), all.bySeverity[severity], severity)
  }
  t.equal(here.store.pages.count({ severity: ['critical', 'warning'] }, start), all.attention)
  t.match(summary.read({ port: 8443 }, start), { endpoints: 2, certificates: 1, attention: 1 })
  t.match(summary.read({ owner: 'nobody' }, start), {
    endpoints: 0,
    certificates: 0,
    attention: 0,
    byCode: []
  })
  t.match(
    summary.read({}, start + 65 * day).byCode.filter((one) => one.code === 'expired'),
    [{ endpoints: 4 }]
  )
})
