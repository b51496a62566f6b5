import { connect, createServer, type Server } from 'node:net'
import { encode } from 'dns-packet'
import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { exchange } from '../../sensor/issuance/solvers/dns-exchange.ts'
import { type DnsUpdateSettings, dnsUpdateSolver } from '../../sensor/issuance/solvers/rfc2136.ts'
import { type Challenge, dnsRecordOf, type Solver } from '../../sensor/issuance/solvers/solver.ts'
import { checkTsig, signMessage, tsigAlgorithms, type TsigKey } from '../../sensor/issuance/solvers/tsig.ts'
import { type Bind, bindMissing, startBind } from '../peers/bind.ts'

const missing = bindMissing()
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

const secret = (byte: number) => Buffer.alloc(48, byte).toString('base64')
const keys = tsigAlgorithms.map((algorithm, at) => ({
  name: `key-${algorithm}`,
  algorithm,
  secret: secret(at + 1)
}))
const stranger = { name: 'stranger', algorithm: 'hmac-sha256', secret: secret(9) }
const signal = new AbortController().signal

const allow = keys.map(({ name }) => `grant ${name} zonesub TXT`)
const zones = [
  {
    name: 'example.test',
    policy: allow,
    records:
      '_acme-challenge.far IN CNAME far.deleg.test.\n_acme-challenge.loop IN CNAME _acme-challenge.loop\n'
  },
  { name: 'sub.example.test', policy: allow },
  { name: 'deleg.test', policy: allow }
]

function withBind(name: string, body: (t: Test, bind: Bind) => Promise<void>): void {
  t.test(name, { skip: missing ?? false }, async (t) => {
    const bind = await startBind([...keys, stranger], zones)
    t.teardown(() => bind.stop())
    await body(t, bind)
  })
}

const keyOf = (
  { name, secret }: { name: string; secret: string },
  algorithm: TsigKey['algorithm']
): TsigKey => {
  return { name, algorithm, secret: new Secret(secret) }
}
const goodKey = keyOf(keys[0] ?? stranger, 'hmac-sha256')

function solver(
  bind: { host: string; port: number },
  more: Partial<DnsUpdateSettings> = {},
  offsetMs = 0
): Solver {
  const clock = { ...systemClock, now: () => systemClock.now() + offsetMs }
  return dnsUpdateSolver(
    {
      server: { host: bind.host, port: bind.port },
      key: goodKey,
      zone: null,
      resolver: null,
      ttl: 60,
      timeoutMs: 5000,
      settleMs: 7000,
      ...more
    },
    { clock, random: systemRandom }
  )
}

function challenge(name: string, token = 'token'): Challenge {
  return { type: 'dns-01', name, token, keyAuthorization: `${token}.thumbprint` }
}
const valueOf = (one: Challenge) => dnsRecordOf(one).value

withBind('a record is added and deleted with every algorithm', async (t, bind) => {
  for (const [at, algorithm] of tsigAlgorithms.entries()) {
    const one = challenge(`a${at}.example.test`)
    const answering = solver(bind, { key: keyOf(keys[at] ?? stranger, algorithm) })
    const { visibleAt } = await answering.present(one, signal)
    t.ok(Math.abs(visibleAt - Date.now() - 7000) < 60_000)
    t.same(await bind.txt(`_acme-challenge.a${at}.example.test`), [valueOf(one)], algorithm)
    await answering.cleanup(one, signal)
    t.same(await bind.txt(`_acme-challenge.a${at}.example.test`), [])
  }
})

withBind(
  'several values of one name do not disturb one another, and repeating does no harm',
  async (t, bind) => {
    const answering = solver(bind)
    const [one, other] = [challenge('a.example.test', 'one'), challenge('a.example.test', 'other')]
    await answering.present(one, signal)
    await answering.present(other, signal)
    await answering.present(one, signal)
    t.same(await bind.txt('_acme-challenge.a.example.test'), [valueOf(one), valueOf(other)].sort())
    await answering.cleanup(one, signal)
    await answering.cleanup(one, signal)
    t.same(await bind.txt('_acme-challenge.a.example.test'), [valueOf(other)])
    await answering.cleanup(other, signal)
    t.same(await bind.txt('_acme-challenge.a.example.test'), [])
  }
)

