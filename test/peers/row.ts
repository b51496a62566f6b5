import type { Outcome, StartTls } from '../../sensor/scan/observation.ts'
import type { Certificate } from './certificates.ts'
import type { Peer, Where } from './peer.ts'

/** What a good probe is to say about a peer. */
export interface Expectation {
  readonly outcome: Outcome
  /** SHA-256 of each leaf that the peer can show: one, or two when it has RSA and ECDSA (in any order) */
  readonly leafs: readonly string[]
  /** SHA-256 of the certificates of each chain as served, in the order of `leafs` */
  readonly chains: readonly (readonly string[])[]
  /** protocol version of the answer, where only one is right */
  readonly version?: number
  /** how TLS starts there, when the protocol begins in the clear */
  readonly starttls?: StartTls
  /** description of the alert, where it is always the same */
  readonly alert?: number
  /** the peer asks for a client certificate in a flight that can be read without an own signature */
  readonly clientCertificate?: boolean
}

/** How `openssl s_client` is to look at a peer, and the leaf that it then sees. */
export interface SClientLook {
  readonly args: readonly string[]
  readonly leaf: string
}

/** One peer of the table: how it starts, how it is to be probed, and what a probe is to say. */
export interface PeerRow {
  readonly name: string
  readonly family: 'trap' | 'tls' | 'starttls' | 'openssl' | 'service'
  readonly start: (where?: Where) => Promise<Peer>
  readonly expect: Expectation
  /** server name to send, or null for none */
  readonly serverName: string | null
  /** looks by which openssl sees each leaf; none where it cannot */
  readonly sclient: readonly SClientLook[]
  /** why it cannot be started on this machine, or undefined when it can */
  readonly missing: () => string | undefined
}

/** What is left out of a row has an ordinary value. */
export type RowParts = Pick<PeerRow, 'name' | 'family' | 'start' | 'expect'> & Partial<PeerRow>

/** A row: nobody's name, no look of openssl's and nothing missing unless given. */
export function row(parts: RowParts): PeerRow {
  return { serverName: null, sclient: [], missing: () => undefined, ...parts }
}

/** The expectation that exactly these chains are shown, each given by its leaf. */
export function shows(
  leafs: readonly Certificate[],
  more: Omit<Partial<Expectation>, 'outcome' | 'leafs' | 'chains'> = {}
): Expectation {
  return {
    outcome: 'certificate',
    leafs: leafs.map(({ fingerprint }) => fingerprint),
    chains: leafs.map(({ chain }) => chain.map(({ fingerprint }) => fingerprint)),
    ...more
  }
}

/** The expectation of an outcome without a certificate. */
export function ends(outcome: Exclude<Outcome, 'certificate'>, more: Partial<Expectation> = {}): Expectation {
  return { outcome, leafs: [], chains: [], ...more }
}

/**
 * For the option `skip` of a test: the reason when something is missing on somebody's own machine. Where
 * everything must be there (CI=true) it throws instead.
 */
export function skipWithout(missing: string | undefined): string | false {
  if (missing === undefined) return false
  if (process.env['CI'] === 'true') throw new Error(`${missing}, and CI=true skips nothing`)
  return missing
}
