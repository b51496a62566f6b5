import { join } from 'node:path'
import PQueue from 'p-queue'
import { formatAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { deepBudget, deepProbe } from '../../sensor/scan/deep/deep-probe.ts'
import type { StartTls } from '../../sensor/scan/observation.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { mostSshConnections, notAsked, readSshHostKeys } from '../../sensor/scan/ssh-keys.ts'
import type { EndpointRow } from '../../sensor/store/endpoint-pages.ts'
import type { Looks, Progress } from '../functions.ts'
import type { Places } from '../places.ts'
import { readSettings, settingsName } from '../settings.ts'
import { foundBy } from './found.ts'
import { addressBudgets, type AddressBudgets } from './look-budget.ts'
import { deepRecord, sshRecord } from './look-records.ts'
import { createMeter } from './progress.ts'
import { lookForRevocation, type RevocationLookDeps } from './revocation-look.ts'
import { closedMs, type OwnScan } from './scanning.ts'
import { spares } from './spared.ts'
import { createTurns, type Turns } from './turns.ts'

/** Addresses that are looked at side by side at most. */
const sideBySide = 32

/** What closer looks work with. */
export interface LooksDeps extends RevocationLookDeps {
  readonly progress: (progress: Progress) => void
}

/** A place where something spoke SSH. */
export interface SshPlace {
  readonly address: string
  readonly port: number
}

/** Throws `outgoing-denied` when revocation is to be asked for and the settings allow to ask nobody. */
export function checkLooks({ revocation }: Looks, where: Places): void {
  if (!revocation || readSettings(where).outgoing !== 'no') return
  const file = join(where.config, settingsName)
  throw new Fault(
    'outgoing-denied',
    `--revocation asks servers that certificates name, and the settings do not allow it. Write {"outgoing": "public"} into ${file}.`,
    { field: '--revocation', file }
  )
}

/** What looks at one address, one after the other. */
type Lane = ((tools: LookTools) => Promise<void>)[]

interface LookTools {
  readonly deps: LooksDeps
  readonly turns: Turns
  readonly budgets: AddressBudgets
  readonly signal: AbortSignal
}

/**
 * Looks more closely at what a scan found, at the pace of the scan and one connection at a time to an address, as
 * far as the budget of the address goes; tells each look.
 */
export async function lookCloser(
  asked: { readonly own: OwnScan; readonly looks: Looks; readonly ssh: readonly SshPlace[] },
  deps: LooksDeps,
  signal: AbortSignal
): Promise<void> {
  const { own, looks } = asked
  const { clock, random } = deps
  const { pace } = own.request.options
  const turns = createTurns({ clock, random, pace, closedFor: () => closedMs(own.request, clock), signal })
  const rows = looks.deep || looks.revocation ? [...foundBy(own, deps.store, clock.now())] : []
  const lanes = lanesOf({ ...asked, rows }, deps)

  const size = [...lanes.values()].reduce((sum, lane) => sum + lane.length, 0)
  const meter = createMeter(clock, { size, done: 0 })
  const queue = new PQueue({ concurrency: Math.min(sideBySide, pace.concurrency) })
  const run = async (lane: Lane) => {
    const tools = { deps, turns, budgets: addressBudgets(clock), signal }
    for (const act of lane) {
      if (signal.aborted) return
      await act(tools)
      meter.add(1, 0)
      deps.progress({ ...meter.read('looking closer'), found: null })
    }
  }
  await queue.addAll([...lanes.values()].map((lane) => () => run(lane)))
  if (looks.revocation) await lookForRevocation(rows, deps, signal)
}

interface Work {
  readonly looks: Looks
  readonly ssh: readonly SshPlace[]
  readonly rows: readonly EndpointRow[]
}

/** What is to be done, by address. */
function lanesOf({ looks, ssh, rows }: Work, { exclusions }: LooksDeps): Map<string, Lane> {
  const lanes = new Map<string, Lane>()
  const plan = (address: string, act: Lane[number]) => {
    const lane = lanes.get(address)
    if (lane) lane.push(act)
    else lanes.set(address, [act])
  }
  for (const row of looks.deep ? rows : [])
    if (!exclusions.covers(row.address, row.port, row.name))
      plan(formatAddress(row.address), (tools) => lookDeep(row, tools))
  for (const place of looks.ssh ? ssh : [])
    if (!spares(exclusions, place.address, place.port)) plan(place.address, (tools) => lookSsh(place, tools))
  return lanes
}

async function lookDeep(row: EndpointRow, { deps, turns, budgets, signal }: LookTools): Promise<void> {
  const address = formatAddress(row.address)
  const endpoint = { address, port: row.port, name: row.name, starttls: row.starttls as StartTls | null }
  const { clock, random } = deps
  const { deep } = budgets
  const report = await turns.at(address, (turn) =>
    deepProbe(
      endpoint,
      { dialer: openDialer('auto'), clock, random, budget: deep.partOf(deepBudget), turn },
      signal
    )
  )
  deep.spend(report.cost.connections)
  deps.tell(deepRecord(report))
}

async function lookSsh(place: SshPlace, { deps, turns, budgets, signal }: LookTools): Promise<void> {
  const { clock } = deps
  const { connectMs, answerMs } = deepBudget
  const { ssh } = budgets
  const seen = ssh.affords(mostSshConnections)
    ? await turns.at(place.address, (turn) =>
        readSshHostKeys(place, { clock, connectMs, answerMs, turn }, signal)
      )
    : notAsked
  ssh.spend(seen.connections)
  deps.tell(sshRecord(place, seen, clock.now()))
}
