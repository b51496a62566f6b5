// What a second scan says after a server was added, one got another certificate and one went away; then all back.
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines, schemaErrors } from './cli.ts'

const bench = createBench()
t.teardown(() => bench.remove())

const first = createCertificate({ names: ['first.test'] })
const second = createCertificate({ names: ['second.test'] })
const renewed = createCertificate({ names: ['second.test'] })

/** changes of the last scan: word and port */
async function changes(): Promise<string[]> {
  const { code, stdout, stderr } = await bench.run(['diff', '--json'])
  t.equal(code, 0, stderr)
  return jsonLines(stdout).map(({ change, port }) => `${String(change)} ${String(port)}`)
}

t.test('added, changed, removed, and back again', async (t) => {
  const peers: Peer[] = []
  const start = async (show: typeof first, port?: number) => {
    const peer = await startTls({ show: [show] }, port === undefined ? {} : { port })
    peers.push(peer)
    return peer
  }
  t.teardown(() => Promise.all(peers.map((peer) => peer.close())))

  const leaves = await start(first)
  const changing = await start(second)
  // a port that nobody listens on yet
  const free = await start(first)
  await free.close()
  const scan = ['scan', '127.0.0.1', '-p', [leaves, changing, free].map(({ port }) => port).join(','), '-q']
  t.equal((await bench.run(scan)).code, 0)
  t.same((await changes()).toSorted(), [`new ${leaves.port}`, `new ${changing.port}`].toSorted())

  await leaves.close()
  await changing.close()
  await start(renewed, changing.port)
  await start(first, free.port)
  t.equal((await bench.run(scan)).code, 0)
  t.same(
    (await changes()).toSorted(),
    [`gone ${leaves.port}`, `changed ${changing.port}`, `new ${free.port}`].toSorted()
  )
  const told = jsonLines((await bench.run(['diff', '--json'])).stdout)
  t.same(schemaErrors(told), [])
  t.match(told.find(({ change }) => change === 'gone')?.['after'], { outcome: 'closed', state: 'gone' })
  const ports = told.map(({ port }) => Number(port))
  t.same(
    ports,
    ports.toSorted((a, b) => a - b),
    'in the order of addresses and ports'
  )
  const text = (await bench.run(['diff'])).stdout
  t.match(text, /\.\n1 new, 1 changed, 1 gone\n/)

  await start(first, leaves.port)
  t.equal((await bench.run(scan)).code, 0)
  t.match(await changes(), [new RegExp(` ${leaves.port}$`)], 'only what came back differs')
  const inventory = jsonLines((await bench.run(['inventory', '--json'])).stdout)
  const present = inventory.filter(({ type, state }) => type === 'endpoint' && state === 'present')
  t.equal(present.length, 3)
})

t.test('what a scan and the one for its names changed is told as one', async (t) => {
  const here = createBench()
  t.teardown(() => here.remove())
  const none = await here.run(['diff'])
  t.equal(none.code, 4)
  t.match(none.stderr, /No scan was made yet, so there is nothing to compare\. Begin with: tlsward scan/)

  const plain = createCertificate({ names: ['plain.test', 'site.test'] })
  const site = createCertificate({ names: ['site.test'] })
  const peer = await startTls({ show: [plain], byName: { 'site.test': site } })
  t.teardown(() => peer.close())
  const ran = await here.run(['scan', '127.0.0.1', '-p', String(peer.port), '--certificate-names', '--json'])
  t.equal(ran.code, 0, ran.stderr)
  const scans = jsonLines(ran.stdout).filter(({ type }) => type === 'scan')
  t.match(scans, [
    { id: 1, parent: null },
    { id: 2, parent: 1, appeared: 1 }
  ])

  for (const words of [[], ['1'], ['2']]) {
    const { stdout } = await here.run(['diff', ...words])
    t.match(stdout, /^Scan 1 with its names \(scan 2\) \(127\.0\.0\.1, /, words.join(''))
    t.match(stdout, /\n2 new, 0 changed, 0 gone\n/)
  }
  const list = (await here.run(['scans'])).stdout.trimEnd().split('\n')
  t.equal(list.length, 2, 'a head and one row')
  t.match(list[1], /^ *1\+2 +Finished .* 2 +2 +0 +0 +127\.0\.0\.1, .*with names$/)
  t.same(
    jsonLines((await here.run(['scans', '--json'])).stdout).map(({ id, parent }) => [id, parent]),
    [
      [2, 1],
      [1, null]
    ]
  )
})

t.test('a row of what changed shows what did', async (t) => {
  const here = createBench()
  t.teardown(() => here.remove())
  const one = createCertificate({ names: ['one.test'], key: 'rsa2048' })
  const before = await startTls({ show: [one], maxVersion: 'TLSv1.2' })
  const scan = ['scan', `127.0.0.1:${before.port}`, '-q']
  t.equal((await here.run(scan)).code, 0)
  await before.close()
  const after = await startTls({ show: [one] }, { port: before.port })
  t.teardown(() => after.close())
  t.equal((await here.run(scan)).code, 0)
  const { stdout } = await here.run(['diff'])
  t.match(stdout, /changed +127\.0\.0\.1:\d+ +TLS 1\.2, TLS_ECDHE_RSA_\S+ +TLS 1\.3, TLS_\S+/)
  t.match(jsonLines((await here.run(['diff', '--json'])).stdout), [{ fields: ['version', 'cipher'] }])
})
