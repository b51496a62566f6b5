import type { Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { isJudgedBy, noteMixed } from '../../sensor/inventory/basis.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { systemResolver, type ResolveDeps } from '../../sensor/scan/targets/resolve.ts'
import { foretell } from '../../sensor/scan/duration.ts'
import { loadOf } from '../../sensor/scan/targets/load.ts'
import { checkSize } from '../../sensor/scan/targets/sizes.ts'
import { openSpace, type BuiltSpace } from '../../sensor/scan/targets/space.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { shareNetworks } from '../../sensor/scan/targets/overlap.ts'
import type { Clash } from '../../sensor/store/scans.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Observation } from '../../sensor/scan/observation.ts'
import type { Look, Progress, ScanRequest, ScanWatch } from '../functions.ts'
import type { Places } from '../places.ts'
import type { Scan } from '../records.ts'
import { keepLook } from './kept-looks.ts'
import { checkLooks, lookCloser, type SshPlace } from './looks.ts'
import { answersToName, nameSpace } from './naming.ts'
import { storedOf } from './plan.ts'
import { scanRecord } from './records.ts'
import { storedRequest, type StoredRequest } from './request.ts'
import { runOwnScan, type OwnScan, type ScanningDeps } from './scanning.ts'
import { prepareSpace, readSpared } from './space.ts'
import { touches } from './veto.ts'

/** What making scans works with. */
export interface ScansDeps extends ScanningDeps {
  readonly where: Places
}

/** names that are resolved at the same time */
const lookUps = 16

/** Makes a scan as it is asked for, then the one for the names that are worth asking for. */
export async function makeScan(
  request: ScanRequest,
  watch: ScanWatch,
  deps: ScansDeps,
  signal: AbortSignal
): Promise<Scan[]> {
  const { where } = deps
  checkLooks(request.looks, where)
  const prepared = await prepareSpace(request, where, resolveDeps(signal))
  const stored = storedOf(request, prepared)
  const { notes } = prepared
  const asked = { stored, about: null, notes, maxPairs: request.maxTargets, signal }
  if (!(await consent(watch, prepared, asked))) return []
  return runToEnd(begin({ request: stored, space: prepared.space }, deps), watch, deps, signal)
}

/** Goes on with a scan. Throws scan-missing, scan-running, scan-finished and scan-excluded. */
export async function resumeScan(
  id: number,
  watch: ScanWatch,
  deps: ScansDeps,
  signal: AbortSignal
): Promise<Scan[]> {
  const { store, clock, where } = deps
  const request = storedRequest(store.scans.get(id).request)
  const space = JSON.parse(store.scans.space(id)) as SpaceData
  const { exclude, doNotScan } = await readSpared(request, where, resolveDeps(signal))
  if (touches(space, openExclusions([...exclude, ...doNotScan]))) {
    throw new Fault(
      'scan-excluded',
      `scan ${id}: the do-not-scan list now spares part of it. Start a new scan of the same targets.`,
      { id }
    )
  }
  store.scans.resume(id, clock.now(), clashesWith(space))
  return runToEnd(ownScan({ id, request, space }, store), watch, deps, signal)
}

function resolveDeps(signal: AbortSignal): ResolveDeps {
  return { resolver: systemResolver, concurrency: lookUps, signal }
}

interface Consent {
  readonly stored: StoredRequest
  readonly about: string | null
  readonly notes: readonly string[]
  readonly maxPairs: number
  readonly signal: AbortSignal
}

/** Shows the size, and throws when it is over the limit and nobody means it; false: `signal` aborted meanwhile. */
async function consent(
  watch: ScanWatch,
  { sizes, space }: Pick<BuiltSpace, 'sizes' | 'space'>,
  { stored, about, notes, maxPairs, signal }: Consent
): Promise<boolean> {
  const time = foretell(loadOf(space), stored.options)
  const confirmed = await watch.scope({ ...sizes, ...time, about, notes, maxTargets: maxPairs })
  if (signal.aborted) return false
  checkSize(sizes, { maxPairs, confirmed })
  return true
}

interface Beginning extends Pick<OwnScan, 'request' | 'space'> {
  /** the scan whose endpoints are asked for names */
  readonly parent?: number
}

function begin({ request, space, ...family }: Beginning, deps: ScansDeps): OwnScan {
  const { store, clock, random } = deps
  const kept = { request: JSON.stringify(request), space: JSON.stringify(space) }
  const id = store.scans.begin(
    { ...kept, ...family, seed: random.word(), at: clock.now() },
    clashesWith(space)
  )
  return ownScan({ id, request, space }, store)
}

/** One connection at a time to an address, whichever scan makes it: no two run in the same networks. */
function clashesWith(space: SpaceData): Clash {
  return (running) => shareNetworks(JSON.parse(running) as SpaceData, space)
}

/** Of a scan for names, only the answers to a name are kept. */
function ownScan(own: OwnScan, store: Store): OwnScan {
  return own.request.guessed ? { ...own, keeps: (observation) => answersToName(store, observation) } : own
}

/** Runs a scan and, where more names are to be asked for, the scan for those. */
async function runToEnd(
  own: OwnScan,
  watch: ScanWatch,
  deps: ScansDeps,
  signal: AbortSignal
): Promise<Scan[]> {
  const ran = await run(own, watch, deps, signal)
  const { naming } = own.request
  if (naming === null || ran.state !== 'finished') return [ran]
  const { store, clock, where } = deps
  const spared = await readSpared(own.request, where, resolveDeps(signal))
  const built = await nameSpace(own, naming, { store, spared, now: clock.now() })
  if (built.sizes.pairs === 0) return [ran]
  const scope = `names where scan ${own.id} found TLS`
  const stored = { ...own.request, scope, size: built.sizes.pairs, naming: null, guessed: true }
  const asked = { stored, about: scope, notes: [], maxPairs: Infinity, signal }
  if (!(await consent(watch, built, asked))) return [ran]
  return [
    ran,
    await run(begin({ request: stored, space: built.space, parent: own.id }, deps), watch, deps, signal)
  ]
}

async function run(own: OwnScan, watch: ScanWatch, deps: ScansDeps, signal: AbortSignal): Promise<Scan> {
  const { store, clock } = deps
  const { guessed, looks } = own.request
  const space = openSpace(own.space)
  // what does not answer to a guessed name is not gone
  const contains = (address: Address, port: number) => !guessed && space.contains(address, port)
  const ssh: SshPlace[] = []
  const hears = (seen: Observation) => void (looks.ssh && seen.banner?.startsWith('SSH-') && ssh.push(seen))
  await runOwnScan({ ...own, hears }, watch, deps, signal)
  // another command may have judged everything by its own roots meanwhile
  if (!isJudgedBy(store, deps.trust.id)) noteMixed(store)
  const hearer = {
    tell(look: Look) {
      keepLook(store, own.id, look)
      watch.look?.(look)
    },
    progress: (progress: Progress) => watch.progress(progress)
  }
  if (!signal.aborted && (looks.deep || looks.ssh || looks.revocation)) {
    // the list may have grown while the scan ran
    const { exclude, doNotScan } = await readSpared(own.request, deps.where, resolveDeps(signal))
    const exclusions = openExclusions([...exclude, ...doNotScan])
    await lookCloser({ own, looks, ssh }, { ...deps, ...hearer, exclusions }, signal)
  }
  if (signal.aborted) store.scans.end(own.id, 'stopped', clock.now())
  else await finishScan({ store, clock }, { scan: own.id, contains })
  return scanRecord(store.scans.get(own.id), own.request)
}
