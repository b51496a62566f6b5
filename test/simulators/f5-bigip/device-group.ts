import type { Clock } from '../../../core/clock.ts'
import { comparable, type Configuration, type Virtual } from './configuration.ts'
import type { System } from './system.ts'

/** How a group keeps its units alike. */
export interface GroupOptions {
  readonly name: string
  readonly autoSync: boolean
  readonly saveOnAutoSync: boolean
  /** how long a push takes */
  readonly syncMs: number
  readonly clock: Clock
}

/** What the units of a group know of their being alike. */
export type SyncState = 'idle' | 'awaiting-initial' | 'syncing' | 'failed' | 'disconnected'

/** What units make each other: members of a sync-failover group. */
export class DeviceGroup {
  readonly name: string
  readonly autoSync: boolean
  readonly saveOnAutoSync: boolean
  readonly members: System[] = []
  /** members that were changed since they were alike, the last one last */
  readonly ahead: System[] = []
  state: SyncState = 'idle'
  /** the next push fails */
  failsNext = false
  readonly #syncMs: number
  readonly #clock: Clock
  #pending: Promise<void> = Promise.resolve()

  constructor({ name, autoSync, saveOnAutoSync, syncMs, clock }: GroupOptions) {
    this.name = name
    this.autoSync = autoSync
    this.saveOnAutoSync = saveOnAutoSync
    this.#syncMs = syncMs
    this.#clock = clock
  }

  /** A member was changed by somebody. */
  noteChange(system: System): void {
    const at = this.ahead.indexOf(system)
    if (at >= 0) this.ahead.splice(at, 1)
    this.ahead.push(system)
    if (this.autoSync && this.state !== 'disconnected') this.push(system, this.saveOnAutoSync)
  }

  /** A member has gone back to an older configuration: the others are ahead, unless it has what they have. */
  noteReversion(system: System): void {
    const at = this.ahead.indexOf(system)
    if (at >= 0) this.ahead.splice(at, 1)
    for (const other of this.members) {
      if (other !== system && !isAlike(system.running, other.running)) this.noteChange(other)
    }
  }

  /** The network between the members. */
  disconnect(): void {
    this.state = 'disconnected'
  }

  reconnect(): void {
    this.state = 'idle'
    const last = this.ahead.at(-1)
    if (last && this.autoSync) this.push(last, this.saveOnAutoSync)
  }

  /** Gives what a member has to all others, whatever they have: asked for now, done later. */
  push(from: System, saves = false): void {
    if (this.state === 'disconnected') return
    this.state = 'syncing'
    this.#pending = this.#pending.then(() => this.#pushed(from, saves))
  }

  /** Resolves when no push is under way. */
  settled(): Promise<void> {
    return this.#pending
  }

  async #pushed(from: System, saves: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#clock.after(this.#syncMs, resolve)
    await promise
    if (this.failsNext) {
      this.failsNext = false
      this.state = 'failed'
      return
    }
    this.ahead.length = 0
    for (const member of this.members) {
      if (member !== from) await member.adopt(pushedOnto(from.running, member.running))
      if (saves) member.save()
    }
    this.state = 'idle'
  }
}

function isAlike(one: Configuration, other: Configuration): boolean {
  const text = (configuration: Configuration) => JSON.stringify(comparable(pushedOnto(configuration, other)))
  return text(one) === text(other)
}

/** What a member has after a push: everything but what belongs to a unit itself. */
function pushedOnto(source: Configuration, target: Configuration): Configuration {
  const isLocal = ([, virtual]: readonly [string, Virtual]) => !virtual.isFloating
  const virtuals = [
    ...Object.entries(source.virtuals).filter((entry) => !isLocal(entry)),
    ...Object.entries(target.virtuals).filter(isLocal)
  ]
  return {
    ...source,
    generation: Math.max(source.generation, target.generation) + 1,
    virtuals: Object.fromEntries(virtuals),
    httpd: target.httpd
  }
}
