import { addressBytes, parseAddress } from '../core/address.ts'
import { Fault } from '../core/fault.ts'
import { type DerReader, tags } from './der.ts'
import type { CertificateFields } from './fields.ts'
import { OidTable } from './object-ids.ts'
import { enterExtension, outlineOf } from './outline.ts'
import { latin1Of } from './values.ts'

/** Names below one point, as far as they are checked here. */
interface Subtrees {
  readonly dns: readonly string[]
  /** address and mask, 8 or 32 bytes */
  readonly ip: readonly Buffer[]
}

/** The name constraints of a CA certificate (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permitted: Subtrees
  readonly excluded: Subtrees
  /** are there other kinds of names than DNS and IP, which are not checked? */
  readonly hasOthers: boolean
}

const extensionId = new OidTable<true>([['2.5.29.30', true]])
const permittedTag = 0xa0
const excludedTag = 0xa1
const dnsTag = 0x82
const ipTag = 0x87

/** The name constraints of a certificate, or null when it has none. Broken ones permit nothing. */
export function readNameConstraints(der: Uint8Array): NameConstraints | null {
  const outline = outlineOf(der)
  return enterExtension(outline, extensionId) ? readValue(outline.reader) : null
}

const nothing: NameConstraints = {
  permitted: { dns: [], ip: [] },
  excluded: { dns: [''], ip: [Buffer.alloc(8), Buffer.alloc(32)] },
  hasOthers: true
}

function readValue(reader: DerReader): NameConstraints {
  try {
    reader.open(tags.sequence, 'nameConstraints')
    const permitted = readSubtrees(reader, permittedTag)
    const excluded = readSubtrees(reader, excludedTag)
    return { permitted, excluded, hasOthers: permitted.hasOthers || excluded.hasOthers }
  } catch (thrown) {
    if (thrown instanceof Fault) return nothing
    throw thrown
  }
}

function readSubtrees(reader: DerReader, tag: number): Subtrees & { readonly hasOthers: boolean } {
  const dns: string[] = []
  const ip: Buffer[] = []
  let hasOthers = false
  if (reader.ahead() !== tag) return { dns, ip, hasOthers }
  const outer = reader.open(tag, 'nameConstraints')
  while (reader.more()) {
    const subtree = reader.open(tags.sequence, 'nameConstraints')
    const kind = reader.next('nameConstraints')
    if (kind === dnsTag) dns.push(latin1Of(reader).toLowerCase())
    else if (kind === ipTag) ip.push(reader.bytes.subarray(reader.start, reader.stop))
    else hasOthers = true
    reader.leave(subtree)
  }
  reader.close(outer, 'nameConstraints')
  return { dns, ip, hasOthers }
}

/** Names held against constraints at most: thousands of both would take minutes. No real ones come near it. */
const maxComparisons = 1 << 18

/**
 * The DNS names and IP addresses of a certificate that the constraints of a CA above it do not allow; null when
 * there are too many of both to be checked.
 */
export function namesOutside(
  { permitted, excluded }: NameConstraints,
  { dnsNames, ipAddresses }: Pick<CertificateFields, 'dnsNames' | 'ipAddresses'>
): string[] | null {
  const subtrees = [permitted.dns, permitted.ip, excluded.dns, excluded.ip].reduce(
    (sum, { length }) => sum + length,
    0
  )
  if (subtrees * (dnsNames.length + ipAddresses.length) > maxComparisons) return null
  const wrongNames = dnsNames.filter((name) => {
    const below = (base: string) => isBelow(name.toLowerCase(), base)
    return excluded.dns.some(below) || (permitted.dns.length > 0 && !permitted.dns.some(below))
  })
  const wrongAddresses = ipAddresses.filter((text) => {
    const address = parseAddress(text)
    const bytes = address === undefined ? undefined : addressBytes(address)
    const within = (base: Buffer) => bytes !== undefined && isWithin(bytes, base)
    return excluded.ip.some(within) || (permitted.ip.length > 0 && !permitted.ip.some(within))
  })
  return [...wrongNames, ...wrongAddresses]
}

/** a base with a leading dot, which the RFC does not know for DNS, means names below it only, as OpenSSL has it */
function isBelow(name: string, base: string): boolean {
  if (base === '') return true
  return base.startsWith('.') ? name.endsWith(base) : name === base || name.endsWith(`.${base}`)
}

function isWithin(address: Uint8Array, base: Buffer): boolean {
  const { length } = address
  if (base.length !== length * 2) return false
  return address.every((byte, at) => {
    const mask = base[length + at] ?? 0
    return (byte & mask) === ((base[at] ?? 0) & mask)
  })
}
