import type { Clock } from '../../../core/clock.ts'
import { type Account, mayChange } from './accounts.ts'
import { comparable, type Configuration, type Draft, draftOf } from './configuration.ts'
import { Disk } from './disk.ts'
import type { JsonObject } from './json.ts'
import type { Actor } from './resource.ts'
import { validate } from './validation.ts'

/** What a system is made with. */
export interface SystemOptions {
  readonly hostname: string
  readonly version: string
  readonly clock: Clock
  readonly configuration: Configuration
}

/** The configuration of one unit: what runs, what is saved, and its files. */
export class System {
  readonly hostname: string
  readonly version: string
  readonly clock: Clock
  readonly disk: Disk
  /** called after every change, before anybody hears of it */
  changed: (how: 'here' | 'synced' | 'reverted') => Promise<void> = () => Promise.resolve()
  #running: Configuration
  #saved: Configuration

  constructor({ hostname, version, clock, configuration }: SystemOptions) {
    this.hostname = hostname
    this.version = version
    this.clock = clock
    this.#running = configuration
    this.#saved = configuration
    this.disk = new Disk(() => this.#running)
  }

  get running(): Configuration {
    return this.#running
  }

  get saved(): Configuration {
    return this.#saved
  }

  /** What runs and what is saved, to be compared. */
  snapshot(): { readonly running: JsonObject; readonly saved: JsonObject } {
    return { running: comparable(this.#running), saved: comparable(this.#saved) }
  }

  actor(account: Account): Actor {
    return {
      user: account.name,
      mayChange: (partition) => mayChange(account, partition),
      now: this.clock.now(),
      version: this.version,
      readFile: (path) => this.disk.read(path),
      writeFile: (path, content) => this.disk.write(path, content)
    }
  }

  /** All of it or nothing: what `change` does to a draft becomes what runs, if it is valid. */
  async change<T>(change: (draft: Draft) => T, { isOnlyTried = false } = {}): Promise<T> {
    const draft = draftOf(this.#running)
    const made = change(draft)
    validate(draft, this.version)
    if (isOnlyTried) return made
    this.#running = draft
    await this.changed('here')
    return made
  }

  save(partitions: readonly string[] | null = null): void {
    this.#saved = partitions === null ? this.#running : partlySaved(this.#saved, this.#running, partitions)
  }

  /** What runs becomes what was saved: by a command, or by a reboot. */
  async load(how: 'here' | 'reverted'): Promise<void> {
    this.#running = this.#saved
    await this.changed(how)
  }

  /** What runs becomes what the peer has. */
  async adopt(configuration: Configuration): Promise<void> {
    this.#running = configuration
    await this.changed('synced')
  }
}

/** The saved configuration with some partitions as they run. */
function partlySaved(
  saved: Configuration,
  running: Configuration,
  partitions: readonly string[]
): Configuration {
  const isMeant = (fullPath: string) => partitions.includes(fullPath.split('/')[1] ?? '')
  const merged = <T>(old: Readonly<Record<string, T>>, now: Readonly<Record<string, T>>) =>
    Object.fromEntries([
      ...Object.entries(old).filter(([fullPath]) => !isMeant(fullPath)),
      ...Object.entries(now).filter(([fullPath]) => isMeant(fullPath))
    ])
  return {
    generation: running.generation,
    httpd: saved.httpd,
    partitions: merged(saved.partitions, running.partitions),
    folders: merged(saved.folders, running.folders),
    certs: merged(saved.certs, running.certs),
    keys: merged(saved.keys, running.keys),
    csrs: merged(saved.csrs, running.csrs),
    clientSsl: merged(saved.clientSsl, running.clientSsl),
    profiles: merged(saved.profiles, running.profiles),
    virtuals: merged(saved.virtuals, running.virtuals)
  }
}
