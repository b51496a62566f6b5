import t from 'tap'
import type { Clock } from '../../core/clock.ts'
import { seededRandom } from '../../core/random.ts'
import { sweepOptions } from '../../sensor/scan/defaults.ts'
import { Offences } from '../../sensor/scan/offence.ts'
import type { Dialer } from '../../sensor/scan/probe/line.ts'
import type { OutcomeCounts } from '../../sensor/scan/batch.ts'
import { sweep } from '../../sensor/scan/sweep.ts'

t.test('24 resets in a row are believed to be all, one answer between them is not', (t) => {
  const offences = new Offences()
  for (let port = 0; port < 23; port++) offences.saw(9, 'reset')
  offences.saw(9, 'closed')
  t.notOk(offences.resetsAll(9))
  offences.saw(9, 'certificate')
  for (let port = 0; port < 23; port++) offences.saw(9, 'reset')
  t.notOk(offences.resetsAll(9))
  offences.saw(9, 'reset')
  t.ok(offences.resetsAll(9))
  t.notOk(offences.resetsAll(10), 'another host')
  t.end()
})

t.test('an address may show so many bytes of new certificates and no more', (t) => {
  const offences = new Offences()
  t.ok(offences.affords(9, 16_000_000))
  t.notOk(offences.affords(9, 1_000_000))
  t.ok(offences.affords(9, 0), 'known chains are free')
  t.ok(offences.affords(10, 1_000_000))
  t.end()
})

/** a clock on which each tick is a second, so that pauses cost no time */
function fastClock(): Clock {
  const clock = { time: 0 }
  return {
    now: () => clock.time,
    ticks: () => clock.time,
    after: () => () => {},
    soon: (call) => void setImmediate(call),
    every(_ms, call) {
      const state = { over: false }
      const tick = () => {
        if (state.over) return
        clock.time += 1_000
        call()
        setImmediate(tick)
      }
      setImmediate(tick)
      return () => void (state.over = true)
    }
  }
}

t.test('a host that accepts and resets on every port ends the scan of it, not the scan', async (t) => {
  const dialled: number[] = []
  const resets: Dialer = {
    kind: 'socket',
    dial(_address, port, handler) {
      dialled.push(port)
      queueMicrotask(() => handler.onFail('ECONNRESET'))
      return { send() {}, abort() {} }
    }
  }
  const counts: OutcomeCounts = {}
  const deliver = (batch: { readonly counts: OutcomeCounts }): void => {
    for (const [outcome, count] of Object.entries(batch.counts) as [keyof OutcomeCounts, number][]) {
      counts[outcome] = (counts[outcome] ?? 0) + count
    }
  }
  const space = {
    size: 500,
    at: (index: number) => ({ address: 0x7f000001, port: 1_000 + index, name: null }),
    contains: () => true
  }
  const walk = { space, order: (position: number) => position }
  const deps = { clock: fastClock(), random: seededRandom(1), dialer: resets, deliver }
  await sweep(walk, sweepOptions({ starttls: 'none' }), deps, new AbortController().signal)
  t.same(counts, { reset: 500 })
  t.equal(new Set(dialled).size, 24, 'ports that were tried')
})
