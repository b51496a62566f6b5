import type { Command } from 'commander'
import type { Clock } from '../../core/clock.ts'
import type { Places } from '../places.ts'
import type { Reached } from '../running/reach.ts'
import type { Screen } from './screen.ts'
import type { Ending, Stop } from './signals.ts'

/** What a command works with while it runs. */
export interface Session {
  readonly screen: Screen
  readonly clock: Clock
  readonly places: Places
  /** the functions of the appliance, opened at the first call and closed after the command */
  readonly functions: () => Promise<Reached>
  /** from now on signals end the command in order; `stop`: cut-short where nothing else is said */
  readonly ending: (said: () => void, stop?: Stop) => Ending
}

/** Runs one command: opens its session, closes it, turns faults into words and an exit code. */
export type Run = (command: Command, act: (session: Session) => Promise<number | void>) => Promise<void>

/** Options that every command has. */
export interface GlobalOptions {
  readonly state?: string
  readonly config?: string
  /** files of own certificate authorities */
  readonly ca?: readonly string[]
  readonly quiet?: boolean
  readonly color: boolean
  readonly output?: string
}

/** Options of commands that print records. */
export interface OutputOptions extends GlobalOptions {
  readonly json?: boolean
  readonly csv?: boolean
}
