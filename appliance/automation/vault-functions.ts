import { Secret } from '../../core/secret.ts'
import type { VaultState } from '../automation-records.ts'
import { parseVaultSource } from '../settings.ts'
import { sourceOf } from './open-vault.ts'
import type { Site } from './site.ts'

/** How the vault stands. */
export function vaultState({ vault }: Site): VaultState {
  const { source, keyVersion, keyCreated, records } = vault.status()
  return {
    type: 'vault',
    schema: 1,
    source,
    keyVersion,
    keyCreatedAt: new Date(keyCreated).toISOString(),
    records
  }
}

/** Seals everything with a new key. Faults: vault-broken. */
export function rotateVault(site: Site): VaultState {
  site.vault.rotate()
  return vaultState(site)
}

/**
 * Opens the vault by another source from now on: what stands as `vault` in the settings. Whoever calls writes it there.
 * Faults: settings-malformed, and those of the source.
 */
export async function changeVaultSource(
  site: Site,
  source: unknown,
  passphrase: string | null
): Promise<VaultState> {
  const askPassphrase = async () => passphrase
  const wanted = await sourceOf(parseVaultSource(source), { ...site, askPassphrase })
  await site.vault.changeSource(wanted)
  return vaultState(site)
}
