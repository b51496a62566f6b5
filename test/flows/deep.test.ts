import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import type { DeepReport } from '../../sensor/scan/deep/report.ts'
import { weaknessCodes, weaknessesOf } from '../../sensor/scan/deep/weaknesses.ts'
import { suiteName, versionName } from '../../sensor/scan/probe/suites.ts'
import { listen, type Peer } from '../peers/peer.ts'
import { startOpenssl } from '../peers/openssl.ts'
import { freePort } from '../peers/ports.ts'
import { isInstalled } from '../peers/process.ts'
import { serveScript } from '../peers/link.ts'
import { preludes, startStartTls } from '../peers/starttls.ts'
import { createTestbed } from '../peers/testbed.ts'
import { lenient, startTls } from '../peers/tls.ts'
import { trapRows } from '../peers/table.ts'
import { probePeer, sslscan, startMuseum } from './deep-world.ts'

const bed = createTestbed()
const both = [bed.rsa, bed.ecdsa]
const inCi = process.env['CI'] === 'true'

/** every suite that it knows but for those that want a key agreed before, which sslscan does not ask for */
const everything = ['-cipher', 'ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0']

/** RC4, DES and export suites: what OpenSSL has left behind */
const museumSuites = [0x0005, 0x0004, 0x000a, 0x0009, 0x0014, 0x0003, 0x0008, 0x0006]

/** each kind of peer, and whether its own preference decides */
const compared: readonly (readonly [name: string, start: () => Promise<Peer>, order: 'server' | 'client'])[] =
  [
    ['openssl with two keys', () => startOpenssl({ show: both }), 'client'],
    ['openssl with an order of its own', () => startOpenssl({ show: both, args: ['-serverpref'] }), 'server'],
    [
      'openssl with all it knows',
      () => startOpenssl({ show: both, args: ['-serverpref', ...everything] }),
      'server'
    ],
    [
      'openssl of TLS 1.3 with CCM and odd groups',
      () =>
        startOpenssl({
          show: [bed.ecdsa],
          args: [
            '-tls1_3',
            '-groups',
            'X448:ffdhe3072',
            '-ciphersuites',
            'TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384'
          ]
        }),
      'client'
    ],
    [
      'openssl of TLS 1.1 only',
      () => startOpenssl({ show: [bed.rsa], args: ['-tls1_1', '-serverpref', ...everything] }),
      'server'
    ],
    [
      'node from TLS 1.0 to 1.2',
      () =>
        startTls({
          show: both,
          minVersion: 'TLSv1',
          maxVersion: 'TLSv1.2',
          ciphers: lenient,
          honorCipherOrder: true
        }),
      'server'
    ],
    [
      'a museum',
      () => startMuseum({ certificate: bed.rsa, versions: [0x0300, 0x0301], suites: museumSuites }),
      'server'
    ]
  ]

const noSslscan = isInstalled('sslscan') || inCi ? false : 'sslscan is not installed'

t.test('the deep probe finds what sslscan finds', { skip: noSslscan }, async (t) => {
  // both wait for the peers more than they work: all peers at once
  const looks = compared.map(async ([, start]) => {
    const peer = await start()
    t.teardown(() => peer.close())
    const theirs = await sslscan(peer)
    // s_server answers no HEAD: nothing is gained by waiting for it
    return { theirs, ours: await probePeer(peer, { budget: { answerMs: 1_500 } }) }
  })
  for (const [at, { theirs, ours }] of (await Promise.all(looks)).entries()) {
    const [name = '', , order] = compared[at] ?? []
    await t.test(name, async (t) => {
      t.equal(ours.stopped, null)
      t.same(acceptedVersions(ours), theirs.versions.toReversed().map(versionName), 'the same versions')
      // sslscan tells that SSL 3.0 is there, but an OpenSSL without it lists no suites
      for (const report of ours.versions.filter(({ version }) => version > 0x0300)) {
        const { version, suites } = report
        const listed = theirs.suites.get(version) ?? []
        const [mine, other] = [suites.map(suiteName), listed.map(suiteName)]
        t.same(mine.toSorted(), other.toSorted(), `the same ${mine.length} suites of ${versionName(version)}`)
        if (mine.length < 2) continue
        t.equal(report.order, order, `the ${order} decides`)
        if (order === 'server') t.same(mine, other, 'in the same order')
      }
      const groups = ours.groups.tls13
      const listed = theirs.groups.get(0x0304) ?? []
      if (groups) t.same(groups.toSorted(ascending), listed.toSorted(ascending), 'the same groups of TLS 1.3')
    })
  }
})

