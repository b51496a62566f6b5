import { Fault } from '../../../core/fault.ts'
import { jsonLine } from '../../../core/text.ts'
import type { AutomationFunctions, EventRequest } from '../../automation-functions.ts'
import type { AutomationEvent, PlanRecord } from '../../automation-records.ts'
import { ask, hasTerminal } from '../ask.ts'
import { follower, printEnd, type FollowOptions } from '../automation/follow.ts'
import { laterWords, leftWords, whoWorks } from '../automation/follow-words.ts'
import { checkNoWait } from '../automation/no-wait.ts'
import { thisPerson } from '../automation/person.ts'
import { startTime } from '../automation/start-time.ts'
import { targetsOf } from '../automation/targets.ts'
import { linePrinter, shown } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import type { Ending } from '../signals.ts'
import { namesText } from '../views/events.ts'
import { planCsv, planLines } from '../views/plans.ts'
import { atMoment } from '../words.ts'

/** Options of `replace` as commander gives them. */
export interface ReplaceOptions extends FollowOptions {
  readonly profile: string
  readonly action: EventRequest['action']
  readonly plan?: boolean
  readonly yes?: boolean
  readonly acceptLostNames?: boolean
  readonly at?: string
  readonly window: 'any' | 'profile'
}

/** A plan that changes between its approval and the first write is shown again, this often. */
const mostPlans = 10

/** An event that this command works on. */
interface Asked {
  readonly event: AutomationEvent
  /** was it this command that asked? */
  readonly isOurs: boolean
}

/** Replaces certificates: shows the plan, asks, and follows the event to its end. Gives the exit code. */
export async function replaceCertificates(
  session: Session,
  words: readonly string[],
  options: ReplaceOptions
): Promise<number> {
  const { screen } = session
  const ending = session.ending(() => screen.note('Stopping. Press Ctrl-C again to leave at once.'))
  const following = { ending, options }
  const functions = await session.functions()
  checkNoWait(functions, options, options.at !== undefined)
  const targets = await targetsOf(words, { functions, signal: ending.signal })
  if (ending.signal.aborted) return 0
  if (!options.plan) await checkWritable(functions, targets)
  const asked = await request(session, targets, options)
  if (options.plan && !asked.isOurs) {
    await printPlan(session, asked.event, options)
    return leave(session, asked, following)
  }
  const follow = follower(session, asked.event.id, following)
  let { event } = asked
  if (options.plan) return showPlan(session, await follow(), following)
  let isApproved = false
  const isWider = !asked.isOurs && options.window === 'any' && event.hours === 'window'
  if (isWider && !unplanned.has(event.state)) {
    const question = 'Change the devices outside the windows of its profile?'
    if (options.yes !== true && (await ask(question, ending)) !== true) throw keepsToWindows(event)
    event = await functions.widenEvent(event.id, thisPerson())
    isApproved = true
  }
  // somebody has agreed to it before: it may be half-way on a device at any time
  if (!unplanned.has(event.state)) await follow.agreed()
  for (let plans = 0; plans < mostPlans; plans++) {
    event = await follow()
    if (ending.exitCode() !== undefined || event.state !== 'needs-approval') break
    await printPlan(session, event, options)
    if (!(await agrees(event, following))) break
    if (isWider) await functions.widenEvent(event.id, thisPerson())
    await follow.agreed()
    // a yes was to the plan with the names that it loses
    const lostNames = event.lostNames.length > 0 ? 'accepted' : 'refused'
    const approval = { hash: event.hash ?? '', by: thisPerson(), lostNames } as const
    event = await functions.approveEvent(event.id, approval)
    isApproved = true
    if (options.wait === false) return leaveToRun(session, event, options)
  }
  if (isApproved || event.endedAt !== null) return printEnd(session, event, following)
  return leave(session, { ...asked, event }, following)
}

/** the plan of these is still to be agreed to */
const unplanned: ReadonlySet<string> = new Set(['requested', 'previewed', 'needs-approval'])

function keepsToWindows({ id }: AutomationEvent): Fault {
  const message = `Event ${id} stays as it is, in the windows of its profile. Say yes, or repeat with --yes, to change the devices at any time.`
  return new Fault('confirmation-needed', message, { event: id })
}

async function leaveToRun(
  { screen, functions }: Session,
  event: AutomationEvent,
  options: OutputOptions
): Promise<number> {
  if (options.json) screen.result(jsonLine(event))
  const worker = whoWorks((await functions()).driving)
  screen.note(
    worker === 'run' ? leftWords(event, worker) : laterWords({ ...event, nextAt: event.startAt }, worker)
  )
  return 0
}

