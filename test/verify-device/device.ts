import type { Access, Binding, Check, Connector, Json, KeyFamily, Pin } from '../../connectors/contract.ts'
import { systemClock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import type { Secret } from '../../core/secret.ts'
import { signal } from '../contract/deployment.ts'
import { Misused, type Given } from './given.ts'

/** A device that answered, with what it holds. */
export interface Device {
  readonly connector: Connector
  readonly settings: Json
  readonly secrets: ReadonlyMap<string, Secret>
  readonly pins: readonly Pin[]
  readonly check: Check
  readonly bindings: readonly Binding[]
}

/** What a device is asked by; what the connector logs goes to `lines`. */
export function accessTo(
  { settings, secrets, pins }: Pick<Device, 'settings' | 'secrets' | 'pins'>,
  lines: string[] = []
): Access {
  const write = (event: string, facts?: unknown) => void lines.push(`${event} ${JSON.stringify(facts)}`)
  const log: Log = { error: write, warn: write, info: write, debug: write }
  return {
    settings,
    secret: (name) => secrets.get(name),
    pins,
    clock: systemClock,
    random: systemRandom,
    log
  }
}

/** Who the device says it is, before any credential is sent. */
export function identified({ connector, settings }: Given): Promise<readonly Pin[]> {
  return connector.identify(accessTo({ settings, secrets: new Map(), pins: [] }), signal)
}

/** What a person has not accepted of it. */
export function unaccepted({ pins }: Given, shown: readonly Pin[]): readonly Pin[] {
  return pins === 'all' ? [] : shown.filter(({ fingerprint }) => !pins.includes(fingerprint))
}

/** Signs in, and reads what there is. Faults: those of the connector. */
export async function readDevice(given: Given, pins: readonly Pin[]): Promise<Device> {
  const { connector, settings, secrets } = given
  const session = await connector.connect(accessTo({ settings, secrets, pins }), signal)
  try {
    const check = await session.check(signal)
    const bindings: Binding[] = []
    for await (const page of session.discover(signal)) bindings.push(...page)
    return { connector, settings, secrets, pins, check, bindings }
  } finally {
    await session.close()
  }
}

/** A binding that cases are tried on. */
export interface Target {
  readonly binding: Binding
  readonly families: readonly KeyFamily[]
  /** names and IP addresses of what it holds */
  readonly names: readonly string[]
}

/**
 * The target that was named, or else the first that may be changed; undefined when there is none. Throws
 * {@link Misused} for one that is not there, or must not be changed.
 */
export function targetOf({ bindings }: Device, named: string | undefined): Target | undefined {
  const free = bindings.filter((one) => one.unmanaged === null && familiesOf(one).length > 0)
  const list = free.map(({ target }) => target).join(', ') || 'none'
  const binding = named === undefined ? free[0] : bindings.find(({ target }) => target === named)
  if (!binding) {
    if (named === undefined) return undefined
    throw new Misused(`target '${named}' is not on the device; there are ${list}`)
  }
  if (binding.unmanaged !== null)
    throw new Misused(
      `target '${binding.target}' must not be changed: ${binding.unmanaged.why}. There are ${list}`
    )
  const families = familiesOf(binding)
  if (families.length === 0)
    throw new Misused(`target '${binding.target}' holds neither an RSA nor an ECDSA key. There are ${list}`)
  return { binding, families, names: [...new Set(binding.slots.flatMap(({ names }) => names))] }
}

function familiesOf({ slots }: Binding): readonly KeyFamily[] {
  return slots.flatMap(({ family }) => (family === 'other' ? [] : [family]))
}
