import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HistoryEntryRow } from '../../sensor/store/event-history.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { shopSeed } from '../contract/f5-bigip.ts'
import { purchases } from '../peers/file-ca.ts'
import { openFileKeys } from '../peers/file-keys.ts'
import type { Mishap } from '../simulators/f5-bigip/faults.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { drive, isOver } from './engine-world.ts'
import { type F5Task, openF5Site } from './f5-engine-world.ts'
import { type Begun, type Place, type PlaceKind, placeKinds, startPlace } from './killed-f5-world.ts'
import { eachPoint } from './points.ts'

/** devices of each kind: so many points are tried at a time */
const placesEach = 2

/** A moment at which the process of the engine is killed. */
interface Point {
  /** what the engine has kept just then, or the request that is neither done nor answered, or is done but not answered */
  readonly at: 'kept' | 'not done' | 'done'
  readonly what: string
  /** the deployment cannot be saved and is undone */
  readonly undone: boolean
}

/** What can be seen of a replacement that is over. */
interface End {
  readonly state: string
  readonly device: readonly string[]
  readonly shown: readonly string[]
  /** where the key of the certificate lies that was issued, on each unit */
  readonly key: readonly (readonly string[])[]
  /** and that of the one before */
  readonly formerKey: readonly (readonly string[])[]
  readonly bought: number
  readonly history: Readonly<Record<string, readonly string[]>>
  readonly journal: readonly string[]
}

/** What an undisturbed replacement comes to: all others must come to the same. */
interface Reference {
  readonly end: End
  /** what was kept and what was asked for, in order */
  readonly points: readonly Point[]
}

interface Trial {
  readonly kind: PlaceKind
  readonly places: readonly Place[]
  readonly points: readonly Point[]
  readonly references: { readonly live: End; readonly undone: End }
}

t.test('a replacement on a BIG-IP whose process is killed at any moment', { timeout: 900_000 }, async (t) => {
  const since = performance.now()
  const cache = directoryFor(t)
  const root = directoryFor(t)
  const shop = await shopSeed()
  const trials: Trial[] = []
  for (const kind of placeKinds) {
    const places = await Promise.all(Array.from({ length: placesEach }, () => startPlace(kind, shop, root)))
    t.teardown(async () => {
      for (const place of places) await place.stop()
    })
    trials.push(await prepare(t, kind, places))
  }
  await warmUp(t, trials, cache)
  const tried = await Promise.all(trials.map((trial) => tryAll(t, trial, cache)))
  for (const [at, { points }] of trials.entries()) t.equal(tried[at], points.length, 'every point was tried')
  const counts = trials.map(({ kind, points }) => `${points.length} points ${kind}`)
  t.comment(`killed f5-bigip: ${counts.join(', ')}`)
  t.comment(`${((performance.now() - since) / 1000).toFixed(0)} s`)
})

async function prepare(t: Test, kind: PlaceKind, places: readonly Place[]): Promise<Trial> {
  const [place] = places
  if (!place) throw new Error('places were started')
  const live = await undisturbed(t, place, false)
  const undone = await undisturbed(t, place, true)
  const names = [...live.points, ...undone.points].map(nameOf)
  t.equal(new Set(names).size, names.length, `${kind}: each moment comes once`)
  return {
    kind,
    places,
    points: [...live.points, ...undone.points],
    references: { live: live.end, undone: undone.end }
  }
}

function nameOf({ what, at, undone }: Point): string {
  return `${what}${at === 'kept' ? '' : `, ${at}`}${undone ? ' (undone)' : ''}`
}

/** Lists every moment of a replacement; of one that is undone, those from the undo on. */
async function undisturbed(t: Test, place: Place, undone: boolean): Promise<Reference> {
  const begun = place.begin()
  const before = place.snapshot()
  const points: Point[] = []
  const refuse = undone ? refusal(place) : () => null
  place.requests.begin((name) => {
    points.push({ at: 'not done', what: name, undone })
    // whether a reading was made makes no difference to anybody
    if (!name.includes('GET ')) points.push({ at: 'done', what: name, undone })
    return refuse(name)
  })
  const open = openF5Site(begun.site, (what) => points.push({ at: 'kept', what, undone }))
  await drive(open, () => isOver(open.store.events.get(begun.event)))
  await open.close()
  const end = await endOf(place, begun)
  t.equal(end.state, undone ? 'rolled-back' : 'cleaned')
  t.equal(place.snapshot() === before, undone, `${place.kind}: what was undone is as before`)
  rested(t, place, end)
  await place.reset()
  const first = undone ? points.findIndex(({ what }) => what === 'deployment rolling-back') : 0
  return { end, points: points.slice(first) }
}

