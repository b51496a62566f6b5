import { systemClock, type Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { createDriving, type Driving } from '../automation/driving.ts'
import { automationFunctions } from '../automation/functions.ts'
import { ownRoots } from '../automation/own-roots.ts'
import type { Site } from '../automation/site.ts'
import type { AutomationFunctions } from '../automation-functions.ts'
import type { Functions, Progress } from '../functions.ts'
import type { Places } from '../places.ts'
import { readTrustRoots, type TrustRoots } from '../trust-roots.ts'
import { differences } from './differences.ts'
import { judgeBy } from './judged.ts'
import { applyLabels } from './labels.ts'
import { everyEndpoint, inventoryPage } from './pages.ts'
import { scanRecord, scheduleRecord } from './records.ts'
import { storedRequest } from './request.ts'
import type { ScansDeps } from './scans.ts'

/** How long a command waits for another process that writes, milliseconds. */
const busyMs = 3_000

/** Scans that a list shows. */
const listed = 1_000

/** What the functions of this process are opened with. */
export interface StandaloneOptions {
  readonly where: Places
  /** files of own roots */
  readonly authorities: readonly string[]
  /** hears how far it has come when everything known must first be judged again; null: it is done */
  readonly tell: (progress: Progress | null) => void
  readonly log: Log
  /** asks for the passphrase of the vault; null: nobody is there to be asked */
  readonly askPassphrase: () => Promise<string | null>
  /** $CREDENTIALS_DIRECTORY: where systemd puts credentials of the service */
  readonly credentialsDirectory: string | undefined
  /** what this process calls itself for others that find it at work, `tlsward replace` */
  readonly command: string
}

/** The functions of the appliance, in this process. */
export interface Standalone extends Functions {
  /** what the automation does in this process */
  readonly driving: Driving
  readonly store: Store
}

type ScanNames =
  'scan' | 'resume' | 'scans' | 'scanById' | 'prune' | 'schedules' | 'addSchedule' | 'removeSchedule'
type ScanFunctions = Pick<Functions, ScanNames>
type InventoryFunctions = Omit<Functions, keyof AutomationFunctions | 'close'>

/**
 * The functions of the appliance served by this process, on the inventory in the state directory. What only some
 * functions need (probing, full parsing, the automation) is loaded by them.
 */
export function openStandalone(options: StandaloneOptions): Standalone {
  const { where, log, command } = options
  const store = openStore({ directory: where.state, busyMs, command })
  const clock = systemClock
  let opened: Promise<Site> | undefined
  const site = () => (opened ??= openAutomation(options, { store, clock, log }))
  const driving = createDriving(site, clock)
  return {
    ...inventoryFunctions(options, { store, clock }),
    ...automationFunctions({ store, clock, where, site, driving }),
    driving,
    store,
    async close() {
      await driving.stop()
      store.close()
    }
  }
}

interface Tools {
  readonly store: Store
  readonly clock: Clock
}

async function openAutomation(
  { where, authorities, askPassphrase, credentialsDirectory }: StandaloneOptions,
  tools: Tools & { readonly log: Log }
): Promise<Site> {
  const { openSite } = await import('../automation/site.ts')
  return openSite({ ...tools, random: systemRandom, where, authorities, askPassphrase, credentialsDirectory })
}

// a thrown Fault becomes a rejection, as it would coming from another process
function inventoryFunctions(options: StandaloneOptions, tools: Tools): InventoryFunctions {
  const { where, authorities, tell } = options
  const { store, clock } = tools
  const judged = async () => {
    const roots = readTrustRoots({ where, files: authorities, made: ownRoots(store) })
    await judgeBy(roots, { store, clock, tell })
    return roots
  }
  return {
    ...scanFunctions(where, tools, judged),
    async inventory(query) {
      await judged()
      return inventoryPage(store, query, clock.now())
    },
    async *endpoints(query) {
      await judged()
      yield* everyEndpoint(store, query, clock.now())
    },
    async endpoint(place) {
      await judged()
      const { endpointDetails } = await import('./endpoint-details.ts')
      return endpointDetails(store, place, clock.now())
    },
    async certificates(which) {
      await judged()
      const { certificatesOf } = await import('./certificates.ts')
      return certificatesOf(store, which, clock.now())
    },
    differences: async (from, to) => differences(store, [from, to]),
    label: async (labels) => applyLabels(store, labels, clock.now())
  }
}

function scanFunctions(
  where: Places,
  { store, clock }: Tools,
  judged: () => Promise<TrustRoots>
): ScanFunctions {
  const scanning = async () => {
    const roots = await judged()
    const [scans, { openTrust }] = await Promise.all([import('./scans.ts'), import('./trust.ts')])
    const deps: ScansDeps = { store, clock, random: systemRandom, trust: openTrust(roots), where }
    return { ...scans, deps }
  }
  return {
    async scan(request, watch, signal) {
      const { makeScan, deps } = await scanning()
      return makeScan(request, watch, deps, signal)
    },
    async resume(id, watch, signal) {
      const { resumeScan, deps } = await scanning()
      return resumeScan(id, watch, deps, signal)
    },
    async scans() {
      const rows = store.scans.before(Number.MAX_SAFE_INTEGER, listed)
      return rows.map((row) => scanRecord(row, storedRequest(row.request)))
    },
    async scanById(id) {
      const row = store.scans.get(id)
      return scanRecord(row, storedRequest(row.request))
    },
    async prune(keep) {
      const { pruneInventory } = await import('../../sensor/inventory/retention.ts')
      return pruneInventory(store, keep)
    },
    schedules: async () => store.schedules.list().map(scheduleRecord),
    async addSchedule(schedule, maxTargets) {
      const { addSchedule } = await import('./schedules.ts')
      await addSchedule(schedule, maxTargets, { store, clock, where })
    },
    removeSchedule: async (name) => store.schedules.remove(name)
  }
}
