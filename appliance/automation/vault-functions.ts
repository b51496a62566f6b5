import type { VaultState } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { parseVaultSource, readSettings, type Settings, writeSettings } from '../settings.ts'
import { sourceOf } from './open-vault.ts'
import type { Site } from './site.ts'
import { vaultWarnings } from './vault-warnings.ts'

/** What the functions of the vault need of the site. */
export type VaultSite = Pick<Site, 'vault' | 'vaultSource' | 'where' | 'credentialsDirectory'>

/** How the vault stands. */
export function vaultState({ vault, vaultSource, where }: VaultSite): VaultState {
  const { source, keyVersion, keyCreated, records } = vault.status()
  return {
    type: 'vault',
    schema: schemaVersion,
    source,
    keyVersion,
    keyCreatedAt: new Date(keyCreated).toISOString(),
    records,
    warnings: vaultWarnings(vaultSource.openedBy, where)
  }
}

/** Seals everything with a new key. Faults: vault-broken. */
export function rotateVault(site: VaultSite): VaultState {
  site.vault.rotate()
  return vaultState(site)
}

/**
 * Opens the vault by another source from now on, and writes that into the settings. They name both while it is done:
 * cut anywhere, the vault opens by one of them, and the same change can be made again. Faults: settings-malformed,
 * file-unwritable, and those of the source.
 */
export async function changeVaultSource(
  site: VaultSite,
  source: unknown,
  passphrase: string | null
): Promise<VaultState> {
  const { where, vaultSource } = site
  const next = parseVaultSource(source)
  const wanted = await sourceOf(next, { ...site, askPassphrase: async () => passphrase })
  const present = vaultSource.openedBy
  writeSources(site, present, next)
  try {
    await site.vault.changeSource(wanted)
  } catch (thrown) {
    writeSources(site, present)
    throw thrown
  }
  vaultSource.openedBy = next
  writeSources({ where }, next)
  return vaultState(site)
}

function writeSources(
  { where }: Pick<Site, 'where'>,
  vault: Settings['vault'],
  vaultNext?: Settings['vault']
): void {
  const { vault: _, vaultNext: __, ...others } = readSettings(where)
  writeSettings(where, { ...others, ...(vault && { vault }), ...(vaultNext && { vaultNext }) })
}
