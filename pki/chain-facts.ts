/** Where in a path a certificate stands. */
export type ChainRole = 'leaf' | 'intermediate' | 'root'

/** One certificate that a fact is about. */
export interface ChainSubject {
  /** SHA-256 of its DER, lower-case hex */
  readonly fingerprint: string
  /** its subject, RFC 4514 */
  readonly subject: string
}

/**
 * The kinds of facts about a served chain, a closed list, and whether one keeps clients from trusting the chain
 * (`breaks`) or only burdens or confuses them.
 */
export const chainFacts = {
  unreadable: { breaks: false, says: 'a certificate of the chain cannot be read' },
  'too-many': { breaks: false, says: 'more certificates are served than are looked at' },
  'search-cut': { breaks: false, says: 'there are more possible paths than are tried' },
  incomplete: { breaks: true, says: 'the issuer of a certificate is neither served nor trusted' },
  'bad-signature': { breaks: true, says: 'a certificate with the name of the issuer has not signed' },
  'untrusted-root': { breaks: true, says: 'the chain ends at a root that is not trusted' },
  'self-signed': { breaks: true, says: 'the certificate is signed by its own key and is not trusted' },
  'wrong-order': {
    breaks: false,
    says: 'the certificates of the path are not served in the order of issuing'
  },
  'root-sent': { breaks: false, says: 'a root is served, which clients have or do not believe' },
  unneeded: { breaks: false, says: 'an issuer is served that the chosen path does without' },
  unrelated: { breaks: false, says: 'a certificate is served that has issued nothing of the chain' },
  repeated: { breaks: false, says: 'a certificate is served twice' },
  expired: { breaks: true, says: 'an issuer in the path has expired' },
  'not-yet-valid': { breaks: true, says: 'an issuer in the path is not valid yet' },
  'not-a-ca': { breaks: true, says: 'an issuer in the path is no CA (basicConstraints)' },
  'may-not-sign': { breaks: true, says: 'the key usage of an issuer does not allow signing certificates' },
  'path-too-long': {
    breaks: true,
    says: 'more intermediates follow a CA than it allows (pathLenConstraint)'
  },
  'key-id-mismatch': { breaks: true, says: 'a certificate names another key or certificate as its issuer' },
  'name-constrained': { breaks: false, says: 'a CA in the path constrains names' },
  'name-not-permitted': { breaks: true, says: 'a name of the leaf is outside what a CA in the path permits' },
  'name-mismatch': { breaks: false, says: 'the leaf does not cover the server name asked for' }
} as const satisfies Record<string, { breaks: boolean; says: string }>

/** One fact about a served chain. */
export type ChainFact =
  | { readonly kind: 'unreadable'; readonly position: number; readonly reason: string }
  | { readonly kind: 'too-many'; readonly count: number; readonly limit: number }
  | { readonly kind: 'search-cut' }
  | (ChainSubject & {
      readonly kind: 'incomplete'
      /** of the certificate whose issuer is missing: at the leaf it is an intermediate or an unknown root */
      readonly role: ChainRole
      /** name of the missing issuer, RFC 4514 */
      readonly issuer: string
      readonly authorityKeyId: string | null
      /** where the certificate says that its issuer can be fetched */
      readonly issuerUrls: readonly string[]
    })
  | (ChainSubject & { readonly kind: 'bad-signature'; readonly issuerFingerprint: string })
  | (ChainSubject & { readonly kind: 'untrusted-root' | 'self-signed' })
  | {
      readonly kind: 'wrong-order'
      /** fingerprints of the served certificates of the path in the order that they should have */
      readonly expected: readonly string[]
    }
  | (ChainSubject & {
      readonly kind: 'root-sent' | 'unneeded' | 'unrelated' | 'repeated'
      /** place in the chain as served, from 0 */
      readonly position: number
    })
  | (ChainSubject & {
      readonly kind: 'expired' | 'not-yet-valid'
      readonly role: ChainRole
      /** end or begin of its validity, milliseconds since the epoch */
      readonly at: number
    })
  | (ChainSubject & { readonly kind: 'not-a-ca' | 'may-not-sign' })
  | (ChainSubject & { readonly kind: 'path-too-long'; readonly allowed: number; readonly found: number })
  | (ChainSubject & { readonly kind: 'key-id-mismatch'; readonly issuerFingerprint: string })
  | (ChainSubject & {
      readonly kind: 'name-constrained'
      /** the constraints speak of DNS names and IP addresses only, and those were checked */
      readonly checked: boolean
    })
  | (ChainSubject & { readonly kind: 'name-not-permitted'; readonly names: readonly string[] })
  | {
      readonly kind: 'name-mismatch'
      readonly name: string
      /** the common name alone would cover it, which clients no longer accept */
      readonly commonNameOnly: boolean
    }

/** Does the fact keep clients from trusting the chain? */
export function breaksTrust(fact: ChainFact): boolean {
  return chainFacts[fact.kind].breaks
}
