import { formatAddress, parseAddress } from '../../core/address.ts'

/** Where a virtual server listens, as its `destination` says. */
export type Destination =
  | {
      readonly is: 'place'
      /** canonical text */
      readonly address: string
      readonly port: number
      /** %N of the address; null: that of the partition */
      readonly routeDomain: number | null
    }
  /** no single place that a handshake could go to, and why */
  | { readonly is: 'no-place'; readonly why: string }

/** ports that the device may show by name, of those where TLS is served */
const named: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  submissions: 465,
  smtps: 465,
  urd: 465,
  'domain-s': 853,
  ldaps: 636,
  ftps: 990,
  telnets: 992,
  imaps: 993,
  pop3s: 995,
  msft_gc_ssl: 3269,
  'msft-gc-ssl': 3269,
  'sip-tls': 5061,
  'http-alt': 8080,
  webcache: 8080,
  'pcsync-https': 8443
}

/**
 * Reads a destination: `/Common/10.0.0.10:443`, `/Common/10.0.0.10%2:443`, `/Common/2001:db8::10.443` (a dot before the
 * port of IPv6), `/Common/2001:db8::10%3.443`, in folders, with the port 0 or `any`, with `any` or `any6` or a name in
 * the place of the address.
 */
export function readDestination(text: string): Destination {
  const place = text.slice(text.lastIndexOf('/') + 1)
  if (place === '') return { is: 'no-place', why: 'it has no destination' }
  const { host, port } = split(place)
  const [bare = '', domain] = host.split('%')
  if (domain !== undefined && !/^\d{1,5}$/.test(domain))
    return { is: 'no-place', why: `${place} is not understood` }
  const address = parseAddress(bare)
  if (address === undefined) {
    const isAny = bare === 'any' || bare === 'any6'
    return { is: 'no-place', why: isAny ? 'it listens on every address' : `its address is the name ${bare}` }
  }
  if (address === 0 || address === 0n) return { is: 'no-place', why: 'it listens on every address' }
  const number = portOf(port)
  if (number === undefined) return { is: 'no-place', why: `its port is ${port}` }
  if (number === 0) return { is: 'no-place', why: 'it listens on every port' }
  const routeDomain = domain === undefined ? null : Number(domain)
  return { is: 'place', address: formatAddress(address), port: number, routeDomain }
}

/** address and port: of IPv6 they are parted by a dot, of all else by a colon */
function split(place: string): { readonly host: string; readonly port: string } {
  const isSix = place.indexOf(':') !== place.lastIndexOf(':') || place.startsWith('any6')
  const cut = place.lastIndexOf(isSix ? '.' : ':')
  return cut < 0 ? { host: place, port: '' } : { host: place.slice(0, cut), port: place.slice(cut + 1) }
}

function portOf(text: string): number | undefined {
  if (text === 'any' || text === '*') return 0
  if (/^\d{1,5}$/.test(text)) return Number(text) <= 65_535 ? Number(text) : undefined
  return named[text.toLowerCase()]
}

/**
 * A destination whose address is the name of a virtual address, with that address in its place. `addresses` are those
 * of the device by full path, e.g. `/Common/shop-address` → `10.0.0.10`.
 */
export function withAddress(text: string, addresses: ReadonlyMap<string, string>): string {
  const name = addressName(text)
  const address = name === undefined ? undefined : addresses.get(name)
  if (name === undefined || address === undefined) return text
  const port = text.slice(name.length + 1)
  return `${address}${address.includes(':') ? '.' : ':'}${port}`
}

/** The full path of the virtual address that a destination names; undefined: it has an address of its own, or none. */
export function addressName(text: string): string | undefined {
  const start = text.lastIndexOf('/') + 1
  const { host, port } = split(text.slice(start))
  if (start === 0 || host === '' || port === '') return undefined
  const [bare = ''] = host.split('%')
  const isAddress = bare === 'any' || bare === 'any6' || parseAddress(bare) !== undefined
  return isAddress ? undefined : text.slice(0, start) + host
}
