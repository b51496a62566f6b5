import { Type, type Static } from 'typebox'
import { IdentifierMessage, maybe } from './fields.ts'
import { ProblemMessage } from './problem.ts'

/** States of an order (RFC 8555 §7.1.6). */
export const orderStates = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const
/**
 * What some CAs say of an order whose authorization was given up or has run out: it is invalid (RFC 8555 §7.1.6), and
 * they give it the state of the authorization (Pebble).
 */
export const strayOrderStates = ['deactivated', 'expired', 'revoked'] as const
export type OrderState = (typeof orderStates)[number]

/** An order object (RFC 8555 §7.1.3), the fields that are used. */
export const OrderMessage = Type.Object({
  status: Type.Enum([...orderStates, ...strayOrderStates]),
  identifiers: Type.Array(IdentifierMessage),
  authorizations: Type.Array(Type.String()),
  finalize: Type.String(),
  certificate: maybe(Type.String()),
  expires: maybe(Type.String()),
  notBefore: maybe(Type.String()),
  notAfter: maybe(Type.String()),
  error: maybe(ProblemMessage),
  /** draft-ietf-acme-profiles */
  profile: maybe(Type.String())
})
export type OrderMessage = Static<typeof OrderMessage>