t.test('a modern HTTP server is described', async (t) => {
  const staple = Buffer.from('30030a0106', 'hex')
  const peer = await startTls({ show: [bed.ecdsa], ALPNProtocols: ['http/1.1', 'h2'], staple })
  t.teardown(() => peer.close())
  const report = await probePeer(peer, { name: 'peer.test' })
  t.match(report, {
    stopped: null,
    alpn: ['http/1.1', 'h2'],
    http: { status: 200, server: 'peer/1.0' },
    tickets: { tls12: true, tls13: true },
    stapling: true,
    staple: staple.toString('base64'),
    secureRenegotiation: true,
    extendedMasterSecret: true,
    compression: false,
    fallbackScsv: true,
    heartbeat: false,
    diffieHellman: { bits: null, exportBits: null }
  })
  t.same(weaknessesOf(report), [], 'nothing is wrong with it')
  t.same(JSON.parse(JSON.stringify(report)), report, 'the report survives JSON')
})

t.test('a server without tickets, ALPN and staples has none', async (t) => {
  const peer = await startOpenssl({ show: [bed.rsa], args: ['-no_ticket', '-num_tickets', '0', '-www'] })
  t.teardown(() => peer.close())
  // it answers no HEAD: the ticket is missed after the time for an answer
  const report = await probePeer(peer, { budget: { answerMs: 500 } })
  t.match(report, { alpn: [], stapling: false, staple: null, tickets: { tls12: false, tls13: false } })
})

t.test('a museum shows every weakness, and none is tried out', async (t) => {
  const server = {
    certificate: bed.rsa,
    versions: [0x0300, 0x0301],
    suites: [...museumSuites, 0x0034, 0x0002, 0x0033],
    compression: 1
  }
  const peer = await startMuseum(server, '0100800700c0')
  t.teardown(() => peer.close())
  const report = await probePeer(peer)
  t.same(acceptedVersions(report), ['TLS 1.0', 'SSL 3.0', 'SSL 2.0'])
  t.same(
    report.versions.find(({ version }) => version === 2)?.suites.map(suiteName),
    ['SSL_CK_RC4_128_WITH_MD5', 'SSL_CK_DES_192_EDE3_CBC_WITH_MD5'],
    'the kinds that SSL 2.0 lists'
  )
  t.same(report.diffieHellman, { bits: 1024, exportBits: 512 })
  t.same(
    weaknessesOf(report)
      .map(({ code }) => code)
      .toSorted(),
    Object.keys(weaknessCodes)
      .filter((code) => !code.startsWith('no-forward') && !code.startsWith('insecure'))
      .toSorted()
  )
})

t.test('SSL 2.0 beside TLS is found', async (t) => {
  const peer = await startTrap('ssl2-besides-tls')
  t.teardown(() => peer.close())
  t.same(acceptedVersions(await probePeer(peer)), ['TLS 1.0', 'SSL 2.0'])
})

t.test('a server that cannot bear long hellos is asked in short ones', async (t) => {
  const peer = await startTrap('intolerant-of-long-hellos')
  t.teardown(() => peer.close())
  const report = await probePeer(peer)
  const [newest] = report.versions.filter(({ accepted }) => accepted)
  t.equal(newest?.version, 0x0303)
  t.ok((newest?.suites.length ?? 0) > 10, `${newest?.suites.length} suites`)
})

t.test('a protocol that begins in the clear is probed behind its prelude', async (t) => {
  for (const starttls of ['smtp', 'imap', 'postgres', 'tds'] as const) {
    const peer = await startStartTls(preludes[starttls], bed.ecdsa)
    t.teardown(() => peer.close())
    const report = await probePeer(peer, { starttls, name: 'peer.test' })
    t.same(acceptedVersions(report), ['TLS 1.3', 'TLS 1.2'], starttls)
    t.equal(report.tickets.tls13, starttls === 'tds' ? null : true, `${starttls}: tickets`)
    t.equal(report.http, null, 'no HTTP request was sent')
  }
})

