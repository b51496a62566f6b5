// What a second scan says after a server was added, one got another certificate and one went away; then all back.
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines } from './cli.ts'

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
  const text = (await bench.run(['diff'])).stdout
  t.match(text, /^1 new, 1 changed, 1 gone\n/)

  await start(first, leaves.port)
  t.equal((await bench.run(scan)).code, 0)
  t.match(await changes(), [new RegExp(` ${leaves.port}$`)], 'only what came back differs')
  const inventory = jsonLines((await bench.run(['inventory', '--json'])).stdout)
  const present = inventory.filter(({ type, state }) => type === 'endpoint' && state === 'present')
  t.equal(present.length, 3)
})
