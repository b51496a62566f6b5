import type { Revocation } from '../scan/revocation.ts'
import type { Store } from '../store/store.ts'
import { revocationFindings } from './findings/certificate.ts'

/**
 * Keeps what the issuer of a certificate (its id) said of it, as a finding. What is not known leaves the last word
 * as it was: an issuer that cannot be reached takes nothing back.
 */
export function keepRevocation(store: Store, id: number, answer: Revocation | null): void {
  if (answer?.outcome !== 'revoked' && answer?.outcome !== 'good') return
  store.findings.replace(
    { kind: 'revocation', id },
    revocationFindings(answer.outcome === 'revoked' ? answer : null)
  )
}
