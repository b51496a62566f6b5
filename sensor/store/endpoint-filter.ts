import type { Address } from '../../core/address.ts'
import { reversedName } from './certificates.ts'
import { bindAddress, bytes } from './connection.ts'
import type { Severity } from './findings.ts'

/** Addresses from `first` to `last`, both included and of one family. */
export interface AddressRange {
  readonly first: Address
  readonly last: Address
}

/** Which endpoints are meant: every condition that is there must hold. */
export interface EndpointFilter {
  /** default: present */
  readonly presence?: 'present' | 'gone' | 'any'
  /** a leaf certificate expires before this time, milliseconds */
  readonly expiresBefore?: number
  /** part of a server name, or of the subject or a name of a leaf certificate; or the address is in `range` */
  readonly text?: { readonly needle: string; readonly range: AddressRange | null }
  /** a DNS name of a leaf certificate: exact, or a suffix that begins with a dot */
  readonly certificateName?: string
  /** a finding that holds at the time of the question */
  readonly finding?: string
  /** of this severity, or of one of these */
  readonly severity?: Severity | readonly Severity[]
  /** part of the issuer's name */
  readonly issuer?: string
  readonly keyType?: string
  readonly port?: number
  readonly tag?: string
  readonly owner?: string
  readonly network?: AddressRange
  /** hex digits that the fingerprint of a leaf certificate begins with, or all 64 */
  readonly fingerprint?: string
  /** the name that is asked for */
  readonly serverName?: string
}

/** A condition of SQL with the values of its parameters. */
export interface Condition {
  /**
   * `shown`: it looks at `expires`, `state` and `id` alone, which the order of expiry has as well; `endpoint`: it
   * looks at other columns of endpoint, whose alias is `e`
   */
  readonly about: 'shown' | 'endpoint'
  readonly sql: string
  readonly values: Readonly<Record<string, number | string | bigint | Buffer>>
}

/** Alias of the table that has `expires`, `state` and `id`: endpoint itself, or the order of expiry. */
export type ShownAlias = 'e' | 'x'

/** The conditions of a filter, except that on presence; `now` decides which findings hold. */
export function conditions(filter: EndpointFilter, now: number, x: ShownAlias): Condition[] {
  return [
    ...placeConditions(filter, x),
    ...certificateConditions(filter, x),
    ...findingConditions(filter, now, x),
    ...(filter.text ? [textCondition(filter.text, x)] : [])
  ]
}

function placeConditions(filter: EndpointFilter, x: ShownAlias): Condition[] {
  const { expiresBefore, port, owner, tag, network, serverName } = filter
  const found: Condition[] = []
  if (expiresBefore !== undefined) {
    found.push({ about: 'shown', sql: `${x}.expires < @expiresBefore`, values: { expiresBefore } })
  }
  if (port !== undefined) found.push({ about: 'endpoint', sql: 'e.port = @port', values: { port } })
  if (serverName !== undefined) {
    found.push({ about: 'endpoint', sql: 'e.name = @serverName', values: { serverName } })
  }
  if (owner !== undefined) found.push({ about: 'endpoint', sql: 'e.owner = @owner', values: { owner } })
  if (tag !== undefined) {
    const sql = `${x}.id IN (SELECT endpoint FROM endpoint_tag WHERE tag = @tag)`
    found.push({ about: 'shown', sql, values: { tag } })
  }
  if (network) found.push(rangeCondition(network, 'network'))
  return found
}

function rangeCondition({ first, last }: AddressRange, name: string): Condition {
  const values = { [`${name}First`]: bindAddress(first), [`${name}Last`]: bindAddress(last) }
  return { about: 'endpoint', sql: `e.address BETWEEN @${name}First AND @${name}Last`, values }
}

function certificateConditions(filter: EndpointFilter, x: ShownAlias): Condition[] {
  const { issuer, keyType, certificateName, fingerprint } = filter
  const found: Condition[] = []
  const add = (certificates: string, values: Condition['values']) => {
    found.push({ about: 'shown', sql: shows(certificates, x), values })
  }
  if (issuer !== undefined) {
    add('SELECT id FROM certificate WHERE instr(lower(issuer), lower(@issuer)) > 0', { issuer })
  }
  if (keyType !== undefined) add('SELECT id FROM certificate WHERE key_type = @keyType', { keyType })
  if (fingerprint !== undefined) {
    const ends = { low: bytes(fingerprint.padEnd(64, '0')), high: bytes(fingerprint.padEnd(64, 'f')) }
    add('SELECT id FROM certificate WHERE fingerprint BETWEEN @low AND @high', ends)
  }
  if (certificateName !== undefined) add(...namedCertificates(certificateName))
  return found
}

