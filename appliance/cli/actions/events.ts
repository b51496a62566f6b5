import { jsonLine } from '../../../core/text.ts'
import { encodePem } from '../../../pki/pem.ts'
import { readHandedFile } from '../../../sensor/issuance/manual.ts'
import type { AutomationFunctions } from '../../automation-functions.ts'
import type { AutomationEvent } from '../../automation-records.ts'
import { follower, printEnd, type FollowOptions, type Following } from '../automation/follow.ts'
import { laterWords, leftWords, whoWorks } from '../automation/follow-words.ts'
import { checkNoWait } from '../automation/no-wait.ts'
import { thisPerson } from '../automation/person.ts'
import { readBytes } from '../files.ts'
import { malformed } from '../options.ts'
import { linePrinter, printTable } from '../output.ts'
import type { OutputOptions, Session } from '../session.ts'
import { eventLine, eventLines, eventView, historyLines, nextAct } from '../views/events.ts'
import { planLines } from '../views/plans.ts'

interface ListOptions extends OutputOptions {
  readonly open?: boolean
  readonly limit: number
  readonly before?: number
}

/** Prints events, the latest first. */
export async function listEvents(session: Session, options: ListOptions): Promise<void> {
  const { screen, clock } = session
  const { open = false, limit, before = null } = options
  const events = await (await session.functions()).events({ open, limit, before })
  const view = eventView(screen, clock.now())
  const print = linePrinter(screen, options, view)
  if (print) return events.forEach(print)
  if (events.length === 0) return screen.result(open ? 'No event is open.' : 'No event yet.')
  printTable(screen, view, events)
  const last = events.at(-1)
  if (last && events.length === limit) screen.note(`Earlier ones: repeat with --before ${last.id}`)
}

/** Prints one event: where it stands, its plans and its history. */
export async function showEvent(session: Session, id: number, options: OutputOptions): Promise<void> {
  const { screen, clock } = session
  const functions = await session.functions()
  const event = await functions.eventById(id)
  const [plans, history] = [await functions.eventPlans(id), await functions.eventHistory(id)]
  if (options.json) {
    for (const record of [event, ...plans, ...history]) screen.result(jsonLine(record))
    return
  }
  for (const line of eventLines(screen, event, clock.now())) screen.result(line)
  if (plans.length > 0) {
    screen.result('')
    for (const line of planLines(screen, { event, plans }, clock.now())) screen.result(line)
  }
  if (history.length > 0) {
    screen.result('')
    for (const line of historyLines(screen, history)) screen.result(line)
  }
  const next = nextAct(event)
  if (next !== undefined) screen.note(next)
}

/** Follows an event to its end, with what happened before; gives the exit code. */
export async function followEvent(session: Session, id: number, options: FollowOptions): Promise<number> {
  return followFrom(session, id, { options, known: 0 })
}

async function followFrom(
  session: Session,
  id: number,
  of: Pick<Following, 'options' | 'known'>
): Promise<number> {
  const following = { ...of, ending: session.ending(() => session.screen.note('Stopping …')) }
  const follow = follower(session, id, following)
  await follow.agreed()
  return printEnd(session, await follow(), following)
}

/** Takes an event back. */
export async function cancelEvent(session: Session, id: number, options: OutputOptions): Promise<void> {
  const functions = await session.functions()
  const event = await functions.cancelEvent(id, thisPerson())
  printStanding(session, event, options)
  // what its orders left at a CA and in DNS is taken back now, where nobody else does it
  await functions.driving?.finish()
}

/** Tries the deployments of an event again. */
export async function retryEvent(session: Session, id: number, options: FollowOptions): Promise<number> {
  return goOn(session, { id, options }, (functions) => functions.retryEvent(id, thisPerson()))
}

/** Gives up the undo of an event. */
export async function giveUpEvent(session: Session, id: number, options: FollowOptions): Promise<number> {
  return goOn(session, { id, options }, (functions) => functions.giveUpEvent(id, thisPerson()))
}

interface ApproveOptions extends FollowOptions {
  readonly hash: string
  readonly acceptLostNames?: boolean
}

/** digits of a hash that nobody meets by chance */
const leastDigits = 16

/** Approves the plan of an event by its hash; its first digits are enough. */
export async function approveEvent(session: Session, id: number, options: ApproveOptions): Promise<number> {
  const given = options.hash.toLowerCase()
  if (!/^[0-9a-f]+$/.test(given) || given.length < leastDigits) {
    throw malformed('--hash', options.hash, `give at least ${leastDigits} hex digits of the plan's hash`)
  }
  return goOn(session, { id, options }, async (functions) => {
    const { hash } = await functions.eventById(id)
    const meant = hash !== null && hash.startsWith(given) ? hash : given
    const lostNames = options.acceptLostNames === true ? 'accepted' : 'refused'
    return functions.approveEvent(id, { hash: meant, by: thisPerson(), lostNames })
  })
}

/** Prints the CSRs of an event whose issuer is a person. */
export async function printRequests({ screen, functions }: Session, id: number): Promise<void> {
  for (const pem of await (await functions()).eventRequests(id)) screen.result(pem.trimEnd())
}

/** Hands in the certificate that a person got: PEM, DER or PKCS#7. */
export async function giveCertificate(
  session: Session,
  [id, file]: readonly [number, string],
  options: FollowOptions
): Promise<number> {
  const certificates = readHandedFile(readBytes('certificate', file))
  const pem = certificates.map((der) => encodePem(der, 'CERTIFICATE')).join('')
  return goOn(session, { id, options }, (functions) => functions.giveCertificate(id, pem))
}

/** Does something after which an event goes on, and follows it unless --no-wait was said; gives the exit code. */
async function goOn(
  session: Session,
  { id, options }: { readonly id: number; readonly options: FollowOptions },
  act: (functions: AutomationFunctions) => Promise<AutomationEvent>
): Promise<number> {
  const functions = await session.functions()
  const { startAt } = await functions.eventById(id)
  checkNoWait(functions, options, Date.parse(startAt) > session.clock.now())
  const known = (await functions.eventHistory(id)).length
  const event = await act(functions)
  if (options.wait !== false) return followFrom(session, id, { options, known })
  printStanding(session, event, options)
  const worker = whoWorks(functions.driving)
  const later = { ...event, nextAt: startAt }
  session.screen.note(worker === 'run' ? leftWords(event, worker) : laterWords(later, worker))
  return 0
}

function printStanding({ screen }: Session, event: AutomationEvent, options: OutputOptions): void {
  if (options.json) screen.result(jsonLine(event))
  else screen.result(eventLine(screen, event))
}
