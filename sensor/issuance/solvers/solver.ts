import { hash } from 'node:crypto'
import { Fault } from '../../../core/fault.ts'
import { visible } from '../../../core/text.ts'

/** Ways to prove control of a name that are answered here (RFC 8555 §8). */
export type ChallengeType = 'http-01' | 'dns-01'

/** What an ACME server wants to see. */
export interface Challenge {
  readonly type: ChallengeType
  /** the identifier without a wildcard: a host name of A-labels, or for http-01 an IP address */
  readonly name: string
  /** base64url, from the server */
  readonly token: string
  /** token.thumbprint (RFC 8555 §8.1); it is shown to the world */
  readonly keyAuthorization: string
  /** for dns-01: where the record goes instead of _acme-challenge.name, which is an alias (CNAME) of it */
  readonly record?: string
}

/** Answers challenges in one way. Both calls are one short exchange and may be repeated after a crash at any moment. */
export interface Solver {
  readonly type: ChallengeType | 'none'
  /**
   * Puts the answer in place. `visibleAt`: from when (milliseconds since the epoch) the server can be told to look; the
   * answer may take that long to get to where it looks.
   */
  present(challenge: Challenge, signal: AbortSignal): Promise<{ readonly visibleAt: number }>
  /** Takes away this answer and no other; that it is gone already is fine. */
  cleanup(challenge: Challenge, signal: AbortSignal): Promise<void>
}

/** The TXT record of a dns-01 challenge (RFC 8555 §8.4); the name without the final dot. */
export function dnsRecordOf({ name, keyAuthorization, record }: Challenge): {
  readonly name: string
  readonly value: string
} {
  return { name: record ?? `_acme-challenge.${name}`, value: hash('sha256', keyAuthorization, 'base64url') }
}

/** Where http-01 answers lie (RFC 8555 §8.3). */
export const wellKnownPath = '/.well-known/acme-challenge/'

/** The token of a challenge; it becomes a part of paths, so that nothing but base64url passes. Fault challenge-unfit. */
export function checkedToken({ token }: Pick<Challenge, 'token'>): string {
  if (/^[A-Za-z0-9_-]{1,128}$/.test(token)) return token
  throw new Fault(
    'challenge-unfit',
    `The token ${visible(JSON.stringify(token))} of a challenge is no base64url.`
  )
}

/** Makes sure that a challenge is of the type that a solver answers. Fault challenge-unfit. */
export function checkType({ type, name }: Challenge, wanted: ChallengeType): void {
  if (type === wanted) return
  throw new Fault(
    'challenge-unfit',
    `The challenge for ${visible(name)} is ${type}, and answered is ${wanted}. Choose another way to prove names.`,
    { name: visible(name), type }
  )
}
