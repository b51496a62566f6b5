import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCertificate } from '../peers/certificates.ts'
import { type Door, startDoor } from '../peers/door.ts'
import { startTls } from '../peers/tls.ts'
import { createBench, jsonLines, type Ran, type RunningCli } from './cli.ts'

const servers = 24
const firstHost = 10
const shown = Array.from({ length: servers }, (_, at) => createCertificate({ names: [`s${at}.test`] }))
const hosts = shown.map((_, at) => `127.0.7.${firstHost + at}`)
const doors: Door[] = []
for (const [at, certificate] of shown.entries()) {
  const where = { host: hosts[at] ?? '', port: doors[0]?.port ?? 0 }
  doors.push(await startDoor(await startTls({ show: [certificate] }), where))
}
const port = doors[0]?.port ?? 0

t.teardown(() => Promise.all(doors.map((door) => door.close())))

/** A scan that cannot end while a door is shut, however fast or slow this machine is. */
const heldScan = ['scan', ...hosts, '-p', String(port), '--no-twin', '--timeout', '10min', '--json']

/** Half of the servers answer, the others keep whoever comes waiting. */
t.beforeEach(() => doors.forEach((door, at) => (at % 2 === 0 ? door.open() : door.shut())))

const openAll = () => doors.forEach((door) => door.open())

/** Sends `signals` one after the other, each once `after` is true; gives when the first was sent. */
function sending(signals: readonly NodeJS.Signals[], after: readonly ((running: RunningCli) => boolean)[]) {
  const sent: NodeJS.Signals[] = []
  const watch = (running: RunningCli) => {
    const next = signals[sent.length]
    if (next === undefined || !after[sent.length]?.(running)) return
    sent.push(next)
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
  t.test(`${signal} stops a scan in its midst, stores what it found, and says how to go on`, async (t) => {
    const bench = createBench()
    t.teardown(() => bench.remove())
    const { watch } = sending([signal], [somethingFound])
    const ran = await bench.run(heldScan, { watch })
    t.equal(ran.code, code, ran.stderr)
    t.match(ran.stderr, /Stopping\. Press Ctrl-C again to leave at once\./)
    t.match(ran.stderr, /Go on with: tlsward scan --resume 1\n/)
    t.match(jsonLines(ran.stdout).at(-1), { type: 'scan', state: 'stopped' }, 'the output ends whole')

    t.match(jsonLines(ran.stdout).at(-1), { done: found(ran).length }, 'nobody was waited for')

    const before = found(ran).map((line) => String(line['address']))
    const kept = found(await bench.run(['inventory', '--json'])).map((line) => String(line['address']))
    t.same(kept.toSorted(), before.toSorted(), 'exactly what was printed is stored')

    openAll()
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
  const ran = await bench.run(heldScan, { watch })
  t.equal(sent.length, 2)
  t.equal(ran.code, 130)
  const kept = found(await bench.run(['inventory', '--json']))
  t.same(
    kept.map((line) => String(line['address'])).toSorted(),
    found(ran)
      .map((line) => String(line['address']))
      .toSorted()
  )
  openAll()
  const resumed = await bench.run(['scan', '--resume', '1', '-q'])
  t.equal(resumed.code, 0, resumed.stderr)
  t.equal(found(await bench.run(['inventory', '--json'])).length, servers)
})

t.test('SIGKILL leaves an interrupted scan that can be resumed', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const { watch } = sending(['SIGKILL'], [somethingFound])
  const ran = await bench.run(heldScan, { watch })
  t.equal(ran.signal, 'SIGKILL')
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { id: 1, state: 'interrupted' })
  openAll()
  t.equal((await bench.run(['scan', '--resume', '1', '-q'])).code, 0)
  t.equal(found(await bench.run(['inventory', '--json'])).length, servers)
})

t.test('a reader that has seen enough ends the scan quietly', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const watch = ({ process, output }: RunningCli) => {
    if (output.stdout === '') return
    process.stdout?.destroy()
    // what comes now finds nobody, while the last server still holds the scan
    for (const door of doors.slice(0, -1)) door.open()
  }
  const ran = await bench.run(heldScan, { watch })
  t.equal(ran.code, 0, ran.stderr)
  t.notMatch(ran.stderr, /EPIPE/)
  t.match(jsonLines((await bench.run(['scans', '--json'])).stdout)[0], { state: 'stopped' })
})

t.test('a do-not-scan list that grew keeps a stopped scan from going on', async (t) => {
  const bench = createBench()
  t.teardown(() => bench.remove())
  const { watch } = sending(['SIGINT'], [somethingFound])
  t.equal((await bench.run(heldScan, { watch })).code, 130)
  const list = join(bench.state, 'do-not-scan')
  writeFileSync(list, '10.9.9.9\n')
  writeFileSync(list, `${hosts[3]}\n`, { flag: 'a' })
  const ran = await bench.run(['scan', '--resume', '1'])
  t.equal(ran.code, 5, ran.stderr)
  t.match(ran.stderr, /scan 1: the do-not-scan list now spares part of it.*\[scan-excluded\]/)
  writeFileSync(list, '10.9.9.9\n127.0.7.10:1\n')
  openAll()
  t.equal(
    (await bench.run(['scan', '--resume', '1', '-q'])).code,
    0,
    'what it lists elsewhere does not matter'
  )
})
