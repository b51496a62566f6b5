import { sleep, type Clock } from '../../../core/clock.ts'
import { Fault } from '../../../core/fault.ts'
import { jsonLine } from '../../../core/text.ts'
import type { AutomationEvent, Happening } from '../../automation-records.ts'
import type { Driving } from '../../automation/driving.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Ending } from '../signals.ts'
import { progressAfter, progressLines, progressOf, type EventProgress } from '../views/event-progress.ts'
import { deploymentLines, eventLine, happeningLine, nextAct } from '../views/events.ts'
import { finishingWords, laterWords, othersWords, leftWords, waitingWords, whoWorks } from './follow-words.ts'

/** Exit codes of commands that follow an event, beside those of faults; the help of the program lists them. */
export const eventExitCodes = {
  'rolled-back': 9,
  stuck: 10,
  failed: 11,
  cancelled: 13
} as const satisfies Partial<Record<AutomationEvent['state'], number>>

/** The exit code of an event that waits for somebody. */
export const waitsExitCode = 12
/** The exit code of an event whose time is still to come, while no `tlsward run` is up to begin it. */
export const laterExitCode = 14

/** The exit code that tells how an event stands: 0 is live. */
export function exitCodeOfEvent({ state }: AutomationEvent): number {
  if (state === 'live' || state === 'cleaned') return 0
  if (laterStates.has(state)) return laterExitCode
  return state in eventExitCodes ? eventExitCodes[state as keyof typeof eventExitCodes] : waitsExitCode
}

/** what only waits for a time, once nobody follows it */
const laterStates: ReadonlySet<string> = new Set(['scheduled', 'planned', 'deploying'])

/** Options of commands that follow an event. */
export interface FollowOptions extends OutputOptions {
  /** true: also for a time to come, where this process does the work; false: not at all */
  readonly wait?: boolean
}

/** Whose ending stops the watching, how it is printed, and what of the history need not be told. */
export interface Following {
  readonly ending: Ending
  readonly options: FollowOptions
  /** happenings that the person knows already */
  readonly known?: number
}

/** the time that stands beside the event on a terminal */
const tickMs = 1_000
/** an event that waits for its hour is looked at again */
const lookAgainMs = 5_000

/** Follows one event, as often as it is called, and tells nothing twice. */
export interface Follow {
  (): Promise<AutomationEvent>
  /**
   * the person has agreed to it: from now on the first signal has what is half-way on a device brought to its end, where
   * this process does the work
   */
  agreed(): Promise<void>
}

/**
 * Makes what shows what happens to an event until it has ended, waits for somebody, or the command is stopped; gives the
 * event then.
 */
export function follower(session: Session, id: number, following: Following): Follow {
  const { screen, clock } = session
  const { ending, options, known = 0 } = following
  const isOver = new AbortController()
  const signal = AbortSignal.any([ending.signal, isOver.signal])
  // nobody reads what is told any more: before the yes that is the end, after it what is half-way goes on
  let closed = () => isOver.abort()
  screen.closed.addEventListener('abort', () => closed(), { once: true })
  if (screen.closed.aborted) closed()
  let told = known
  let noted: string | undefined
  let progress: EventProgress | undefined
  const begun = clock.ticks()
  const show = () => progress && screen.board(progressLines(screen, progress, clock.ticks() - begun))
  const tell = (happening: Happening) => {
    if (progress) progress = progressAfter(progress, happening)
    if (options.json) screen.result(jsonLine(happening))
    else if (!screen.watched) screen.note(happeningLine(happening))
    show()
  }
  const follow = async () => {
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
        if (signal.aborted || rests(event, clock.now(), { driving: functions.driving, options })) return event
        const waiting = waitingWords(event, whoWorks(functions.driving))
        if (waiting !== noted) screen.note(waiting)
        noted = waiting
        await sleep(clock, lookAgainMs, signal)
      }
    } catch (thrown) {
      throw leftBehind(id, thrown)
    } finally {
      stopTicking()
      screen.board([])
    }
  }
  const agreed = async () => {
    const { driving } = await session.functions()
    const finish = () => {
      if (!driving?.isHere()) return isOver.abort()
      screen.note(finishingWords)
      void driving.finish().then(() => isOver.abort())
    }
    if (isOver.signal.aborted) return
    closed = finish
    ending.finishFirst(finish)
  }
  return Object.assign(follow, { agreed })
}

interface Resting {
  readonly driving: Driving | null
  readonly options: FollowOptions
}

/** `tlsward run` may end while it does the work: the event stays, and somebody has to go on with it. */
function leftBehind(id: number, thrown: unknown): unknown {
  if (!(thrown instanceof Fault) || thrown.code !== 'socket-lost') return thrown
  const message =
    `event ${id}: tlsward run ended while it was followed. It stays as it stands, nothing is lost. ` +
    `Go on with it: start tlsward run again, then tlsward events follow ${id}`
  return new Fault('socket-lost', message, { event: id }, thrown)
}

/** Is there nothing to wait for, but a person, a CA that takes its time, or a time that this process need not wait for? */
function rests({ state, endedAt, nextAt }: AutomationEvent, now: number, by: Resting): boolean {
  if (endedAt !== null || nextAt === null || personStates.has(state)) return true
  const isFar = Date.parse(nextAt) - now > patienceMs
  if (state === 'issuing') return isFar
  return by.driving?.isHere() === true && by.options.wait !== true && (state === 'scheduled' || isFar)
}

const personStates: ReadonlySet<string> = new Set(['needs-approval', 'waiting', 'stuck'])
/** an issuer that is asked again later than that is a person, or a CA that wants to be left alone */
const patienceMs = 15 * 60_000

/** Prints how an event stands once nobody follows it any more; gives the exit code. */
export async function printEnd(
  session: Session,
  event: AutomationEvent,
  { ending, options }: Following
): Promise<number> {
  const { screen } = session
  if (options.json) screen.result(jsonLine(event))
  else {
    for (const line of deploymentLines(screen, event)) screen.result(line)
    screen.result(eventLine(screen, event))
  }
  const { driving } = await session.functions()
  if (driving && !ending.signal.aborted) {
    await finished(driving, { ending, say: (line) => screen.note(line), clock: session.clock })
  }
  const code = exitCodeOfEvent(event)
  if (ending.exitCode() !== undefined && event.endedAt === null) {
    screen.note(leftWords(event, whoWorks(driving)))
  } else {
    const next = code === laterExitCode ? laterWords(event, whoWorks(driving)) : nextAct(event)
    if (next !== undefined) screen.note(next)
  }
  return code
}

/** Other events may be half-way on a device, by this process: they are not left so because this one is done. */
async function finished(driving: Driving, { ending, say, clock }: Finishing): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  ending.signal.addEventListener('abort', () => aborted.resolve(), { once: true })
  const cancel = clock.after(tickMs, () => say(othersWords))
  await Promise.race([driving.finish(), aborted.promise])
  cancel()
}

interface Finishing {
  readonly ending: Ending
  readonly say: (line: string) => void
  readonly clock: Clock
}
