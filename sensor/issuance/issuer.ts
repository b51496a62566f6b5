import type { KeyType, PrivateKey } from '../../pki/private-key.ts'
import type { RevocationReason } from '../../pki/revocation.ts'

/** What is asked of an issuer: one certificate for one key. */
export interface CertificateRequest {
  /** host names and IP addresses in canonical form (pki/subject-names.ts), the first is the common name where one is wanted */
  readonly names: readonly string[]
  /** PKCS#10, DER; null where the issuer brings the key ({@link Issuer.keyFrom}) */
  readonly csr: Uint8Array | null
  readonly keyType: KeyType
  /** asked for; the issuer may cut it. null: as long as the issuer likes */
  readonly validityMs: number | null
  /** profile of an ACME server (draft-ietf-acme-profiles), or null */
  readonly issuerProfile: string | null
  /** name of the root or issuer of the alternate chain to take, where there are several (RFC 8555 §7.4.2), or null */
  readonly preferredChain: string | null
  /** DER of the certificate that is to be replaced (RFC 9773 §5), or null */
  readonly replaces: Uint8Array | null
}

/**
 * What an issuer remembers of one order between calls: a text of its own, JSON mostly. It is written before the act
 * that it stands for, so that the act can be repeated or found again after a crash.
 */
export interface OrderMemory {
  /** null: nothing yet */
  read(): string | null
  /** is durable when it returns */
  write(memory: string): void
}

/** How far an order is. */
export type Progress =
  | {
      readonly state: 'issued'
      /** DER, leaf first */
      readonly chain: readonly Uint8Array[]
      /** the key, where the issuer brings it ({@link Issuer.keyFrom}); else null, for it is that of the CSR */
      readonly key: PrivateKey | null
    }
  /** `againAt`: milliseconds since the epoch, when advance is to be called again */
  | { readonly state: 'pending'; readonly againAt: number; readonly why: string }
  /** waits for a person, who is told `why`; advance is called again when something was handed in */
  | { readonly state: 'person'; readonly why: string }

/** What came of giving an order up. */
export type Abandoned =
  /** nothing of it is left that can be taken back */
  | { readonly state: 'abandoned' }
  /** the certificate may be issued or paid for already: what is remembered is worth keeping */
  | { readonly state: 'kept' }
  /** `againAt`: milliseconds since the epoch, when abandon is to be called again */
  | { readonly state: 'pending'; readonly againAt: number; readonly why: string }

/** When an issuer would like a certificate to be renewed (RFC 9773 §4.1); milliseconds since the epoch. */
export interface RenewalWindow {
  readonly start: number
  readonly end: number
  /** a page that says why, or null */
  readonly explanation: string | null
  /** when to ask again */
  readonly againAt: number
}

/** What an issuer says of itself. */
export interface IssuerCheck {
  /** what it is, for a person */
  readonly name: string
  /** what else is worth showing: what it offers, until when it is valid */
  readonly facts: Readonly<Record<string, string>>
  /** profiles that a request may name, with their descriptions */
  readonly profiles: Readonly<Record<string, string>>
  /** what keeps it from giving certificates now, sentences that say what to do; empty when it can */
  readonly problems: readonly string[]
  /** what will go wrong soon, sentences; empty when all is well */
  readonly warnings: readonly string[]
}

/**
 * Where certificates come from: an ACME server, the own CA, a person who takes the request to a CA, or a certificate
 * that was bought elsewhere. No call sleeps or takes more than one short exchange; all may be repeated after a crash at
 * any moment.
 */
export interface Issuer {
  /** `request`: the key is made here, the request carries its CSR. `issuer`: it comes with the certificate */
  readonly keyFrom: 'request' | 'issuer'
  /** Begins an order or goes on with it. Faults: what the issuer refuses, an order that was begun for another request. */
  advance(request: CertificateRequest, memory: OrderMemory, signal: AbortSignal): Promise<Progress>
  /**
   * Gives up an order, of which nothing but its memory is there any more: takes away what answers challenges, and tells
   * the CA that it will not be gone on with. Faults: as of advance; what they are about is tried again.
   */
  abandon(memory: OrderMemory, signal: AbortSignal): Promise<Abandoned>
  /** null: it has no wishes, the profile decides */
  renewalWindow(certificate: Uint8Array, signal: AbortSignal): Promise<RenewalWindow | null>
  /** Revokes a certificate (DER) that it issued; one that is revoked already is fine. */
  revoke(certificate: Uint8Array, reason: RevocationReason, signal: AbortSignal): Promise<void>
  /** Reaches the issuer without asking for anything. */
  check(signal: AbortSignal): Promise<IssuerCheck>
}