/** Shows the plan of an event that ends with it; one that could not be made is told. Gives the exit code. */
async function showPlan(session: Session, event: AutomationEvent, of: Agreeing): Promise<number> {
  const isMade = event.hash !== null
  if (isMade) await printPlan(session, event, of.options)
  const code = isMade ? 0 : printEnd(session, event, of)
  if (event.endedAt === null) await (await session.functions()).cancelEvent(event.id, thisPerson())
  session.screen.note('Nothing was bought, and nothing was written.')
  return of.ending.signal.aborted ? 0 : code
}

/** Throws device-read-only before anything is asked for that would wait for ever. */
async function checkWritable(functions: AutomationFunctions, targets: readonly string[]): Promise<void> {
  const names = new Set(targets.map((target) => target.slice(0, target.indexOf('/'))))
  for (const { name, writable } of await functions.devices()) {
    if (!names.has(name) || writable) continue
    throw new Fault(
      'device-read-only',
      `device ${shown(name)}: it is only read. Allow writing with tlsward device allow ${shown(name)}, or look at the plan with --plan.`,
      { device: name }
    )
  }
}

async function request(
  { functions, clock, screen }: Session,
  targets: readonly string[],
  options: ReplaceOptions
): Promise<Asked> {
  const begun = Math.floor(clock.now() / 1000) * 1000
  const requestedBy = thisPerson()
  const event = await (
    await functions()
  ).requestEvent({
    action: options.action,
    targets,
    profile: options.profile,
    startAt: options.at === undefined ? null : startTime('--at', options.at, clock.now()),
    hours: options.window === 'any' ? 'any' : 'window',
    approval: options.plan ? 'never' : 'needed',
    requestedBy
  })
  // the same wish while one is open gives that one
  const isOurs = Date.parse(event.requestedAt) >= begun && event.requestedBy === requestedBy
  if (!isOurs) {
    const hours = event.hours === 'any' ? 'at any time' : 'in the windows of its profile'
    screen.note(
      `Event ${event.id} for the same is open already (${event.state}: ${shown(event.why)}), asked by ${shown(event.requestedBy)}, ` +
        `not before ${atMoment(Date.parse(event.startAt))}, ${hours}.`
    )
    if (options.at !== undefined)
      screen.note(`It keeps that time: for another one take it back, tlsward events cancel ${event.id}`)
  }
  return { event, isOurs }
}

async function printPlan(session: Session, event: AutomationEvent, options: OutputOptions): Promise<void> {
  const { screen, clock } = session
  const plans: readonly PlanRecord[] = await (await session.functions()).eventPlans(event.id)
  const print = linePrinter(screen, options, planCsv)
  if (print) plans.forEach(print)
  else for (const line of planLines(screen, { event, plans }, clock.now())) screen.result(line)
}

/** What nobody agreed to is taken back, where this command asked for it. Throws confirmation-needed for a no. */
async function leave(
  session: Session,
  { event, isOurs }: Asked,
  { ending, options }: Agreeing
): Promise<number> {
  const { screen } = session
  const waits = event.state === 'needs-approval'
  // a plan that could not even be made is told before it is taken back
  const code = waits || ending.signal.aborted ? 0 : await printEnd(session, event, { ending, options })
  if (isOurs) await (await session.functions()).cancelEvent(event.id, thisPerson())
  else screen.note(`Event ${event.id} stays open.`)
  const nothing = 'Nothing was bought, and nothing was written.'
  if (waits && !options.plan && !ending.signal.aborted) {
    const message = `${unagreed(event, options)}${nothing}`
    throw new Fault('confirmation-needed', message, { event: event.id })
  }
  if (isOurs) screen.note(nothing)
  return code
}

/** what would have been a yes */
function unagreed({ lostNames }: AutomationEvent, options: ReplaceOptions): string {
  const lost = lostNames.map((name) => shown(name)).join(', ')
  if (lost !== '' && (options.yes || !hasTerminal())) {
    return `${lost} would be left without a certificate: give the profile these names, or repeat with --yes --accept-lost-names if that is meant. `
  }
  if (hasTerminal()) return ''
  return 'There is no terminal to ask on: repeat with --yes to do this, or with --plan to see it only. '
}

interface Agreeing {
  readonly ending: Ending
  readonly options: ReplaceOptions
}

/** Does a person say yes to the plan that was shown? Names that it loses are asked for by name. */
async function agrees({ lostNames }: AutomationEvent, { ending, options }: Agreeing): Promise<boolean> {
  const loses = lostNames.length > 0 && options.acceptLostNames !== true
  if (options.yes) return !loses
  const question = loses ? `Do this, and leave ${namesText(lostNames, 5)} without a certificate?` : 'Do this?'
  return (await ask(question, ending)) === true
}
