import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { create as createAxios } from 'axios'
import t from 'tap'
import { type Clock, systemClock } from '../../core/clock.ts'
import { readCertificateFile } from '../../pki/pem.ts'
import type { Allowance } from '../../sensor/scan/outgoing.ts'
import {
  revocationLimits,
  revocationOf,
  type AnswerCache,
  type RevocationDeps
} from '../../sensor/scan/revocation.ts'
import { listenWith } from '../peers/peer.ts'
import { freePort } from '../peers/ports.ts'
import { isInstalled, startProcess, temporaryFolder } from '../peers/process.ts'

const signal = new AbortController().signal
const noOpenssl = isInstalled('openssl') || process.env['CI'] === 'true' ? false : 'openssl is not installed'

/** A cache that counts, and keeps what is over: the answers are checked again anyway. */
function countingCache(): AnswerCache & { readonly until: number[] } {
  const kept = new Map<string, Uint8Array>()
  const until: number[] = []
  return {
    until,
    get: (key) => kept.get(key),
    set(key, bytes, end) {
      kept.set(key, bytes)
      until.push(end)
    }
  }
}

function deps(more: Partial<RevocationDeps> = {}): RevocationDeps {
  return { allow: () => 'any', http: createAxios(), clock: systemClock, cache: countingCache(), ...more }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server of routes, which counts what it was asked. */
async function startHttp(routes: Readonly<Record<string, Handler>>) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const route = routes[request.url ?? '']
    if (route) return route(request, response)
    return response.writeHead(404).end('no')
  })
  const peer = await listenWith(server)
  return { asked, url: (path: string) => `http://127.0.0.1:${peer.port}${path}`, close: () => peer.close() }
}

const sends =
  (body: () => Uint8Array): Handler =>
  (_request, response) =>
    void response.end(body())