t.test('a MySQL server, which bars hosts that cut many handshakes, is asked little', async (t) => {
  const peer = await startStartTls(preludes.mysql, bed.ecdsa)
  t.teardown(() => peer.close())
  const report = await probePeer(peer, { starttls: 'mysql' })
  t.same(acceptedVersions(report), ['TLS 1.3', 'TLS 1.2'])
  t.match(report, { stopped: 'connections', cost: { connections: 10 } })
  t.equal(peer.connections?.total, 10)
})

t.test('one connection at a time, each after its turn, and as many as are allowed', async (t) => {
  const peer = await startTls({ show: [bed.rsa] })
  t.teardown(() => peer.close())
  let turns = 0
  const turn = async () => {
    turns++
    // a second connection beside one that goes on would wait here for ever
    while ((peer.connections?.now ?? 0) > 0) await nextTurn()
  }
  const report = await probePeer(peer, { turn, budget: { connections: 12 } })
  t.equal(report.stopped, 'connections')
  t.equal(report.cost.connections, 12)
  t.equal(turns, 12)
  t.equal(peer.connections?.total, 12)
  t.equal(peer.connections?.most, 1)
  t.ok(
    report.versions.some(({ accepted, complete }) => accepted && !complete),
    'what is incomplete says so'
  )
  t.notOk(
    weaknessesOf(report).some(({ code }) => code === 'no-forward-secrecy'),
    'and nothing is concluded from it'
  )
})

t.test('time that runs out and a stop end the probe', async (t) => {
  const mute = await serveScript((link) => link.gone())
  t.teardown(() => mute.close())
  const late = await probePeer(mute, { budget: { ms: 120, answerMs: 50 } })
  t.equal(late.stopped, 'time')
  t.ok(late.cost.ms < 1_000, `${late.cost.ms} ms`)

  const stop = new AbortController()
  const begun = performance.now()
  const probing = probePeer(mute, { signal: stop.signal })
  while (mute.connections?.now !== 1) await new Promise((resolve) => setTimeout(resolve, 2))
  stop.abort()
  t.equal((await probing).stopped, 'aborted')
  t.ok(performance.now() - begun < 1_000)
})

t.test('where there is no TLS nothing is claimed', async (t) => {
  const closed: Peer = { host: '127.0.0.1', port: await freePort(), connections: null, close: async () => {} }
  const none = await probePeer(closed)
  t.match(none, { stopped: 'unreachable', versions: [], cost: { connections: 2 } })
  t.same(weaknessesOf(none), [])

  const http = await listen(
    (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  )
  t.teardown(() => http.close())
  const plain = await probePeer(http)
  t.same(acceptedVersions(plain), [])
  t.same(weaknessesOf(plain), [])

  const reset = await listen((socket) => void socket.once('data', () => socket.resetAndDestroy()))
  t.teardown(() => reset.close())
  t.same(acceptedVersions(await probePeer(reset)), [])
})

const ascending = (a: number, b: number) => a - b

t.test('no server that misbehaves makes it throw or outstay its time', async (t) => {
  const odd =
    /stall|drip|flood|endless|claims|garbage|certificate-|list-|tls13-|resets|closes|hostile|banner|echo|tarpit/
  const rows = trapRows(bed).filter(({ name }) => odd.test(name))
  t.ok(rows.length > 40, `${rows.length} of them`)
  const budget = { connections: 40, ms: 400, connectMs: 200, answerMs: 40 }
  await Promise.all(
    rows.map(async ({ name, start, expect, serverName }) => {
      const peer = await start()
      const report = await probePeer(peer, { name: serverName, starttls: expect.starttls ?? null, budget })
      await peer.close()
      // many probes and servers share this thread: its turns are late now and then
      t.ok(report.cost.ms < 5_000 && report.cost.connections <= 40, `${name}: ${JSON.stringify(report.cost)}`)
      weaknessesOf(report)
    })
  )
})

function acceptedVersions({ versions }: DeepReport): string[] {
  return versions.filter(({ accepted }) => accepted).map(({ version }) => versionName(version))
}

async function startTrap(name: string): Promise<Peer> {
  const trap = trapRows(bed).find((one) => one.name === name)
  if (!trap) throw new Error(`no trap ${name}`)
  return trap.start()
}
