import t from 'tap'
import { seededRandom } from '../../core/random.ts'
import { createBench, jsonLines } from './cli.ts'
import { startCountingServer } from './counting-server.ts'

const bench = createBench()
t.teardown(() => bench.remove())

const kills = 20
const concurrency = 24
/** pairs that may be begun and not stored: docs/scan.md, the batch */
const batch = 64

t.test(`kill -9 at ${kills} moments of a scan of 2,048 endpoints loses nothing`, async (t) => {
  const server = await startCountingServer()
  t.teardown(() => server.close())
  const random = seededRandom(Number(process.env['TLSWARD_SEED'] ?? 20_261_125))
  const pace = ['--concurrency', String(concurrency), '--per-subnet', '1000', '--rate', '2000']
  const probe = ['--ports', String(server.port), '--no-twin', ...pace, '--json']

  let repeated = 0
  let most = 0
  let seen = new Set<string>()
  for (let kill = 0; kill < kills; kill++) {
    const begin = server.arrivals.length
    const part = kill === 0 ? ['127.23.0.0/21', ...probe] : ['--resume', '1', '--json']
    const scan = bench.start(['scan', ...part])
    // the moment: after so many connections of this run, so that every run gets some work done
    const after = 1 + (random.word() % 95)
    const ended = await reached(() => server.arrivals.length - begin >= after, scan.ended)
    scan.process.kill('SIGKILL')
    await scan.ended
    t.notOk(ended, `run ${kill} was killed in its middle`)
    const called = server.arrivals.slice(begin).map(({ address }) => address)
    const twice = called.filter((address) => seen.has(address)).length
    repeated += twice
    most = Math.max(most, twice)
    seen = new Set([...seen, ...called])
  }
  t.ok(most <= batch, `at most ${most} were asked twice after one kill; a batch is ${batch}`)

  const last = server.arrivals.length
  const rest = await bench.run(['scan', '--resume', '1', '--json'])
  t.equal(rest.code, 0, rest.stderr)
  const twice = server.arrivals.slice(last).filter(({ address }) => seen.has(address)).length
  t.ok(twice <= batch)
  t.comment(
    `${kills} kills: ${repeated + twice} of 2,048 endpoints asked twice, at most ${most} after one kill`
  )

  const list = await bench.run(['inventory', '--limit', '5000', '--json'])
  const found = jsonLines(list.stdout).filter(({ type }) => type === 'endpoint')
  const undisturbed = Array.from({ length: 2_048 }, (_, at) => `127.23.${at >> 8}.${at & 255}`)
  t.same(found.map(({ address }) => String(address)).toSorted(), undisturbed.toSorted(), 'the union is whole')
})

/** waits until `holds`, or the process has ended by itself (then true) */
async function reached(holds: () => boolean, ended: Promise<unknown>): Promise<boolean> {
  const run = { over: false }
  void ended.then(() => (run.over = true))
  while (!run.over && !holds()) await new Promise((resolve) => setImmediate(resolve))
  return run.over && !holds()
}
