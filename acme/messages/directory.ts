import { Type, type Static } from 'typebox'
import { maybe } from './fields.ts'

/** The directory of a CA (RFC 8555 §7.1.1), the fields that are used. */
export const DirectoryMessage = Type.Object({
  newNonce: Type.String(),
  newAccount: Type.String(),
  newOrder: Type.String(),
  revokeCert: maybe(Type.String()),
  keyChange: maybe(Type.String()),
  /** RFC 9773 §4.1 */
  renewalInfo: maybe(Type.String()),
  meta: maybe(
    Type.Object({
      termsOfService: maybe(Type.String()),
      externalAccountRequired: maybe(Type.Boolean()),
      /** draft-ietf-acme-profiles: name → description or URL of one */
      profiles: maybe(Type.Record(Type.String(), Type.Unknown()))
    })
  )
})
export type DirectoryMessage = Static<typeof DirectoryMessage>
