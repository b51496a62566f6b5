/** The reasons that a subscriber may give for a revocation, and their numbers (RFC 5280 §5.3.1). */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9
} as const

/** Why a certificate is to be revoked. */
export type GivenReason = keyof typeof revocationReasons
