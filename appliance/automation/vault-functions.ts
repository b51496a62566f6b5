import type { VaultState } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { parseVaultSource, readSettings, writeSettings } from '../settings.ts'
import { sourceOf } from './open-vault.ts'
import type { Site } from './site.ts'

/** How the vault stands. */
export function vaultState({ vault }: Site): VaultState {
  const { source, keyVersion, keyCreated, records } = vault.status()
  return {
    type: 'vault',
    schema: schemaVersion,
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
 * Opens the vault by another source from now on, and writes that into the settings. Faults: settings-malformed,
 * file-unwritable, and those of the source.
 */
export async function changeVaultSource(
  site: Site,
  source: unknown,
  passphrase: string | null
): Promise<VaultState> {
  const askPassphrase = async () => passphrase
  const settings = parseVaultSource(source)
  const wanted = await sourceOf(settings, { ...site, askPassphrase })
  // tried before anything is changed: settings that cannot be written would lock the vault at the next start
  writeSettings(site.where, readSettings(site.where))
  await site.vault.changeSource(wanted)
  writeSettings(site.where, { ...readSettings(site.where), vault: settings })
  return vaultState(site)
}
