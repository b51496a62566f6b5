import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { EventRow } from '../../sensor/store/events.ts'
import type { HistoryEntryRow } from '../../sensor/store/event-history.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { purchases } from '../peers/file-ca.ts'
import { hostMissing, type ProgramName } from '../peers/hosts/host.ts'
import { reloadByOthers } from '../peers/hosts/reload.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { skipFor } from '../peers/process.ts'
import { drive, isOver } from './engine-world.ts'
import {
  type EngineHost,
  type HostedSite,
  makeHostedSite,
  meddler,
  openHostedSite,
  printOf,
  type ReplacementTask,
  requestRenewal,
  shownInBoth,
  startEngineHost,
  watch
} from './hosted-engine-world.ts'
import { eachPoint } from './points.ts'

const programs = ['nginx', 'haproxy', 'apache'] as const
/** hosts of each program: so many points are tried at a time */
const hostsEach = 2
const missing = hostMissing(programs)
const skip = skipFor(missing)

/** A state directory with an event in it, which a process can go on with. */
interface Begun {
  readonly site: HostedSite
  readonly event: number
}

/** A host, and the state of a process that died on it when the deployment was about to write. */
interface Place {
  readonly at: EngineHost
  readonly root: string
  readonly begun: Begun
}

/** A moment at which a replacement is disturbed. */
interface Point {
  readonly moment: string
  /** the deployment is found wanting and is undone */
  readonly undone: boolean
  /** the moment comes before the deployment writes */
  readonly early: boolean
}

/** What can be seen of a replacement that is over. */
interface End {
  readonly state: string
  readonly shown: readonly string[]
  readonly files: string
  readonly keys: readonly string[]
  readonly bought: number
  readonly history: Readonly<Record<string, readonly string[]>>
  readonly journal: readonly string[]
}

/** What an undisturbed replacement comes to: all others must come to the same. */
interface Reference {
  readonly moments: readonly string[]
  readonly files: string
  readonly history: End['history']
  readonly journal: readonly string[]
}

interface Trial {
  readonly name: ProgramName
  readonly places: readonly Place[]
  readonly points: readonly Point[]
  readonly references: { readonly live: Reference; readonly undone: Reference }
}

t.test('a replacement that is disturbed at any moment', { skip, timeout: 1_800_000 }, async (t) => {
  const root = directoryFor(t)
  const lap = stopwatch(t)
  const trials = await Promise.all(programs.map((name) => prepare(t, name, root)))
  lap('hosts and undisturbed replacements')
  const kills = new Map<ProgramName, number>()
  const cuts = new Map<ProgramName, number>()
  await t.test('ends well after SIGKILL', async (t) => {
    await Promise.all(trials.map(async (trial) => kills.set(trial.name, await tryAll(t, trial, killAt))))
  })
  lap('SIGKILL')
  await t.test('ends well after a cut connection', async (t) => {
    await Promise.all(trials.map(async (trial) => cuts.set(trial.name, await tryAll(t, trial, cutAt))))
  })
  lap('cut connections')
  for (const { name, points } of trials) {
    const [killed, cut] = [kills.get(name) ?? 0, cuts.get(name) ?? 0]
    t.same([killed, cut], [points.length, points.length], `${name}: every point was tried`)
    t.comment(
      `table: killed replacement ${name}: ${killed} points by SIGKILL, ${cut} by a cut connection, each with a foreign reload`
    )
  }
})

function stopwatch(t: Test): (what: string) => void {
  let since = performance.now()
  return (what) => {
    t.comment(`${what}: ${((performance.now() - since) / 1000).toFixed(0)} s`)
    since = performance.now()
  }
}

async function prepare(t: Test, name: ProgramName, root: string): Promise<Trial> {
  const places = await Promise.all(Array.from({ length: hostsEach }, () => preparePlace(t, name, root)))
  const [one, other] = places
  if (!one || !other) throw new Error('two hosts of each program were started')
  const [live, undone] = await Promise.all([undisturbed(t, one, 'live'), undisturbed(t, other, 'undone')])
  const early = momentsBefore(one)
  const whileUndone = undone.moments.slice(undone.moments.indexOf('deployment rolling-back'))
  const points = [
    // what is done before the deployment writes depends on no program: one has to do for all
    ...(name === 'nginx' ? early : early.slice(-1)).map((moment) => ({ moment, undone: false, early: true })),
    ...live.moments.map((moment) => ({ moment, undone: false, early: false })),
    ...whileUndone.map((moment) => ({ moment, undone: true, early: false }))
  ]
  const names = points.map(({ moment }) => moment)
  t.equal(new Set(names).size, names.length, `${name}: each moment comes once: ${names.join(', ')}`)
  return { name, places, points, references: { live, undone } }
}