/** the units are saved, alike and clean, and hold the key of what is shown and no other */
function rested(t: Test, { kind, units }: Place, { state, shown, key, formerKey }: End): void {
  const isLive = state === 'cleaned'
  t.same(shown[0], isLive ? 'new' : 'former')
  const [held, gone] = isLive ? [key, formerKey] : [formerKey, key]
  const places = ['running', 'saved'].map((part) => `${part} /Common/tlsward-shop-ecdsa-….key`)
  t.same(
    held,
    units.map(() => places),
    `${kind}: the key lies where it belongs, and nowhere else`
  )
  t.same(
    gone,
    units.map(() => []),
    `${kind}: no other key is left`
  )
  const [first] = units.map((unit) => unit.snapshot().running)
  for (const unit of units) {
    const { running, saved } = unit.snapshot()
    t.same(unit.uploads, {}, `${unit.hostname}: no upload is left`)
    t.same([saved, running], [first, first], `${unit.hostname}: it is saved and in sync`)
    t.same(unit.group?.ahead ?? [], [], `${unit.hostname}: no unit is ahead`)
    t.same(unit.tokens, [], `${unit.hostname}: no token is left`)
  }
}

/** The last unit that is to save does not, once: everything is undone. */
function refusal({ units }: Place): (name: string) => Mishap | null {
  const last = units.length > 1 ? 'b ' : ''
  const message = '01070734:3: Configuration error: the disk says no'
  return (name) =>
    name === `${last}POST /tm/sys/config #1` ? { does: 'refuse', status: 400, message } : null
}

/** what is compiled once is read from the cache by all other processes */
async function warmUp(t: Test, [trial]: readonly Trial[], cache: string): Promise<void> {
  const [place] = trial?.places ?? []
  if (!place) return
  place.requests.begin()
  const { ended } = startChild({ ...place.begin(), dies: null }, cache)
  t.equal(await ended, 0, 'the child ends by itself when nobody kills it')
  await place.reset()
}

/** Each device takes the next point that nobody has tried; gives how many were tried. */
function tryAll(t: Test, trial: Trial, cache: string): Promise<number> {
  return eachPoint(trial, (place, point) => tryPoint(t, { trial, place, point, cache }))
}

interface Try {
  readonly trial: Trial
  readonly place: Place
  readonly point: Point
  readonly cache: string
}

async function tryPoint(t: Test, { trial, place, point, cache }: Try): Promise<void> {
  const what = `${trial.kind}: ${nameOf(point)}`
  const before = { device: place.snapshot(), others: place.snapshot('others') }
  const begun = place.begin()
  t.equal(await killedAt(place, begun, { point, cache }), 'SIGKILL', what)
  const { journal: kept, leaf } = readEvent(begun)
  const between = await place.shown()
  place.requests.begin()
  const open = openF5Site(begun.site)
  open.store.engineTurn.take(open.clock.now())
  await drive(open, () => isOver(open.store.events.get(begun.event)))
  await open.close()
  const end = await endOf(place, begun)
  const wanted = point.undone ? trial.references.undone : trial.references.live
  // to hold objects of this size against each other takes long
  if (JSON.stringify(end) === JSON.stringify(wanted)) t.pass(what)
  else t.same(end, wanted, what)
  if (point.undone) t.equal(place.snapshot(), before.device, `${what}: the device is as before`)
  t.equal(place.snapshot('others'), before.others, `${what}: nothing else was changed`)
  t.same(end.journal.slice(0, kept.length), kept, `${what}: no entry of the journal is lost`)
  const [now, ...others] = between
  t.ok([place.former.leaf, leaf].includes(now), `${what}: clients saw the old or the new one`)
  t.same(others, end.shown.slice(1), `${what}: and of all others what they always did`)
  for (const { transactions } of place.units) t.same(transactions, [], `${what}: no transaction is left`)
  for (const { tokens } of place.units) {
    t.ok(tokens.length <= 1, `${what}: one token is left at most`)
    // one that was not even shortened ends by itself in 20 minutes
    const isUnshortened = /authn\/login|PATCH .*tokens/.test(point.what)
    t.ok(tokens.every(({ timeout }) => timeout === 600) || isUnshortened, `${what}: and ends soon`)
  }
  await place.reset()
}

