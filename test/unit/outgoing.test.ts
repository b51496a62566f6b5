import { create as createAxios, type InternalAxiosRequestConfig } from 'axios'
import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { askOutside, type Allowance, type OutgoingRequest } from '../../sensor/scan/outgoing.ts'

const signal = new AbortController().signal
const request = { accept: '*/*', maxBytes: 100, timeoutMs: 1_000 }

/** An axios that answers by itself: no test may reach a public address. */
function recorder(answer: { status?: number; headers?: Record<string, string> } = {}) {
  const seen: InternalAxiosRequestConfig[] = []
  const http = createAxios({
    adapter: async (config) => {
      seen.push(config)
      return { data: Buffer.from('ok'), status: 200, statusText: '', headers: {}, config, ...answer }
    }
  })
  return { http, seen }
}

function ask(url: string, allowance: Allowance, more: Partial<OutgoingRequest> = {}) {
  const { http, seen } = recorder()
  const deps = { http, clock: systemClock, allow: () => allowance }
  return askOutside({ ...request, url, ...more }, deps, signal).then((answer) => ({ answer, seen }))
}

t.test('a private address in any form is told before anything is sent', async (t) => {
  const hosts = (
    '127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 10.1.2.3 172.31.0.1 192.168.0.1 169.254.169.254 ' +
    '100.64.0.1 0.0.0.0 [::1] [::ffff:10.0.0.1] [fe80::1] [fd00::1] [::]'
  ).split(' ')
  for (const host of hosts) {
    const { answer, seen } = await ask(`http://${host}/x.crl`, 'public')
    t.match(answer, { ok: false, failure: 'private-address' }, host)
    t.equal(seen.length, 0)
  }
  const { answer } = await ask('http://10.1.2.3/x.crl', 'any')
  t.match(answer, { ok: true }, 'unless any address is allowed')
})

t.test('only http and https are asked, and only what is allowed', async (t) => {
  for (const url of [
    'ldap://192.0.2.1/x',
    'file:///etc/passwd',
    'data:text/plain,x',
    'nonsense',
    'ftp://ca.test/x'
  ]) {
    t.match((await ask(url, 'any')).answer, { ok: false, failure: 'not-allowed' }, url)
  }
  t.match((await ask('http://ca.test/x', 'no')).answer, { ok: false, failure: 'not-allowed' })
})

t.test('no proxy is taken from the environment, and one that is set is used', async (t) => {
  const { seen } = await ask('http://ca.test/x', 'public')
  t.equal(seen[0]?.proxy, false)
  t.type(seen[0]?.lookup, 'function', 'the address is checked when the connection is made')
  const proxied = recorder()
  proxied.http.defaults.proxy = { host: '127.0.0.1', port: 3128, protocol: 'http' }
  const deps = { http: proxied.http, clock: systemClock, allow: () => 'public' as const }
  await askOutside({ ...request, url: 'http://ca.test/x' }, deps, signal)
  t.match(proxied.seen[0], { proxy: { host: '127.0.0.1', port: 3128 } })
  t.equal(proxied.seen[0]?.lookup, undefined, 'the proxy looks up the name')
})

t.test('a redirect to a private address is not followed', async (t) => {
  const { http, seen } = recorder({ status: 302, headers: { location: 'http://127.0.0.1/admin' } })
  const deps = { http, clock: systemClock, allow: () => 'public' as const }
  const answer = await askOutside({ ...request, url: 'http://ca.test/x' }, deps, signal)
  t.match(answer, { ok: false, failure: 'private-address' })
  t.equal(seen.length, 1)
})

t.test('what is not to be scanned is not asked either: by name, by address, by a redirect', async (t) => {
  const spared: string[] = []
  const spares = (host: string, port: number) => {
    spared.push(`${host} ${port}`)
    return host === '192.0.2.7' || host === 'spared.test' || host === '127.0.0.1' || host === '::1'
  }
  const asking = ({ http }: ReturnType<typeof recorder>, url: string) =>
    askOutside({ ...request, url }, { http, clock: systemClock, allow: () => 'any', spares }, signal)
  for (const url of ['http://192.0.2.7/x', 'http://[::1]:8080/x', 'https://spared.test/x']) {
    const recorded = recorder()
    t.match(await asking(recorded, url), { ok: false, failure: 'not-allowed' }, url)
    t.equal(recorded.seen.length, 0)
  }
  t.same(spared, ['192.0.2.7 80', '::1 8080', 'spared.test 443'])
  const elsewhere = recorder({ status: 302, headers: { location: 'http://192.0.2.7/x' } })
  t.match(await asking(elsewhere, 'http://ca.test/x'), { ok: false, failure: 'not-allowed' })
  t.equal(elsewhere.seen.length, 1)
  // a name that leads there is told when the connection is made
  const byName = await askOutside(
    { ...request, url: 'http://localhost:1/x' },
    { http: createAxios(), clock: systemClock, allow: () => 'any', spares },
    signal
  )
  t.match(byName, { ok: false, failure: 'not-allowed', detail: 'localhost' })
})

t.test('a POST that is sent elsewhere as a GET is not followed', async (t) => {
  const body = { bytes: Buffer.from('x'), type: 'application/ocsp-request' }
  for (const [status, failure, requests] of [
    [302, 'redirected', 1],
    [307, 'redirected', 4]
  ] as const) {
    const { http, seen } = recorder({ status, headers: { location: '/again' } })
    const deps = { http, clock: systemClock, allow: () => 'any' as const }
    const answer = await askOutside({ ...request, url: 'http://ca.test/x', body }, deps, signal)
    t.match(answer, { ok: false, failure }, `status ${status}`)
    t.equal(seen.length, requests)
    t.ok(seen.every(({ method }) => method === 'post'))
  }
})
