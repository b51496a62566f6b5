import type { Address } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { refreshFindings } from '../../sensor/inventory/refresh.ts'
import { finishScan } from '../../sensor/inventory/finish.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { systemResolver, type ResolveDeps } from '../../sensor/scan/targets/resolve.ts'
import { checkSize, type SpaceSizes } from '../../sensor/scan/targets/sizes.ts'
import { openSpace } from '../../sensor/scan/targets/space.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
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
  await refreshFindings(deps)
  checkLooks(request.looks, where)
  const prepared = await prepareSpace(request, where, resolveDeps(signal))
  const stored = storedOf(request, prepared)
  await consent(watch, prepared.sizes, { stored, notes: prepared.notes, maxPairs: request.maxTargets })
  return runToEnd(begin(stored, prepared.space, deps), watch, deps, signal)
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
  store.scans.resume(id, clock.now())
  return runToEnd(ownScan({ id, request, space }, store), watch, deps, signal)
}

function resolveDeps(signal: AbortSignal): ResolveDeps {
  return { resolver: systemResolver, concurrency: lookUps, signal }
}

interface Consent {
  readonly stored: StoredRequest
  readonly notes: readonly string[]
  readonly maxPairs: number
}

/** Shows the size, and throws when it is over the limit and nobody means it. */
async function consent(
  watch: ScanWatch,
  sizes: SpaceSizes,
  { stored, notes, maxPairs }: Consent
): Promise<void> {
  const { rate, hostRate } = stored.options.pace
  const perSecond = Math.min(rate, hostRate * sizes.addresses)
  const confirmed = await watch.scope({ ...sizes, perSecond, notes, maxTargets: maxPairs })
  checkSize(sizes, { maxPairs, confirmed })
}

function begin(request: StoredRequest, space: SpaceData, deps: ScansDeps): OwnScan {
  const { store, clock, random } = deps
  const kept = { request: JSON.stringify(request), space: JSON.stringify(space) }
  const id = store.scans.begin({ ...kept, seed: random.word(), at: clock.now() })
  return ownScan({ id, request, space }, store)
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
  const { space, sizes } = await nameSpace(own, naming, { store, spared, now: clock.now() })
  if (sizes.pairs === 0) return [ran]
  const scope = `names where scan ${own.id} found TLS`
  const stored = { ...own.request, scope, size: sizes.pairs, naming: null, guessed: true }
  await consent(watch, sizes, { stored, notes: [], maxPairs: Infinity })
  return [ran, await run(begin(stored, space, deps), watch, deps, signal)]
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
