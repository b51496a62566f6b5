/** Key types the product tells apart. */
export type KeyType = 'RSA' | 'ECDSA' | 'Ed25519' | 'Ed448' | 'DSA' | 'other'

/**
 * The fields of one X.509 certificate (RFC 5280) that the product works with. Both readers give this shape:
 * the quick one of the scan ({@link file://./quick.ts}) and the full one ({@link file://./full.ts}); a test
 * holds them equal. Text comes as the certificate has it: escape it by `visible()` before showing it.
 */
export interface CertificateFields {
  /** SHA-256 of the DER, lower-case hex */
  readonly fingerprint: string
  /**
   * serial number, lower-case hex of whole bytes without leading zero bytes, as OpenSSL shows it; zero is 00,
   * a negative one shows its two's complement bytes as encoded
   */
  readonly serial: string
  /** distinguished names, RFC 4514 (most specific first); unknown attribute types as dotted OIDs with #hex */
  readonly subject: string
  readonly issuer: string
  /** first common name of the subject */
  readonly commonName: string | null
  /** validity, milliseconds since the epoch */
  readonly notBefore: number
  readonly notAfter: number
  /**
   * subjectAltName entries; IP addresses in canonical text. An IPv4-mapped IPv6 address keeps its IPv6 text
   * (::ffff:102:304), as clients compare addresses byte by byte
   */
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly emails: readonly string[]
  readonly uris: readonly string[]
  readonly keyType: KeyType
  /** modulus length of RSA and DSA, field size of ECDSA, 256 and 456 for Ed25519 and Ed448, else 0 */
  readonly keyBits: number
  /** curve of an EC key: P-256, P-384, P-521, or the dotted OID; null also for explicit parameters */
  readonly curve: string | null
  /** SHA-256 of the SubjectPublicKeyInfo DER, lower-case hex */
  readonly spki: string
  /**
   * signature algorithm: a short name such as RSA-SHA256, ECDSA-SHA384, RSA-PSS, Ed25519, or the dotted OID;
   * RSA-PSS with a weak hash names it (RSA-PSS-SHA1, RSA-PSS-MD5)
   */
  readonly signatureAlgorithm: string
  /** key identifiers, lower-case hex */
  readonly subjectKeyId: string | null
  readonly authorityKeyId: string | null
  /** basicConstraints cA, and its pathLenConstraint */
  readonly isCa: boolean
  readonly pathLength: number | null
  /** names of RFC 5280 §4.2.1.3, e.g. digitalSignature; null when the extension is absent */
  readonly keyUsage: readonly string[] | null
  /** serverAuth, clientAuth, … or dotted OIDs; null when the extension is absent */
  readonly extendedKeyUsage: readonly string[] | null
  /** where the certificate says its status can be asked */
  readonly ocspUrls: readonly string[]
  readonly issuerUrls: readonly string[]
  readonly crlUrls: readonly string[]
  /** certificatePolicies, dotted OIDs */
  readonly policies: readonly string[]
  /** embedded signed certificate timestamps (RFC 6962): a mark of a publicly trusted certificate */
  readonly hasScts: boolean
  /** TLS feature status_request (RFC 7633) */
  readonly mustStaple: boolean
  /** issuer and subject are the same name, byte for byte */
  readonly selfIssued: boolean
  /**
   * extensions among those above that break RFC 5280: a value that cannot be read (it counts as absent), an
   * iPAddress that is neither 4 nor 16 bytes (it is left out), or a second one of the kind (the first counts).
   * Absent when there are none
   */
  readonly brokenExtensions?: readonly string[]
}
