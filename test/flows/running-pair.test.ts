import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openStore } from '../../sensor/store/store.ts'
import { createBench, type Bench, type Ran, type Started } from './cli.ts'

/** A `tlsward run` that was started, and how far it has come. */
interface Starting {
  readonly started: Started
  readonly settled: Promise<'up' | Ran>
}

function startRun(t: Test, bench: Bench): Starting {
  const { promise: up, resolve } = Promise.withResolvers<'up'>()
  const started = bench.start(['run'], {
    watch: ({ output }) => output.stderr.includes('Running on') && resolve('up')
  })
  t.teardown(() => started.process.exitCode ?? started.process.kill('SIGKILL'))
  return { started, settled: Promise.race([up, started.ended]) }
}

function benchFor(t: Test): Bench {
  const bench = createBench()
  t.teardown(() => bench.remove())
  return bench
}

const rounds = 6

t.test('of two that start at once one works and is reached, and the other says who works', async (t) => {
  const bench = benchFor(t)
  const socket = join(bench.state, 'tlsward.sock')
  for (let round = 0; round < rounds; round++) {
    const pair = [startRun(t, bench), startRun(t, bench)]
    const settled = await Promise.all(pair.map((one) => one.settled))
    const at = settled.indexOf('up')
    t.equal(settled.filter((one) => one === 'up').length, 1, `round ${round}: one is up`)
    const [lost] = settled.filter((one) => one !== 'up')
    t.match(lost, { code: 6, stderr: /tlsward run \(process \d+, since .* \[engine-running\]/ })
    t.ok(lost?.stderr.includes(`(process ${pair[at]?.started.process.pid}, since`), 'it names the other one')
    t.ok(statSync(socket).isSocket())
    t.equal((await bench.run(['events'])).code, 0, 'commands reach it')
    pair[at]?.started.process.kill('SIGTERM')
    t.match(await pair[at]?.started.ended, { code: 0 })
    t.notOk(existsSync(socket), 'it takes its socket away')
  }
})

t.test('while one is up whose socket is gone, commands do not write beside it', async (t) => {
  const bench = benchFor(t)
  const { started, settled } = startRun(t, bench)
  t.equal(await settled, 'up')
  rmSync(join(bench.state, 'tlsward.sock'))
  const ran = await bench.run(['events'])
  t.equal(ran.code, 6, ran.stderr)
  t.match(
    ran.stderr,
    new RegExp(
      `tlsward run \\(process ${started.process.pid}, since .* does not answer.*kill .*\\[socket-silent\\]`
    )
  )
  started.process.kill('SIGKILL')
  await started.ended
  t.equal((await bench.run(['events'])).code, 0, 'once it is dead, they work by themselves')
})

t.test('a command is told while one begins, and then reaches it', async (t) => {
  const bench = benchFor(t)
  const { settled } = startRun(t, bench)
  for (let tries = 0; tries < 5; tries++) {
    const ran = await bench.run(['events', '--json'])
    t.equal(ran.code, 0, ran.stderr)
  }
  t.equal(await settled, 'up')
})

t.test('a start finds out which command replaces certificates by itself', async (t) => {
  const bench = benchFor(t)
  const store = openStore({ directory: bench.state, busyMs: 1_000, command: 'tlsward replace' })
  t.teardown(() => store.close())
  store.engineTurn.take(Date.UTC(2026, 10, 25, 14, 5))
  const ran = await startRun(t, bench).settled
  t.match(ran, { code: 6 })
  const who = `tlsward replace \\(process ${process.pid}, since 2026-11-25T14:05:00.000Z\\)`
  t.match(ran, {
    stderr: new RegExp(
      `${who} .* wait until it ends, or end it \\(kill ${process.pid}\\).*\\[engine-running\\]`
    )
  })
  t.equal((await bench.run(['events'])).code, 0, 'commands look meanwhile')
  t.notOk(existsSync(join(bench.state, 'tlsward.sock')), 'nothing was put there')
})
