import { request as ask } from 'node:http'
import { connect, createServer } from 'node:net'
import { mkdtempSync, readFileSync, rmSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../core/clock.ts'
import { httpFileSolver } from '../../sensor/issuance/solvers/http-file.ts'
import { httpListenerSolver } from '../../sensor/issuance/solvers/http-listener.ts'
import { noSolver } from '../../sensor/issuance/solvers/none.ts'
import { type Challenge, dnsRecordOf } from '../../sensor/issuance/solvers/solver.ts'
import { freePort } from '../peers/ports.ts'

const { signal } = new AbortController()
const host = '127.0.0.1'

function challenge(token = 'LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0'): Challenge {
  return { type: 'http-01', name: 'www.example.org', token, keyAuthorization: `${token}.thumb` }
}

interface Reply {
  readonly status: number
  readonly body: string
}

function get(port: number, path: string, options: { method?: string; name?: string } = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const { method = 'GET', name = 'vip.example.org' } = options
  const sent = ask({ host, port, path, method, headers: { host: name }, agent: false }, (response) => {
    let body = ''
    response.on('data', (chunk: Buffer) => (body += chunk.toString()))
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
  })
  sent.on('error', reject).end()
  return promise
}

const pathOf = ({ token }: Challenge) => `/.well-known/acme-challenge/${token}`

t.test('the listener answers by token, whatever the Host, and nothing else', async (t) => {
  const port = await freePort()
  const solver = httpListenerSolver({ host, port }, systemClock)
  const one = challenge()
  const { visibleAt } = await solver.present(one, signal)
  t.ok(visibleAt <= Date.now())
  for (const name of ['www.example.org', 'sensor.internal', '10.0.0.1']) {
    t.same(await get(port, pathOf(one), { name }), { status: 200, body: one.keyAuthorization })
  }
  t.same(await get(port, `${pathOf(one)}?a=b`), { status: 200, body: one.keyAuthorization })
  t.same(await get(port, pathOf(one), { method: 'HEAD' }), { status: 200, body: '' })
  for (const path of [
    '/',
    `${pathOf(one)}x`,
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge/__proto__',
    `/x${pathOf(one)}`
  ]) {
    t.same(await get(port, path), { status: 404, body: '' }, path)
  }
  t.same(await get(port, pathOf(one), { method: 'POST' }), { status: 404, body: '' })
  await solver.cleanup(one, signal)
})

t.test('the listener listens only while there is something to answer', async (t) => {
  const port = await freePort()
  const solver = httpListenerSolver({ host, port }, systemClock)
  const [one, other] = [challenge('one'), challenge('other')]
  await t.rejects(get(port, pathOf(one)), { code: 'ECONNREFUSED' })
  await Promise.all([solver.present(one, signal), solver.present(other, signal), solver.present(one, signal)])
  t.match(await get(port, pathOf(other)), { status: 200 })
  await solver.cleanup(one, signal)
  t.match(await get(port, pathOf(one)), { status: 404 })
  t.match(await get(port, pathOf(other)), { status: 200 })
  const idle = connect({ host, port })
  await new Promise((resolve) => idle.on('connect', resolve))
  const closed = new Promise((resolve) =>
    idle
      .on('close', resolve)
      .resume()
      .on('error', () => {})
  )
  await Promise.all([solver.cleanup(other, signal), solver.cleanup(other, signal)])
  await closed
  await t.rejects(get(port, pathOf(other)), { code: 'ECONNREFUSED' })
  await Promise.all([solver.present(one, signal), solver.cleanup(one, signal), solver.present(other, signal)])
  t.match(await get(port, pathOf(other)), { status: 200 }, 'starting and stopping wait for one another')
  await solver.cleanup(other, signal)
})

t.test('a port that is taken is a fault, and works once it is free', async (t) => {
  const port = await freePort()
  const taken = createServer().listen(port, host)
  await new Promise((resolve) => taken.on('listening', resolve))
  const solver = httpListenerSolver({ host, port }, systemClock)
  const one = challenge()
  await t.rejects(solver.present(one, signal), { code: 'listener-unavailable', message: /EADDRINUSE/ })
  await new Promise((resolve) => taken.close(resolve))
  await solver.present(one, signal)
  t.match(await get(port, pathOf(one)), { status: 200 })
  await solver.cleanup(one, signal)
})

t.test('answers are written below the web root of a server', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tlsward-http-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const place = {
    webRoot: `${folder}/`,
    put(path: string, text: string) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
      return Promise.resolve()
    },
    remove: (path: string) => Promise.resolve(rmSync(path, { force: true }))
  }
  const solver = httpFileSolver(place, systemClock)
  const one = challenge()
  const file = join(folder, pathOf(one))
  await solver.present(one, signal)
  t.equal(readFileSync(file, 'utf8'), one.keyAuthorization)
  await solver.cleanup(one, signal)
  t.notOk(existsSync(file))
  await solver.cleanup(one, signal)
})

t.test('a token that is no token reaches no path', async (t) => {
  const touched: string[] = []
  const note = (path: string) => Promise.resolve(void touched.push(path))
  const file = httpFileSolver({ webRoot: '/var/www', put: note, remove: note }, systemClock)
  const listener = httpListenerSolver({ host, port: await freePort() }, systemClock)
  for (const token of ['../../etc/passwd', '', 'a/b', 'a\0b', 'a%2fb', 'x'.repeat(129)]) {
    for (const solver of [file, listener]) {
      await t.rejects(
        solver.present(challenge(token), signal),
        { code: 'challenge-unfit' },
        JSON.stringify(token)
      )
    }
    await t.rejects(async () => file.cleanup(challenge(token), signal), { code: 'challenge-unfit' })
  }
  t.same(touched, [])
  const dns = { ...challenge(), type: 'dns-01' as const }
  await t.rejects(file.present(dns, signal), { code: 'challenge-unfit', message: /is dns-01/ })
  await t.rejects(listener.present(dns, signal), { code: 'challenge-unfit' })
})

t.test('names that are validated beforehand need no answer', async (t) => {
  const solver = noSolver()
  await t.rejects(solver.present(challenge(), signal), {
    code: 'challenge-unfit',
    message: /www\.example\.org/
  })
  await solver.cleanup(challenge(), signal)
})

t.test('the value of a dns-01 record is the SHA-256 of the key authorization, base64url', (t) => {
  // FIPS 180-2 §B.1
  const one = { type: 'dns-01', name: 'www.example.org', token: 'x', keyAuthorization: 'abc' } as const
  t.same(dnsRecordOf(one), {
    name: '_acme-challenge.www.example.org',
    value: 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0'
  })
  t.end()
})
