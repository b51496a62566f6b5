import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Test } from 'tap'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { referenceReader } from '../../appliance/vault/follow.ts'
import type { KeySource } from '../../appliance/vault/key-source.ts'
import { type Owner, openVault } from '../../appliance/vault/vault.ts'
import type { SealedStore } from '../../sensor/store/sealed.ts'
import { openStore } from '../../sensor/store/store.ts'
import { directoryFor } from './inventory-world.ts'

/** What a clock says that stands still. */
export const moment = Date.UTC(2026, 10, 25)

/** Opens the vault of a store as the product does. */
export function vaultOn(store: SealedStore, source: KeySource) {
  return openVault({
    store,
    source,
    clock: { now: () => moment },
    random: systemRandom,
    follow: referenceReader()
  })
}

export const device = (id: string): Owner => ({ kind: 'device', id })

/** The secret of the n-th record that {@link fill} makes: from nothing to a long key, in several scripts. */
export const secretNumber = (n: number) => `señor-${n}-🔑-${'k'.repeat((n * 37) % 5_000)}`

/** Seals so many records, each of a device of its own. */
export function fill(vault: Awaited<ReturnType<typeof vaultOn>>, count: number): void {
  for (let n = 0; n < count; n++) vault.put(device(String(n)), 'password', new Secret(secretNumber(n)))
}

/** A state directory with its store, and where its key file would be. */
export function place(t: Test) {
  const directory = directoryFor(t)
  const store = openStore({ directory, busyMs: 0 })
  t.teardown(() => store.close())
  const path = join(directory, 'keys', 'vault.key')
  const db = () => {
    const other = new Database(join(directory, 'tlsward.db'))
    t.teardown(() => other.close())
    return other
  }
  return { directory, store, sealed: store.sealed, path, file: { kind: 'file', path } as const, db }
}
