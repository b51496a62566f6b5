import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createRecorder } from '../../sensor/inventory/recorder.ts'
import type { Observation, Outcome } from '../../sensor/scan/observation.ts'
import { openStore } from '../../sensor/store/store.ts'
import { batchOf, chainOf, handClock, leaf, observed, publicIssuer, start, trust } from './inventory-world.ts'

const chains = [
  chainOf(leaf('a.example'), publicIssuer),
  chainOf(leaf('a.example', { key: 'rsa2048' }), publicIssuer),
  chainOf(leaf('b.example')),
  chainOf(leaf('c.example', { hash: 'sha1' }), publicIssuer)
]

/** Few places and few things to see, so that the same endpoint comes again and again, alike and different. */
const observation: fc.Arbitrary<Observation> = fc
  .record({
    host: fc.integer({ min: 0, max: 5 }),
    name: fc.constantFrom(null, 'a.example', 'z.example'),
    outcome: fc.constantFrom<Outcome>('certificate', 'alert', 'reset', 'closed', 'not-tls'),
    version: fc.constantFrom(0x0303, 0x0304),
    clientCertificate: fc.constantFrom(null, true, false),
    shown: fc.constantFrom([0], [1], [0, 1], [2], [3])
  })
  .map(({ host, name, outcome, version, clientCertificate, shown }) => {
    const served = shown.flatMap((at) => chains[at] ?? [])
    return observed(`10.0.0.${host}`, {
      name,
      outcome,
      version,
      clientCertificate,
      chains: outcome === 'certificate' ? served : []
    })
  })

/** Everything that is in the database, table by table, after recording the batches. */
function content(batches: readonly (readonly Observation[])[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'tlsward-test-'))
  try {
    const store = openStore({ directory, busyMs: 0 })
    const clock = handClock()
    const scan = store.scans.begin({ request: '{}', space: '{}', seed: 1, at: start })
    const record = createRecorder({ store, clock, trust: trust() }, { scan })
    let low = 0
    for (const observations of batches) {
      low += observations.length
      record(batchOf(observations, { progress: { low, done: new Uint8Array(0) } }))
    }
    store.scans.end(scan, 'stopped', start)
    store.close()
    return dump(join(directory, 'tlsward.db'))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function dump(path: string): string {
  const db = new Database(path, { readonly: true })
  try {
    const tables = db
      .prepare<[], string>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'certificate_text%'"
      )
      .pluck()
      .all()
    const rows = tables.map((table) => {
      const all = db.prepare(`SELECT * FROM ${table}`).raw().all()
      return [table, ...all.map((row) => JSON.stringify(row)).toSorted()]
    })
    return JSON.stringify(rows).replaceAll(/scan-1-\d+-\d+/g, '')
  } finally {
    db.close()
  }
}

t.test('however observations are split into batches, the same is stored', (t) => {
  const splits = fc.array(observation, { minLength: 1, maxLength: 40 }).chain((all) =>
    fc
      .uniqueArray(fc.integer({ min: 1, max: all.length }), { maxLength: 8 })
      .map((cuts) => cuts.toSorted((a, b) => a - b))
      .map((cuts) => ({ all, parts: [0, ...cuts].map((from, at) => all.slice(from, cuts[at])) }))
  )
  fc.assert(
    fc.property(
      splits,
      ({ all, parts }) => content([all]) === content(parts.filter((part) => part.length > 0))
    ),
    { seed: 20261101, numRuns: 40 }
  )
  t.end()
})

t.test('the comparison notices a difference', (t) => {
  const one = observed('10.0.0.1', { chains: chains.slice(0, 1) })
  t.not(content([[one]]), content([[{ ...one, version: 0x0303 }]]))
  t.end()
})
