import t from 'tap'
import { listenToSignals } from '../../appliance/cli/signals.ts'
import { systemClock } from '../../core/clock.ts'

t.test('the first signal aborts, the same press again changes nothing, the second leaves', (t) => {
  let now = 0
  const heard: string[] = []
  const clock = { ...systemClock, ticks: () => now }
  const ending = listenToSignals({
    clock,
    said: () => heard.push('said'),
    leave: (code) => heard.push(`left ${code}`)
  })
  t.teardown(() => ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((name) => process.removeAllListeners(name)))
  t.equal(ending.exitCode(), undefined)

  process.emit('SIGINT')
  t.ok(ending.signal.aborted)
  t.equal(ending.exitCode(), 130)
  now = 100
  process.emit('SIGINT')
  t.same(heard, ['said'], 'npm and the launcher pass a press on: that is no second one')
  now = 1_000
  process.emit('SIGTERM')
  t.same(heard, ['said', 'left 143'])
  t.equal(ending.exitCode(), 130, 'the first one counts')
  t.end()
})

t.test('for what ends by a signal always, the end in order is no failure, and to leave at once is', (t) => {
  let now = 0
  const left: number[] = []
  const ending = listenToSignals({
    clock: { ...systemClock, ticks: () => now },
    stop: 'as-meant',
    said() {},
    leave: (code) => left.push(code)
  })
  t.teardown(() => ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((name) => process.removeAllListeners(name)))
  t.equal(ending.exitCode(), undefined)
  process.emit('SIGTERM')
  t.equal(ending.exitCode(), 0)
  now = 1_000
  process.emit('SIGTERM')
  t.same(left, [143])
  t.end()
})
