import type { Clock } from '../../core/clock.ts'

// npm, npx and the launcher pass on a signal that the terminal has already sent to the whole group
const samePress = 250

/** The signal of what no signal ends. */
export const never = new AbortController().signal

/** Exit codes of a process that was asked to end: 128 + the number of the signal. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type EndSignal = keyof typeof exitCodes

/** What came of listening to signals. */
export interface Ending {
  /** aborts at the first signal, or at the second where the first one has work finished */
  readonly signal: AbortSignal
  /** exit code of an end in order after the first signal, or undefined while none has come */
  exitCode(): number | undefined
  /** Ctrl-C at a question: it comes as a key there, and no signal is sent */
  interrupt(): void
  /** from now on the first signal calls back, to have work finished, and the next one is as the first otherwise is */
  finishFirst(finish: () => void): void
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
  /** called at the signal that aborts, to tell the person */
  readonly said: () => void
  /** ends the process at once */
  readonly leave: (exitCode: number) => void
}

/**
 * Turns the first SIGINT, SIGTERM or SIGHUP into an abort, so that work ends in order; the next one ends the
 * process at once.
 */
export function listenToSignals({ clock, stop = 'cut-short', said, leave }: SignalDeps): Ending {
  const abort = new AbortController()
  let first: EndSignal | undefined
  let at = -Infinity
  let finish: (() => void) | undefined
  const heard = (name: EndSignal) => {
    if (clock.ticks() - at <= samePress) return
    at = clock.ticks()
    const isFirst = first === undefined
    first ??= name
    if (isFirst && finish) finish()
    else if (abort.signal.aborted) leave(exitCodes[name])
    else {
      said()
      abort.abort()
    }
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => heard(name))
  return {
    signal: abort.signal,
    exitCode: () => first && (stop === 'as-meant' ? 0 : exitCodes[first]),
    interrupt() {
      first = 'SIGINT'
      at = clock.ticks()
      abort.abort()
    },
    finishFirst: (call) => void (finish = call)
  }
}
