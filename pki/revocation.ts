/** Reasons of revocation (RFC 5280 §5.3.1), by their numbers; 7 is not used. */
const reasons = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'unspecified',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise'
] as const

/** Why a certificate was revoked. */
export type RevocationReason = (typeof reasons)[number]

/** The reason of a number; none and unknown ones are unspecified. */
export function reasonOf(number: number | undefined): RevocationReason {
  return reasons[number ?? 0] ?? 'unspecified'
}

/** Why a CRL or an OCSP response says nothing that can be believed: a closed list. */
export type RevocationError =
  /** it is no CRL or OCSP response */
  | 'malformed'
  /** the responder answers with an error of its own (malformedRequest, tryLater, unauthorized …) */
  | 'refused'
  /** it is about other certificates, or of another issuer */
  | 'not-about-it'
  /** its signature is wrong */
  | 'bad-signature'
  /** it is signed by somebody whom the issuer has not allowed to */
  | 'unauthorized-signer'
  /** it begins to hold in the future */
  | 'not-yet-valid'
  /** its next update is over */
  | 'stale'
  /** it is of a kind that is not read: delta and indirect CRLs, unknown critical extensions or algorithms */
  | 'unsupported'

/** When an answer was made and until when it holds, milliseconds since the epoch. */
export interface AnswerTimes {
  readonly thisUpdate: number
  /** null: newer information is always available */
  readonly nextUpdate: number | null
}

/** What is known of a certificate's revocation. */
export type RevocationStatus =
  | ({ readonly state: 'good' } & AnswerTimes)
  | ({
      readonly state: 'revoked'
      /** since when, milliseconds since the epoch */
      readonly at: number
      readonly reason: RevocationReason
    } & AnswerTimes)
  /** the responder does not know the certificate */
  | ({ readonly state: 'unknown' } & AnswerTimes)
  | { readonly state: 'error'; readonly error: RevocationError; readonly detail: string }

/** The certificate that is asked about, its issuer (both DER), and the time of asking. */
export interface RevocationQuestion {
  readonly leaf: Uint8Array
  readonly issuer: Uint8Array
  /** milliseconds since the epoch */
  readonly now: number
}

/** How far clocks may be apart. */
export const clockSkewMs = 5 * 60_000

/** What is wrong with the times of an answer, or undefined. */
export function wrongTimes(
  { thisUpdate, nextUpdate }: AnswerTimes,
  now: number
): RevocationStatus | undefined {
  if (thisUpdate > now + clockSkewMs) {
    return wrongAnswer('not-yet-valid', `it holds from ${new Date(thisUpdate).toISOString()}`)
  }
  if (nextUpdate !== null && nextUpdate < now - clockSkewMs) {
    return wrongAnswer('stale', `its next update was due ${new Date(nextUpdate).toISOString()}`)
  }
  return undefined
}

/** An answer that cannot be believed, and the words for a person. */
export function wrongAnswer(
  error: RevocationError,
  detail: string
): RevocationStatus & { readonly state: 'error' } {
  return { state: 'error', error, detail }
}
