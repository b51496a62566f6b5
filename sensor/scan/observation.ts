/**
 * How one probe ended: a closed list. What a server does, however odd, is one of these and never an
 * exception. docs/scan.md shows the same table; a test keeps both equal.
 */
export const outcomes = {
  certificate: 'TLS answered and showed a certificate',
  'no-certificate': 'TLS answered, but with a handshake that shows no certificate (PSK or anonymous)',
  'name-required': 'TLS refuses to answer without a server name that it knows (unrecognized_name)',
  alert: 'TLS refused every hello with an alert',
  'not-tls': 'the port is open and speaks something else',
  'no-starttls': 'the protocol answered, but does not offer or refused to start TLS',
  malformed: 'TLS began, then broke its own rules',
  'too-large': 'TLS began, then announced or sent more than the limits allow',
  reset: 'the connection was accepted, then reset',
  ended: 'the connection was accepted, then closed without an answer',
  stalled: 'the connection was accepted, but no whole answer came in time',
  closed: 'the port is closed (the connection was refused)',
  silent: 'nothing came back in time',
  unreachable: 'the network said that there is no way to the address'
} as const

/** One word of {@link outcomes}. */
export type Outcome = keyof typeof outcomes

/** Outcomes that mean: here is something that speaks TLS. They make an endpoint of the inventory. */
export const tlsOutcomes: ReadonlySet<Outcome> = new Set<Outcome>([
  'certificate',
  'no-certificate',
  'name-required',
  'alert',
  'malformed',
  'too-large'
])

/** Protocols that start in the clear and switch to TLS. */
export const startTlsProtocols = [
  'smtp',
  'imap',
  'pop3',
  'ftp',
  'ldap',
  'postgres',
  'mysql',
  'xmpp',
  'xmpp-server',
  'rdp',
  'tds'
] as const
export type StartTls = (typeof startTlsProtocols)[number]

/** One chain as a server sent it, leaf first. */
export interface ServedChain {
  /** SHA-256 of the certificates' DER joined in the order served, lower-case hex */
  readonly id: string
  /** SHA-256 of the first certificate's DER, lower-case hex */
  readonly leaf: string
  /**
   * The certificates' DER in the order served. Left out when this scan process has handed over the same chain
   * before (its id is enough then).
   */
  readonly certificates?: readonly Uint8Array[]
}

/** What one probe of an endpoint saw, at one time. */
export interface Observation {
  /** canonical text of the address */
  readonly address: string
  readonly port: number
  /** server name that was sent (SNI), or null for none */
  readonly name: string | null
  /** wall clock, milliseconds since the epoch */
  readonly at: number
  readonly outcome: Outcome
  /** how TLS was started where the protocol begins in the clear */
  readonly starttls: StartTls | null
  /** protocol version that the server chose: 0x0300 (SSL 3.0) … 0x0304 (TLS 1.3) */
  readonly version: number | null
  /** cipher suite that the server chose (IANA number) */
  readonly cipher: number | null
  /** description of the alert, for outcomes alert and name-required (RFC 8446 §6) */
  readonly alert: number | null
  /** does the server ask for a client certificate? null: not seen */
  readonly clientCertificate: boolean | null
  /** first bytes of what is not TLS, escaped, for outcomes not-tls and no-starttls */
  readonly banner: string | null
  /** the chain of the first answer, then that of the other key type where the server has both */
  readonly chains: readonly ServedChain[]
  /** set where the certificate of the other key type was not asked for (--no-twin, MySQL) */
  readonly twinUnasked?: true
  /** connections that this probe took */
  readonly connections: number
  /** from the first SYN to the end, milliseconds */
  readonly ms: number
}
