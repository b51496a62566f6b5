import { domainToASCII, domainToUnicode } from 'node:url'
import { formatAddress, parseAddress } from '../core/address.ts'
import { Fault } from '../core/fault.ts'
import { visible } from '../core/text.ts'

/** Names that one certificate may be asked for: public CAs take 100. */
export const maxNames = 1000

/** The names of a certificate by kind, as they stand in its subjectAltName. */
export interface SubjectNames {
  /** A-labels in lower case, wildcards with *. */
  readonly dnsNames: readonly string[]
  /** canonical text */
  readonly ipAddresses: readonly string[]
}

/**
 * A name as a person writes it (`Bücher.example.`, `*.example.org`, `2001:DB8::1`) in the form that a certificate
 * has it: A-labels (RFC 5890 §2.3.2.1) in lower case, a wildcard only as the whole left-most label with two more
 * behind it, addresses in canonical text. A single label and the underscore are allowed, which private CAs sign.
 * Throws a Fault name-malformed.
 */
export function canonicalName(text: string): string {
  const name = text.trim()
  const address = parseAddress(name)
  if (address !== undefined) return formatAddress(address)
  const isWildcard = name.startsWith('*.')
  const host = asciiOf((isWildcard ? name.slice(2) : name).replace(/\.$/, ''))
  const problem = problemOf(host, isWildcard)
  if (problem !== undefined) {
    throw new Fault(
      'name-malformed',
      `name ${visible(JSON.stringify(text))} ${problem}. Write a host name, *.domain, or an IP address.`,
      { name: visible(text) }
    )
  }
  return isWildcard ? `*.${host}` : host
}

/** Names in their canonical form, each once, in their order. At least one. Throws a Fault name-malformed. */
export function canonicalNames(texts: readonly string[]): string[] {
  const names = [...new Set(texts.map(canonicalName))]
  if (names.length > 0 && names.length <= maxNames) return names
  throw new Fault('name-malformed', `names: ${names.length} are given. Give 1 to ${maxNames}.`, {
    count: names.length
  })
}

/** Canonical names by their kind. */
export function subjectNames(names: readonly string[]): SubjectNames {
  const isAddress = (name: string) => parseAddress(name) !== undefined
  return {
    dnsNames: names.filter((name) => !isAddress(name)),
    ipAddresses: names.filter(isAddress)
  }
}

/** the platform's IDNA (UTS #46) is for text beyond ASCII only: it would read 127.1 as an address, and %41 as a */
function asciiOf(host: string): string {
  return /^[\x00-\x7f]*$/.test(host) ? host.toLowerCase() : domainToASCII(host)
}

const label = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

function problemOf(host: string, isWildcard: boolean): string | undefined {
  if (host === '') return 'is empty, or holds what no host name may hold'
  if (host.length + (isWildcard ? 2 : 0) > 253) return 'is longer than 253 characters'
  const labels = host.split('.')
  if (labels.some((one) => one === '*')) return 'has a wildcard that is not its left-most label alone'
  const wrong = labels.find((one) => !label.test(one))
  if (wrong !== undefined) return `has the label ${visible(JSON.stringify(wrong))}, which is no host name's`
  if (/^[0-9]+$/.test(labels.at(-1) ?? '')) return 'ends in a number, and is no IP address'
  if (isWildcard && labels.length < 2) return 'is a wildcard for a whole top-level domain'
  if (labels.some((one) => one.startsWith('xn--') && !isALabel(one))) return 'has a label xn-- that is no IDN'
  return undefined
}

function isALabel(one: string): boolean {
  const unicode = domainToUnicode(one)
  return unicode !== '' && unicode !== one && domainToASCII(unicode) === one
}
