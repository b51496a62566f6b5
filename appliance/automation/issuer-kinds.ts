import type { TObject } from 'typebox'
import type { SecretField } from '../../connectors/contract.ts'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import type { TrustStore } from '../../pki/trust-store.ts'
import type { Secret } from '../../core/secret.ts'
import type { Issuer } from '../../sensor/issuance/issuer.ts'
import type { Listeners, SolverTools } from '../../sensor/issuance/solvers/settings.ts'
import type { IssuerRow } from '../../sensor/store/issuers.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Issuer as IssuerRecord } from '../automation-records.ts'
import type { Vault } from '../vault/vault.ts'
import { acmeKind } from './issuers/acme.ts'
import { importKind } from './issuers/import.ts'
import { manualKind } from './issuers/manual.ts'
import { privateCaKind } from './issuers/private-ca.ts'

/** What issuers of every kind work with. */
export interface IssuerTools {
  readonly store: Store
  readonly vault: Vault
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** of this process, for names that are proved by http-01 */
  readonly listeners: Listeners
  /** the roots of the system, the own ones and those that were made here, as they are now */
  readonly known: () => TrustStore
  /** the web root of a host that is a device */
  readonly webRoot: SolverTools['webRoot']
}

/** An issuer as a person wants it. */
export interface WishedIssuer {
  readonly name: string
  readonly settings: unknown
  /** of the secrets that were given with it; null: there is none of the name */
  readonly secret: (field: string) => Secret | null
}

/** A kind of issuer: what it must be told, and how it is made from that. */
export interface IssuerKind {
  readonly kind: IssuerRecord['kind']
  /** for people */
  readonly title: string
  /** what a person may say of it */
  readonly settings: TObject
  readonly secrets: readonly SecretField[]
  /** makes what it needs (its keys are kept); gives the settings as they are kept. Faults of the settings */
  setUp(of: WishedIssuer, tools: IssuerTools): Promise<object>
  /** the issuer of settings that were kept */
  open(row: IssuerRow, tools: IssuerTools): Issuer
  /** certificates of its own that clients must trust, DER */
  roots(row: IssuerRow): readonly Uint8Array[]
  /** forgets its keys */
  drop(row: IssuerRow, tools: IssuerTools): void
}

/** Every kind, in the order in which they are offered. */
export const issuerKinds: readonly IssuerKind[] = [acmeKind, privateCaKind, manualKind, importKind]