withBind('the zone is found, the deepest that there is', async (t, bind) => {
  for (const name of ['example.test', 'a.b.c.example.test', 'sub.example.test', 'x.sub.example.test']) {
    const one = challenge(name)
    await solver(bind).present(one, signal)
    t.same(await bind.txt(`_acme-challenge.${name}`), [valueOf(one)], name)
  }
  await t.rejects(solver(bind).present(challenge('a.elsewhere.test'), signal), {
    code: 'dns-zone-missing',
    message: /serves no zone/
  })
  const wrongZone = solver(bind, { zone: 'elsewhere.test' })
  await t.rejects(wrongZone.present(challenge('a.elsewhere.test'), signal), { code: 'dns-zone-missing' })
  const otherZone = solver(bind, { zone: 'deleg.test' })
  await t.rejects(otherZone.present(challenge('a.example.test'), signal), { code: 'dns-zone-missing' })
  await solver(bind, { zone: 'example.test' }).present(challenge('given.example.test'), signal)
  t.equal((await bind.txt('_acme-challenge.given.example.test')).length, 1)
})

withBind('an alias is followed to the zone that it leads into', async (t, bind) => {
  const one = challenge('far.example.test')
  await solver(bind).present(one, signal)
  t.same(await bind.txt('far.deleg.test'), [valueOf(one)])
  await solver(bind).cleanup(one, signal)
  t.same(await bind.txt('far.deleg.test'), [])
  await t.rejects(solver(bind).present(challenge('loop.example.test'), signal), {
    code: 'dns-malformed',
    message: /alias of more than 8/
  })
})

withBind('another server than the primary may be asked for the alias', async (t, bind) => {
  const other = await startBind(
    [stranger],
    [
      {
        name: 'public.test',
        policy: ['grant stranger zonesub TXT'],
        records: '_acme-challenge.a IN CNAME pub.deleg.test.'
      }
    ]
  )
  t.teardown(() => other.stop())
  const one = challenge('a.public.test')
  await t.rejects(solver(bind).present(one, signal), { code: 'dns-zone-missing' })
  await solver(bind, { resolver: { host: other.host, port: other.port } }).present(one, signal)
  t.same(await bind.txt('pub.deleg.test'), [valueOf(one)])
})

withBind('what is wrong with the key or the clock is told', async (t, bind) => {
  const one = challenge('a.example.test')
  const fails = async (answering: Solver, code: string, message: RegExp) => {
    await t.rejects(answering.present(one, signal), { code, message })
    await t.rejects(answering.cleanup(one, signal), { code, message })
  }
  const wrongSecret = { ...goodKey, secret: new Secret(secret(77)) }
  await fails(
    solver(bind, { key: wrongSecret }),
    'dns-key-wrong',
    /another secret for the key key-hmac-sha256/
  )
  await fails(
    solver(bind, { key: { ...goodKey, name: 'nobody' } }),
    'dns-key-wrong',
    /does not know the key nobody/
  )
  await fails(solver(bind, { key: { ...goodKey, algorithm: 'hmac-sha512' } }), 'dns-key-wrong', /hmac-sha512/)
  await fails(solver(bind, { key: keyOf(stranger, 'hmac-sha256') }), 'dns-refused', /refuses to change _acme/)
  await fails(solver(bind, {}, 3_600_000), 'dns-clock-wrong', /(3599|360\d|361\d) s behind/)
  await fails(solver(bind, {}, -3_600_000), 'dns-clock-wrong', /(359\d|360\d) s ahead/)
  t.same(await bind.txt('_acme-challenge.a.example.test'), [])
})

/** a man between who changes what the server answers to updates */
async function between(
  t: Test,
  bind: Bind,
  change: (answer: Buffer) => Buffer | null
): Promise<{ host: string; port: number }> {
  const server: Server = createServer((client) => {
    const upstream = connect({ host: bind.host, port: bind.port })
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
    client.pipe(upstream)
    let answer = Buffer.alloc(0)
    upstream.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length < 2 || answer.length < 2 + answer.readUInt16BE(0)) return
      const isUpdate = ((answer.readUInt16BE(4) >> 11) & 15) === 5
      const changed = isUpdate ? change(answer.subarray(2)) : answer.subarray(2)
      if (!changed) {
        client.destroy()
        return
      }
      const length = Buffer.alloc(2)
      length.writeUInt16BE(changed.length)
      client.end(Buffer.concat([length, changed]))
    })
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  t.teardown(() => void server.close())
  const address = server.address()
  return { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 }
}

