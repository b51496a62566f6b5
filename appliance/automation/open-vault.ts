import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Places } from '../places.ts'
import { readSettings, settingsName, type Settings } from '../settings.ts'
import { referenceReader } from '../vault/follow.ts'
import type { KeySource } from '../vault/key-source.ts'
import { parseReference } from '../vault/reference.ts'
import { openVault, sealedBy, type Vault } from '../vault/vault.ts'
import type { VaultKvSettings } from '../vault/vault-kv.ts'

/** Name of the file that opens the vault where the settings name no other source, in their directory. */
export const vaultKeyName = 'vault.key'

/** What opening the vault of an installation works with. */
export interface VaultPlace {
  readonly store: Store
  readonly where: Places
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  /** $CREDENTIALS_DIRECTORY, where systemd puts credentials of the service */
  readonly credentialsDirectory: string | undefined
  /** asks a person for the passphrase; null: nobody is there to be asked */
  readonly askPassphrase: () => Promise<string | null>
}

/** What the settings say of the source of the vault. */
export type VaultSetting = Settings['vault']

/** The vault of an installation, and which of the sources in the settings opens it. */
export interface OpenedVault {
  readonly vault: Vault
  readonly openedBy: VaultSetting
}

/**
 * Opens the vault as the settings say. Where they name what it is being changed to as well, that was cut: whichever of
 * the two opens it. Faults: settings-malformed, file-unreadable, those of openVault and of references.
 */
export async function openSiteVault(place: VaultPlace): Promise<OpenedVault> {
  const { store, where, clock, random } = place
  const settings = readSettings(where)
  const follow = referenceReader(vaultKvOf(settings))
  let failed: unknown
  for (const openedBy of candidates(settings, sealedBy(store.sealed))) {
    try {
      const source = await sourceOf(openedBy, place)
      return { vault: await openVault({ store: store.sealed, source, clock, random, follow }), openedBy }
    } catch (thrown) {
      failed ??= thrown
    }
  }
  throw failed
}

/** the sources to try: those of the kind that it was sealed by come first, so that nobody is asked for nothing */
function candidates(
  { vault, vaultNext }: Settings,
  sealed: KeySource['kind'] | undefined
): readonly VaultSetting[] {
  // one that was never used is sealed by what the settings say
  if (vaultNext === undefined || sealed === undefined) return [vault]
  const both = JSON.stringify(vault) === JSON.stringify(vaultNext) ? [vault] : [vault, vaultNext]
  const fitting = both.filter((one) => (one?.source ?? 'file') === sealed)
  return fitting.length > 0 ? fitting : both
}

/**
 * The key source that settings mean; without any, a key file beside the settings. Faults: vault-locked, those of
 * references.
 */
export async function sourceOf(
  vault: Settings['vault'],
  place: Pick<VaultPlace, 'where' | 'credentialsDirectory' | 'askPassphrase'>
): Promise<KeySource> {
  if (vault?.source === 'systemd-credential') {
    return { kind: 'systemd-credential', name: vault.name, directory: place.credentialsDirectory }
  }
  if (vault?.source !== 'passphrase') {
    return { kind: 'file', path: vault?.path ?? join(place.where.config, vaultKeyName) }
  }
  if (vault.from !== undefined) {
    return { kind: 'passphrase', passphrase: await referenceReader()(parseReference(vault.from)) }
  }
  const given = await place.askPassphrase()
  if (given !== null) return { kind: 'passphrase', passphrase: new Secret(given) }
  const file = join(place.where.config, settingsName)
  const message =
    'vault: a passphrase opens it, and there is no terminal to ask for it. Start tlsward run on a terminal, and ' +
    `commands use what it has opened; or write "vault": {"source": "passphrase", "from": "env-file:/path#NAME"} in ` +
    `${file}, with a line NAME=… in that file, mode 0600 (docs/vault.md)`
  throw new Fault('vault-locked', message, { settings: file })
}

function vaultKvOf({ vaultKv }: Settings): VaultKvSettings | undefined {
  if (!vaultKv) return undefined
  const { address, token, namespace, ca } = vaultKv
  return {
    address,
    token: () => referenceReader()(parseReference(token)),
    ...(namespace === undefined ? {} : { namespace }),
    ...(ca === undefined ? {} : { ca: readAuthority(ca) })
  }
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const message = `settings vaultKv.ca: the file ${file} cannot be read (${why}). Check the path and its rights.`
    throw new Fault('file-unreadable', message, { file }, error)
  }
}