async function preparePlace(t: Test, name: ProgramName, root: string): Promise<Place> {
  const at = await startEngineHost(name)
  t.teardown(() => at.stop())
  await at.reset()
  const begun = await begin(root, at)
  const died = await runChild({ ...begun, dies: 'deployment deploying', meddled: null })
  t.equal(
    died,
    'SIGKILL',
    readStore(begun.site, (store) => eventOf(store, begun).why)
  )
  return { at, root, begun }
}

async function begin(root: string, at: EngineHost): Promise<Begun> {
  const site = await makeHostedSite(root, at)
  const open = openHostedSite(site)
  const { id } = requestRenewal(open, at)
  await open.close()
  return { site, event: id }
}

/** The same state once more, for a point of its own. */
function copyOf({ root, begun: { site, event } }: Place): Begun {
  const copy = mkdtempSync(join(root, 'site-'))
  cpSync(site.root, copy, { recursive: true })
  return { site: { ...site, root: copy }, event }
}

function momentsBefore({ begun }: Place): string[] {
  return readStore(begun.site, (store) => store.eventHistory.of(begun.event).map(momentOf).slice(1))
}

function momentOf({ deployment, order, state }: HistoryEntryRow): string {
  return `${deployment !== null ? 'deployment' : order !== null ? 'order' : 'event'} ${state}`
}

function readStore<T>(site: HostedSite, read: (store: Store) => T): T {
  const store = openStore({ directory: join(site.root, 'state'), busyMs: 2_000 })
  try {
    return read(store)
  } finally {
    store.close()
  }
}

async function undisturbed(t: Test, place: Place, how: 'live' | 'undone'): Promise<Reference> {
  const begun = copyOf(place)
  const moments: string[] = []
  const meddle = how === 'undone' ? meddler(place.at.path) : () => {}
  const before = place.at.state()
  const open = openHostedSite(begun.site, (moment) => {
    moments.push(moment)
    meddle(moment)
  })
  await drive(open, () => isOver(eventOf(open.store, begun)))
  await open.close()
  const end = await endOf(place, begun)
  t.equal(end.state, how === 'live' ? 'cleaned' : 'rolled-back')
  if (how === 'live') t.match(place.at.state(), /cur link .* g2-/, 'the new generation is switched on')
  else t.equal(place.at.state(), before)
  await place.at.reset()
  return { ...end, moments }
}

function eventOf(store: Store, { event }: Begun): EventRow {
  return store.events.get(event)
}

type Disturb = (t: Test, place: Place, point: Point) => Promise<Begun>

/** Each host takes the next point that nobody has tried; gives how many were tried. */
function tryAll(t: Test, trial: Trial, disturb: Disturb): Promise<number> {
  return eachPoint(trial, (place, point) => tryPoint(t, { trial, place, point }, disturb))
}

interface Try {
  readonly trial: Trial
  readonly place: Place
  readonly point: Point
}

async function tryPoint(t: Test, { trial, place, point }: Try, disturb: Disturb): Promise<void> {
  const what = `${trial.name}: ${point.moment}`
  const { at } = place
  const before = { state: at.state(), keys: at.keys() }
  const watching = watch(at.program)
  const begun = await disturb(t, place, point)
  const seen = await watching.stop()
  const end = await endOf(place, begun)
  const fresh = readStore(begun.site, (store) => store.orders.of(begun.event)[0])
  const [old = '', neighbour = ''] = at.old
  const now = point.undone ? old : (fresh?.fingerprint ?? '')
  const reference = point.undone ? trial.references.undone : trial.references.live
  const own = before.keys.filter((key) => key !== keyOf(at))
  t.same(
    end,
    {
      state: point.undone ? 'rolled-back' : 'cleaned',
      shown: [now, neighbour, now, neighbour],
      files: reference.files,
      keys: point.undone ? before.keys : [...own, fresh?.spki ?? ''].sort(),
      bought: 1,
      history: reference.history,
      journal: reference.journal
    },
    what
  )
  if (point.undone) t.equal(at.state(), before.state, `${what}: the host is as before`)
  const allowed = [[old, fresh?.fingerprint], [neighbour]]
  const strange = seen.map((shown, site) => [...shown].filter((one) => !allowed[site]?.includes(one)))
  t.same(strange, [[], []], `${what}: clients saw the old or the new certificate all the time`)
  if (at.state() !== before.state) await at.reset()
}

