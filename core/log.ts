/** Facts of a log line; the event name stands for itself, sentences are for people elsewhere. */
export type LogFacts = Readonly<Record<string, unknown>>

/**
 * A log of static event names with facts. Level by who must act: error a person, warn the product will
 * retry, info state changed, debug for whoever looks into it.
 */
export interface Log {
  error(event: string, facts?: LogFacts): void
  warn(event: string, facts?: LogFacts): void
  info(event: string, facts?: LogFacts): void
  debug(event: string, facts?: LogFacts): void
}

/** A log that keeps nothing. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} }
