import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { Fault } from '../core/fault.ts'
import { readCertificateFile } from '../pki/pem.ts'
import { readOwnFile } from './own-file.ts'
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

/** Where own roots come from. */
export interface OwnAuthorities {
  readonly where: Places
  /** files that a command names */
  readonly files: readonly string[]
  /** of the own CAs of this installation, DER */
  readonly made: readonly Uint8Array[]
}

/**
 * Reads the roots of the system and the own ones: those in the directory of settings, those of `files`, and those that
 * were made here. Throws `file-unreadable`, `settings-unsafe` and `certificate-malformed`.
 */
export function readTrustRoots({ where, files, made }: OwnAuthorities): TrustRoots {
  const read = [readStanding(join(where.config, authoritiesName)), ...files.map(readAuthorities)]
  return { system: systemRoots(), own: [...read.flat(), ...made] }
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

function readStanding(file: string): Uint8Array[] {
  const bytes = readable(file, () => readOwnFile(file))
  return bytes ? authoritiesIn(file, bytes) : []
}

function readAuthorities(file: string): Uint8Array[] {
  return authoritiesIn(
    file,
    readable(file, () => readFileSync(file))
  )
}

function readable<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Fault) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new Fault(
      'file-unreadable',
      `The file of authorities ${file} cannot be read (${why}). Check the path and its rights.`,
      { file },
      error
    )
  }
}

function authoritiesIn(file: string, bytes: Buffer): Uint8Array[] {
  try {
    return readCertificateFile(bytes)
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    throw new Fault(thrown.code, `${file}: ${thrown.message}`, { ...thrown.facts, file }, thrown)
  }
}
