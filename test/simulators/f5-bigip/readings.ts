import type { Account } from './accounts.ts'
import { type Availability, shownDevices, shownGroups, shownSyncStatus } from './availability.ts'
import { clientSslPath } from './client-ssl.ts'
import { collectionKind, selection, shownCollection } from './collection.ts'
import { otherProfileTypes } from './configuration.ts'
import { readDestination } from './destination.ts'
import type { JsonObject } from './json.ts'
import { fromSegment } from './names.ts'
import { notFound } from './refusal.ts'
import { link } from './resource.ts'
import type { System } from './system.ts'

/** What can be read, but is no object of the configuration. */
export interface ReadWorld {
  readonly system: System
  readonly availability: Availability
  readonly accounts: readonly Account[]
}

interface Table {
  readonly kind: string
  readonly type: string
  readonly items: (world: ReadWorld) => readonly JsonObject[]
}

const tables: Readonly<Record<string, Table>> = {
  'cm/device': {
    kind: 'tm:cm:device:devicestate',
    type: 'device',
    items: ({ availability, system }) => shownDevices(availability, system.version)
  },
  'cm/device-group': {
    kind: 'tm:cm:device-group:device-groupstate',
    type: 'device group',
    items: ({ availability, system }) => shownGroups(availability, system.version)
  },
  'cm/traffic-group': {
    kind: 'tm:cm:traffic-group:traffic-groupstate',
    type: 'traffic group',
    items: ({ system: { version } }) =>
      ['traffic-group-1', 'traffic-group-local-only'].map((name) => ({
        ...named('cm/traffic-group', name, version),
        isFloating: String(name === 'traffic-group-1')
      }))
  },
  'sys/provision': {
    kind: 'tm:sys:provision:provisionstate',
    type: 'provision',
    items: ({ system: { version } }) => [
      {
        name: 'ltm',
        fullPath: 'ltm',
        generation: 1,
        selfLink: link('sys/provision/ltm', version),
        level: 'nominal'
      },
      {
        name: 'asm',
        fullPath: 'asm',
        generation: 1,
        selfLink: link('sys/provision/asm', version),
        level: 'none'
      }
    ]
  },
  'auth/user': {
    kind: 'tm:auth:user:userstate',
    type: 'user',
    items: ({ accounts, system: { version } }) =>
      accounts.map(({ name, role, partition }) => ({
        kind: 'tm:auth:user:userstate',
        name,
        fullPath: name,
        generation: 1,
        selfLink: link(`auth/user/${name}`, version),
        description: name,
        partitionAccess: [
          { name: partition, role, nameReference: { link: link(`auth/partition/${partition}`, version) } }
        ]
      }))
  },
  'net/self': { kind: 'tm:net:self:selfstate', type: 'self IP', items: () => [] },
  'ltm/virtual-address': {
    kind: 'tm:ltm:virtual-address:virtual-addressstate',
    type: 'Virtual Address',
    items: addresses
  }
}

function named(path: string, name: string, version: string): JsonObject {
  return {
    name,
    partition: 'Common',
    fullPath: `/Common/${name}`,
    generation: 1,
    selfLink: link(`${path}/~Common~${name}`, version)
  }
}

function addresses({ system: { running, version } }: ReadWorld): JsonObject[] {
  const seen = new Map<string, JsonObject>()
  for (const { destination, isFloating } of Object.values(running.virtuals)) {
    const where = destination === null ? null : readDestination(destination)
    if (destination === null || !where) continue
    const domain = where.routeDomain === null ? '' : `%${where.routeDomain}`
    const name = `${where.address}${domain}`
    seen.set(`${destination.split('/')[1]} ${name}`, {
      kind: 'tm:ltm:virtual-address:virtual-addressstate',
      ...named('ltm/virtual-address', encodeURIComponent(name), version),
      name,
      partition: destination.split('/')[1] ?? 'Common',
      fullPath: `/${destination.split('/')[1]}/${name}`,
      address: name,
      floating: isFloating ? 'enabled' : 'disabled',
      trafficGroup: `/Common/${isFloating ? 'traffic-group-1' : 'traffic-group-local-only'}`
    })
  }
  return [...seen.values()]
}

