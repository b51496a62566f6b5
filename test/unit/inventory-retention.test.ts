import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as fc from 'fast-check'
import t from 'tap'
import { changesBetween, changesOfScan } from '../../sensor/inventory/diff.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import { keepRevocationLook, type RevocationLook } from '../../sensor/inventory/looks.ts'
import { forgottenScans, pruneInventory } from '../../sensor/inventory/retention.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import { chainOf, day, leaf, observed, publicIssuer, start, world, type World } from './inventory-world.ts'

t.test('the last scans are kept, each with the one for its names', (t) => {
  const scan = (id: number, parent: number | null = null) => ({ id, parent })
  const scans = [scan(1), scan(2), scan(3, 2), scan(4), scan(5), scan(6, 4)]
  t.same(forgottenScans(scans, 9), [])
  t.same(forgottenScans(scans, 3), [1])
  t.same(forgottenScans(scans, 2), [3, 2, 1], 'names before what they belong to')
  t.same(forgottenScans(scans, 1), [5, 3, 2, 1], 'a scan is as old as that for its names')
  t.same(forgottenScans([], 1), [])
  const some = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 50 })
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 60 }), (ids, keep) => {
      const gone = forgottenScans(
        ids.map((id) => scan(id)),
        keep
      )
      return gone.length === Math.max(0, ids.length - keep) && gone.every((id) => id < Math.max(...ids))
    }),
    { seed: 7, numRuns: 200 }
  )
  t.end()
})

/** A scan that sees exactly this, a day after the one before. */
async function scanned(here: World, ...seen: readonly Observation[]): Promise<number> {
  here.clock.time += day
  const scan = here.scan()
  scan.record(...seen.map((one) => ({ ...one, at: here.clock.time })))
  here.clock.time += 1
  await finishScan(here, { scan: scan.id, contains: () => true })
  return scan.id
}

/** Certificates that the index of names has for three letters, whether they are kept or not. */
function indexed(here: World, letters: string): number {
  const db = new Database(join(here.directory, 'tlsward.db'))
  try {
    const found = db.prepare<[string], number>('SELECT count(*) FROM certificate_text(?)').pluck()
    return found.get(`"${letters}"`) ?? 0
  } finally {
    db.close()
  }
}

/** What SQLite says is wrong with the file: references without an end, indexes that differ from their tables. */
function wrongIn(here: World): unknown[] {
  const db = new Database(join(here.directory, 'tlsward.db'))
  try {
    db.prepare("INSERT INTO certificate_text (certificate_text) VALUES ('integrity-check')").run()
    const whole = db.pragma('integrity_check') as { integrity_check: string }[]
    const dangling = db.pragma('foreign_key_check') as unknown[]
    return [...dangling, ...whole.filter((one) => one.integrity_check !== 'ok')]
  } finally {
    db.close()
  }
}

const revokedLook: RevocationLook = {
  kind: 'revocation',
  at: start,
  scan: 1,
  report: '{}',
  digest: '00'.repeat(32),
  revoked: { at: start - day, reason: 'keyCompromise', by: 'crl' }
}

const leafOf = (at: number) => leaf(`host-${at}.example`)
const shows = (one: ReturnType<typeof leaf>) => ({ chains: [chainOf(one, publicIssuer)] })

