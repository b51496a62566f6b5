import t from 'tap'
import { createNoncePool } from '../../acme/client/nonces.ts'
import { chooseRenewalTime } from '../../acme/client/renewal-info.ts'
import { checkSettings, type CaSettings } from '../../acme/client/settings.ts'
import { keyOf } from '../../acme/client/find-order.ts'
import { systemClock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import { createAuthority } from '../peers/certificates.ts'

const directoryUrl = 'https://ca.test/directory'

t.test('settings that cannot be meant are refused by name', (t) => {
  const proxy = (url: string) => ({ directoryUrl, proxy: { url } })
  const cases: readonly (readonly [CaSettings, string])[] = [
    [{ directoryUrl: '' }, 'directoryUrl'],
    [{ directoryUrl: 'ca.test' }, 'directoryUrl'],
    [{ directoryUrl: 'http://ca.test/directory' }, 'directoryUrl'],
    [{ directoryUrl: 'http://127.0.0.1.ca.test/' }, 'directoryUrl'],
    [{ directoryUrl: 'http://2130706434.test/' }, 'directoryUrl'],
    [{ directoryUrl: 'file:///etc/passwd' }, 'directoryUrl'],
    [{ directoryUrl: 'https://user:secret@ca.test/' }, 'directoryUrl'],
    [{ directoryUrl, trustRoots: '' }, 'trustRoots'],
    [{ directoryUrl, trustRoots: 'no PEM' }, 'trustRoots'],
    [proxy('proxy:3128'), 'proxy.url'],
    [proxy('socks5://proxy:1080'), 'proxy.url'],
    [proxy('http://user:secret@proxy:3128'), 'proxy.url']
  ]
  for (const [settings, field] of cases) {
    t.throws(() => checkSettings(settings), { code: 'acme-settings', facts: { field } }, field)
  }
  try {
    checkSettings(proxy('http://user:secret@proxy:3128'))
  } catch (thrown) {
    t.notMatch(String(thrown), 'secret', 'a password that was written there is not shown')
  }
  t.end()
})

t.test('settings get their defaults, and http is for this machine only', (t) => {
  t.match(checkSettings({ directoryUrl }), {
    name: 'ca.test',
    trustRoots: null,
    proxy: null,
    timeoutMs: 30_000,
    maxRetryAfterMs: 86_400_000
  })
  for (const url of ['http://127.0.0.1:14000/dir', 'http://[::1]/dir', 'http://localhost/dir']) {
    t.equal(checkSettings({ directoryUrl: url }).directory.href, url)
  }
  const roots = createAuthority('One').pem + createAuthority('Two').pem
  t.equal(checkSettings({ directoryUrl, trustRoots: roots }).trustRoots?.length, 2)
  const proxy = { url: 'http://[::1]:3128' }
  t.match(checkSettings({ directoryUrl, proxy }).proxy, { host: '::1', port: 3128 })
  t.end()
})

t.test('nonces are used once, the newest first, and not when they are old', (t) => {
  let now = 0
  const pool = createNoncePool({ ...systemClock, ticks: () => now })
  t.equal(pool.take(), undefined)
  for (const nonce of ['a', 'b', 'not a nonce', undefined, '']) pool.add(nonce)
  t.equal(pool.take(), 'b')
  t.equal(pool.take(), 'a')
  t.equal(pool.take(), undefined)
  pool.add('c')
  now += 6 * 60_000
  pool.add('d')
  t.equal(pool.take(), 'd')
  t.equal(pool.take(), undefined, 'c has grown old')
  for (let at = 0; at < 100; at++) pool.add(`n${at}`)
  let kept = 0
  while (pool.take() !== undefined) kept++
  t.equal(kept, 16, 'and not more than that are kept')
  pool.add('e')
  pool.clear()
  t.equal(pool.take(), undefined)
  t.end()
})

t.test('renewals spread over the whole window', (t) => {
  const window = { start: 1000, end: 2000 }
  const random = seededRandom(7)
  const times = Array.from({ length: 500 }, () => chooseRenewalTime(window, random))
  t.ok(times.every((time) => time >= 1000 && time < 2000))
  t.ok(Math.min(...times) < 1050 && Math.max(...times) > 1950)
  t.end()
})

t.test('identifiers are the same whatever their order, case and form', (t) => {
  const key = (...values: readonly string[]) =>
    keyOf(values.map((value) => ({ type: value.includes(':') ? 'ip' : 'dns', value }) as const))
  t.equal(key('a.test', 'B.test'), key('b.TEST', 'a.test'))
  t.equal(key('2001:db8:0::1'), key('2001:DB8::1'))
  t.not(key('a.test'), key('*.a.test'))
  t.not(key('a.test'), key('a.test', 'b.test'))
  t.end()
})
