import { join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { isHeld, takeLock, type Lock } from './lock.ts'

const lockName = 'engine-lock'
const commandName = 'engine-command'

/** The process that replaces certificates with a state. */
export interface EngineHolder {
  readonly pid: number
  /** milliseconds since the epoch */
  readonly since: number
  /** as a person wrote it, `tlsward run` */
  readonly command: string
}

/** Where the lock is, and what this process calls itself for whoever finds it held. */
export interface EnginePlace {
  readonly directory: string
  readonly command: string
}

/**
 * Which process replaces certificates: one at a time, for two would do each event twice. The lock is in `directory`
 * and goes with the process, however that dies.
 */
export function openEngineTurn(db: Connection, { directory, command }: EnginePlace) {
  let held: Lock | null = null
  const select = db.prepare<[string], string>('SELECT value FROM setting WHERE name = ?').pluck()
  const upsert = db.prepare(
    'INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'
  )
  const holder = (): EngineHolder | null => {
    const lock = select.get(lockName)
    if (lock === undefined || !isHeld(join(directory, lock))) return null
    const [, pid = '0', since = '0'] = /^engine-(\d+)-(\d+)\.lock$/.exec(lock) ?? []
    return { pid: Number(pid), since: Number(since), command: select.get(commandName) ?? 'tlsward' }
  }
  // both settings as they were at one time
  const look = db.transaction(holder)
  const take = db.transaction((at: number) => {
    const other = holder()
    if (other !== null) throw taken(directory, other)
    const lock = `engine-${process.pid}-${at}.lock`
    held = takeLock(join(directory, lock)) ?? null
    if (held === null) throw taken(directory, { pid: process.pid, since: at, command })
    upsert.run(lockName, lock)
    upsert.run(commandName, command)
  })
  const release = () => {
    held?.release()
    held = null
  }
  return {
    /** makes this process the one; throws engine-running */
    take(at: number): void {
      try {
        take.immediate(at)
      } catch (thrown) {
        release()
        throw thrown
      }
    },
    /** the process that is the one now; null: there is none */
    holder: (): EngineHolder | null => look(),
    release
  }
}

function taken(directory: string, holder: EngineHolder): Fault {
  const { pid, command } = holder
  const remedy =
    command === 'tlsward run'
      ? 'it does the work already; stop it first if this one is to do it'
      : `wait until it ends, or end it (kill ${pid}): what it has begun is gone on with`
  const message = `state ${directory}: ${holderName(holder)} replaces certificates with this state; ${remedy}`
  return new Fault('engine-running', message, { directory, pid, command })
}

/** `tlsward replace (process 4711, since 2026-11-25T14:05:12.000Z)` */
export function holderName({ pid, since, command }: EngineHolder): string {
  return `${command} (process ${pid}, since ${new Date(since).toISOString()})`
}
