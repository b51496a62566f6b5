import { type Clock, sleep } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Role } from '../contract.ts'
import { pushTo } from './commands.ts'
import { deviceGroups, devices, syncStatus } from './readings.ts'
import type { Client } from './client.ts'
import type { DeviceReply } from './replies.ts'
import { isTrue } from './profiles.ts'
import { hindrance, lastPart, readSyncStatus, type SyncStatus } from './sync.ts'

/** A unit as it says of itself. */
export interface Seat {
  readonly client: Client
  /** its name in the trust domain */
  readonly name: string
  readonly isActive: boolean
  readonly version: string
  /** all units of the trust domain, itself among them */
  readonly domain: readonly DeviceReply[]
}

/** The units of a pair, and how they stand to each other. */
export interface Pair {
  readonly seats: readonly Seat[]
  /** the one that changes are made on */
  readonly lead: Seat
  readonly others: readonly Seat[]
  readonly group: Group
}

/** The device group by which the units share their configuration. */
export interface Group {
  readonly name: string
  /** the device brings changes to the others by itself */
  readonly isAutomatic: boolean
}

/** Where a unit stands, as it says itself: one request. */
export async function seatOf(client: Client, signal: AbortSignal): Promise<Seat> {
  const domain = await devices(client, signal)
  const self =
    domain.find(({ selfDevice }) => isTrue(selfDevice)) ?? (domain.length === 1 ? domain[0] : undefined)
  if (!self) throw new Fault('device-malformed', `${client.name} does not say which unit it is.`)
  return {
    client,
    name: lastPart(self.name),
    isActive: self.failoverState === 'active',
    version: self.version ?? '',
    domain
  }
}

/** The role of a unit. */
export function roleOf({ domain, isActive }: Seat): Role {
  if (domain.length < 2) return 'single'
  return isActive ? 'active' : 'standby'
}

/**
 * Both units of a pair, asked themselves. Throws device-unreachable when one of them does not answer: it could not be
 * brought in sync, nor be cleaned of a key.
 */
export async function seatsOf(clients: readonly Client[], signal: AbortSignal): Promise<readonly Seat[]> {
  const seats: Seat[] = []
  for (const client of clients) seats.push(await seatOf(client, signal))
  const [first, second] = seats
  if (first && second) {
    const knows =
      first.domain.some(({ name }) => lastPart(name) === second.name) && first.name !== second.name
    if (!knows) {
      throw new Fault(
        'device-refused',
        `${second.client.name} (${second.name}) is not the other unit of ${first.client.name} (${first.name}): correct the addresses.`
      )
    }
  }
  return seats
}

/** How the units share their configuration, by the reading of one. */
export async function groupOf({ client, name }: Seat, signal: AbortSignal): Promise<Group> {
  const groups = (await deviceGroups(client, signal)).filter(({ type }) => type === 'sync-failover')
  const mine = groups.find(({ devicesReference }) =>
    (devicesReference?.items ?? []).some((one) => lastPart(one.name) === name)
  )
  const group = mine ?? (groups.length === 1 ? groups[0] : undefined)
  if (!group) {
    throw new Fault(
      'device-refused',
      `${client.name} is one of several units, but in no device group of type sync-failover: its changes would reach no other one.`
    )
  }
  const called = lastPart(group.name)
  // it becomes part of a command line on the device
  if (!/^[\w.-]+$/.test(called)) {
    const why = `its device group ${called} has a name that cannot be given to config-sync: use letters, digits, _ . -`
    throw new Fault('device-refused', `${client.name}: ${why}.`)
  }
  return { name: called, isAutomatic: group.autoSync === 'enabled' }
}

/** What a pair is made ready with. */
export interface Readying {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** was something of ours begun when it was in sync? */
  readonly begun: boolean
}

/**
 * The pair, ready to be changed. When it is not in sync, nobody may write: except where we have begun, so that the
 * changes which wait are our own. They are brought over from the unit that they were made on, the only one that is
 * ahead, and it goes on at the unit that is active now.
 * Faults: device-busy, device-unreachable, device-broken, device-refused.
 */
export async function readyPair(clients: readonly Client[], readying: Readying): Promise<Pair> {
  const { clock, signal, begun } = readying
  const seats = await seatsOf(clients, signal)
  const active = seats.find(({ isActive }) => isActive)
  if (!active)
    throw new Fault('device-busy', `No unit of ${namesOf(seats)} is active now.`, { retryAfterMs: 10_000 })
  const group = await groupOf(active, signal)
  const pair = { seats, lead: active, others: seats.filter((one) => one !== active), group }
  const status = await statusOf(active, signal)
  const hindered = hindrance(status)
  if (!hindered) return pair
  const { state, words, ahead, isConflict } = status
  if (isConflict) {
    const why = `${namesOf(seats)} have both changes that the other lacks: synchronise one of them to the group ${group.name}`
    throw new Fault('device-broken', `${active.client.name}: ${why}.`, { status: words })
  }
  const source = seats.find(({ name }) => ahead.includes(name)) ?? active
  // a push of ours that failed is made again
  if (!begun || (state !== 'pending' && state !== 'failed')) {
    throw new Fault(hindered.code, `${active.client.name}: ${hindered.why}.`, { status: words })
  }
  // what was made on the unit that is active is simply gone on with
  if (source !== active) {
    await bringOver(source, pair, { clock, signal, arrived: () => Promise.resolve(true) })
  }
  return pair
}

export async function statusOf({ client }: Seat, signal: AbortSignal): Promise<SyncStatus> {
  return readSyncStatus(await syncStatus(client, signal))
}

/** between two looks: longer each time */
const firstPollMs = 200
const longestPollMs = 2_000
const mostFailures = 5

interface BringingOver {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** do the others hold what they should? In sync can also be what was said before they were told of the change */
  readonly arrived: () => Promise<boolean>
}

/** Brings the group to the state of a unit, and waits until each unit says that it is in sync. */
export async function bringOver(
  from: Seat,
  { seats, group }: Pair,
  { clock, signal, arrived }: BringingOver
): Promise<void> {
  const before = await statusOf(from, signal)
  const others = before.ahead.filter((name) => name !== from.name)
  if (before.state === 'pending' && others.length > 0) {
    const why = `${others.join(', ')} has changes that ${from.name} lacks: nothing is pushed over them`
    throw new Fault('device-busy', `${from.client.name}: ${why}.`, { status: before.words })
  }
  if (before.state === 'in-sync' && (await arrived())) return
  if (!group.isAutomatic) await pushTo(from.client, group.name, signal)
  for (let failures = 0, pollMs = firstPollMs; ; pollMs = Math.min(2 * pollMs, longestPollMs)) {
    const readings: SyncStatus[] = []
    for (const seat of seats) readings.push(await statusOf(seat, signal))
    if (readings.every(({ state }) => state === 'in-sync') && (await arrived())) return
    const failed = readings.find(({ state }) => state === 'failed' || state === 'disconnected')
    // what is said at once can be of the push before
    if (failed && ++failures === mostFailures) {
      const { code, why } = hindrance(failed) ?? { code: 'device-broken', why: failed.words }
      throw new Fault(code, `${from.client.name}: ${why}.`, { status: failed.words })
    }
    // ends with the call: the engine bounds it
    await sleep(clock, pollMs, signal)
    signal.throwIfAborted()
  }
}

function namesOf(seats: readonly Seat[]): string {
  return seats.map(({ name }) => name).join(' and ')
}
