import { realpathSync, statfsSync } from 'node:fs'
import { dirname, join, parse, sep } from 'node:path'
import type { Places } from '../places.ts'
import { readSettings } from '../settings.ts'
import { parseReference } from '../vault/reference.ts'
import { vaultKeyName, type VaultSetting } from './open-vault.ts'

// statfs(2): file systems that are gone with the power
const inMemory: ReadonlySet<number> = new Set([0x01021994, 0x858458f6])

/**
 * What could be lost, or read by others, as the vault is opened now: a key that lies beside the database, or in memory;
 * a change of the source that was cut.
 */
export function vaultWarnings(opened: VaultSetting, where: Places): string[] {
  return [...keyWarnings(opened, where), ...cutWarnings(where)]
}

function keyWarnings(opened: VaultSetting, where: Places): string[] {
  const key = keyOf(opened, where)
  if (!key) return []
  const { what, path } = key
  const folder = realFolder(path)
  const state = realOf(where.state)
  const lies = folder === state ? 'beside the database' : `in ${folder}, together with the database`
  const together = isWithin(folder, state) || isWithin(state, folder)
  return [
    ...(together
      ? [
          `${what} ${path} lies ${lies}: a copy or backup of that folder holds both, and protects no secret. Open it ` +
            'by a systemd credential or a passphrase, or keep the file elsewhere: tlsward vault source --help'
        ]
      : []),
    ...(inMemory.has(typeOf(folder))
      ? [
          `${what} ${path} lies in memory (tmpfs), and is lost when the machine restarts; with it every secret. Keep ` +
            'it on a disk, unless something puts it there at each start: tlsward vault source file path=FILE'
        ]
      : [])
  ]
}

function keyOf(
  opened: VaultSetting,
  where: Places
): { readonly what: string; readonly path: string } | undefined {
  if (opened?.source === 'systemd-credential') return undefined
  if (opened?.source !== 'passphrase') {
    return { what: 'the key file', path: opened?.path ?? join(where.config, vaultKeyName) }
  }
  const from = opened.from === undefined ? undefined : parseReference(opened.from)
  return from?.kind === 'env-file' ? { what: 'the file of the passphrase', path: from.path } : undefined
}

function cutWarnings(where: Places): string[] {
  const { vaultNext } = readSettings(where)
  if (vaultNext === undefined) return []
  return [
    'the settings name two sources: a change was cut. Repeat it: tlsward vault source ' +
      Object.entries(vaultNext)
        .map(([name, value]) => (name === 'source' ? value : `${name}=${value}`))
        .join(' ')
  ]
}

/** the root of the file system holds everything: nobody keeps it as a folder of its own */
function isWithin(inner: string, outer: string): boolean {
  return outer !== parse(outer).root && (inner === outer || inner.startsWith(`${outer}${sep}`))
}

function realFolder(path: string): string {
  return dirname(realOf(path))
}

function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

function typeOf(folder: string): number {
  try {
    return statfsSync(folder).type
  } catch {
    return 0
  }
}