/** the key that the target had at first */
function keyOf({ program }: EngineHost): string {
  return printOf(program.sites[0]?.pairs.ecdsa?.keyPem ?? '')
}

/** A process is killed at the moment, somebody else reloads the program, and another process goes on. */
async function killAt(t: Test, place: Place, point: Point): Promise<Begun> {
  const begun = point.early ? await begin(place.root, place.at) : copyOf(place)
  const what = `${place.at.program.name}: ${point.moment}`
  const meddled = point.undone ? place.at.path : null
  t.equal(await runChild({ ...begun, dies: point.moment, meddled }), 'SIGKILL', what)
  await reloadByOthers(place.at.program)
  t.equal(await runChild({ ...begun, dies: null, meddled: null }), 0, what)
  return begun
}

/** The connection is cut at the moment and comes back after somebody else has reloaded the program. */
async function cutAt(t: Test, place: Place, point: Point): Promise<Begun> {
  const begun = point.early ? await begin(place.root, place.at) : copyOf(place)
  const { cable } = place.at.host
  const meddle = point.undone ? meddler(place.at.path) : () => {}
  let cut = false
  const open = openHostedSite(begun.site, (moment) => {
    meddle(moment)
    if (moment !== point.moment || cut) return
    cut = true
    cable.refuse('refuse')
    cable.cut()
  })
  const over = () => isOver(eventOf(open.store, begun))
  await drive(open, () => cut || over())
  t.ok(cut, `${place.at.program.name}: ${point.moment}: the connection was cut`)
  await reloadByOthers(place.at.program)
  cable.refuse('mend')
  await drive(open, over)
  await open.close()
  return begun
}

async function endOf({ at }: Place, begun: Begun): Promise<End> {
  const kept = readStore(begun.site, (store) => {
    const history = store.eventHistory.of(begun.event)
    const deployments = store.deployments.of(begun.event)
    return {
      state: endStateOf(eventOf(store, begun)),
      history: Object.fromEntries(
        ['event', 'order', 'deployment'].map((kind) => [kind, statesOf(history, kind)])
      ),
      journal: deployments.flatMap(({ id }) =>
        store.journal.of(id).map(({ what, step }) => `${what} ${step}`)
      )
    }
  })
  return {
    ...kept,
    shown: await shownInBoth(at.program),
    files: bare(at.state()),
    keys: at.keys(),
    bought: purchases(join(begun.site.root, 'ca')).length
  }
}

/** an end that nothing here asked for says why */
function endStateOf({ state, why }: EventRow): string {
  return state === 'cleaned' || state === 'rolled-back' ? state : `${state}: ${why}`
}

/**
 * What the event, its order or its deployment went through. A state that was waited in counts once, and the one that a
 * deployment begins in not at all: it is told only where its device could not be planned at once.
 */
function statesOf(history: readonly HistoryEntryRow[], kind: string): string[] {
  const moments = history
    .map(momentOf)
    .filter((moment) => moment.startsWith(`${kind} `) && moment !== 'deployment waiting')
  return moments.filter((moment, at) => moment !== moments[at - 1])
}

/** A snapshot without what differs from one host and certificate to the next. */
function bare(state: string): string {
  return state.replaceAll(/\/peers-\w+/g, '').replaceAll(/\b[0-9a-f]{8,16}\b/g, '…')
}

/** runs the engine for an event in another process; gives its exit code, what it died of, or what it said */
function runChild(task: ReplacementTask): Promise<number | string> {
  const script = join(import.meta.dirname, 'killed-replacement-child.ts')
  const child = spawn(process.execPath, [script, JSON.stringify(task)], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let said = ''
  child.stderr.on('data', (bytes) => (said += String(bytes)))
  return new Promise((resolve) =>
    child.on('close', (code, signal) => resolve(signal ?? (code === 0 ? 0 : said)))
  )
}
