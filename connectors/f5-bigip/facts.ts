import { hash } from 'node:crypto'
import type { KeyType } from '../../pki/private-key.ts'
import type { BoundPlan, Json, KeyFamily, Plan } from '../contract.ts'
import type { KeySecurity } from './key-calls.ts'
import type { Line, NewObjects } from './objects.ts'
import type { Certificate } from './certificates.ts'
import type { Entry, Profile } from './profiles.ts'

/** What a plan keeps for deploy, verify and rollback. Holds no key. */
export interface ChangeFacts {
  readonly profile: string
  /** name of uploads; one file at a time, replaced by the next one */
  readonly upload: string
  readonly changes: readonly PairChange[]
  /** names of the units, the configured one first; one: it is single */
  readonly units: number
}

/** A pair that takes the place of another, or stands beside the others. */
export interface PairChange {
  readonly family: KeyFamily
  /** name of the entry in the profile */
  readonly entry: string
  /** what the entry holds now; null: there is no such entry */
  readonly former: Entry | null
  /** the objects that it will name */
  readonly fresh: NewObjects
  readonly line: Line
  /** the device makes the key; left out: it is uploaded */
  readonly made?: { readonly type: KeyType; readonly security: KeySecurity }
}

/** Facts as a plan stores them. */
export function storedFacts(facts: ChangeFacts): Json {
  return JSON.parse(JSON.stringify(facts)) as Json
}

/** Facts of a plan that this connector made. */
export function factsOf(plan: Plan | BoundPlan): ChangeFacts {
  return plan.facts as unknown as ChangeFacts
}

/**
 * Digest of what a plan rests on: the pairs of the profile as they were before our change, with the content of their
 * certificates, and where it inherits from. Our own steps do not change it.
 */
export function stateOf(
  { fullPath, parent, inherits, entries }: Profile,
  certificates: ReadonlyMap<string, Certificate>,
  changes: readonly PairChange[]
): string {
  const pairs = formerEntries(entries, changes).map((entry) => {
    const { name, cert, key, chain, usage, hasPassphrase } = entry
    const checksum = cert === null ? '' : (certificates.get(cert)?.checksum ?? 'gone')
    return [name, cert, checksum, key, chain, usage, hasPassphrase]
  })
  return hash('sha256', JSON.stringify([fullPath, parent, inherits, pairs]), 'hex')
}

/** The list as it was before our change: entries that name our objects hold again what they held. */
export function formerEntries(entries: readonly Entry[], changes: readonly PairChange[]): Entry[] {
  return entries.flatMap((entry) => {
    const change = changes.find((one) => isFresh(entry, one))
    if (!change) return [entry]
    return change.former === null ? [] : [change.former]
  })
}

/** does the entry name the objects of the change? */
export function isFresh({ name, cert, key }: Entry, { entry, fresh }: PairChange): boolean {
  return name === entry && cert === fresh.cert && key === fresh.key
}
