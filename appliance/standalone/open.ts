import { hash } from 'node:crypto'
import { systemClock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { systemRandom } from '../../core/random.ts'
import { visible } from '../../core/text.ts'
import { openTrustStore } from '../../pki/trust-store.ts'
import type { Trust } from '../../sensor/inventory/judging.ts'
import { parseHours } from '../../sensor/scan/hours.ts'
import { parseTarget } from '../../sensor/scan/targets/parse.ts'
import { parsePorts } from '../../sensor/scan/targets/ports.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import type { Functions, NewSchedule } from '../functions.ts'
import type { Places } from '../places.ts'
import { readTrustRoots } from '../trust-roots.ts'
import { certificateByDigits } from './certificates.ts'
import { differences } from './differences.ts'
import { applyLabels } from './labels.ts'
import { inventoryPage } from './pages.ts'
import { scanRecord, scheduleRecord } from './records.ts'
import { storedRequest } from './request.ts'
import { makeScan, resumeScan, type ScansDeps } from './scans.ts'

/** How long a command waits for another process that writes, milliseconds. */
const busyMs = 3_000

/** The functions of the appliance served by this process, on the inventory in the state directory. */
export function openStandalone(where: Places, authorities: readonly string[]): Functions {
  const store = openStore({ directory: where.state, busyMs })
  const clock = systemClock
  const trust = once(() => openTrust(where, authorities))
  const deps: ScansDeps = { store, clock, random: systemRandom, trust, where }
  const scan = (id: number) => {
    const row = store.scans.get(id)
    return scanRecord(row, storedRequest(row.request))
  }
  // a thrown Fault becomes a rejection, as it would coming from another process
  return {
    scan: async (request, watch, signal) => makeScan(request, watch, deps, signal),
    resume: async (id, watch, signal) => resumeScan(id, watch, deps, signal),
    inventory: async (query) => inventoryPage(store, query, clock.now()),
    certificate: async (digits) => certificateByDigits(store, digits, clock.now()),
    scans: async () =>
      store.scans.before(Infinity, 1_000).map((row) => scanRecord(row, storedRequest(row.request))),
    scanById: async (id) => scan(id),
    differences: async (from, to) => differences(store, clock.now(), [from, to]),
    schedules: async () => store.schedules.list().map(scheduleRecord),
    addSchedule: async (schedule) => addSchedule(store, schedule, clock.now()),
    removeSchedule: async (name) => store.schedules.remove(name),
    label: async (labels) => applyLabels(store, labels, clock.now()),
    close: async () => store.close()
  }
}

/** The roots of the system and one's own, opened for checking chains. */
function openTrust(where: Places, authorities: readonly string[]): Trust {
  const { system, own } = readTrustRoots(where, authorities)
  const roots = openTrustStore([...system, ...own])
  const publicRoots = openTrustStore(system)
  const all = [...system, ...own].map((der) => hash('sha256', der, 'hex')).toSorted()
  return {
    roots,
    isPublic: (fingerprint) => publicRoots.has(fingerprint),
    id: hash('sha256', all.join(' '), 'hex')
  }
}

/** Keeps a schedule once everything in it is understood. */
async function addSchedule(store: Store, schedule: NewSchedule, created: number): Promise<void> {
  const { name, targets, ports, every, window, pace } = schedule
  if (name.trim() === '' || name.length > 64 || visible(name) !== name) {
    throw new Fault(
      'option-malformed',
      `name '${visible(name, 80)}': write 1 to 64 characters that can be shown.`,
      { field: 'name' }
    )
  }
  targets.forEach(parseTarget)
  parsePorts(ports)
  if (window !== null) parseHours(window)
  const row = {
    name,
    targets,
    ports,
    window,
    recurrence: every,
    pace: JSON.stringify(pace),
    enabled: true,
    created
  }
  store.schedules.add(row)
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
