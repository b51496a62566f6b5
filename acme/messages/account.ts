import { Type, type Static } from 'typebox'
import { maybe } from './fields.ts'

/** States of an account (RFC 8555 §7.1.6). */
export const accountStates = ['valid', 'deactivated', 'revoked'] as const
export type AccountState = (typeof accountStates)[number]

/** An account object (RFC 8555 §7.1.2), the fields that are used. */
export const AccountMessage = Type.Object({
  status: Type.Enum([...accountStates]),
  contact: maybe(Type.Array(Type.String())),
  orders: maybe(Type.String())
})
export type AccountMessage = Static<typeof AccountMessage>

/** A page of an account's list of orders (RFC 8555 §7.1.2.1). */
export const OrdersMessage = Type.Object({ orders: Type.Array(Type.String()) })
