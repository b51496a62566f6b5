import { connectors } from '../../connectors/index.ts'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import type { ProductRow } from '../../sensor/identify/product.ts'
import { identifyRange } from '../../sensor/identify/range.ts'
import {
  authentications,
  privacies,
  type Identification,
  type SnmpCredentials
} from '../../sensor/identify/snmp.ts'
import { openExclusions } from '../../sensor/scan/targets/exclusions.ts'
import { parseTarget } from '../../sensor/scan/targets/parse.ts'
import { systemResolver } from '../../sensor/scan/targets/resolve.ts'
import type { DeviceSearch, SearchWatch, SnmpLogin } from '../automation-functions.ts'
import type { FoundDevice } from '../automation-records.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Places } from '../places.ts'
import { schemaVersion } from '../schema-version.ts'
import { readSpared } from '../standalone/space.ts'

/** A product that SNMP recognises, and the connector for it. */
interface KnownProduct extends ProductRow {
  readonly connector: string
}

// F5: sysObjectID of BIG-IP, sysProductVersion, sysCmFailoverStatusId and sysCmSyncStatusId of F5-BIGIP-SYSTEM-MIB; NetScaler: NS-ROOT-MIB, which has a serial number of its own
const known: readonly KnownProduct[] = [
  {
    prefix: '1.3.6.1.4.1.3375.2.1.3.4',
    product: 'F5 BIG-IP',
    serial: '1.3.6.1.4.1.3375.2.1.3.3.3.0',
    version: '1.3.6.1.4.1.3375.2.1.4.2.0',
    failover: {
      oid: '1.3.6.1.4.1.3375.2.1.14.3.1.0',
      words: ['unknown', 'offline', 'forced offline', 'standby', 'active']
    },
    sync: {
      oid: '1.3.6.1.4.1.3375.2.1.14.1.1.0',
      words: [
        'unknown',
        'syncing',
        'changes pending',
        'in sync',
        'sync failed',
        'disconnected',
        'standalone',
        'awaiting initial sync',
        'incompatible version',
        'partial sync'
      ]
    },
    connector: 'f5-bigip'
  },
  {
    prefix: '1.3.6.1.4.1.5951.1',
    product: 'Citrix ADC (NetScaler)',
    serial: '1.3.6.1.4.1.5951.4.1.1.14.0',
    connector: 'citrix-adc'
  }
]

/** agents that are asked at once, and begun in a second: as polite as a scan */
const pace = { atOnce: 32, perSecond: 100 }

/** What a search works with. */
export interface FindDeps {
  readonly clock: Clock
  readonly where: Places
  readonly store: Pick<Store, 'devices'>
}

/**
 * Asks the SNMP agents of a range, but for what the do-not-scan lists spare. Faults: option-malformed, those of targets
 * and of the lists.
 */
export async function* findDevices(
  { range, port, login }: DeviceSearch,
  watch: SearchWatch,
  { clock, where, store, signal }: FindDeps & { readonly signal: AbortSignal }
): AsyncGenerator<FoundDevice> {
  const target = parseTarget(range)
  if (target.kind !== 'range' || target.ports !== null) {
    const message = `range '${range}': write an address, a network or a range of addresses`
    throw new Fault('option-malformed', message, { field: 'range', value: range })
  }
  const deps = { resolver: systemResolver, concurrency: 16, signal }
  const { doNotScan } = await readSpared({ excluded: [], doNotScan: [] }, where, deps)
  const spared = openExclusions(doNotScan)
  const wishes = {
    credentials: credentialsOf(login),
    ...(port === undefined ? {} : { port }),
    ...pace,
    isExcluded: (address: number | bigint) => spared.covers(address, port ?? 161, null)
  }
  for await (const one of identifyRange(target, wishes, { clock, products: known, signal })) {
    watch.progress(one.done, one.total)
    const { address, identification } = one
    if (identification.outcome === 'identified')
      yield foundRecord(address, identification, deviceAt(store, address))
  }
}

type Identified = Extract<Identification, { outcome: 'identified' }>

/** settings that hold the address of a device's own management */
const ownAddresses = ['address', 'peerAddress']

/** name of the device that is kept with this address */
function deviceAt({ devices }: FindDeps['store'], address: string): string | null {
  const kept = devices.list().find((device) => {
    const settings = JSON.parse(device.settings) as Readonly<Record<string, unknown>>
    return ownAddresses.some((field) => settings[field] === address)
  })
  return kept?.name ?? null
}

function foundRecord(address: string, identified: Identified, device: string | null): FoundDevice {
  const { product, version, failover, sync, objectId, name, description, serial } = identified
  const row = known.find((one) => one.product === product)
  const connector = connectors.find(({ id }) => id === row?.connector)?.id ?? null
  return {
    type: 'found-device',
    schema: schemaVersion,
    address,
    product,
    version,
    failover,
    sync,
    connector,
    device,
    objectId,
    name,
    description,
    serial
  }
}

function credentialsOf(login: SnmpLogin): SnmpCredentials {
  if (login.version === '2c') return { version: '2c', community: new Secret(login.community) }
  return {
    version: '3',
    user: login.user,
    authentication: oneOf(authentications, login.authentication, 'authentication'),
    authenticationKey: new Secret(login.authenticationKey),
    privacy: oneOf(privacies, login.privacy, 'privacy'),
    privacyKey: new Secret(login.privacyKey)
  }
}

function oneOf<T extends string>(all: readonly T[], value: string, field: string): T {
  const found = all.find((one) => one.toLowerCase() === value.toLowerCase())
  if (found) return found
  const message = `${field} '${value}': write one of ${all.join(', ')}`
  throw new Fault('option-malformed', message, { field, value })
}