withBind('an answer that somebody changed on the way is not believed', async (t, bind) => {
  const one = challenge('a.example.test')
  const withoutSignature = (answer: Buffer, rcode: number) => {
    const head = Buffer.from(answer.subarray(0, 12))
    head.writeUInt16BE((head.readUInt16BE(2) & 0xfff0) | rcode, 2)
    head.fill(0, 4)
    return head
  }
  const cases: readonly (readonly [
    string,
    (answer: Buffer) => Buffer | null,
    string,
    RegExp,
    Partial<DnsUpdateSettings>?
  ])[] = [
    ['left alone', (answer) => answer, '', / /],
    [
      'a refusal made a success',
      (answer) => {
        const changed = Buffer.from(answer)
        changed.writeUInt16BE(changed.readUInt16BE(2) & 0xfff0, 2)
        return changed
      },
      'dns-malformed',
      /not signed by the key/,
      { key: keyOf(stranger, 'hmac-sha256') }
    ],
    [
      'a success without signature',
      (answer) => withoutSignature(answer, 0),
      'dns-malformed',
      /is not signed/
    ],
    ['a refusal without signature', (answer) => withoutSignature(answer, 5), 'dns-refused', /refuses/],
    [
      'another id',
      (answer) => Buffer.concat([Buffer.of(answer.readUInt8(0) ^ 1), answer.subarray(1)]),
      'dns-malformed',
      /something else/
    ],
    ['cut short', (answer) => answer.subarray(0, 20), 'dns-malformed', /malformed/],
    ['no answer', () => null, 'dns-unreachable', /closed the connection/]
  ]
  for (const [name, change, code, message, more] of cases) {
    const answering = solver(await between(t, bind, change), more)
    if (code === '') await answering.present(one, signal)
    else await t.rejects(answering.present(one, signal), { code, message }, name)
  }
})

withBind('no byte of an answer can be changed unnoticed', async (t, bind) => {
  const query = encode({ type: 'query', id: 7, questions: [{ type: 'SOA', name: 'example.test' }] })
  const now = Date.now()
  const { message, mac } = signMessage(query, goodKey, now)
  const server = { host: bind.host, port: bind.port }
  const answer = await exchange(server, message, { clock: systemClock, timeoutMs: 5000, signal })
  const check = (bytes: Buffer, at = now) => {
    try {
      return checkTsig(bytes, { key: goodKey, mac, now: at })?.problem ?? null
    } catch (thrown) {
      if (thrown instanceof RangeError) return 'cut short'
      throw thrown
    }
  }
  t.equal(check(answer), null)
  const record = answer.indexOf('key-hmac-sha256', 0, 'latin1') - 1
  t.ok(record > 12)
  // the id in front is compared by the reader of the message
  for (let at = 2; at < record; at++) {
    const changed = Buffer.from(answer)
    changed[at] = (changed[at] ?? 0) ^ 0x41
    t.not(check(changed), null, `byte ${at}`)
  }
  t.equal(check(answer.subarray(0, -1)), 'unsigned')
  t.equal(check(answer.subarray(0, 20)), 'cut short')
  t.equal(check(Buffer.concat([answer, Buffer.of(0)])), 'unsigned')
  t.equal(check(answer, now + 302_000), 'clock', 'an old answer is not taken for a new one')
  const other = signMessage(query, goodKey, now + 1000)
  t.equal(
    checkTsig(answer, { key: goodKey, mac: other.mac, now })?.problem,
    'forged',
    'nor one to another question'
  )
})

t.test('a server that is not there, or says nothing, is unreachable', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => silent.listen({ host: '127.0.0.1', port: 0 }, resolve))
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const one = challenge('a.example.test')
  const quiet = solver({ host: '127.0.0.1', port }, { timeoutMs: 100 })
  await t.rejects(quiet.present(one, signal), { code: 'dns-unreachable', message: /no answer in 100 ms/ })
  const stop = new AbortController()
  const waiting = solver({ host: '127.0.0.1', port }).present(one, stop.signal)
  stop.abort()
  await t.rejects(waiting, { code: 'dns-unreachable', message: /stopped/ })
  await new Promise((resolve) => silent.close(resolve))
  await t.rejects(quiet.present(one, signal), { code: 'dns-unreachable', message: /ECONNREFUSED/ })
  const http = { ...one, type: 'http-01' as const }
  await t.rejects(quiet.present(http, signal), { code: 'challenge-unfit' })
})
