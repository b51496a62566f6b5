import { pino } from 'pino'
import type { Clock } from '../core/clock.ts'
import type { Log, LogFacts } from '../core/log.ts'
import { shownFacts } from './log-facts.ts'

/** The levels of a log, the most urgent first. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const

/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

/** Where a log goes and what it lets through. */
export interface LogOptions {
  /** gets whole lines of JSON, each with its line feed */
  readonly stream: { write(line: string): void }
  readonly clock: Pick<Clock, 'now'>
  /** the least urgent level that is written */
  readonly level: LogLevel
}

/** names that every line has */
const ownNames = new Set(['level', 'time', 'msg'])

/**
 * A log of JSON lines: `{"level":"info","time":"2026-11-25T00:00:00.000Z","msg":"scan-started", …facts}`. Secrets
 * are taken out of the facts, as {@link shownFacts} says.
 */
export function createLog({ stream, clock, level }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // the facts are plain by then
      serializers: {}
    },
    stream
  )
  const write =
    (level: LogLevel) =>
    (event: string, facts: LogFacts = {}): void => {
      if (!logger.isLevelEnabled(level)) return
      logger[level](withoutOwnNames(shownFacts(facts)), event)
    }
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') }
}

/** A fact of the name of a field of ours would make two of that name: it gets a dash. */
function withoutOwnNames<T>(facts: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [ownNames.has(name) ? `${name}-` : name, value])
  )
}
