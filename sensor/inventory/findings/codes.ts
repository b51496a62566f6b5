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
 * Every finding that a rule can make, a closed list, the most important first. docs/findings.md and the pages of the UI
 * are made from it.
 */
export const findingCodes = {
  expired: row(
    ['Expired', 'critical'],
    'The certificate is past its end of validity: clients refuse it.',
    'Install a renewed certificate.'
  ),
  revoked: row(
    ['Revoked', 'critical'],
    'Its issuer said that the certificate is revoked, when --revocation asked last: clients that ask refuse it.',
    'Replace the certificate, with a new key if the old one may be known to others.'
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
  'chain-broken': row(
    ['Chain broken', 'critical'],
    'An issuer in the chain may not issue what it issued, or did not sign it (RFC 5280 §6.1): clients refuse it.',
    'Install the chain that the issuer gives out for this certificate.'
  ),
  'expired-intermediate': row(
    ['Expired intermediate', 'critical'],
    'An intermediate certificate that the server sends has expired: clients refuse the chain.',
    'Install the present intermediate certificate of the issuer.'
  ),
  'md5-signature': row(
    ['MD5 signature', 'critical'],
    'The certificate is signed with MD5 (or MD2, MD4), which can be forged.',
    'Replace it by a certificate that is signed with SHA-256 or better.'
  ),
  'expires-soon': row(
    ['Expires soon', 'warning'],
    'A third of the lifetime or 30 days is left, whichever is less; critical below a tenth of it or seven days, whichever is less.',
    'Renew the certificate and install it before it expires.'
  ),
  'unreadable-certificate': row(
    ['Unreadable certificate', 'warning'],
    'What the server sent as its certificate breaks the rules of X.509: clients refuse it.',
    'Install a certificate that was encoded by a conforming issuer.'
  ),
  'untrusted-root': row(
    ['Untrusted root', 'warning'],
    'The chain ends in a root that is neither in the system store nor among your own authorities.',
    'If it is a root of your own, add it to authorities.pem in the directory of settings, or name its file by --ca FILE (docs/scan.md). Otherwise replace the certificate.'
  ),
  'chain-incomplete': row(
    ['Chain incomplete', 'warning'],
    'The server does not send the certificate of the issuer, and no root known here is it: clients that do not have it by chance refuse the connection.',
    'Append the certificates of its issuers to the chain file of the server. If the issuer is a root of your own, add it to authorities.pem in the directory of settings, or name it by --ca FILE.'
  ),
  'self-signed': row(
    ['Self-signed', 'warning'],
    'The certificate is signed by its own key: nobody else vouches for it.',
    'Replace it by a certificate of a public or of your own certificate authority.'
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
  'old-protocol': row(
    ['Old protocol', 'warning'],
    'The best version that the server offers is SSL 3.0, TLS 1.0 or TLS 1.1 (deprecated by RFC 7568 and RFC 8996).',
    'Enable TLS 1.2 and TLS 1.3 on the server, then disable the old versions.'
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
  ),
  'long-validity': row(
    ['Long validity', 'warning'],
    'The certificate is valid for longer than the CA/Browser Forum allows (Baseline Requirements 6.3.2).',
    'Replace it by a certificate of a lifetime that is allowed; plan for automatic renewal.'
  ),
  'same-key': row(
    ['Key in many places', 'note'],
    'One private key serves several certificates, or many addresses: whoever gets it in one place has them all.',
    'Give each service a key of its own, and make a new key with each renewal.'
  ),
  'chain-wrong-order': row(
    ['Chain in wrong order', 'note'],
    'A certificate sent is not followed by the one that issued it (RFC 5246 §7.4.2): some clients refuse the chain.',
    'Order the chain file: the certificate first, then each issuer after the one it issued.'
  ),
  'name-required': row(
    ['Name required', 'note'],
    'TLS refuses whoever does not ask for a name that it knows (unrecognized_name): its certificates were not seen.',
    'Scan it again with the names of its sites: --names FILE, --sni NAME, --ptr, or --certificate-names.'
  ),
  'refused-by-alert': row(
    ['Refused by alert', 'note'],
    'TLS refused every hello with an alert: its certificates were not seen.',
    'Scan it again with the names of its sites (--names FILE, --sni NAME, --ptr): many servers refuse whoever names none. Otherwise its log says why.'
  ),
  'broken-tls': row(
    ['Broken TLS', 'note'],
    'TLS began, then broke its own rules or the limits of size: its certificates were not seen.',
    'Check what listens there; if it is meant to speak TLS, update it.'
  ),
  'no-certificate': row(
    ['No certificate shown', 'note'],
    'TLS answered by a handshake without a certificate (a shared key, or anonymous): there is nothing to judge.',
    'Check that only clients that know the shared key are meant to connect; an anonymous server should get a certificate.'
  ),
  'client-auth': row(
    ['For client authentication too', 'note'],
    'The publicly trusted certificate names clientAuth as a purpose, which public authorities are taking out of server certificates.',
    'Check that nothing uses it as a client certificate before it is renewed; use a private authority for that.'
  ),
  'missing-twin': row(
    ['One key type only', 'note'],
    'The server was asked for both, and has an RSA certificate only, or an ECDSA certificate only.',
    'Where the server can hold both, add the other: ECDSA is quicker, RSA serves old clients.'
  )
} as const satisfies Record<string, FindingCodeRow>

/** A word of {@link findingCodes}. */
export type FindingCode = keyof typeof findingCodes

/** Rank of each code among findings of one severity: 0 is the most important. */
export const findingRanks: ReadonlyMap<string, number> = new Map(
  Object.keys(findingCodes).map((code, rank) => [code, rank])
)

function row(
  [title, severity]: readonly [title: string, severity: Severity],
  meaning: string,
  remedy: string
): FindingCodeRow {
  return { title, severity, meaning, remedy }
}
