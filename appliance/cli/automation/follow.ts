import { jsonLine } from '../../../core/text.ts'
import type { AutomationEvent, Happening } from '../../automation-records.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Ending } from '../signals.ts'
import { progressAfter, progressLines, progressOf } from '../views/event-progress.ts'
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

/** Whose ending stops the watching, and how it is printed. */
export interface Following {
  readonly ending: Ending
  readonly options: OutputOptions
}

/** the time that stands beside the event on a terminal */
const tickMs = 1_000

/** Shows what happens to an event until it has ended, waits for somebody, or the command is stopped. */
export async function follow(
  session: Session,
  id: number,
  { ending, options }: Following
): Promise<AutomationEvent> {
  const { screen, clock } = session
  const functions = await session.functions()
  const begun = clock.ticks()
  let progress = progressOf(await functions.eventById(id))
  const show = () => screen.board(progressLines(screen, progress, clock.ticks() - begun))
  const watch = {
    happening(happening: Happening) {
      progress = progressAfter(progress, happening)
      if (options.json) screen.result(jsonLine(happening))
      else if (!screen.watched) screen.note(happeningLine(happening))
      show()
    }
  }
  show()
  const stopTicking = clock.every(tickMs, show)
  try {
    return await functions.followEvent(id, watch, AbortSignal.any([ending.signal, screen.closed]))
  } finally {
    stopTicking()
    screen.board([])
  }
}

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
  const isOver = event.endedAt !== null
  if (ending.signal.aborted && !isOver) {
    screen.note(`It goes on while tlsward run is up. Look with: tlsward events follow ${event.id}`)
  } else {
    const next = nextAct(event)
    if (next !== undefined) screen.note(next)
  }
  return exitCodeOfEvent(event)
}
