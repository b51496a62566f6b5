import { domainToASCII } from 'node:url'
import { formatAddress, parseAddress } from '../core/address.ts'
import type { CertificateFields } from './fields.ts'

type Named = Pick<CertificateFields, 'dnsNames' | 'ipAddresses' | 'commonName'>

/**
 * How a certificate covers a host: by an entry of its subjectAltName, only by its common name, which no client
 * accepts any more, or not at all.
 */
export type NameMatch = 'name' | 'wildcard' | 'address' | 'common-name-only' | 'none'

/**
 * Does the certificate cover the host, a DNS name or an IP address as text? RFC 9525 (and 6125) as clients do it:
 * only subjectAltName counts; a wildcard is the whole left-most label, stands for exactly one label and has two
 * more behind it; case does not count; addresses are compared by value, and never with dNSNames.
 */
export function coversName(fields: Named, host: string): boolean {
  const match = nameMatch(fields, host)
  return match === 'name' || match === 'wildcard' || match === 'address'
}

/**
 * The same for a certificate with these names, host names and addresses in any spelling. A wildcard as the host is
 * covered only by itself.
 */
export function namesCover(names: readonly string[], host: string): boolean {
  const wanted = foldName(host)
  if (wanted.startsWith('*.')) return names.some((name) => foldName(name) === wanted)
  const addresses = names.map((name) => parseAddress(name))
  return coversName(
    {
      dnsNames: names.filter((_, at) => addresses[at] === undefined),
      ipAddresses: addresses.flatMap((address) => (address === undefined ? [] : formatAddress(address))),
      commonName: null
    },
    host
  )
}

/** How the certificate covers the host; see {@link coversName}. */
export function nameMatch(fields: Named, host: string): NameMatch {
  const address = parseAddress(host.replace(/^\[(.*)\]$/, '$1'))
  if (address !== undefined) {
    if (fields.ipAddresses.includes(formatAddress(address))) return 'address'
    return isOnlyCommonName(fields) && sameAddress(fields.commonName, address) ? 'common-name-only' : 'none'
  }
  const name = foldName(host)
  if (name === '') return 'none'
  let match: NameMatch = 'none'
  for (const pattern of fields.dnsNames) {
    const found = matchOf(foldName(pattern), name)
    if (found === 'name') return found
    if (found !== 'none') match = found
  }
  if (match !== 'none' || !isOnlyCommonName(fields)) return match
  return matchOf(foldName(fields.commonName ?? ''), name) === 'none' ? 'none' : 'common-name-only'
}

/** the common name was for certificates without any subjectAltName of these kinds (RFC 6125 §6.4.4) */
function isOnlyCommonName({ dnsNames, ipAddresses }: Named): boolean {
  return dnsNames.length === 0 && ipAddresses.length === 0
}

function sameAddress(text: string | null, address: ReturnType<typeof parseAddress>): boolean {
  return text !== null && parseAddress(text) === address
}

/** lower case, A-labels, without the dot of a full name; what is no host name becomes empty */
function foldName(text: string): string {
  const name = text.replace(/\.$/, '')
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name.toLowerCase() : domainToASCII(name)
  return ascii.includes('..') || ascii.startsWith('.') ? '' : ascii
}

function matchOf(pattern: string, name: string): 'name' | 'wildcard' | 'none' {
  if (pattern === name) return pattern === '' || pattern.includes('*') ? 'none' : 'name'
  if (!pattern.startsWith('*.')) return 'none'
  const behind = pattern.slice(1)
  const label = name.slice(0, name.indexOf('.'))
  const covers = label !== '' && name.slice(label.length) === behind
  return covers && behind.indexOf('.', 1) > 0 && !behind.includes('*') ? 'wildcard' : 'none'
}
