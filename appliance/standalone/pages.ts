import { parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { KeyType } from '../../pki/fields.ts'
import { findingCodes } from '../../sensor/inventory/findings/codes.ts'
import { parseExclusion } from '../../sensor/scan/targets/parse.ts'
import type { AddressRange, EndpointFilter } from '../../sensor/store/endpoint-filter.ts'
import type { PageStart } from '../../sensor/store/endpoint-pages.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { InventoryQuery } from '../functions.ts'
import type { Endpoint, Severity, Summary } from '../records.ts'
import { schemaVersion } from '../schema-version.ts'
import { recordMaker } from './records.ts'

/** A page of the inventory with the figures of everything that matches. */
export function inventoryPage(
  store: Store,
  query: InventoryQuery,
  now: number
): { endpoints: Endpoint[]; summary: Summary } {
  const filter = filterOf(query, now)
  const after = query.after === undefined ? undefined : readCursor(query.after)
  const page = store.pages.page({
    filter,
    order: query.sort,
    limit: query.limit,
    now,
    ...(after ? { after } : {})
  })
  const maker = recordMaker(store, now)
  return {
    endpoints: page.rows.map((row) => maker.endpoint(row)),
    summary: {
      type: 'summary',
      schema: schemaVersion,
      ...figures(store, filter, now),
      next: page.next && writeCursor(page.next)
    }
  }
}

function figures(
  store: Store,
  filter: EndpointFilter,
  now: number
): Pick<Summary, 'endpoints' | 'attention' | 'critical'> {
  const count = (severity: readonly Severity[]) => {
    const asked = filter.severity === undefined ? severity : severity.filter((one) => one === filter.severity)
    return asked.length === 0 ? 0 : store.pages.count({ ...filter, severity: asked }, now)
  }
  return {
    endpoints: store.pages.count(filter, now),
    attention: count(['critical', 'warning']),
    critical: count(['critical'])
  }
}

/** The conditions of a query. Throws `option-malformed` and the faults of targets for a network. */
export function filterOf(query: InventoryQuery, now: number): EndpointFilter {
  const { expiringMs, finding, severity, issuer, key, search, certificate, network, port, tag, owner, gone } =
    query
  return {
    presence: gone === true ? 'gone' : 'present',
    ...(expiringMs === undefined ? {} : { expiresBefore: now + expiringMs }),
    ...(finding === undefined ? {} : { finding: knownFinding(finding) }),
    ...(severity === undefined ? {} : { severity }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(key === undefined ? {} : { keyType: knownKey(key) }),
    ...(search === undefined ? {} : { text: textOf(search) }),
    ...(certificate === undefined ? {} : { fingerprint: wholeFingerprint(certificate) }),
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

/** A part of a name; where it is an address or network, what lies there is meant as well. */
function textOf(text: string): NonNullable<EndpointFilter['text']> {
  const address = parseAddress(text)
  return { needle: text, range: address === undefined ? null : { first: address, last: address } }
}

function networkOf(text: string): AddressRange {
  const target = parseExclusion(text)
  if (target.kind === 'range') return { first: target.first, last: target.last }
  throw wrong('--network', text, 'write an address, a network a/24 or a range a-b')
}

function wholeFingerprint(text: string): string {
  const digits = text.replaceAll(/[\s:]/g, '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(digits)) return digits
  throw wrong('--certificate', text, 'write the whole SHA-256 fingerprint, 64 hex digits')
}

/** A cursor that goes to the person and comes back: the sort values, addresses as text. */
function writeCursor(start: PageStart): string {
  const values = start.map((value) => (typeof value === 'bigint' ? { n: value.toString() } : value))
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

function readCursor(text: string): PageStart {
  try {
    const values: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (Array.isArray(values)) return values.map(cursorValue)
  } catch {
    // it says so below
  }
  throw wrong('--after', text, 'copy it from the page before, with the same filters and order')
}

function cursorValue(value: unknown): PageStart[number] {
  if (typeof value === 'number' || typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'string')
    return BigInt(value.n)
  throw new TypeError('no value of a cursor')
}
