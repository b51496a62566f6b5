import t from 'tap'
import { FlightControl } from '../../sensor/scan/patience.ts'

/** what is in flight at most after so many losses, each a second after the one before */
function after(losses: number, of: 'lost' | 'ranOut', control = new FlightControl(1_000)): number {
  for (let at = 1; at <= losses; at++) control[of](at * 1_000, 1_000)
  return control.limit
}

t.test('lost packets lower what is in flight, and never below an eighth', (t) => {
  t.equal(after(1, 'lost'), 700)
  t.equal(after(2, 'lost'), 489)
  t.equal(after(1_000, 'lost'), 125, 'hosts that drop each first packet do not bring the scan to a crawl')
  t.end()
})

t.test('one loss within a span counts', (t) => {
  const control = new FlightControl(1_000)
  for (let at = 0; at < 500; at++) control.lost(at, 500)
  t.equal(control.limit, 700)
  t.end()
})

t.test('what this machine has not got lowers it further, and a lost packet raises nothing', (t) => {
  const control = new FlightControl(1_000)
  t.equal(after(1_000, 'ranOut', control), 16)
  control.lost(2_000_000, 1_000)
  t.equal(control.limit, 16)
  t.equal(after(1_000, 'lost', new FlightControl(10)), 10, 'few stay few')
  t.end()
})

t.test('answers raise it again, up to what is allowed', (t) => {
  const control = new FlightControl(1_000)
  after(1_000, 'lost', control)
  for (let i = 0; i < 10_000; i++) control.answered()
  t.ok(control.limit > 300 && control.limit < 1_000)
  for (let i = 0; i < 1_000_000; i++) control.answered()
  t.equal(control.limit, 1_000)
  t.end()
})
