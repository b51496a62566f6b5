import type { Connector, KeyFamily, Plan, Role, ServedAt } from '../../connectors/contract.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { Secret } from '../../core/secret.ts'
import type { CsrRecipe } from '../../pki/csr.ts'
import type { IssuedQuestion } from '../../pki/issued.ts'
import type { KeyType, PrivateKey } from '../../pki/private-key.ts'
import type { Issuer } from '../issuance/issuer.ts'
import type { KeyRing } from '../issuance/key-ring.ts'
import type { DeviceRow } from '../store/devices.ts'
import type { Store } from '../store/store.ts'
import type { Covers } from './policy/names.ts'
import type { StartLimits } from './policy/start.ts'

/** The keys of orders, sealed, by the name `order:ID`; each change is durable when it returns. */
export interface OrderKeys extends KeyRing {
  /** accepts that it is gone already */
  drop(name: string): void
}

/** What the engine needs of keys and certificates. */
export interface Pki {
  makePrivateKey(type: KeyType): Promise<PrivateKey>
  readPrivateKey(text: Secret): PrivateKey
  makeCsr(recipe: CsrRecipe): Promise<Uint8Array>
  /** why an issued certificate must not be used, sentences; none: it may */
  refusals(question: IssuedQuestion): readonly string[]
  /** names as certificates have them; throws Fault name-malformed */
  canonicalNames(texts: readonly string[]): readonly string[]
  /** does a certificate with these names cover a host, an address, or a wildcard as such (RFC 9525) */
  readonly covers: Covers
}

/** Versions of TLS in which certificates are proven. */
export type WireVersion = 'TLSv1.2' | 'TLSv1.3'

/** What handshakes at one place showed in one version for one kind of key. */
export interface Look {
  readonly at: ServedAt
  readonly part: 'served' | 'neighbour'
  readonly version: WireVersion
  readonly family: KeyFamily
  /** SHA-256 of the leaf, hex; null: no handshake came about */
  readonly fingerprint: string | null
}

/** What the wire showed before anything was written. Plain data. */
export type Baseline = readonly Look[]

/** A place at which nothing was proven. */
export interface Unproven {
  readonly at: string
  /** it answered neither before nor after; its name is none of the certificate's; the do-not-scan list has it */
  readonly why: 'silent' | 'uncovered' | 'spared'
}

/** What the wire shows now. */
export type WireVerdict =
  | { readonly state: 'agrees'; readonly unproven: readonly Unproven[] }
  /** sentences, each naming place, what was to be seen and what was */
  | { readonly state: 'differs'; readonly why: readonly string[] }

/** What must be seen. */
export interface WireQuestion {
  readonly baseline: Baseline
  /** the new certificates: SHA-256 of each leaf, and of the certificates that are served with it, in order */
  readonly fresh: readonly { readonly family: KeyFamily; readonly chain: readonly string[] }[]
  /** a standby serves nothing until it takes over */
  readonly role: Role
  /** do the new certificates cover a name? A handshake under another one proves nothing */
  readonly covers: (name: string) => boolean
}

/** Handshakes with what a deployment changes. */
export interface Wire {
  /** those of the places that must not be touched: no handshake is made there */
  spared(places: readonly ServedAt[], signal: AbortSignal): Promise<readonly ServedAt[]>
  baseline(plan: Plan, signal: AbortSignal): Promise<Baseline>
  /** are the new certificates served everywhere, and do the neighbours show what they showed? */
  proves(question: WireQuestion, signal: AbortSignal): Promise<WireVerdict>
  /** does every place show what it showed before? */
  restored(baseline: Baseline, signal: AbortSignal): Promise<WireVerdict>
}

/** Bounds of the engine, from the configuration. */
export interface EngineLimits extends StartLimits {
  /** what one call to a device or an issuer may take, ms */
  readonly callMs: number
  /** how long a device may be gone in the middle of a deployment before it is rolled back, ms */
  readonly deployBudgetMs: number
  /** how long a device may be gone before the other targets of an event go on without it, ms */
  readonly previewBudgetMs: number
  /** how long the key of a failed event is kept for another try, ms */
  readonly retryMs: number
}

/** The credentials of one device: what a connector asks for by the names of its fields. */
export type Credentials = (field: string) => Secret | undefined

/** What the engine works with. */
export interface EngineDeps {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly limits: EngineLimits
  readonly keys: OrderKeys
  readonly pki: Pki
  readonly wire: Wire
  /** of this installation: where in a CA's window it renews depends on it */
  readonly installation: string
  /** undefined: this build has no such connector */
  connector(id: string): Connector | undefined
  /** credentials of a device by field, read anew for each sign-in: some are kept elsewhere. Faults of that place */
  credentials(device: DeviceRow): Promise<Credentials>
  /** throws issuer-missing */
  issuer(name: string): Issuer
  /** DER of a certificate that a scan has seen */
  certificate(fingerprint: string): Uint8Array | undefined
}
