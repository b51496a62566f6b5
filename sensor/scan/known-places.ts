import { formatAddress, type Address } from '../../core/address.ts'

/**
 * Addresses and ports of endpoints that are known, as plain data that goes to a worker: a million of IPv4 in 8 MB. What
 * has gone there is told with its outcome; elsewhere closed and silent ports are only counted.
 */
export interface KnownPlaces {
  /** IPv4, each as address · 65536 + port, ascending */
  readonly v4: Float64Array
  /** IPv6, each as its text */
  readonly v6: ReadonlySet<string>
}

const ports = 65_536

/** Gathers places. */
export function knownPlaces(
  places: Iterable<{ readonly address: Address; readonly port: number }>
): KnownPlaces {
  const v4: number[] = []
  const v6 = new Set<string>()
  for (const { address, port } of places) {
    if (typeof address === 'number') v4.push(address * ports + port)
    else v6.add(placeText(address, port))
  }
  return { v4: Float64Array.from(v4).sort(), v6 }
}

/** Is an endpoint known at this place? */
export function isKnown({ v4, v6 }: KnownPlaces, address: Address, port: number): boolean {
  if (typeof address !== 'number') return v6.size > 0 && v6.has(placeText(address, port))
  const wanted = address * ports + port
  let [low, high] = [0, v4.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((v4[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return v4[low] === wanted
}

function placeText(address: Address, port: number): string {
  return `${formatAddress(address)} ${port}`
}
