import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Type, type Static, type TProperties } from 'typebox'
import { Fault } from '../core/fault.ts'
import { parser } from '../core/schema.ts'
import { readOwnFile } from './own-file.ts'
import type { Places } from './places.ts'
import { syncFolder } from './vault/sync-folder.ts'

/** Name of the file of settings, in its directory. */
export const settingsName = 'settings.json'

const closed = <const P extends TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false })

const VaultSource = Type.Union([
  /** a file of its own, by default vault.key beside the settings */
  closed({ source: Type.Literal('file'), path: Type.Optional(Type.String({ pattern: '^/' })) }),
  /** asked for on the terminal, or read from an environment file */
  closed({
    source: Type.Literal('passphrase'),
    from: Type.Optional(Type.String({ pattern: '^env-file:' }))
  }),
  closed({ source: Type.Literal('systemd-credential'), name: Type.String({ minLength: 1 }) })
])

const Settings = Type.Object(
  {
    /** what may be asked of URLs that certificates name: nothing, servers on the public internet, or any server */
    outgoing: Type.Optional(Type.Enum(['no', 'public', 'any'])),
    /** what opens the vault, docs/vault.md */
    vault: Type.Optional(VaultSource),
    /** what it is being changed to: while a change is under way, or after it was cut, either of the two opens it */
    vaultNext: Type.Optional(VaultSource),
    /** where references `vault-kv:` are read; the token is itself a reference, to an environment file */
    vaultKv: Type.Optional(
      closed({
        address: Type.String({ pattern: '^https://' }),
        token: Type.String({ pattern: '^env-file:', description: 'a reference env-file:/path#NAME' }),
        namespace: Type.Optional(Type.String()),
        ca: Type.Optional(Type.String({ pattern: '^/' }))
      })
    ),
    automation: Type.Optional(
      closed({
        /** deployments at once: in all, and to one device */
        atOnce: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        perDevice: Type.Optional(Type.Integer({ minimum: 1, maximum: 20 }))
      })
    )
  },
  { additionalProperties: false }
)
/** The settings as they are written down. */
export type Settings = Static<typeof Settings>

const parse = parser(Settings, 'settings-malformed')

/** What opens the vault, as it stands in the settings. Throws settings-malformed. */
export const parseVaultSource = parser(VaultSource, 'settings-malformed')

/**
 * The settings of the appliance; those that are not written down have their defaults. Throws settings-malformed,
 * settings-unsafe.
 */
export function readSettings(where: Places): Settings & Required<Pick<Settings, 'outgoing'>> {
  const file = join(where.config, settingsName)
  const defaults = { outgoing: 'no' } as const
  try {
    const bytes = readOwnFile(file)
    return bytes ? { ...defaults, ...parse(JSON.parse(bytes.toString('utf8'))) } : defaults
  } catch (error) {
    if (error instanceof Fault && error.code === 'settings-unsafe') throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault(
      'settings-malformed',
      `The settings ${file} are not understood: ${why}. Correct the file, or remove it.`,
      { file },
      error
    )
  }
}

/** Writes the settings, whole or not at all; they are on the disk when this returns. Throws file-unwritable. */
export function writeSettings(where: Places, settings: Settings): void {
  const file = join(where.config, settingsName)
  const fresh = `${file}.new`
  try {
    mkdirSync(where.config, { recursive: true, mode: 0o700 })
    writeFileSync(fresh, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600, flush: true })
    renameSync(fresh, file)
    syncFolder(where.config)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault('file-unwritable', `The settings ${file} cannot be written: ${why}.`, { file }, error)
  }
}
