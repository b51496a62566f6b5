import * as fc from 'fast-check'
import t from 'tap'
import { findAccount, newAccount, readAccountFacts } from '../../acme/client/accounts.ts'
import { getAuthorization, respond } from '../../acme/client/authorizations.ts'
import { openCa } from '../../acme/client/ca.ts'
import { downloadCertificate, revoke } from '../../acme/client/certificates.ts'
import { findOrder } from '../../acme/client/find-order.ts'
import { finalize, getOrder, newOrder } from '../../acme/client/orders.ts'
import { getRenewalInfo } from '../../acme/client/renewal-info.ts'
import { createAccountKey, openSigner } from '../../acme/client/sign.ts'
import { systemClock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { startOddCa, type OddCa, type OddReply } from '../peers/odd-ca.ts'
import { calm } from './acme-world.ts'

/** What is done to a good reply. */
interface Mutation {
  /** which leaf or branch of the JSON, counted over all of them, is replaced, and by what; undefined: removed */
  readonly at: number
  readonly by: unknown
  readonly status: number | null
  readonly header: readonly [name: string, value: string] | null
  readonly cut: number | null
}

const words = [
  ...'pending ready processing valid invalid dns http-01 https://127.0.0.1:1/ http://a.test'.split(' '),
  '',
  '2030-01-01T00:00:00Z',
  '-----BEGIN CERTIFICATE-----\nAAAA'
]
const header = fc.tuple(
  fc.constantFrom('content-type', 'replay-nonce', 'location', 'link', 'retry-after', 'content-encoding'),
  fc.oneof(
    fc.constantFrom('', 'application/json', 'application/problem+json', 'text/html', '5', '<x>;rel=next'),
    // what a header may hold
    fc.stringMatching(/^[!-~]([ -~]{0,30}[!-~])?$/)
  )
)
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(30),
  by: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined), fc.constantFrom(...words)),
  status: fc.option(fc.constantFrom(200, 201, 204, 301, 400, 403, 404, 409, 429, 500, 503), { freq: 3 }),
  header: fc.option(header, { freq: 2 }),
  cut: fc.option(fc.nat(400), { freq: 6 })
})

/** the reply with the change, its JSON first */
function mutated(good: OddReply, { at, by, status, header, cut }: Mutation): OddReply {
  const isText = typeof good.body === 'string'
  const changed = isText ? good.body : replaced(good.body, { left: at, by })
  const text = isText ? String(changed) : (JSON.stringify(changed) ?? '')
  return {
    ...good,
    ...(status === null ? {} : { status }),
    headers: { ...good.headers, ...(header ? { [header[0]]: header[1] } : {}) },
    body: cut === null ? text : text.slice(0, cut)
  }
}

function replaced(value: unknown, turn: { left: number; readonly by: unknown }): unknown {
  if (turn.left-- === 0) return turn.by
  if (Array.isArray(value)) return value.map((one) => replaced(one, turn))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, replaced(one, turn)]))
}

const key = await openSigner(await createAccountKey())
const identifiers = [{ type: 'dns', value: 'a.test' }] as const

/** everything that a caller can do, with a client that knows nothing yet */
async function callAll(server: OddCa): Promise<readonly unknown[]> {
  const { directoryUrl, trustRoots, url } = server
  const ca = openCa({ directoryUrl, trustRoots }, { clock: systemClock })
  const account = { ca, key, url: url('/account/1') }
  const order = { url: url('/order/1'), finalizeUrl: url('/order/1/finalize') }
  const certificate = { url: url('/certificate/1'), preferredIssuer: 'another' }
  const calls = [
    () => newAccount(ca, { key, contacts: [], agreesToTerms: true }, calm),
    () => findAccount(ca, key, calm),
    () => readAccountFacts(account, calm),
    () => newOrder(account, { identifiers }, calm),
    () => getOrder(account, order.url, calm),
    () => findOrder(account, { identifiers, except: [], mostPages: 2, mostOrders: 2 }, calm),
    () => getAuthorization(account, url('/authorization/1'), calm),
    () => respond(account, { url: url('/challenge/1'), type: 'http-01' }, calm),
    () => finalize(account, { order, csr: Buffer.alloc(1) }, calm),
    () => downloadCertificate(account, certificate, calm),
    () => revoke(account, { certificate: Buffer.alloc(1) }, calm),
    () => getRenewalInfo(ca, 'a.b', calm)
  ]
  const thrown: unknown[] = []
  for (const call of calls) await call().catch((error: unknown) => thrown.push(error))
  ca.close()
  return thrown
}

t.test('whatever a CA answers, a call gives a value or a fault', async (t) => {
  const server = await startOddCa()
  t.teardown(() => server.close())
  const codes = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.nat(4),
      async (mutations, spare) => {
        let count = 0
        server.set((request, good) => {
          // most of the time the directory stays whole, as nothing is asked behind a broken one
          if ((request.call === 'directory' || request.call === 'nonce') && spare > 0) return undefined
          const one = mutations[count++ % mutations.length]
          return one && mutated(good, one)
        })
        const before = server.requests.length
        for (const error of await callAll(server)) {
          if (!(error instanceof Fault)) throw error
          if (!error.code.startsWith('acme-')) throw error
          codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
        }
        return server.requests.length - before < 200
      }
    ),
    { numRuns: 250, endOnFailure: true }
  )
  const seen = [...codes.keys()]
  t.ok(seen.includes('acme-malformed') && seen.includes('acme-missing'), seen.join(', '))
  t.ok(seen.includes('acme-unavailable') && seen.includes('acme-rate-limited'))
})
