import type { Address } from '../../core/address.ts'
import { reversedName } from './certificates.ts'
import { bindAddress } from './connection.ts'
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
  readonly fingerprint?: string
}

/**
 * A condition of SQL with the values of its parameters. It is about `e.` columns of endpoint; those about what an
 * endpoint shows use `x.expires` and `x.state` only, which the order of expiry has too.
 */
export interface Condition {
  readonly about: 'endpoint' | 'shown'
  readonly sql: string
  readonly values: Readonly<Record<string, number | string | bigint | Buffer>>
}

/** The conditions of a filter; `now` decides which findings hold. */
export function conditions(filter: EndpointFilter, now: number): Condition[] {
  return [
    ...placeConditions(filter),
    ...certificateConditions(filter),
    ...findingConditions(filter, now),
    ...(filter.text ? [textCondition(filter.text)] : [])
  ]
}

function placeConditions(filter: EndpointFilter): Condition[] {
  const { presence = 'present', expiresBefore, port, owner, tag, network } = filter
  const found: Condition[] = []
  if (presence !== 'any') found.push({ about: 'endpoint', sql: `e.presence = ${presence === 'present' ? 1 : 0}`, values: {} })
  if (expiresBefore !== undefined)
    found.push({ about: 'shown', sql: 'x.expires < @expiresBefore', values: { expiresBefore } })
  if (port !== undefined) found.push({ about: 'endpoint', sql: 'e.port = @port', values: { port } })
  if (owner !== undefined) found.push({ about: 'endpoint', sql: 'e.owner = @owner', values: { owner } })
  if (tag !== undefined) {
    const sql = 'e.id IN (SELECT endpoint FROM endpoint_tag WHERE tag = @tag)'
    found.push({ about: 'endpoint', sql, values: { tag } })
  }
  if (network) found.push(rangeCondition(network, 'network'))
  return found
}

function rangeCondition({ first, last }: AddressRange, name: string): Condition {
  const values = { [`${name}First`]: bindAddress(first), [`${name}Last`]: bindAddress(last) }
  return { about: 'endpoint', sql: `e.address BETWEEN @${name}First AND @${name}Last`, values }
}

function certificateConditions({
  issuer,
  keyType,
  certificateName,
  fingerprint
}: EndpointFilter): Condition[] {
  const found: Condition[] = []
  if (issuer !== undefined) {
    const sql = shows('SELECT id FROM certificate WHERE instr(lower(issuer), lower(@issuer)) > 0')
    found.push({ about: 'shown', sql, values: { issuer } })
  }
  if (keyType !== undefined) {
    found.push({ sql: shows('SELECT id FROM certificate WHERE key_type = @keyType'), values: { keyType } })
  }
  if (fingerprint !== undefined) {
    const sql = shows('SELECT id FROM certificate WHERE fingerprint = @fingerprint')
    found.push({ sql, values: { fingerprint: Buffer.from(fingerprint, 'hex') } })
  }
  if (certificateName !== undefined) found.push(nameCondition(certificateName))
  return found
}

/** The endpoints that show one of the leaf certificates which `certificates` selects the ids of. */
function shows(certificates: string): string {
  const chains = `SELECT id FROM chain WHERE leaf IN (${certificates})`
  return `x.state IN (
    SELECT id FROM state WHERE chain IN (${chains}) UNION ALL
    SELECT id FROM state WHERE other_chain IN (${chains}))`
}

/** Labels are kept reversed, so that a suffix is the beginning of a range: everything up to the next sign. */
function nameCondition(name: string): Condition {
  const names = "SELECT certificate FROM certificate_name WHERE kind = 'dns' AND"
  if (!name.startsWith('.')) {
    return {
      sql: shows(`${names} value = @certificateName`),
      values: { certificateName: reversedName(name) }
    }
  }
  const low = `${reversedName(name.slice(1))}.`
  const sql = shows(`${names} value >= @nameLow AND value < @nameHigh`)
  return { sql, values: { nameLow: low, nameHigh: `${low.slice(0, -1)}/` } }
}

function findingConditions({ finding, severity }: EndpointFilter, now: number): Condition[] {
  if (finding === undefined && severity === undefined) return []
  const wanted = ['begins <= @now AND ends > @now']
  if (finding !== undefined) wanted.push('code = @finding')
  const severities = severity === undefined ? [] : [severity].flat()
  if (severity !== undefined)
    wanted.push(`severity IN (${severities.map((_, at) => `@severity${at}`).join(', ')})`)
  const subjects = (kinds: string) => `SELECT subject FROM finding WHERE ${kinds} AND ${wanted.join(' AND ')}`
  const chains = subjects("kind = 'chain'")
  const sql = `(${shows(subjects("kind IN ('certificate', 'key')"))}
    OR x.state IN (${subjects("kind = 'state'")})
    OR x.state IN (SELECT id FROM state WHERE chain IN (${chains}) OR other_chain IN (${chains}))
    OR e.id IN (${subjects("kind = 'endpoint'")}))`
  const bound = Object.fromEntries(severities.map((one, at) => [`severity${at}`, one]))
  const values = { now, ...(finding === undefined ? {} : { finding }), ...bound }
  return [{ sql, values }]
}

/**
 * Sub-strings of at least three letters are found by the trigram index: certificates that have every three
 * letters of the needle, each then checked. Shorter ones are looked for in every certificate.
 */
function textCondition({ needle, range }: NonNullable<EndpointFilter['text']>): Condition {
  const wanted = needle.toLowerCase()
  const letters = Array.from(wanted)
  const trigrams = letters.slice(2).map((_, at) => letters.slice(at, at + 3).join(''))
  const candidates = trigrams.length > 0 ? 'id IN (SELECT rowid FROM certificate_text(@trigrams)) AND ' : ''
  const match = trigrams.map((three) => `"${three.replaceAll('"', '""')}"`).join(' AND ')
  const place = range ? rangeCondition(range, 'text') : { sql: 'false', values: {} }
  const sql = `(${shows(`SELECT id FROM certificate WHERE ${candidates}instr(search, @needle) > 0`)}
    OR e.id IN (SELECT id FROM endpoint WHERE name <> '' AND instr(lower(name), @needle) > 0)
    OR ${place.sql})`
  return { sql, values: { needle: wanted, ...(match ? { trigrams: match } : {}), ...place.values } }
}
