import type { DeviceGroup } from './device-group.ts'
import { type JsonObject, textOf } from './json.ts'
import { badProperty, missingProperty, notFound, Refusal } from './refusal.ts'
import { link } from './resource.ts'
import type { System } from './system.ts'

/** What a unit says that it is to others. */
export type FailoverState = 'active' | 'standby' | 'offline' | 'forced-offline' | 'unknown'

/** A unit as the devices of its trust domain know it. */
export interface Member {
  readonly system: System
  readonly state: () => FailoverState
  readonly managementIp: string
}

/** A unit among those it knows: itself first. */
export interface Availability {
  readonly members: () => readonly Member[]
  readonly group: () => DeviceGroup | null
}

/** cm device */
export function shownDevices({ members }: Availability, version: string): JsonObject[] {
  return members().map(({ system, state, managementIp }, at) => ({
    kind: 'tm:cm:device:devicestate',
    name: system.hostname,
    partition: 'Common',
    fullPath: `/Common/${system.hostname}`,
    generation: 1,
    selfLink: link(`cm/device/~Common~${system.hostname}`, version),
    baseMac: `02:00:00:00:00:${at}0`,
    build: '0.0.3',
    cert: '/Common/dtdi.crt',
    chassisType: 'individual',
    configsyncIp: managementIp,
    edition: 'Final',
    failoverState: state(),
    haCapacity: 0,
    hostname: system.hostname,
    key: '/Common/dtdi.key',
    managementIp,
    marketingName: 'BIG-IP Virtual Edition',
    platformId: 'Z100',
    product: 'BIG-IP',
    selfDevice: at === 0 ? 'true' : 'false',
    timeZone: 'UTC',
    version: system.version
  }))
}

/** cm device-group */
export function shownGroups({ group }: Availability, version: string): JsonObject[] {
  const own = group()
  const trust = { name: 'device_trust_group', type: 'sync-only', autoSync: true, saveOnAutoSync: false }
  const both = [
    trust,
    ...(own
      ? [
          {
            ...trust,
            name: own.name,
            type: 'sync-failover',
            autoSync: own.autoSync,
            saveOnAutoSync: own.saveOnAutoSync
          }
        ]
      : [])
  ]
  return both.map(({ name, type, autoSync, saveOnAutoSync }) => ({
    kind: 'tm:cm:device-group:device-groupstate',
    name,
    partition: 'Common',
    fullPath: `/Common/${name}`,
    generation: 1,
    selfLink: link(`cm/device-group/~Common~${name}`, version),
    asmSync: 'disabled',
    autoSync: autoSync ? 'enabled' : 'disabled',
    fullLoadOnSync: 'false',
    incrementalConfigSyncSizeMax: 1024,
    networkFailover: type === 'sync-failover' ? 'enabled' : 'disabled',
    saveOnAutoSync: String(saveOnAutoSync),
    type,
    devicesReference: {
      link: link(`cm/device-group/~Common~${name}/devices`, version),
      isSubcollection: true
    }
  }))
}

interface Status {
  readonly color: string
  readonly status: string
  readonly summary: string
  readonly details: readonly string[]
}

/** cm sync-status: nested as statistics are, with the two spellings of the device. */
export function shownSyncStatus(availability: Availability, version: string): JsonObject {
  const group = availability.group()
  const { color, status, summary, details } = statusOf(availability, group)
  const described = (description: string) => ({ description })
  const detail = (text: string, at: number) => [
    `https://localhost/mgmt/tm/cm/syncStatus/0/details/${at}`,
    { nestedStats: { entries: { details: described(text) } } }
  ]
  const entries = {
    color: described(color),
    'https://localhost/mgmt/tm/cm/syncStatus/0/details': {
      nestedStats: { entries: Object.fromEntries(details.map(detail)) as JsonObject }
    },
    mode: described(group ? 'high-availability' : 'standalone'),
    status: described(status),
    summary: described(summary)
  }
  return {
    kind: 'tm:cm:sync-status:sync-statusstats',
    selfLink: link('cm/sync-status', version),
    entries: { 'https://localhost/mgmt/tm/cm/sync-status/0': { nestedStats: { entries } } }
  }
}

function statusOf({ members }: Availability, group: DeviceGroup | null): Status {
  if (!group) {
    return {
      color: 'green',
      status: 'Standalone',
      summary: ' ',
      details: ['Optional action: Add a device to the trust domain']
    }
  }
  const [self, ...peers] = members()
  const connected = peers.map(
    ({ system }) => `${system.hostname}: ${group.state === 'disconnected' ? 'disconnected' : 'connected'}`
  )
  const of = (
    color: string,
    status: string,
    { summary = ' ', more = [] as readonly string[] } = {}
  ): Status => ({
    color,
    status,
    summary,
    details: [...connected, `${group.name} (${status}): ${summary.trim()}`, ...more]
  })
  const advice = (system: System) =>
    ` - Recommended action: Synchronize ${system.hostname} to group ${group.name}`
  switch (group.state) {
    case 'disconnected':
      return of('red', 'Disconnected')
    case 'failed':
      return of('red', 'Sync Failure', {
        summary: 'A validation error occurred while syncing to a remote device'
      })
    case 'syncing':
      return of('yellow', 'Not All Devices Synced', {
        summary: 'Not all devices have received the configuration'
      })
    case 'awaiting-initial':
      return of('blue', 'Awaiting Initial Sync', { more: self ? [advice(self.system)] : [] })
    case 'idle':
  }
  const [first, second] = group.ahead
  if (!first) return of('green', 'In Sync', { summary: 'All devices in the device group are in sync' })
  if (!second) {
    const summary = `Changes Pending on ${first.hostname}`
    return of('yellow', 'Changes Pending', { summary, more: [advice(first)] })
  }
  const summary = `There is a possible change conflict between ${first.hostname} and ${second.hostname}.`
  return of('yellow', 'Changes Pending', { summary, more: [advice(second)] })
}

/** POST cm {run, config-sync to-group NAME} and POST cm/config-sync {run, to-group NAME}: asked for now, done later. */
export function runConfigSync(availability: Availability, body: JsonObject): JsonObject {
  if (textOf(body, 'command') !== 'run') throw badProperty('command')
  const args = textOf(body, 'utilCmdArgs')
  if (args === undefined) throw missingProperty('utilCmdArgs')
  const words = args
    .trim()
    .split(/\s+/)
    .filter((word) => word !== 'config-sync' && word !== 'force-full-load-push')
  const [direction, name = ''] = words
  const group = availability.group()
  const [self, peer] = availability.members()
  if (!group || !self || group.name !== name.replace(/^\/Common\//, '')) throw notFound('device group', name)
  if (group.state === 'disconnected') {
    throw new Refusal(400, '01071392:3: Background command failed: no device of the group can be reached.', {
      apiError: 3
    })
  }
  if (direction !== 'to-group' && direction !== 'from-group') throw badProperty('utilCmdArgs')
  group.push(direction === 'to-group' || !peer ? self.system : peer.system)
  return { kind: 'tm:cm:runstate', command: 'run', utilCmdArgs: args }
}