/** The endpoints that show one of the leaf certificates which `certificates` selects the ids of. */
function shows(certificates: string, x: ShownAlias): string {
  const chains = `SELECT id FROM chain WHERE leaf IN (${certificates})`
  return `${x}.state IN (
    SELECT id FROM state WHERE chain IN (${chains}) UNION ALL
    SELECT id FROM state WHERE other_chain IN (${chains}))`
}

/** Labels are kept reversed, so that a suffix is the beginning of a range: everything up to the next sign. */
function namedCertificates(name: string): [sql: string, values: Condition['values']] {
  const names = "SELECT certificate FROM certificate_name WHERE kind = 'dns' AND"
  if (!name.startsWith('.')) {
    return [`${names} value = @certificateName`, { certificateName: reversedName(name) }]
  }
  const low = `${reversedName(name.slice(1))}.`
  const values = { nameLow: low, nameHigh: `${low.slice(0, -1)}/` }
  return [`${names} value >= @nameLow AND value < @nameHigh`, values]
}

function findingConditions({ finding, severity }: EndpointFilter, now: number, x: ShownAlias): Condition[] {
  if (finding === undefined && severity === undefined) return []
  const wanted = ['begins <= @now AND ends > @now']
  if (finding !== undefined) wanted.push('code = @finding')
  const severities = severity === undefined ? [] : [severity].flat()
  if (severity !== undefined) {
    wanted.push(`severity IN (${severities.map((_, at) => `@severity${at}`).join(', ')})`)
  }
  const subjects = (kinds: string) => `SELECT subject FROM finding WHERE ${kinds} AND ${wanted.join(' AND ')}`
  const chains = subjects("kind = 'chain'")
  const sql = `(${shows(subjects("kind IN ('certificate', 'key', 'status')"), x)}
    OR ${x}.state IN (${subjects("kind = 'state'")})
    OR ${x}.state IN (SELECT id FROM state WHERE chain IN (${chains}) OR other_chain IN (${chains}))
    OR ${x}.id IN (${subjects("kind IN ('endpoint', 'look')")}))`
  const bound = Object.fromEntries(severities.map((one, at) => [`severity${at}`, one]))
  const values = { now, ...(finding === undefined ? {} : { finding }), ...bound }
  return [{ about: 'shown', sql, values }]
}

/**
 * Sub-strings of at least three letters are found by the trigram index: certificates that have every three
 * letters of the needle, each then checked. Shorter ones are looked for in every certificate.
 */
function textCondition({ needle, range }: NonNullable<EndpointFilter['text']>, x: ShownAlias): Condition {
  const wanted = needle.toLowerCase()
  const letters = Array.from(wanted)
  // NUL would end the query of the index; what is left of the needle narrows enough
  const trigrams = letters
    .slice(2)
    .map((_, at) => letters.slice(at, at + 3).join(''))
    .filter((three) => !three.includes('\0'))
  const candidates = trigrams.length > 0 ? 'id IN (SELECT rowid FROM certificate_text(@trigrams)) AND ' : ''
  const match = trigrams.map((three) => `"${three.replaceAll('"', '""')}"`).join(' AND ')
  const certificates = `SELECT id FROM certificate WHERE ${candidates}instr(search, @needle) > 0`
  const named = "SELECT id FROM endpoint WHERE name <> '' AND instr(lower(name), @needle) > 0"
  const sql = [shows(certificates, x), `${x}.id IN (${named})`]
  const place = range ? rangeCondition(range, 'text') : undefined
  if (place) sql.push(place.sql)
  const values = { needle: wanted, ...(match ? { trigrams: match } : {}), ...place?.values }
  return { about: place ? 'endpoint' : 'shown', sql: `(${sql.join(' OR ')})`, values }
}
