import { Type, type Static } from 'typebox'
import { IdentifierMessage, maybe } from './fields.ts'
import { ProblemMessage } from './problem.ts'

/** States of an authorization (RFC 8555 §7.1.6). */
export const authorizationStates = [
  'pending',
  'valid',
  'invalid',
  'deactivated',
  'expired',
  'revoked'
] as const
export type AuthorizationState = (typeof authorizationStates)[number]

/**
 * An authorization object (RFC 8555 §7.1.4), the fields that are used. The challenges are read one by one: one
 * that is not understood must not hide the others.
 */
export const AuthorizationMessage = Type.Object({
  status: Type.Enum([...authorizationStates]),
  identifier: IdentifierMessage,
  challenges: Type.Array(Type.Unknown()),
  expires: maybe(Type.String()),
  wildcard: maybe(Type.Boolean())
})
export type AuthorizationMessage = Static<typeof AuthorizationMessage>

/** States of a challenge (RFC 8555 §7.1.6). */
export const challengeStates = ['pending', 'processing', 'valid', 'invalid'] as const
export type ChallengeState = (typeof challengeStates)[number]

/** Challenges that are answered by what is made of a token: RFC 8555 §8.3 and §8.4, RFC 8737. */
export const tokenChallengeTypes = ['http-01', 'dns-01', 'tls-alpn-01'] as const
export type TokenChallengeType = (typeof tokenChallengeTypes)[number]

const common = {
  url: Type.String(),
  status: Type.Enum([...challengeStates]),
  validated: maybe(Type.String()),
  error: maybe(ProblemMessage)
}

/** A challenge with a token. The token becomes a part of URLs and file names: RFC 8555 §8 allows base64url only. */
export const TokenChallengeMessage = Type.Object({
  ...common,
  type: Type.Enum([...tokenChallengeTypes]),
  token: Type.String({ pattern: '^[A-Za-z0-9_-]{22,256}$' })
})
export type TokenChallengeMessage = Static<typeof TokenChallengeMessage>

/** A challenge answered by a TXT record that stays (draft-ietf-acme-dns-persist). */
export const PersistentChallengeMessage = Type.Object({
  ...common,
  type: Type.Literal('dns-persist-01'),
  'issuer-domain-names': Type.Array(Type.String({ pattern: '^[A-Za-z0-9.-]{1,253}$' }), {
    minItems: 1,
    maxItems: 10
  })
})
export type PersistentChallengeMessage = Static<typeof PersistentChallengeMessage>

/** Only the type, to tell what was offered. */
export const AnyChallengeMessage = Type.Object({ type: Type.String() })
