/**
 * What can be wrong with a certificate that an issuer has given, a closed list: whether it must not be used, and the
 * words for a person.
 */
export const issuedReasons = {
  nothing: { refuses: true, says: 'the issuer gave no certificate' },
  unreadable: { refuses: true, says: 'a certificate of the chain cannot be read' },
  'too-many': { refuses: true, says: 'the chain has more certificates than are looked at' },
  'broken-extension': { refuses: true, says: 'an extension of the certificate breaks RFC 5280' },
  'key-mismatch': { refuses: true, says: 'the certificate is for another key' },
  'name-not-covered': { refuses: true, says: 'the certificate does not cover a name that was asked for' },
  'not-yet-valid': { refuses: true, says: 'the certificate is not valid yet' },
  expired: { refuses: true, says: 'the certificate has expired' },
  'wrong-order': { refuses: true, says: 'the chain is not in the order of issuing, leaf first' },
  stranger: { refuses: true, says: 'the chain holds a certificate that has issued nothing of it' },
  repeated: { refuses: true, says: 'the chain holds a certificate twice' },
  'bad-signature': {
    refuses: true,
    says: 'a certificate is not signed by the one that has the name of its issuer'
  },
  'issuer-missing': { refuses: true, says: 'the chain lacks the certificate that issued the leaf' },
  untrusted: { refuses: true, says: 'the chain does not lead to a trusted root' },
  'self-signed': { refuses: true, says: 'the certificate is signed by its own key' },
  'issuer-not-yet-valid': { refuses: true, says: 'a CA of the chain is not valid yet' },
  'issuer-expired': { refuses: true, says: 'a CA of the chain has expired' },
  'issuer-unfit': { refuses: true, says: 'a CA of the chain was not allowed to issue it' },
  'name-not-permitted': { refuses: true, says: 'a name is outside what a CA of the chain may sign' },
  'leaf-is-ca': { refuses: true, says: 'the certificate is that of a CA' },
  'no-server-auth': {
    refuses: true,
    says: 'the certificate is not for servers (extKeyUsage lacks serverAuth)'
  },
  'no-purpose': {
    refuses: false,
    says: 'the certificate does not say that it is for servers (no extKeyUsage), which some clients want'
  },
  'may-not-sign': {
    refuses: true,
    says: 'the key usage does not allow digital signatures, which TLS 1.3 and ECDHE need'
  },
  'weak-key': { refuses: true, says: 'the key is weaker than RSA 2048 or P-256' },
  'weak-hash': { refuses: true, says: 'a signature of the chain uses a hash weaker than SHA-256' },
  'same-certificate': { refuses: true, says: 'it is the certificate that it should replace' },
  'weaker-key': { refuses: true, says: 'the key is weaker than that of the certificate it replaces' },
  'weaker-hash': {
    refuses: false,
    says: 'the hash of the signature is shorter than that of the certificate it replaces'
  },
  'short-life': { refuses: true, says: 'less than a day of its validity is left' },
  'ends-earlier': { refuses: false, says: 'it ends before the certificate that it replaces' },
  'loses-name': { refuses: true, says: 'it does not cover a name that the certificate it replaces serves' }
} as const satisfies Record<string, { refuses: boolean; says: string }>

/** A word of {@link issuedReasons}. */
export type IssuedReason = keyof typeof issuedReasons

/** Something wrong with an issued certificate. */
export interface IssuedFlaw {
  readonly reason: IssuedReason
  /** what it is about (a name, a subject, a date); empty where the reason says all. From a CA: show by `visible()` */
  readonly detail: string
}

/** Does it keep the certificate from being used? */
export function refusesIssued({ reason }: IssuedFlaw): boolean {
  return issuedReasons[reason].refuses
}

/** The flaw as a sentence part: `the certificate has expired: 2026-01-01T…`. */
export function saysOf({ reason, detail }: IssuedFlaw): string {
  const { says } = issuedReasons[reason]
  return detail === '' ? says : `${says}: ${detail}`
}