interface Kill {
  readonly point: Point
  readonly cache: string
}

/** Lets a process go on with an event until it is killed; gives what it died of. */
async function killedAt(place: Place, begun: Begun, { point, cache }: Kill): Promise<number | string> {
  const { at, what, undone } = point
  const refuse = undone ? refusal(place) : () => null
  place.requests.begin((name) => {
    if (at === 'kept' || name !== what) return refuse(name)
    child.kill()
    return { does: at === 'done' ? 'drop-after' : 'drop-before' }
  })
  const child = startChild({ ...begun, dies: at === 'kept' ? what : null }, cache)
  const ended = await child.ended
  // the device goes on with what it was asked for
  for (const end = performance.now() + 5_000; !place.requests.areDone && performance.now() < end;) {
    await pause(1)
  }
  return ended
}

/** Runs the engine for an event in another process; `ended`: its exit code, what it died of, or what it said. */
function startChild(task: F5Task, cache: string) {
  const script = join(import.meta.dirname, 'killed-f5-child.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: cache }
  })
  let said = ''
  child.stderr.on('data', (bytes) => (said += String(bytes)))
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? 0 : said)))
  )
  return { ended, kill: () => child.kill('SIGKILL') }
}

function readStore<T>({ site }: Begun, read: (store: Store) => T): T {
  const store = openStore({ directory: join(site.root, 'state'), busyMs: 2_000 })
  try {
    return read(store)
  } finally {
    store.close()
  }
}

/** what is kept of an event; `leaf`: of its certificate, empty while there is none */
function readEvent(begun: Begun) {
  return readStore(begun, (store) => ({
    event: store.events.get(begun.event),
    leaf: store.orders.of(begun.event)[0]?.fingerprint ?? '',
    history: statesOf(store.eventHistory.of(begun.event)),
    journal: store.deployments
      .of(begun.event)
      .flatMap(({ id }) => store.journal.of(id).map(({ what, step }) => `${what} ${step}`))
  }))
}

async function endOf(place: Place, begun: Begun): Promise<End> {
  const { event, leaf, history, journal } = readEvent(begun)
  const { state, why } = event
  const names = new Map([
    [leaf, 'new'],
    [place.former.leaf, 'former']
  ])
  const kept = openFileKeys(begun.site.root)
  const [name = ''] = kept.names().filter((name) => name.startsWith('order:'))
  const key = kept.read(name)?.reveal() ?? place.key()
  return {
    state: state === 'cleaned' || state === 'rolled-back' ? state : `${state}: ${why}`,
    device: place.bare(),
    shown: (await place.shown()).map((shown) => names.get(shown) ?? shown),
    key: placesOf(place, key),
    formerKey: placesOf(place, place.former.key),
    bought: purchases(join(begun.site.root, 'ca')).length,
    history,
    journal
  }
}

function placesOf({ units }: Place, key: string): string[][] {
  return units.map((unit) => unit.placesOfKey(key).map((name) => name.replace(/[0-9a-f]{16}/, '…')))
}

/** What event, order and deployment went through; a state that was waited in counts once. */
function statesOf(history: readonly HistoryEntryRow[]): Record<string, string[]> {
  const kinds = Object.groupBy(history, ({ deployment, order }) =>
    deployment !== null ? 'deployment' : order !== null ? 'order' : 'event'
  )
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, entries]) => {
      const states = entries.map(({ state }) => state)
      return [kind, states.filter((state, at) => state !== states[at - 1])]
    })
  )
}
