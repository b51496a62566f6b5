import { formatAddress, parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { KeyType } from '../../pki/fields.ts'
import { findingCodes } from '../../sensor/inventory/findings/codes.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import type { AddressRange, EndpointFilter } from '../../sensor/store/endpoint-filter.ts'
import type { EndpointOrder, PageStart } from '../../sensor/store/endpoint-pages.ts'
import type { InventoryQuery } from '../functions.ts'

type Filters = Omit<InventoryQuery, 'sort' | 'limit' | 'after'>

/** The conditions of a query at `now`. Throws `option-malformed`, and the faults of targets for a network. */
export function filterOf(query: Filters, now: number): EndpointFilter {
  const { gone, expiringMs, finding, severity, issuer, key, search, certificate, network, port, tag, owner } =
    query
  return {
    presence: gone === true ? 'gone' : 'present',
    ...(expiringMs === undefined ? {} : { expiresBefore: now + expiringMs }),
    ...(finding === undefined ? {} : { finding: knownFinding(finding) }),
    ...(severity === undefined ? {} : { severity }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(key === undefined ? {} : { keyType: knownKey(key) }),
    ...(search === undefined ? {} : searchOf(search)),
    ...(certificate === undefined ? {} : { fingerprint: knownFingerprint(certificate) }),
    ...(network === undefined ? {} : { network: networkOf(network) }),
    ...(port === undefined ? {} : { port }),
    ...(tag === undefined ? {} : { tag }),
    ...(owner === undefined ? {} : { owner })
  }
}

function wrong(option: string, value: string, remedy: string): Fault {
  return new Fault('option-malformed', `${option} is '${visible(value, 80)}': ${remedy}.`, {
    field: option,
    value
  })
}

function knownFinding(code: string): string {
  if (code in findingCodes) return code
  throw wrong('--finding', code, `write one of ${Object.keys(findingCodes).join(', ')}`)
}

const keyTypes: readonly KeyType[] = ['RSA', 'ECDSA', 'Ed25519', 'Ed448', 'DSA', 'other']

function knownKey(text: string): string {
  const found = keyTypes.find((type) => type.toLowerCase() === text.toLowerCase())
  if (found !== undefined) return found
  throw wrong('--key', text, `write one of ${keyTypes.join(', ')}`)
}

/** Part of a name; all names under a domain (`*.example.com`); or addresses, whole or as they begin (`10.1.`). */
function searchOf(text: string): Pick<EndpointFilter, 'text' | 'certificateName'> {
  const suffix = /^\*?(\.[^*]+)$/.exec(text)?.[1]
  if (suffix !== undefined) return { certificateName: suffix }
  return { text: { needle: text, range: rangeOf(text) } }
}

function rangeOf(text: string): AddressRange | null {
  const address = parseAddress(text)
  if (address !== undefined) return { first: address, last: address }
  const parts = /^(?:\d{1,3}\.){1,3}$/.test(text) ? text.split('.').filter((part) => part !== '') : []
  if (parts.length === 0) return null
  const filled = (part: string) => parseAddress([...parts, part, part, part].slice(0, 4).join('.'))
  const [first, last] = [filled('0'), filled('255')]
  return first === undefined || last === undefined ? null : { first, last }
}

function networkOf(text: string): AddressRange {
  const target = parseExclusion(text)
  if (target.kind === 'range') return { first: target.first, last: target.last }
  throw wrong('--network', text, 'write an address, a network a/24 or a range a-b')
}

/**
 * The hex digits of a fingerprint, or of its beginning, from text in which blanks and colons part bytes; undefined: it
 * is none.
 */
export function fingerprintDigits(text: string): string | undefined {
  const isParted = /^\s*[0-9a-f]{2}([\s:]+[0-9a-f]{2})*[\s:]*$/i.test(text)
  const digits = (isParted ? text.replaceAll(/[\s:]/g, '') : text.replaceAll(/\s/g, '')).toLowerCase()
  return /^[0-9a-f]{4,64}$/.test(digits) ? digits : undefined
}

function knownFingerprint(text: string): string {
  const digits = fingerprintDigits(text)
  if (digits !== undefined) return digits
  throw wrong('--certificate', text, 'write its SHA-256 fingerprint or the first 4 to 64 hex digits of it')
}

/** Kinds of the values that a page of each order begins after; an address goes out as its text. */
const cursorShapes: Readonly<Record<EndpointOrder, readonly ('number' | 'string' | 'address')[]>> = {
  expiry: ['number', 'number', 'number'],
  address: ['address', 'number', 'string'],
  name: ['string', 'number', 'number'],
  'last-seen': ['number', 'number']
}

/** Where a page begins, as a text that goes to a person and comes back. */
export function writeCursor(order: EndpointOrder, start: PageStart): string {
  const values = start.map((value, at) =>
    cursorShapes[order][at] === 'address' && typeof value !== 'string' ? formatAddress(value) : value
  )
  return Buffer.from(JSON.stringify([order, ...values])).toString('base64url')
}

/** The start of a page from its text. Throws `option-malformed`. */
export function readCursor(order: EndpointOrder, text: string): PageStart {
  const [of, ...values] = parsed(text)
  const shape = cursorShapes[order]
  const start = values.map((value, at) => readValue(shape[at], value))
  if (of === order && start.length === shape.length && start.every((value) => value !== undefined))
    return start
  throw wrong('--after', text, `copy it from the page before, in the same order (${order})`)
}

function readValue(
  kind: 'number' | 'string' | 'address' | undefined,
  value: unknown
): PageStart[number] | undefined {
  if (kind === 'address') return typeof value === 'string' ? parseAddress(value) : undefined
  return typeof value === kind ? (value as number | string) : undefined
}

function parsed(text: string): unknown[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(values) ? values : []
  } catch {
    return []
  }
}
