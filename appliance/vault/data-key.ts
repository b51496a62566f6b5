import { createSecretKey, type KeyObject } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import type { SealedKey } from '../../sensor/store/sealed.ts'
import { type SealingKey, keyLength, seal, unseal } from './envelope.ts'
import { type KeySource, type Opening, newOpening, openingKey, readOpening } from './key-source.ts'

/** What opens the vault, in memory: how it is opened, as it is kept, and the key for that. */
export interface Opener {
  readonly opening: Opening
  /** JSON of `opening`, exactly as it is kept */
  readonly text: string
  readonly key: KeyObject
}

/** An opener for a vault that is sealed from now on. Faults as of {@link newOpening} and {@link openingKey}. */
export async function newOpener(source: KeySource, random: Random): Promise<Opener> {
  const opening = newOpening(source, random)
  return { opening, text: JSON.stringify(opening), key: await openingKey(source, opening) }
}

/** The opener of a vault that is there. Faults as of {@link openingKey}, and vault-broken. */
export async function openerOf(source: KeySource, text: string): Promise<Opener> {
  const opening = readOpening(text)
  return { opening, text, key: await openingKey(source, opening) }
}

/** A new key for records. */
export function newDataKey(version: number, random: Random): SealingKey {
  const bytes = random.bytes(keyLength)
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return { version, key }
}

/** The row that keeps a data key, sealed by the opener. */
export function wrapped(
  dataKey: SealingKey,
  opener: Opener,
  { created, random }: { readonly created: number; readonly random: Random }
): SealedKey {
  const { version, key } = dataKey
  const bytes = key.export()
  const blob = seal({ version, key: opener.key }, bytes, about(opener), random)
  bytes.fill(0)
  return { version, source: opener.text, wrapped: blob, created }
}

/** The data key of a row. Faults: vault-locked when the opener is not the one that sealed it. */
export function unwrapped({ version, wrapped: blob }: SealedKey, opener: Opener): SealingKey {
  const bytes = unseal({ version, key: opener.key }, blob, about(opener))
  if (bytes?.length !== keyLength) {
    const message =
      `vault: this ${opener.opening.kind} does not open it; give the one that it was sealed with ` +
      '(if it is certainly that one, the database was altered: restore a backup)'
    throw new Fault('vault-locked', message, { source: opener.opening.kind })
  }
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return { version, key }
}

// the parameters too: nobody can make us derive the key from a passphrase in a cheaper way
const about = (opener: Opener) => ['data key', opener.text] as const
