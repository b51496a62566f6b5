import type { Clock } from '../../core/clock.ts'

// npm, npx and the launcher pass on a signal that the terminal has already sent to the whole group
const samePress = 250

/** Exit codes of a process that was asked to end: 128 + the number of the signal. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type EndSignal = keyof typeof exitCodes

/** What came of listening to signals. */
export interface Ending {
  /** aborts at the first signal */
  readonly signal: AbortSignal
  /** exit code of an end in order after the first signal, or undefined while none has come */
  exitCode(): number | undefined
  /** Ctrl-C at a question: it comes as a key there, and no signal is sent */
  interrupt(): void
}

/**
 * What it means that a command was asked to end: work was cut short (exit code 128 + the number of the signal), or it is
 * how the command always ends (0).
 */
export type Stop = 'cut-short' | 'as-meant'

/** What listening to signals works with. */
interface SignalDeps {
  readonly clock: Clock
  /** left out: cut-short */
  readonly stop?: Stop
  /** called at the first signal, to tell the person */
  readonly said: () => void
  /** ends the process at once */
  readonly leave: (exitCode: number) => void
}

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort, so that work ends in order; the second ends the
 * process at once.
 */
export function listenToSignals({ clock, stop = 'cut-short', said, leave }: SignalDeps): Ending {
  const abort = new AbortController()
  let first: EndSignal | undefined
  let at = 0
  const begin = (name: EndSignal) => {
    first = name
    at = clock.ticks()
    abort.abort()
  }
  const heard = (name: EndSignal) => {
    if (first === undefined) {
      said()
      begin(name)
    } else if (clock.ticks() - at > samePress) {
      leave(exitCodes[name])
    }
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => heard(name))
  return {
    signal: abort.signal,
    exitCode: () => first && (stop === 'as-meant' ? 0 : exitCodes[first]),
    interrupt: () => begin('SIGINT')
  }
}
