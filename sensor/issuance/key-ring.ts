import type { Secret } from '../../core/secret.ts'

/** Keys that issuers sign with or hand out, kept sealed by somebody else: PKCS#8 PEM by name. */
export interface KeyRing {
  /** The key, or null when there is none of the name. */
  read(name: string): Secret | null
  /** Keeps a key, durable when it returns; one of the name is not overwritten: that is a fault. */
  keep(name: string, key: Secret): void
}
