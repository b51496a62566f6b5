import type { StartTls } from '../observation.ts'

/** Why a deep probe ended before it had asked everything: a closed list. */
export const deepStops = {
  connections: 'the number of connections allowed was used up',
  time: 'the time allowed was used up',
  aborted: 'the scan was stopped',
  unreachable: 'the endpoint does not answer, or does so no longer',
  'no-starttls': 'the protocol does not offer TLS',
  local: 'this machine could make no more connections'
} as const

/** One word of {@link deepStops}. */
export type DeepStop = keyof typeof deepStops

/**
 * What a deep probe learnt about one endpoint: plain data that survives JSON. `null` means not known: not
 * asked, not applicable to the versions spoken, or without a clear answer. Numbers of versions, suites and
 * groups are IANA's (0x0002 and three-byte kinds for SSL 2.0); `versionName`, `suiteName` and `groupName`
 * give their names.
 */
export interface DeepReport {
  /** canonical text of the address */
  readonly address: string
  readonly port: number
  /** server name that was sent, or null for none */
  readonly name: string | null
  readonly starttls: StartTls | null
  /** wall clock of the end, milliseconds since the epoch */
  readonly at: number
  /** why not everything was asked, null when everything was */
  readonly stopped: DeepStop | null
  readonly cost: DeepCost
  /** versions that were asked for, newest first; the rest was not asked */
  readonly versions: readonly VersionReport[]
  readonly groups: AcceptedGroups
  readonly diffieHellman: DiffieHellmanSizes
  /** application protocols accepted, in the order in which the server chose them */
  readonly alpn: readonly string[] | null
  /** does the server staple an OCSP response? */
  readonly stapling: boolean | null
  /** the response stapled: its DER, base64 */
  readonly staple: string | null
  readonly tickets: SessionTickets
  /** renegotiation_info in the answer (RFC 5746); null where only TLS 1.3 is spoken, which does not renegotiate */
  readonly secureRenegotiation: boolean | null
  /** extended_master_secret (RFC 7627); null where only TLS 1.3 is spoken, which has it built in */
  readonly extendedMasterSecret: boolean | null
  /** did the server choose to compress (TLS 1.2 and before)? */
  readonly compression: boolean | null
  /** TLS_FALLBACK_SCSV is heeded (RFC 7507); null where one version only is accepted */
  readonly fallbackScsv: boolean | null
  /** the heartbeat extension is offered (RFC 6520); not a vulnerability by itself */
  readonly heartbeat: boolean | null
  /** what an HTTP server answered to HEAD /, or null where none did */
  readonly http: HttpAnswer | null
}

/** What the probe took. */
export interface DeepCost {
  readonly connections: number
  /** bytes above TCP, clear-text preludes included */
  readonly sentBytes: number
  readonly receivedBytes: number
  /** from the first connection to the end, waiting for turns included */
  readonly ms: number
}

/** One protocol version. */
export interface VersionReport {
  /** 0x0002 (SSL 2.0), 0x0300 (SSL 3.0) … 0x0304 (TLS 1.3) */
  readonly version: number
  readonly accepted: boolean
  /** suites accepted, in the order in which the server chose them; of SSL 2.0: the kinds it listed */
  readonly suites: readonly number[]
  /** whose preference decides; null: not known, or there is nothing to decide */
  readonly order: 'server' | 'client' | null
  /** false when the probe was stopped, or the server fell silent, before this was clear */
  readonly complete: boolean
}

/** Key agreement groups, in the order in which the server chose them; null: not asked. */
export interface AcceptedGroups {
  readonly tls13: readonly number[] | null
  /** of ECDHE in TLS 1.2 and before */
  readonly ecdhe: readonly number[] | null
}

/** Bits of the prime that a server uses for DHE; null: no such suite is accepted, or not asked. */
export interface DiffieHellmanSizes {
  readonly bits: number | null
  readonly exportBits: number | null
}

/** Are session tickets given? null: the version is not accepted, or not asked. */
export interface SessionTickets {
  /** RFC 5077 */
  readonly tls12: boolean | null
  /** RFC 8446 §4.6.1, seen in a finished handshake */
  readonly tls13: boolean | null
}

/** An HTTP answer. */
export interface HttpAnswer {
  readonly status: number
  /** the Server header, escaped, or null where it is absent */
  readonly server: string | null
}
