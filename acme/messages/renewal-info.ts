import { Type, type Static } from 'typebox'
import { Fault } from '../../core/fault.ts'
import { readAuthorityKey } from '../../pki/authority-key.ts'
import { tags } from '../../pki/der.ts'
import { outlineOf } from '../../pki/outline.ts'
import { maybe } from './fields.ts'

/** Renewal information (RFC 9773 §4.2). */
export const RenewalInfoMessage = Type.Object({
  suggestedWindow: Type.Object({ start: Type.String(), end: Type.String() }),
  explanationURL: maybe(Type.String())
})
export type RenewalInfoMessage = Static<typeof RenewalInfoMessage>

/**
 * The identifier of a certificate for renewal information and for `replaces` (RFC 9773 §4.1): key identifier of
 * the authority and the serial number as encoded, sign byte included. Throws a Fault certificate-malformed where
 * the certificate does not name the key of its authority.
 */
export function certificateId(der: Uint8Array): string {
  const { keyId } = readAuthorityKey(der)
  if (keyId === null) {
    throw new Fault(
      'certificate-malformed',
      'The certificate has no authority key identifier: renewal information cannot be asked for it.',
      { field: 'authorityKeyIdentifier' }
    )
  }
  const { reader, serial, issuer } = outlineOf(der)
  reader.seek(serial, issuer)
  reader.expect(tags.integer, 'serialNumber')
  const number = reader.bytes.toString('base64url', reader.start, reader.stop)
  return `${Buffer.from(keyId, 'hex').toString('base64url')}.${number}`
}
