import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import type { Peer } from '../peers/peer.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines, type Ran, type RunningCli } from './cli.ts'

const servers = 24
const firstHost = 10
const shown = Array.from({ length: servers }, (_, at) => createCertificate({ names: [`s${at}.test`] }))
const hosts = shown.map((_, at) => `127.0.7.${firstHost + at}`)
const peers: Peer[] = []
for (const [at, certificate] of shown.entries()) {
  peers.push(await startTls({ show: [certificate] }, { host: hosts[at] ?? '', port: peers[0]?.port ?? 0 }))
}
const port = peers[0]?.port ?? 0

t.teardown(() => Promise.all(peers.map((peer) => peer.close())))

/** A scan that takes some seconds: slow enough to be stopped in the middle. */
const slowScan = ['scan', ...hosts, '-p', String(port), '--no-twin', '--rate', '8', '--json']

/** Sends `signals` one after the other, each once `after` is true; gives when the first was sent. */
function sending(signals: readonly NodeJS.Signals[], after: readonly ((running: RunningCli) => boolean)[]) {
  const sent: number[] = []
  const watch = (running: RunningCli) => {
    const next = signals[sent.length]
    if (next === undefined || !after[sent.length]?.(running)) return
    sent.push(Date.now())
    running.process.kill(next)
  }
  return { watch, sent }
}

const somethingFound = ({ output }: RunningCli) => output.stdout.split('\n').length > 3

const found = ({ stdout }: Ran) => jsonLines(stdout).filter((line) => line['type'] === 'endpoint')

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143]
] as const) {
  t.test(`${signal} stops a scan within a second, stores what it found, and says how to go on`, async (t) => {
    const bench = createBench()
    t.teardown(() => bench.remove())
    const { watch, sent } = sending([signal], [somethingFound])
    const ran = await bench.run(slowScan, { watch })
    t.equal(ran.code, code, ran.stderr)
    // when the store says that it ended: how soon this process hears of it depends on what else runs here
    const tookMs = Date.parse(String(jsonLines(ran.stdout).at(-1)?.['endedAt'])) - (sent[0] ?? Number.NaN)
    t.ok(tookMs < 1_000, `it took ${tookMs} ms`)
    t.match(ran.stderr, /Stopping\. Press Ctrl-C again to leave at once\./)
    t.match(ran.stderr, /Go on with: tlsward scan --resume 1\n/)
    t.match(jsonLines(ran.stdout).at(-1), { type: 'scan', state: 'stopped' }, 'the output ends whole')

    const before = found(ran).map((line) => String(line['address']))
    const kept = found(await bench.run(['inventory', '--json'])).map((line) => String(line['address']))
    t.same(kept.toSorted(), before.toSorted(), 'exactly what was printed is stored')

    const resumed = await bench.run(['scans', 'resume', '1', '--json'])
    t.equal(resumed.code, 0, resumed.stderr)
    const after = found(resumed).map((line) => String(line['address']))
    t.same([...before, ...after].toSorted(), hosts.toSorted(), 'together they are the whole, each once')
    t.match(jsonLines(resumed.stdout).at(-1), {
      type: 'scan',
      id: 1,
      state: 'finished',
      size: servers,
      done: servers
    })

    const again = await bench.run(['scan', '--resume', '1'])
    t.equal(again.code, 5)
    t.match(again.stderr, /\[scan-finished\]/)
  })
}

t.test('a second SIGINT leaves at once, and nothing stored is lost', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const { watch, sent } = sending(
    ['SIGINT', 'SIGINT'],
    [somethingFound, ({ output }) => output.stderr.includes('again')]
  )
  // a server that never answers would hold a stop that waits for it
  const ran = await bench.run(slowScan, { watch })
  t.equal(sent.length, 2)
  t.equal(ran.code, 130)
  const kept = found(await bench.run(['inventory', '--json']))
  t.same(
    kept.map((line) => String(line['address'])).toSorted(),
    found(ran)
      .map((line) => String(line['address']))
      .toSorted()
  )
  const resumed = await bench.run(['scan', '--resume', '1', '-q'])
  t.equal(resumed.code, 0, resumed.stderr)
  t.equal(found(await bench.run(['inventory', '--json'])).length, servers)
})

t.test('SIGKILL leaves an interrupted scan that can be resumed', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const { watch } = sending(['SIGKILL'], [somethingFound])
  const ran = await bench.run(slowScan, { watch })
  t.equal(ran.signal, 'SIGKILL')
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { id: 1, state: 'interrupted' })
  t.equal((await bench.run(['scan', '--resume', '1', '-q'])).code, 0)
  t.equal(found(await bench.run(['inventory', '--json'])).length, servers)
})

t.test('a reader that has seen enough ends the scan quietly', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const watch = ({ process, output }: RunningCli) => {
    if (output.stdout !== '') process.stdout?.destroy()
  }
  const ran = await bench.run(slowScan, { watch })
  t.equal(ran.code, 0, ran.stderr)
  t.notMatch(ran.stderr, /EPIPE/)
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { state: 'stopped' })
})

t.test('a do-not-scan list that grew keeps a stopped scan from going on', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const { watch } = sending(['SIGINT'], [somethingFound])
  t.equal((await bench.run(slowScan, { watch })).code, 130)
  const list = join(bench.state, 'do-not-scan')
  writeFileSync(list, '10.9.9.9\n')
  writeFileSync(list, `${hosts[3]}\n`, { flag: 'a' })
  const ran = await bench.run(['scan', '--resume', '1'])
  t.equal(ran.code, 5, ran.stderr)
  t.match(ran.stderr, /scan 1: the do-not-scan list now spares part of it.*\[scan-excluded\]/)
  writeFileSync(list, '10.9.9.9\n127.0.7.10:1\n')
  t.equal(
    (await bench.run(['scan', '--resume', '1', '-q'])).code,
    0,
    'what it lists elsewhere does not matter'
  )
})
