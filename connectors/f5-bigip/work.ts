import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { CheckedCertificate, CheckedPair } from '../shared/pair.ts'
import { type Certificate, certificateOf } from './certificates.ts'
import type { Client } from './client.ts'
import type { ChangeFacts } from './facts.ts'
import { type Profile, profileOf } from './profiles.ts'
import { certificates, clientSslProfile } from './readings.ts'
import type { Pair } from './units.ts'

/** What the steps of a change work with. */
export interface Work {
  /** the unit that changes are made on */
  readonly at: Client
  /** null: it is single */
  readonly pair: Pair | null
  readonly facts: ChangeFacts
  /** checked, with the keys that are uploaded; empty for a rollback */
  readonly pairs: readonly (CheckedPair | CheckedCertificate)[]
  /** the profile and the certificates, as they were when the work began */
  readonly reading: Reading
  /** had something been written before this call? */
  readonly begun: boolean
  /** has this call written something that is to be saved? */
  touched: boolean
  /** may this call have left an upload? */
  uploaded: boolean
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** What a unit holds of a target. */
export interface Reading {
  /** undefined: the profile is gone */
  readonly profile: Profile | undefined
  readonly certificates: ReadonlyMap<string, Certificate>
}

/** Reads a target on a unit: two requests. */
export async function readingOf(client: Client, fullPath: string, signal: AbortSignal): Promise<Reading> {
  const reply = await clientSslProfile(client, fullPath, signal)
  const held = (await certificates(client, signal)).map(certificateOf)
  return {
    profile: reply && profileOf(reply),
    certificates: new Map(held.map((one) => [one.fullPath, one]))
  }
}