t.test('what old scans saw goes, what is shown and what kept scans changed stays', async (t) => {
  const here = world(t)
  const { store, clock } = here
  const leaves = Array.from({ length: 6 }, (_, at) => leafOf(at))
  const ids: number[] = []
  for (const one of leaves)
    ids.push(
      await scanned(here, observed('10.0.0.1', shows(one)), observed('10.0.0.2', shows(leaves[0] ?? one)))
    )
  ids.push(await scanned(here, observed('10.0.0.2', shows(leaves[0] ?? leafOf(0)))))
  const looked = [1, 3].map((at) => store.certificates.idOf(leaves[at]?.fingerprint ?? '') ?? 0)
  for (const id of looked) keepRevocationLook(store, id, revokedLook)
  const [fifth = 0, sixth = 0, last = 0] = ids.slice(-3)
  const told = () =>
    [
      changesOfScan(store, fifth),
      changesOfScan(store, sixth),
      changesOfScan(store, last),
      changesBetween(store, { from: fifth, to: last })
    ].map((changes) => [...changes])
  const known = () => leaves.map(({ fingerprint }) => store.certificates.idOf(fingerprint) !== undefined)
  const count = (needle: string) =>
    store.pages.count({ text: { needle, range: null }, presence: 'any' }, clock.now())
  const before = told()
  t.same(known(), [true, true, true, true, true, true])

  t.equal(indexed(here, 't-1'), 1)
  const pruned = await pruneInventory(store, 3)
  t.equal(indexed(here, 't-1'), 0, 'nor is it in the index')
  t.equal(indexed(here, 't-3'), 1)
  t.same(pruned, { scans: 4, history: 3, certificates: 2 })
  t.same(told(), before, 'kept scans tell the same')
  t.same(known(), [true, false, false, true, true, true], 'what is shown, or was before a kept scan, stays')
  t.same(
    looked.map((id) => [store.looks.of(id).length, store.findings.of({ kind: 'status', id }, start).length]),
    [
      [0, 0],
      [1, 1]
    ],
    'what its issuer said of a certificate goes with it'
  )
  t.same(wrongIn(here), [])
  t.equal(count('host-5.example'), 1, 'the endpoint that is gone stays, with what it showed')
  t.throws(() => store.scans.get(ids[0] ?? 0), { code: 'scan-missing' })
  t.same(await pruneInventory(store, 3), { scans: 0, history: 0, certificates: 0 })
  t.match(store.certificates.byPrefix(leaves[1]?.fingerprint ?? '', 2), { length: 0 })

  const again = await scanned(here, observed('10.0.0.1', shows(leaves[1] ?? leafOf(1))))
  t.match([...changesOfScan(store, again)][0], {
    change: 'returned',
    after: { certificates: [{ fingerprint: leaves[1]?.fingerprint }] }
  })
  t.same(wrongIn(here), [], 'what went may come back')
})

t.test('nothing goes while a scan runs, and the last standing keeps its number', async (t) => {
  const here = world(t)
  const { store } = here
  for (const at of [1, 2, 3]) await scanned(here, observed('10.0.0.1', shows(leafOf(at))))
  await scanned(here, observed('10.0.0.9', { outcome: 'closed' }))
  const gone = await scanned(here)
  const running = here.scan()
  await t.rejects(pruneInventory(store, 1), {
    code: 'scan-running',
    message: new RegExp(`scan ${running.id}: it is running`)
  })
  t.ok(store.scans.get(1), 'nothing went')
  store.scans.end(running.id, 'stopped', here.clock.now())
  const marked = store.keys.gather({ endpoint: 0, history: 0 }).history
  t.ok(marked > 0)
  await pruneInventory(store, 1)
  t.equal(store.keys.gather({ endpoint: 0, history: 0 }).history, marked)
  t.throws(() => store.scans.get(gone), { code: 'scan-missing' })
  t.same(wrongIn(here), [])
})

t.test('more than one step of rows goes', async (t) => {
  const here = world(t)
  const places = Array.from({ length: 2_300 }, (_, at) => `10.1.${at >> 8}.${at & 255}`)
  const [one, two] = [leafOf(1), leafOf(2)]
  for (const shown of [one, two, one])
    await scanned(here, ...places.map((place) => observed(place, shows(shown))))
  await scanned(
    here,
    ...places.map((place, at) => observed(place, at === 0 ? shows(one) : { ...shows(one), version: 0x0303 }))
  )
  const { history } = await pruneInventory(here.store, 1)
  t.equal(history, 4_600)
  t.equal(here.store.certificates.idOf(two.fingerprint), undefined)
  t.same(wrongIn(here), [])
})
