import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { Fault } from '../core/fault.ts'
import { readCertificateFile } from '../pki/pem.ts'
import type { Places } from './places.ts'

/** Name of the file with the own certificate authorities, in the directory of settings. */
export const authoritiesName = 'authorities.pem'

/** The certificates that chains may end at, DER. */
export interface TrustRoots {
  /** those of the operating system, else those that come with Node */
  readonly system: readonly Uint8Array[]
  /** those that the administrator added */
  readonly own: readonly Uint8Array[]
}

/**
 * Reads the roots of the system and the own ones: those in the directory of settings, and those of `files`.
 * Throws `file-unreadable` and `certificate-malformed`.
 */
export function readTrustRoots(where: Places, files: readonly string[]): TrustRoots {
  const standing = readIfThere(join(where.config, authoritiesName))
  const own = [...(standing ? [standing] : []), ...files.map(readAuthorities)]
  return { system: systemRoots(), own: own.flat() }
}

/** Names a set of roots: another set, another name. */
export function rootsId({ system, own }: TrustRoots): string {
  const all = [...system, ...own].map((der) => hash('sha256', der, 'hex'))
  return hash('sha256', [...new Set(all)].toSorted().join(' '), 'hex')
}

function systemRoots(): Uint8Array[] {
  const system = getCACertificates('system')
  const pems = system.length > 0 ? system : getCACertificates('bundled')
  return pems.map((pem) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'))
}

function readIfThere(file: string): Uint8Array[] | undefined {
  try {
    return readAuthorities(file)
  } catch (error) {
    const { cause } = error as Error
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR'))
      return undefined
    throw error
  }
}

function readAuthorities(file: string): Uint8Array[] {
  let bytes
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault(
      'file-unreadable',
      `The file of authorities ${file} cannot be read (${why}). Check the path and its rights.`,
      { file },
      error
    )
  }
  try {
    return readCertificateFile(bytes)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new Fault(thrown.code, `${file}: ${thrown.message}`, { ...thrown.facts, file }, thrown)
  }
}
