import type { ServedAt } from '../../connectors/contract.ts'
import { parseAddress } from '../../core/address.ts'
import type { Clock } from '../../core/clock.ts'
import { asFault, Fault } from '../../core/fault.ts'
import { openExclusions, type Exclusions } from '../../sensor/scan/targets/exclusions.ts'
import { systemResolver, type Resolver } from '../../sensor/scan/targets/resolve.ts'
import type { Places } from '../places.ts'
import { spares } from '../standalone/spared.ts'
import { readSpared } from '../standalone/space.ts'

/** What tells which places must not be touched. */
export interface SparedDeps {
  readonly where: Places
  readonly clock: Clock
  /** default: that of the system */
  readonly resolver?: Resolver
}

/** a fleet's handshakes read the lists once */
const freshMs = 60_000

/**
 * Tells which places the do-not-scan lists of this machine spare: their address, whatever it is written as, or the
 * server name. Faults: those of the lists, and dns-unreachable while a name in them, or of a place, cannot be resolved.
 */
export function sparedPlaces({ where, clock, resolver = systemResolver }: SparedDeps) {
  let known: { readonly exclusions: Promise<Exclusions>; readonly at: number } | undefined
  const read = (signal: AbortSignal) => {
    if (!known || clock.ticks() - known.at > freshMs) {
      const exclusions = readLists(where, { resolver, concurrency: 16, signal })
      known = { exclusions, at: clock.ticks() }
      // the next one reads them anew
      exclusions.catch(() => (known = undefined))
    }
    return known.exclusions
  }
  return async (places: readonly ServedAt[], signal: AbortSignal): Promise<readonly ServedAt[]> => {
    const exclusions = await read(signal)
    const listed = await Promise.all(places.map((place) => isListed(exclusions, place, resolver)))
    return places.filter((_, at) => listed[at])
  }
}

async function readLists(where: Places, deps: Parameters<typeof readSpared>[2]): Promise<Exclusions> {
  try {
    return openExclusions((await readSpared({ excluded: [], doNotScan: [] }, where, deps)).doNotScan)
  } catch (thrown) {
    const fault = asFault(thrown)
    if (fault.code !== 'target-unresolved') throw fault
    const message = `the do-not-scan list names what cannot be resolved now (${fault.message}); it is tried again`
    throw new Fault('dns-unreachable', message, {}, thrown)
  }
}

async function isListed(
  exclusions: Exclusions,
  { address, port, name }: ServedAt,
  resolver: Resolver
): Promise<boolean> {
  if (spares(exclusions, address, port)) return true
  if (name !== null && spares(exclusions, name.toLowerCase(), port)) return true
  if (parseAddress(address) !== undefined) return false
  // a handshake would go to whatever the name leads to; to nothing, if it leads nowhere
  const found = await resolver(address).catch((): readonly string[] => [])
  return found.some((one) => spares(exclusions, one, port))
}
