import { Type, type Static, type TSchema } from 'typebox'
import { parseAddress } from '../../core/address.ts'

/** A field that may be left out, or be null, as some servers write what they do not have. */
export function maybe<const S extends TSchema>(schema: S) {
  return Type.Optional(Type.Union([schema, Type.Null()]))
}

/** What a certificate is ordered for (RFC 8555 §9.7.7, RFC 8738). */
export interface Identifier {
  readonly type: 'dns' | 'ip'
  /** a host name in ASCII, `*.` before it for a wildcard; or an address */
  readonly value: string
}

/** An identifier as a CA writes it: the type may be one that we never ask for. */
export const IdentifierMessage = Type.Object({ type: Type.String(), value: Type.String() })

/** The identifier of a message, or null: it becomes a part of records and file names, so that it must be one. */
export function readIdentifier({ type, value }: Static<typeof IdentifierMessage>): Identifier | null {
  if (type === 'dns' && /^(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/.test(value))
    return { type, value }
  if (type === 'ip' && parseAddress(value) !== undefined) return { type, value }
  return null
}

// RFC 3339 §5.6; ACME has no other form of time
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)$/i

/** A time of RFC 3339 in milliseconds since the epoch, or null when it is none. */
export function readTime(text: string | null | undefined): number | null {
  if (text === null || text === undefined || !rfc3339.test(text)) return null
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : time
}

/** A time in milliseconds since the epoch as RFC 3339, in UTC, whole seconds. */
export function writeTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}