const singles: Readonly<Record<string, (world: ReadWorld) => JsonObject>> = {
  sys: ({ system }) => organizing('sys', ['version', 'file', 'crypto', 'config', 'folder', 'httpd'], system),
  ltm: ({ system }) => organizing('ltm', ['virtual', 'profile', 'virtual-address'], system),
  cm: ({ system }) => organizing('cm', ['device', 'device-group', 'sync-status', 'traffic-group'], system),
  'ltm/profile': ({ system }) =>
    organizing('ltm/profile', [clientSslPath.slice(12), ...otherProfileTypes], system),
  'sys/version': ({ system: { version } }) => {
    const described = Object.entries({
      Build: '0.0.3',
      Date: 'Fri Sep  2 15:04:05 PDT 2022',
      Edition: 'Point Release 4',
      Product: 'BIG-IP',
      Title: 'Main Package',
      Version: version
    }).map(([name, description]) => [name, { description }])
    return {
      kind: 'tm:sys:version:versionstats',
      selfLink: link('sys/version', version),
      entries: {
        'https://localhost/mgmt/tm/sys/version/0': {
          nestedStats: { entries: Object.fromEntries(described) as JsonObject }
        }
      }
    }
  },
  'cm/sync-status': ({ availability, system }) => shownSyncStatus(availability, system.version),
  'sys/httpd': ({ system: { running, version } }) => ({
    kind: 'tm:sys:httpd:httpdstate',
    selfLink: link('sys/httpd', version),
    ...running.httpd
  }),
  'sys/global-settings': ({ system: { hostname, version } }) => ({
    kind: 'tm:sys:global-settings:global-settingsstate',
    selfLink: link('sys/global-settings', version),
    guiSetup: 'disabled',
    hostname
  })
}

function organizing(path: string, names: readonly string[], { version }: System): JsonObject {
  return {
    kind: `tm:${path.replaceAll('/', ':')}:${path.split('/').pop()}collectionstate`,
    selfLink: link(path, version),
    items: names.map((name) => ({ reference: { link: link(`${path}/${name}`, version) } }))
  }
}

/** Answers a GET below /mgmt/tm that asks for no object of the configuration; null when it is no such path. */
export function reading(
  world: ReadWorld,
  segments: readonly string[],
  query: URLSearchParams
): JsonObject | null {
  const path = segments.join('/')
  const single = singles[path]
  if (single && Object.hasOwn(singles, path)) return selection(single(world), query)
  const [first = '', second = '', name, below] = segments
  const table = Object.hasOwn(tables, `${first}/${second}`) ? tables[`${first}/${second}`] : undefined
  if (!table) return null
  const items = table.items(world)
  const { version } = world.system
  if (name === undefined) {
    return shownCollection({
      path: `${first}/${second}`,
      kind: collectionKind(table.kind),
      items,
      query,
      version
    })
  }
  const found = items.find((item) => item['fullPath'] === fromSegment(name) || item['name'] === name)
  if (!found) throw notFound(table.type, fromSegment(name))
  if (below === undefined) return selection(found, query)
  if (`${first}/${second}/${below}` !== 'cm/device-group/devices') return null
  const devices = shownDevices(world.availability, version).map((device) => ({
    kind: 'tm:cm:device-group:devices:devicesstate',
    name: device['name'] ?? '',
    partition: 'Common',
    fullPath: device['fullPath'] ?? ''
  }))
  return shownCollection({
    path: segments.join('/'),
    kind: 'tm:cm:device-group:devices:devicescollectionstate',
    items: devices,
    query,
    version
  })
}
