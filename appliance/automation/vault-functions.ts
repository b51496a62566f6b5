import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../../core/fault.ts'
import type { VaultState } from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { parseVaultSource, readSettings, type Settings, writeSettings } from '../settings.ts'
import { sourceOf } from './open-vault.ts'
import type { Site } from './site.ts'
import { vaultWarnings } from './vault-warnings.ts'

/** What the functions of the vault need of the site. */
export type VaultSite = Pick<Site, 'vault' | 'vaultSource' | 'vaultTurns' | 'where' | 'credentialsDirectory'>

/** How the vault stands. */
export function vaultState({
  vault,
  vaultSource,
  where
}: Pick<VaultSite, 'vault' | 'vaultSource' | 'where'>): VaultState {
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
 * cut anywhere, the vault opens by one of them, and the same change can be made again. One change at a time, since the
 * settings hold no third source. Faults: settings-malformed, file-unwritable, and those of the source.
 */
export function changeVaultSource(
  site: VaultSite,
  source: unknown,
  passphrase: string | null
): Promise<VaultState> {
  return site.vaultTurns('source', () => change(site, source, passphrase))
}

async function change(site: VaultSite, source: unknown, passphrase: string | null): Promise<VaultState> {
  const { where, vaultSource } = site
  const next = parseVaultSource(source)
  const wanted = await sourceOf(next, { ...site, askPassphrase: async () => passphrase })
  const present = vaultSource.openedBy
  checkPresent(where, present)
  writeSources(site, present, next)
  try {
    await site.vault.changeSource(wanted)
  } catch (thrown) {
    // what another process wrote meanwhile names what opens the vault
    if (isDeepStrictEqual(readSettings(where).vaultNext, next)) writeSources(site, present)
    throw thrown
  }
  vaultSource.openedBy = next
  writeSources({ where }, next)
  return vaultState(site)
}

/** Refuses to write over what another process has made of the settings: only they name what opens the vault. */
function checkPresent(where: VaultSite['where'], present: Settings['vault']): void {
  const { vault, vaultNext } = readSettings(where)
  const named = vaultNext === undefined ? [vault] : [vault, vaultNext]
  if (named.some((one) => isDeepStrictEqual(one, present))) return
  const message =
    'vault: the settings name another source than the one that has opened it here; nothing was changed. ' +
    'Start this process again, and repeat it'
  throw new Fault('vault-locked', message)
}

function writeSources(
  { where }: Pick<Site, 'where'>,
  vault: Settings['vault'],
  vaultNext?: Settings['vault']
): void {
  const { vault: _, vaultNext: __, ...others } = readSettings(where)
  writeSettings(where, { ...others, ...(vault && { vault }), ...(vaultNext && { vaultNext }) })
}
