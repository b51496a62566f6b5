import { sleep } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import { jsonLine } from '../../../core/text.ts'
import type { AutomationEvent, Happening } from '../../automation-records.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Ending } from '../signals.ts'
import { progressAfter, progressLines, progressOf, type EventProgress } from '../views/event-progress.ts'
import { deploymentLines, eventLine, happeningLine, nextAct } from '../views/events.ts'

/** Exit codes of commands that follow an event, beside those of faults; the help of the program lists them. */
export const eventExitCodes = {
  'rolled-back': 9,
  stuck: 10,
  failed: 11,
  cancelled: 13
} as const satisfies Partial<Record<AutomationEvent['state'], number>>

/** The exit code of an event that waits for somebody. */
const waitsExitCode = 12

/** The exit code that tells how an event stands: 0 is live. */
export function exitCodeOfEvent({ state }: AutomationEvent): number {
  if (state === 'live' || state === 'cleaned') return 0
  return state in eventExitCodes ? eventExitCodes[state as keyof typeof eventExitCodes] : waitsExitCode
}

/** Whose ending stops the watching, how it is printed, and what of the history need not be told. */
export interface Following {
  readonly ending: Ending
  readonly options: OutputOptions
  /** happenings that the person knows already */
  readonly known?: number
}

/** the time that stands beside the event on a terminal */
const tickMs = 1_000
/** an event that waits for its hour is looked at again */
const lookAgainMs = 5_000

/** Follows one event, as often as it is called, and tells nothing twice. */
export type Follow = () => Promise<AutomationEvent>

/**
 * Makes what shows what happens to an event until it has ended, waits for somebody, or the command is stopped; gives the
 * event then.
 */
export function follower(session: Session, id: number, { ending, options, known = 0 }: Following): Follow {
  const { screen, clock } = session
  const signal = AbortSignal.any([ending.signal, screen.closed])
  let told = known
  let progress: EventProgress | undefined
  const begun = clock.ticks()
  const show = () => progress && screen.board(progressLines(screen, progress, clock.ticks() - begun))
  const tell = (happening: Happening) => {
    if (progress) progress = progressAfter(progress, happening)
    if (options.json) screen.result(jsonLine(happening))
    else if (!screen.watched) screen.note(happeningLine(happening))
    show()
  }
  return async () => {
    const functions = await session.functions()
    progress = progressOf(await functions.eventById(id))
    show()
    const stopTicking = clock.every(tickMs, show)
    try {
      for (;;) {
        // each call tells the history from its beginning
        let heard = 0
        const happening = (one: Happening) => {
          if (++heard <= told) return
          told = heard
          tell(one)
        }
        const event = await functions.followEvent(id, { happening }, signal)
        if (signal.aborted || rests(event, clock.now())) return event
        await sleep(clock, lookAgainMs, signal)
      }
    } catch (thrown) {
      throw leftBehind(id, thrown)
    } finally {
      stopTicking()
      screen.board([])
    }
  }
}

/** `tlsward run` may end while it does the work: the event stays, and somebody has to go on with it. */
function leftBehind(id: number, thrown: unknown): unknown {
  if (!(thrown instanceof Fault) || thrown.code !== 'socket-lost') return thrown
  const message =
    `event ${id}: tlsward run ended while it was followed. It stays as it stands, nothing is lost. ` +
    `Go on with it: start tlsward run again, then tlsward events follow ${id}`
  return new Fault('socket-lost', message, { event: id }, thrown)
}

/** Is there nothing to wait for, but a person or a CA that takes its time? */
function rests({ state, endedAt, nextAt }: AutomationEvent, now: number): boolean {
  if (endedAt !== null || nextAt === null || personStates.has(state)) return true
  return state === 'issuing' && Date.parse(nextAt) - now > issuerPatienceMs
}

const personStates: ReadonlySet<string> = new Set(['needs-approval', 'waiting', 'stuck'])
/** an issuer that is asked again later than that is a person, or a CA that wants to be left alone */
const issuerPatienceMs = 15 * 60_000

/** Prints how an event stands once nobody follows it any more; gives the exit code. */
export function printEnd(
  { screen }: Session,
  event: AutomationEvent,
  { ending, options }: Following
): number {
  if (options.json) screen.result(jsonLine(event))
  else {
    for (const line of deploymentLines(screen, event)) screen.result(line)
    screen.result(eventLine(screen, event))
  }
  if (ending.signal.aborted && event.endedAt === null) {
    screen.note(`It goes on while tlsward run is up. Look with: tlsward events follow ${event.id}`)
  } else {
    const next = nextAct(event)
    if (next !== undefined) screen.note(next)
  }
  return exitCodeOfEvent(event)
}
