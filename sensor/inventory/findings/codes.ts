import type { Severity } from '../../store/findings.ts'

/** What the product says about one kind of finding. */
export interface FindingCodeRow {
  readonly title: string
  /** how bad it usually is; a rule may say worse or better with its reason */
  readonly severity: Severity
  /** what it means, a sentence */
  readonly meaning: string
  /** what to do, a sentence */
  readonly remedy: string
}

/**
 * Every finding that a rule can make, a closed list. docs/findings.md and the pages of the UI are made from it.
 */
export const findingCodes = {
  expired: row(
    ['Expired', 'critical'],
    'The certificate is past its end of validity: clients refuse it.',
    'Install a renewed certificate.'
  ),
  'expires-soon': row(
    ['Expires soon', 'warning'],
    'A third or less of the lifetime is left; critical below a tenth of it or seven days, whichever is less.',
    'Renew the certificate and install it before it expires.'
  ),
  'not-yet-valid': row(
    ['Not yet valid', 'critical'],
    'The validity of the certificate, or of an issuer in its chain, begins in the future: clients refuse it until then.',
    'Install the certificate that is valid now, or check the clock of the issuer.'
  ),
  'name-mismatch': row(
    ['Name mismatch', 'critical'],
    'The server was asked for a name that its certificate does not cover: clients that use this name refuse it.',
    'Install a certificate whose subject alternative names include the name, or correct the name.'
  ),
  'self-signed': row(
    ['Self-signed', 'warning'],
    'The certificate is signed by its own key: nobody else vouches for it.',
    'Replace it by a certificate of a public or of your own certificate authority.'
  ),
  'chain-incomplete': row(
    ['Chain incomplete', 'warning'],
    'The server does not send every intermediate certificate: clients that do not have them refuse the chain.',
    'Install the intermediate certificates together with the certificate; if the issuer is a root of your own, make it known.'
  ),
  'chain-broken': row(
    ['Chain broken', 'critical'],
    'An issuer in the chain may not issue what it issued, or did not sign it (RFC 5280 §6.1): clients refuse it.',
    'Install the chain that the issuer gives out for this certificate.'
  ),
  'chain-wrong-order': row(
    ['Chain in wrong order', 'note'],
    'A certificate sent is not followed by the one that issued it (RFC 5246 §7.4.2): some clients refuse the chain.',
    'Order the chain file: the certificate first, then each issuer after the one it issued.'
  ),
  'expired-intermediate': row(
    ['Expired intermediate', 'critical'],
    'An intermediate certificate that the server sends has expired: clients refuse the chain.',
    'Install the present intermediate certificate of the issuer.'
  ),
  'untrusted-root': row(
    ['Untrusted root', 'warning'],
    'The chain ends in a root that is neither in the system store nor among your own authorities.',
    'Add the root to your own authorities if it is meant, otherwise replace the certificate.'
  ),
  'weak-key': row(
    ['Weak key', 'warning'],
    'The key is shorter or of a kind that can be broken: RSA below 2048 bits, elliptic curves below 224, DSA.',
    'Replace the certificate by one with a new RSA key of 2048 bits or more, or an ECDSA P-256 key.'
  ),
  'sha1-signature': row(
    ['SHA-1 signature', 'warning'],
    'The certificate is signed with SHA-1, for which collisions can be made: clients refuse it.',
    'Replace it by a certificate that is signed with SHA-256 or better.'
  ),
  'md5-signature': row(
    ['MD5 signature', 'critical'],
    'The certificate is signed with MD5 (or MD2, MD4), which can be forged.',
    'Replace it by a certificate that is signed with SHA-256 or better.'
  ),
  'long-validity': row(
    ['Long validity', 'warning'],
    'The certificate is valid for longer than the CA/Browser Forum allows (Baseline Requirements 6.3.2).',
    'Replace it by a certificate of a lifetime that is allowed; plan for automatic renewal.'
  ),
  'old-protocol': row(
    ['Old protocol', 'warning'],
    'The best version that the server offers is SSL 3.0, TLS 1.0 or TLS 1.1 (deprecated by RFC 7568 and RFC 8996).',
    'Enable TLS 1.2 and TLS 1.3 on the server, then disable the old versions.'
  ),
  'same-key': row(
    ['Key in many places', 'note'],
    'One private key serves several certificates, or many addresses: whoever gets it in one place has them all.',
    'Give each service a key of its own, and make a new key with each renewal.'
  ),
  'missing-twin': row(
    ['One key type only', 'note'],
    'The server has an RSA certificate only, or an ECDSA certificate only.',
    'Where the server can hold both, add the other: ECDSA is quicker, RSA serves old clients.'
  ),
  'client-auth': row(
    ['For client authentication too', 'note'],
    'The publicly trusted certificate names clientAuth as a purpose, which public authorities are taking out of server certificates.',
    'Check that nothing uses it as a client certificate before it is renewed; use a private authority for that.'
  ),
  'unreadable-certificate': row(
    ['Unreadable certificate', 'warning'],
    'What the server sent as its certificate breaks the rules of X.509: clients refuse it.',
    'Install a certificate that was encoded by a conforming issuer.'
  ),
  revoked: row(
    ['Revoked', 'critical'],
    'The issuer says by OCSP or CRL that it revoked the certificate: clients that ask refuse it.',
    'Replace it by a new certificate with a new key.'
  ),
  'weak-protocol': row(
    ['Weak protocol', 'warning'],
    'A deeper look saw a protocol version accepted that can be attacked: SSL 2.0, SSL 3.0, TLS 1.0 or TLS 1.1.',
    'Turn the old versions off: tlsward endpoint show says which.'
  ),
  'weak-suite': row(
    ['Weak cipher suite', 'warning'],
    'A deeper look saw suites accepted that encrypt badly, encrypt nothing, or prove no identity.',
    'Take them out of the list of suites: tlsward endpoint show says which.'
  ),
  'weak-key-exchange': row(
    ['Weak key exchange', 'warning'],
    'A deeper look saw keys agreed on in a way that can be broken, or read later by whoever gets the key.',
    'Offer ECDHE suites before all others, and primes of 2048 bits or more for DHE.'
  ),
  'weak-tls-setting': row(
    ['Weak TLS setting', 'warning'],
    'A deeper look saw compression, or that a protection of renegotiation or fallback is missing.',
    'Update the TLS library and turn compression off: tlsward endpoint show says which.'
  )
} as const satisfies Record<string, FindingCodeRow>

/** A word of {@link findingCodes}. */
export type FindingCode = keyof typeof findingCodes

function row(
  [title, severity]: readonly [title: string, severity: Severity],
  meaning: string,
  remedy: string
): FindingCodeRow {
  return { title, severity, meaning, remedy }
}
