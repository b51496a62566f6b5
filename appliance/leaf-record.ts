import type { CertificateFields } from '../pki/fields.ts'
import type { Leaf } from './records.ts'

/** What every form of a certificate says: a row of the store, or fields that were just read. */
type LeafFields = Pick<
  CertificateFields,
  'fingerprint' | 'issuer' | 'notBefore' | 'notAfter' | 'keyBits' | 'curve'
> & { readonly label: string; readonly keyType: string }

/** the last moment with a year of four digits, which is all that RFC 3339 knows */
const lastInstant = Date.UTC(10_000, 0, 1) - 1

/** Milliseconds as RFC 3339 text; what lies beyond the year 9999 is its end. */
export function instant(ms: number): string {
  return new Date(Math.min(ms, lastInstant)).toISOString()
}

/** A certificate in short. */
export function leafRecord(fields: LeafFields): Leaf {
  const { fingerprint, label, issuer, notBefore, notAfter, keyType, keyBits, curve } = fields
  const times = { notBefore: instant(notBefore), notAfter: instant(notAfter) }
  return { fingerprint, label, issuer, ...times, keyType, keyBits, curve }
}
