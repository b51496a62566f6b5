import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Random } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { Store } from '../../sensor/store/store.ts'
import type { Places } from '../places.ts'
import { readSettings, type Settings } from '../settings.ts'
import { referenceReader } from '../vault/follow.ts'
import type { KeySource } from '../vault/key-source.ts'
import { parseReference } from '../vault/reference.ts'
import { openVault, type Vault } from '../vault/vault.ts'
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

/** Opens the vault as the settings say. Faults: settings-malformed, file-unreadable, those of openVault and of references. */
export async function openSiteVault(place: VaultPlace): Promise<Vault> {
  const { store, where, clock, random } = place
  const settings = readSettings(where)
  const follow = referenceReader(vaultKvOf(settings))
  const source = await sourceOf(settings.vault, place)
  return openVault({ store: store.sealed, source, clock, random, follow })
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
  const message =
    'vault: a passphrase opens it, and there is no terminal to ask for it; ' +
    'give "from": "env-file:/path#NAME" beside it in the settings, or use a terminal'
  throw new Fault('vault-locked', message)
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
