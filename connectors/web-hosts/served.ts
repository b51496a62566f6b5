import { isIP } from 'node:net'
import type { ServedAt } from '../contract.ts'
import type { PlacedUse } from './targets.ts'

/**
 * Where handshakes show what these uses hold. A wildcard address stands for the addresses of the device; a wildcard
 * name for one name that it covers, since a handshake needs one.
 */
export function servedBy(
  uses: readonly PlacedUse[],
  addresses: readonly string[],
  specific: ReadonlySet<string>
): ServedAt[] {
  const served = new Map<string, ServedAt>()
  for (const { use, places } of uses) {
    const names = use.names === 'certificate' ? places.flatMap(({ slot }) => slot?.names ?? []) : use.names
    const asked = new Set(names.flatMap(nameToSend))
    for (const { address, port, isDefault, starttls, only } of use.listens) {
      const isWild = address === '*' || address === '[::]'
      for (const at of addressesOf(address, addresses)) {
        if (isWild && specific.has(placeKey(at, port))) continue
        const here = only === undefined || only === null ? asked : [only]
        for (const name of [...(isDefault ? [null] : []), ...here]) {
          const one: ServedAt = { address: at, port, name, starttls }
          served.set(JSON.stringify([at, port, name, starttls]), one)
        }
      }
    }
  }
  return [...served.values()]
}

/** Addresses that somebody listens on by name: who listens on all of them gets no connection there. */
export function specificListens(uses: readonly PlacedUse[]): ReadonlySet<string> {
  const listens = uses.flatMap(({ program, use }) => (program.kind === 'files' ? [] : use.listens))
  const named = listens.filter(({ address }) => address !== '*' && address !== '[::]')
  return new Set(named.map(({ address, port }) => placeKey(address, port)))
}

function placeKey(address: string, port: number): string {
  return `${address} ${port}`
}

/** What others show at the same addresses. */
export function neighboursOf(served: readonly ServedAt[], others: readonly ServedAt[]): ServedAt[] {
  const key = ({ address, port, name }: ServedAt) => JSON.stringify([address, port, name])
  const places = new Set(served.map(({ address, port }) => placeKey(address, port)))
  const own = new Set(served.map(key))
  return others.filter((one) => places.has(placeKey(one.address, one.port)) && !own.has(key(one)))
}

function addressesOf(address: string, addresses: readonly string[]): readonly string[] {
  if (address === '*') return addresses
  if (address !== '[::]') return [address]
  const six = addresses.filter((one) => isIP(one) === 6)
  return six.length > 0 ? six : addresses
}

/** none for patterns and placeholders, and for addresses, which no client sends as a name */
function nameToSend(name: string): string[] {
  if (name === '' || name === '_' || name.startsWith('~') || isIP(name) !== 0) return []
  const plain = name.toLowerCase().replace(/\.$/, '')
  if (plain.startsWith('*.')) return [`www${plain.slice(1)}`]
  if (plain.startsWith('.')) return [plain.slice(1), `www${plain}`]
  return /[*?[\]]/.test(plain) ? [] : [plain]
}
