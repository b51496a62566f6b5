import type { Configuration } from './configuration.ts'
import { partsOf } from './names.ts'

/** Folders that file transfer writes and reads. */
export const downloads = '/var/config/rest/downloads'
export const bulk = '/var/config/rest/bulk'

/** A file store's name for an object: `:Common:www.key_1`. */
function storePath(kind: string, fullPath: string, revision: number): string {
  const { partition } = partsOf(fullPath)
  return `/config/filestore/files_d/${partition}_d/${kind}_d/${fullPath.replaceAll('/', ':')}_${revision}`
}

/** Files of a unit: those that were put there, and the file store, which shows the objects of the configuration. */
export class Disk {
  readonly #files = new Map<string, string>()
  readonly #configuration: () => Configuration

  constructor(configuration: () => Configuration) {
    this.#configuration = configuration
  }

  /** Content, a character for each byte; null when there is no such file. */
  read(path: string): string | null {
    return this.#files.get(path) ?? this.#store().get(path) ?? null
  }

  write(path: string, content: string): void {
    this.#files.set(path, content)
  }

  /** Was it there? Objects of the file store cannot be removed so. */
  remove(path: string): boolean {
    return this.#files.delete(path)
  }

  /** Paths that match; a `*` at the end stands for anything. */
  find(pattern: string): string[] {
    const all = [...this.#files.keys(), ...this.#store().keys()]
    if (!pattern.endsWith('*')) return all.filter((path) => path === pattern)
    return all.filter((path) => path.startsWith(pattern.slice(0, -1)))
  }

  /** Files of a folder, by full path. */
  within(folder: string): string[] {
    const prefix = `${folder.replace(/\/$/, '')}/`
    return this.find(`${prefix}*`).filter((path) => !path.slice(prefix.length).includes('/'))
  }

  /** Files that were put there, everywhere. */
  get files(): ReadonlyMap<string, string> {
    return this.#files
  }

  #store(): Map<string, string> {
    const { certs, keys } = this.#configuration()
    return new Map([
      ...Object.values(certs).map(
        ({ fullPath, revision, content }) => [storePath('certificate', fullPath, revision), content] as const
      ),
      ...Object.values(keys).map(
        ({ fullPath, revision, content }) =>
          [storePath('certificate_key', fullPath, revision), content] as const
      )
    ])
  }
}