/** A CA by `openssl ca` in a folder, whose certificates name these places. */
function createCa() {
  const folder = temporaryFolder()
  const file = (name: string) => join(folder.path, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder.path, stdio: 'pipe' })
  const ca = (...args: string[]) => openssl('ca', '-config', 'ca.cnf', '-batch', ...args)
  mkdirSync(file('new'))
  writeFileSync(file('index.txt'), '')
  writeFileSync(file('index.txt.attr'), 'unique_subject = no\n')
  writeFileSync(file('serial'), '1000\n')
  writeFileSync(file('crlnumber'), '01\n')
  const settings = [
    '[ca]\ndefault_ca = own',
    '[own]\ndatabase = index.txt\nserial = serial\ncrlnumber = crlnumber\nnew_certs_dir = new',
    'certificate = ca.pem\nprivate_key = ca.key\ndefault_md = sha256\ndefault_days = 30\ndefault_crl_days = 7',
    'policy = any\n[any]\ncommonName = supplied',
    '[req]\ndistinguished_name = dn\n[dn]',
    '[root]\nbasicConstraints = critical, CA:true\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'
  ]
  writeFileSync(file('ca.cnf'), `${settings.join('\n')}\n`)
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'ca.key')
  const root = ['-x509', '-key', 'ca.key', '-subj', '/CN=Revoking CA', '-days', '90', '-extensions', 'root']
  openssl('req', '-config', 'ca.cnf', ...root, '-out', 'ca.pem')
  let count = 0
  return {
    folder,
    openssl,
    issuer: readCertificateFile(readFileSync(file('ca.pem')))[0] ?? Buffer.alloc(0),
    /** a certificate that names these places */
    issue(places: { readonly ocsp?: readonly string[]; readonly crl?: readonly string[] }) {
      const name = `leaf${++count}`
      const lines = [
        ...(places.ocsp
          ? [`authorityInfoAccess = ${places.ocsp.map((url) => `OCSP;URI:${url}`).join(',')}`]
          : []),
        ...(places.crl ? [`crlDistributionPoints = ${places.crl.map((url) => `URI:${url}`).join(',')}`] : []),
        'subjectAltName = DNS:leaf.test'
      ]
      writeFileSync(file(`${name}.ext`), `${lines.join('\n')}\n`)
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`]
      openssl('req', '-new', ...key, '-subj', `/CN=${name}`, '-config', 'ca.cnf', '-out', `${name}.csr`)
      ca('-in', `${name}.csr`, '-extfile', `${name}.ext`, '-out', `${name}.pem`)
      const leaf = readCertificateFile(readFileSync(file(`${name}.pem`)))[0] ?? Buffer.alloc(0)
      return { name, leaf }
    },
    revoke: (name: string) => ca('-revoke', `${name}.pem`, '-crl_reason', 'keyCompromise'),
    /** the list as it is now, DER or PEM */
    crl(form: 'DER' | 'PEM' = 'DER'): Buffer {
      ca('-gencrl', '-out', 'list.pem')
      return form === 'PEM'
        ? readFileSync(file('list.pem'))
        : openssl('crl', '-in', 'list.pem', '-outform', 'DER')
    },
    /** starts `openssl ocsp`, which answers from the index as it is now */
    async startResponder(port: number) {
      const signer = ['-rsigner', 'ca.pem', '-rkey', 'ca.key', '-CA', 'ca.pem']
      const args = ['ocsp', '-index', 'index.txt', '-port', String(port), ...signer, '-nmin', '60']
      const running = startProcess({ program: 'openssl', args, cwd: folder.path })
      // a connection that says nothing would keep it busy for ever
      while (!running.output().includes('waiting for OCSP client connections')) {
        if (running.exited() !== null) throw new Error(running.output())
        await pause(5)
      }
      return running
    }
  }
}

t.test('with openssl as CA and responder', { skip: noOpenssl }, async (t) => {
  const ca = createCa()
  t.teardown(() => ca.folder.remove())
  const { issuer } = ca
  const port = await freePort()
  const ocsp = `http://127.0.0.1:${port}/`
  let list: Uint8Array = Buffer.alloc(0)
  const http = await startHttp({
    '/list.crl': sends(() => list),
    '/list.pem': sends(() => ca.crl('PEM')),
    '/moved.crl': (_request, response) => void response.writeHead(302, { location: '/list.crl' }).end(),
    '/away.crl': (_request, response) =>
      void response.writeHead(302, { location: 'http://127.0.0.2:9/' }).end(),
    '/round.crl': (_request, response) => void response.writeHead(302, { location: '/round.crl' }).end(),
    '/garbage.crl': sends(() => Buffer.from('<html>not a list</html>')),
    '/endless.crl': endless,
    '/mute.crl': () => {}
  })
  t.teardown(http.close)

  const good = ca.issue({ ocsp: [ocsp], crl: [http.url('/list.crl')] })
  const bad = ca.issue({ ocsp: [ocsp], crl: [http.url('/list.crl')] })
  const byList = ca.issue({ crl: [http.url('/list.crl')] })
  const badByList = ca.issue({ crl: [http.url('/list.pem')] })
  ca.revoke(bad.name)
  ca.revoke(badByList.name)
  list = ca.crl()
  const responder = await ca.startResponder(port)
  t.teardown(() => responder.stop())

  await t.test('a responder says good, and its answer is kept until the next update', async (t) => {
    const cache = countingCache()
    const clock = clockAt(Date.now())
    const first = await revocationOf({ leaf: good.leaf, issuer }, deps({ cache, clock }), signal)
    t.match(first, { outcome: 'good', by: 'ocsp', url: ocsp })
    t.ok('nextUpdate' in first && first.nextUpdate !== null)
    t.equal(cache.until.length, 1)
    t.same(cache.until[0], 'nextUpdate' in first && first.nextUpdate)
    t.same(await revocationOf({ leaf: good.leaf, issuer }, deps({ cache, clock }), signal), first)
    t.equal(cache.until.length, 1, 'the second answer came from the cache')

    clock.set((cache.until[0] ?? 0) + 10 * 60_000)
    const late = await revocationOf(
      { leaf: good.leaf, issuer },
      deps({ cache, clock, allow: only(ocsp) }),
      signal
    )
    t.match(
      late,
      { outcome: 'unavailable', attempts: [{ by: 'ocsp' }, { by: 'crl', why: 'not-allowed' }] },
      'what is over is asked for again, and an answer of another time is not believed'
    )
  })

  await t.test('a responder says revoked, since when and why', async (t) => {
    const answer = await revocationOf({ leaf: bad.leaf, issuer }, deps(), signal)
    t.match(answer, { outcome: 'revoked', by: 'ocsp', reason: 'keyCompromise' })
    t.ok('at' in answer && Math.abs(answer.at - Date.now()) < 120_000)
  })

  await t.test('a list says the same, as DER and as PEM', async (t) => {
    const cache = countingCache()
    t.match(await revocationOf({ leaf: byList.leaf, issuer }, deps({ cache }), signal), {
      outcome: 'good',
      by: 'crl'
    })
    const before = http.asked.length
    t.match(await revocationOf({ leaf: byList.leaf, issuer }, deps({ cache }), signal), {
      outcome: 'good',
      by: 'crl'
    })
    t.equal(http.asked.length, before, 'the list is not fetched twice')
    t.match(await revocationOf({ leaf: badByList.leaf, issuer }, deps({ cache }), signal), {
      outcome: 'revoked',
      by: 'crl',
      reason: 'keyCompromise'
    })
  })

  await t.test('a responder that is gone or does not know leaves it to the list', async (t) => {
    const gone = ca.issue({ ocsp: ['http://127.0.0.1:9/'], crl: [http.url('/list.crl')] })
    t.match(await revocationOf({ leaf: gone.leaf, issuer }, deps(), signal), { outcome: 'good', by: 'crl' })
    // issued after the responder has read its index
    const fresh = ca.issue({ ocsp: [ocsp] })
    const answer = await revocationOf({ leaf: fresh.leaf, issuer }, deps(), signal)
    t.match(answer, { outcome: 'unknown', by: 'ocsp' })
  })

  await t.test('nothing is asked that is not allowed', async (t) => {
    const asked = http.asked.length
    t.same(await revocationOf({ leaf: byList.leaf, issuer }, deps({ allow: () => 'no' }), signal), {
      outcome: 'not-asked'
    })
    const onlyPublic = await revocationOf(
      { leaf: byList.leaf, issuer },
      deps({ allow: () => 'public' }),
      signal
    )
    t.match(onlyPublic, { outcome: 'unavailable', attempts: [{ why: 'private-address' }] })
    t.equal(http.asked.length, asked)

    const named = ca.issue({ crl: [http.url('/list.crl').replace('127.0.0.1', 'localhost')] })
    const byName = await revocationOf({ leaf: named.leaf, issuer }, deps({ allow: () => 'public' }), signal)
    t.match(
      byName,
      { outcome: 'unavailable', attempts: [{ why: 'private-address' }] },
      'a name that leads here is told'
    )
    t.equal(http.asked.length, asked)
  })

  await t.test('a certificate that names nothing, or only LDAP, cannot be asked about', async (t) => {
    t.same(await revocationOf({ leaf: ca.issue({}).leaf, issuer }, deps(), signal), { outcome: 'none-named' })
    const ldap = ca.issue({ crl: ['ldap://127.0.0.1/cn=x?certificateRevocationList'] })
    t.same(await revocationOf({ leaf: ldap.leaf, issuer }, deps(), signal), { outcome: 'none-named' })
  })

  await t.test('redirects are followed only to where it is allowed', async (t) => {
    const moved = ca.issue({ crl: [http.url('/moved.crl')] })
    t.match(await revocationOf({ leaf: moved.leaf, issuer }, deps(), signal), { outcome: 'good' })
    const away = ca.issue({ crl: [http.url('/away.crl')] })
    const here = deps({ allow: only(http.url('/')) })
    t.match(await revocationOf({ leaf: away.leaf, issuer }, here, signal), {
      attempts: [{ why: 'not-allowed' }]
    })
    const round = ca.issue({ crl: [http.url('/round.crl')] })
    t.match(await revocationOf({ leaf: round.leaf, issuer }, deps(), signal), {
      attempts: [{ why: 'redirected' }]
    })
  })

  await t.test('what a server does wrong is told, and ends in time and size', async (t) => {
    const garbage = ca.issue({ crl: [http.url('/garbage.crl'), http.url('/none.crl')] })
    t.match(await revocationOf({ leaf: garbage.leaf, issuer }, deps(), signal), {
      outcome: 'unavailable',
      attempts: [{ why: 'malformed' }, { why: 'http-error', detail: 'status 404' }]
    })
    const endlessly = ca.issue({ ocsp: [http.url('/endless.crl')] })
    t.match(await revocationOf({ leaf: endlessly.leaf, issuer }, deps(), signal), {
      attempts: [{ why: 'too-large' }]
    })
    const mute = ca.issue({ ocsp: [http.url('/mute.crl')] })
    const hasty = {
      ...systemClock,
      after: (ms: number, call: () => void) => systemClock.after(ms / 100, call)
    }
    t.match(await revocationOf({ leaf: mute.leaf, issuer }, deps({ clock: hasty }), signal), {
      attempts: [{ why: 'timeout', detail: `${revocationLimits.ocsp.timeoutMs} ms` }]
    })
  })

  await t.test('a place that gave no answer is asked once for all certificates', async (t) => {
    const before = http.asked.length
    const shared = deps({ inVain: new Map() })
    for (const _ of [1, 2, 3]) {
      const { leaf } = ca.issue({ crl: [http.url('/no-such.crl')] })
      t.match(await revocationOf({ leaf, issuer }, shared, signal), {
        outcome: 'unavailable',
        attempts: [{ by: 'crl', why: 'http-error' }]
      })
    }
    t.same(http.asked.slice(before), ['/no-such.crl'])
  })

  await t.test('an answer of another authority is not believed', async (t) => {
    const other = createCa()
    t.teardown(() => other.folder.remove())
    const answer = await revocationOf({ leaf: byList.leaf, issuer: other.issuer }, deps(), signal)
    t.match(answer, { outcome: 'unavailable', attempts: [{ by: 'crl' }] })
  })

  await t.test('a stop ends the asking', async (t) => {
    const mute = ca.issue({ ocsp: [http.url('/mute.crl')], crl: [http.url('/list.crl')] })
    const stop = new AbortController()
    const asking = revocationOf({ leaf: mute.leaf, issuer }, deps(), stop.signal)
    while (http.asked.at(-1) !== '/mute.crl') await pause(2)
    stop.abort()
    t.match(await asking, { outcome: 'unavailable', attempts: [{ by: 'ocsp' }] })
  })
})

const endless: Handler = (_request, response) => {
  const write = () => {
    if (!response.destroyed) response.write(Buffer.alloc(8_192), write)
  }
  write()
}

/** allows URLs that begin so */
function only(prefix: string): (url: URL) => Allowance {
  return ({ href }) => (href.startsWith(prefix) ? 'any' : 'no')
}

function clockAt(begin: number): Clock & { set(now: number): void } {
  let now = begin
  return { ...systemClock, now: () => now, set: (later) => (now = later) }
}
