import { hash } from 'node:crypto'
import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { HostFiles } from '../shared/files.ts'
import type { TrustedPaths } from '../shared/trusted-paths.ts'
import type { ConfigFile, Exposed } from './model.ts'

/** includes of one configuration: more is a loop */
const maxFiles = 2_000

/**
 * Reads the files of one configuration, each once, and remembers what it read. What others can change is not read: it
 * could be a pipe without an end, or name whatever they like.
 */
export class ConfigFiles {
  readonly files: HostFiles
  readonly #texts = new Map<string, string>()
  readonly #unreadable = new Set<string>()
  readonly #seen: ConfigFile[] = []
  readonly #exposed = new Map<string, string>()
  readonly #paths: TrustedPaths

  constructor(files: HostFiles, paths: TrustedPaths) {
    this.files = files
    this.#paths = paths
  }

  /** The text of a file; undefined when it is not there, or when the login may not read it. */
  async read(path: string): Promise<string | undefined> {
    const known = this.#texts.get(path)
    if (known !== undefined) return known
    if (this.#texts.size >= maxFiles) {
      throw new Fault('device-malformed', `The configuration includes more than ${maxFiles} files.`, { path })
    }
    const bytes = await this.#reachable(path, async () =>
      (await this.isClosed(path)) ? this.files.read(path) : undefined
    )
    if (!bytes) return undefined
    const real = (await this.files.realPath(path)) ?? path
    this.#seen.push({ path, real, sha256: hash('sha256', bytes, 'hex') })
    const text = bytes.toString().replace(/^\ufeff/, '')
    this.#texts.set(path, text)
    return text
  }

  /**
   * Can nobody else change what is at a path, or make it where it is not? Remembers those of which it is not so.
   * `isFolder`: neither can others make anything in it.
   */
  async isClosed(path: string, isFolder?: 'folder'): Promise<boolean> {
    const why = await (isFolder ? this.#paths.folderExposure(path) : this.#paths.exposure(path))
    if (why !== null) this.#exposed.set(path, why)
    return why === null
  }

  /** Why others can change a certificate, or null: then that one alone is left. */
  exposure(path: string): Promise<string | null> {
    return this.#paths.exposure(path)
  }

  /** Looks at what the program loads besides its configuration: modules, scripts. */
  async loads(paths: readonly string[]): Promise<void> {
    for (const path of new Set(paths)) await this.#reachable(path, () => this.isClosed(path))
  }

  async #reachable<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code !== 'device-right') throw thrown
      this.#unreadable.add(path)
      return undefined
    }
  }

  /** Files that the login may not read, by path. */
  get unreadable(): readonly string[] {
    return [...this.#unreadable].sort()
  }

  /** Paths that others can change, which were not read. */
  get exposed(): readonly Exposed[] {
    return [...this.#exposed].map(([path, why]) => ({ path, why })).sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Every file that was read, by path. */
  get seen(): readonly ConfigFile[] {
    return this.#seen.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** The paths that a glob(7) pattern names, sorted; a pattern without wildcards names itself. */
  async expand(pattern: string): Promise<string[]> {
    let found = ['/']
    for (const segment of posix.normalize(pattern).split('/').filter(Boolean)) {
      if (!/[*?[]/.test(segment)) found = found.map((path) => posix.join(path, segment))
      else {
        const matches = globPattern(segment)
        const deeper = await Promise.all(
          found.map(async (path) =>
            (await this.#names(path))
              .filter((name) => matches.test(name))
              .map((name) => posix.join(path, name))
          )
        )
        found = deeper.flat()
      }
    }
    return found
  }

  async #names(path: string): Promise<readonly string[]> {
    return (await this.isClosed(path, 'folder')) ? ((await this.files.list(path)) ?? []) : []
  }

  /** Is it a directory, perhaps behind a link? */
  async isDirectory(path: string): Promise<boolean> {
    const real = await this.files.realPath(path)
    return real !== undefined && (await this.files.stat(real))?.kind === 'directory'
  }
}

/** One segment of a glob as an expression; wildcards do not stand for a dot at the start. */
export function globPattern(segment: string): RegExp {
  const body = segment.replace(/\[!?[^\]]*\]|[\s\S]/g, (part) => {
    if (part === '*') return '[^/]*'
    if (part === '?') return '[^/]'
    if (part.length > 1) return part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
    return part.replace(/[\\^$.|+(){}[\]]/g, '\\$&')
  })
  return new RegExp(`^${segment.startsWith('.') ? '' : '(?!\\.)'}${body}$`)
}
