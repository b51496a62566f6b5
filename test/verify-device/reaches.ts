import type { Json } from '../../connectors/contract.ts'

/** Where a device listens for us. */
export interface Reach {
  readonly host: string
  readonly port: number
}

type Settings = Readonly<Record<string, Json>>

/** Where the settings of a connector say whom to talk to, so that a relay can be put there. */
interface ReachRow {
  readonly connector: string
  /** every place, or none where nothing lies between */
  of(settings: Settings): readonly Reach[]
  /** the same device by other places, as many and in the same order */
  by(settings: Settings, places: readonly Reach[]): Settings
  /** why nothing can be put between, or undefined */
  refuses?(settings: Settings): string | undefined
}

const text = (value: Json | undefined, instead = '') => (typeof value === 'string' ? value : instead)
const port = (value: Json | undefined, instead: number) => (typeof value === 'number' ? value : instead)

const rows: readonly ReachRow[] = [
  {
    connector: 'f5-bigip',
    of: ({ address, port: main, peerAddress, peerPort }) => [
      { host: text(address), port: port(main, 443) },
      ...(text(peerAddress) === '' ? [] : [{ host: text(peerAddress), port: port(peerPort, 443) }])
    ],
    by: (settings, [first, second]) => ({
      ...settings,
      ...(first ? { address: first.host, port: first.port } : {}),
      ...(second ? { peerAddress: second.host, peerPort: second.port } : {})
    }),
    refuses: ({ trust }) =>
      trust === 'ca' ? 'trust is ca: a relay has another name than the certificate' : undefined
  },
  {
    connector: 'web-hosts',
    of: ({ place, address, port: main, jumpAddress, jumpPort }) => {
      if (place === 'local') return []
      if (text(jumpAddress) !== '') return [{ host: text(jumpAddress), port: port(jumpPort, 22) }]
      return [{ host: text(address), port: port(main, 22) }]
    },
    by(settings, [first]) {
      if (!first) return settings
      const { host, port } = first
      if (text(settings['jumpAddress']) !== '') return { ...settings, jumpAddress: host, jumpPort: port }
      const { addresses, address } = settings
      const own = Array.isArray(addresses) && addresses.length > 0 ? addresses : [text(address)]
      // what a listener on all addresses stands for stays what it is
      return { ...settings, addresses: own, address: host, port }
    },
    refuses: ({ place }) => (place === 'local' ? 'nothing lies between this machine and itself' : undefined)
  }
]

/** Connectors that a device can be tried with: a row each. */
export const reachedConnectors: readonly string[] = rows.map(({ connector }) => connector)

function rowOf(connector: string): ReachRow {
  const row = rows.find((one) => one.connector === connector)
  if (!row) throw new Error(`connector ${connector} has no row in test/verify-device/reaches.ts`)
  return row
}

/** Where a device is reached; none when it is this machine. */
export function reachesOf(connector: string, settings: Json): readonly Reach[] {
  return rowOf(connector).of(settings as Settings)
}

/** Settings by which the same device is reached elsewhere. */
export function settingsBy(connector: string, settings: Json, places: readonly Reach[]): Json {
  return rowOf(connector).by(settings as Settings, places)
}

/** Why no relay can be put in front of a device, or undefined when one can. */
export function relayRefused(connector: string, settings: Json): string | undefined {
  return rowOf(connector).refuses?.(settings as Settings)
}
