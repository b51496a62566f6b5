import { formatEndpoint } from '../../../core/address.ts'
import { visible } from '../../../core/text.ts'
import type { AutomationEvent, PlanRecord } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen } from '../screen.ts'
import { atMoment, fromNow, onDay, shortFingerprint } from '../words.ts'
import { namesText, targetName } from './events.ts'

/** The CSV of plans: a row for each target. */
export const planCsv: Pick<View<PlanRecord>, 'csv'> = {
  csv: [
    ['event', ({ event }) => event],
    ['device', ({ device }) => device],
    ['target', ({ target }) => target],
    ['steps', ({ steps }) => steps.map(({ id }) => id).join(' ')],
    ['before', ({ before }) => before.map(({ fingerprint }) => fingerprint).join(' ')],
    ['served', ({ served }) => served.map(placeText).join(' ')],
    ['shares', ({ shares }) => shares.map(({ what }) => what).join('; ')],
    ['warnings', ({ warnings }) => warnings.join('; ')],
    ['hash', ({ hash }) => hash]
  ]
}

/** What an event will do, target by target, as a person reads it before saying yes. */
export function planLines(
  screen: Screen,
  { event, plans }: { readonly event: AutomationEvent; readonly plans: readonly PlanRecord[] },
  now: number
): readonly string[] {
  return [
    `${screen.paint('strong', `Event ${event.id}`)}  ${event.action}, profile ${shown(event.profile)}`,
    ...row(screen, 'names', [namesText(event.names, 100)]),
    ...row(screen, 'begins', [beginText(event, now)]),
    ...plans.flatMap((plan) => ['', ...targetLines(screen, plan, now)]),
    '',
    ...row(screen, 'plan', [event.hash ?? ''])
  ]
}

function beginText({ startAt, requestedAt }: AutomationEvent, now: number): string {
  const start = Date.parse(startAt)
  return start > Date.parse(requestedAt) && start > now
    ? `${atMoment(start)}, ${fromNow(start, now)}, or when a window of the profile opens after that`
    : ''
}

/** What is done on one target. */
function targetLines(screen: Screen, plan: PlanRecord, now: number): readonly string[] {
  const shares = plan.shares.map(({ what, names }) =>
    names.length > 0 ? `${shown(what)} (${namesText(names, 5)})` : shown(what)
  )
  return [
    screen.paint('strong', shown(targetName(plan))),
    ...row(
      screen,
      'now',
      plan.before.map(
        ({ family, fingerprint, notAfter, object }) =>
          `${family} ${shortFingerprint(fingerprint)}, expires ${onDay(Date.parse(notAfter))}, ${fromNow(Date.parse(notAfter), now)}, ${shown(object)}`
      )
    ),
    ...plan.steps.flatMap(({ says }, at) => row(screen, `step ${at + 1}`, [visible(says, 1_000)])),
    ...row(screen, 'seen at', plan.served.map(placeText)),
    ...row(screen, 'used by', shares.length > 1 ? shares : []),
    ...plan.warnings.map((warning) => `  ${screen.paint('warn', `! ${shown(warning)}`)}`)
  ]
}

const labelWidth = 10

/** A label with its values below one another; nothing for none. */
function row(screen: Screen, label: string, values: readonly string[]): readonly string[] {
  return values
    .filter((value) => value !== '')
    .map((value, at) => `  ${screen.paint('dim', (at === 0 ? label : '').padEnd(labelWidth))}${value}`)
}

function placeText({ address, port, name, starttls }: PlanRecord['served'][number]): string {
  const place = formatEndpoint(shown(address), port)
  return [
    place,
    ...(name === null ? [] : [shown(name)]),
    ...(starttls === null ? [] : [`(${shown(starttls)})`])
  ].join(' ')
}
