import type { AutomationEvent, Happening } from '../../automation-records.ts'
import { shown, type View } from '../output.ts'
import type { Screen, Tone } from '../screen.ts'
import { tableLines, type Cell, type Column } from '../table.ts'
import { atSecond, figure, fromNow, shortFingerprint } from '../words.ts'

/** States by what they mean to a person; the rest is under way. */
const tones: Readonly<Record<string, Tone>> = {
  live: 'good',
  cleaning: 'good',
  cleaned: 'good',
  failed: 'bad',
  'rolling-back': 'bad',
  'rolled-back': 'bad',
  stuck: 'bad',
  cancelled: 'dim',
  'needs-approval': 'warn',
  waiting: 'dim',
  scheduled: 'dim'
}

/** How a state of an event or deployment is painted. */
export function stateTone(state: string): Tone {
  return tones[state] ?? 'running'
}

/** The table and CSV of events. */
export function eventView(screen: Screen, now: number): View<AutomationEvent> {
  return {
    columns: [
      { head: 'EVENT', align: 'right' },
      { head: 'STATE' },
      { head: 'ACTION', drop: 2 },
      { head: 'NAMES', least: 16 },
      { head: 'TARGETS', align: 'right', drop: 4 },
      { head: 'PROFILE', drop: 3, least: 8 },
      { head: 'ASKED', drop: 1 },
      { head: 'WHY', least: 20 }
    ],
    cells: (event) => [
      String(event.id),
      stateCell(event.state, (tone, text) => screen.paint(tone, text)),
      event.action,
      namesText(event.names, 3),
      figure(event.deployments.length),
      shown(event.profile),
      fromNow(Date.parse(event.requestedAt), now),
      shown(event.why)
    ],
    csv: [
      ['event', ({ id }) => id],
      ['state', ({ state }) => state],
      ['action', ({ action }) => action],
      ['profile', ({ profile }) => profile],
      ['names', ({ names }) => names.join(' ')],
      ['targets', ({ deployments }) => deployments.map(targetName).join(' ')],
      ['requested_by', ({ requestedBy }) => requestedBy],
      ['requested_at', ({ requestedAt }) => requestedAt],
      ['ended_at', ({ endedAt }) => endedAt],
      ['why', ({ why }) => why]
    ]
  }
}

function stateCell(state: string, paint: (tone: Tone, text: string) => string): Cell {
  return { text: state, paint: (cell) => paint(stateTone(state), cell) }
}

/** Names, the first few of them. */
export function namesText(names: readonly string[], most: number): string {
  const more = names.length - most
  return [...names.slice(0, most).map(shown), ...(more > 0 ? [`and ${figure(more)} more`] : [])].join(', ')
}

/** `device/target`, as commands take it. */
export function targetName({ device, target }: { readonly device: string; readonly target: string }): string {
  return `${device}/${target}`
}

/** Where an event stands, in one line. */
export function eventLine(screen: Screen, event: AutomationEvent): string {
  return `Event ${event.id} is ${screen.paint(stateTone(event.state), event.state)}: ${shown(event.why)}`
}

/** An event with its deployments. */
export function eventLines(screen: Screen, event: AutomationEvent, now: number): readonly string[] {
  const time = (text: string) => `${atSecond(Date.parse(text))}, ${fromNow(Date.parse(text), now)}`
  const later = Date.parse(event.startAt) > Date.parse(event.requestedAt) ? time(event.startAt) : ''
  const rows: readonly (readonly [string, string])[] = [
    ['Action', `${event.action}, profile ${shown(event.profile)}`],
    ['Asked', `${time(event.requestedAt)}, by ${shown(event.requestedBy)}`],
    ['Not before', later],
    ['Names', namesText(event.names, 100)],
    ['Plan', event.hash ?? ''],
    ['Approved by', shown(event.approvedBy)],
    ['Certificates', event.certificates.map(shortFingerprint).join(', ')],
    ['Looked at next', event.nextAt === null ? '' : time(event.nextAt)],
    ['Ended', event.endedAt === null ? '' : time(event.endedAt)]
  ]
  return [
    eventLine(screen, event),
    '',
    ...rows
      .filter(([, value]) => value !== '')
      .map(([label, value]) => `${screen.paint('dim', label.padEnd(16))}${value}`),
    '',
    ...deploymentLines(screen, event)
  ]
}

/** The deployments of an event as a table. */
export function deploymentLines(screen: Screen, { deployments }: AutomationEvent): readonly string[] {
  const columns: readonly Column[] = [
    { head: 'TARGET', least: 20 },
    { head: 'STATE' },
    { head: 'STEPS', least: 8, drop: 1, sparse: true },
    { head: 'WHY', least: 20 }
  ]
  const rows = deployments.map((one) => [
    shown(targetName(one)),
    stateCell(one.state, (tone, text) => screen.paint(tone, text)),
    one.steps.map(shown).join(' '),
    shown(one.why)
  ])
  return tableLines(columns, rows, { width: screen.width, head: (text) => screen.paint('dim', text) })
}

/** The history of an event as a table. */
export function historyLines(screen: Screen, history: readonly Happening[]): readonly string[] {
  const columns: readonly Column[] = [
    { head: 'WHEN' },
    { head: 'WHO', drop: 1, least: 8 },
    { head: 'WHAT' },
    { head: 'TARGET', least: 12, sparse: true },
    { head: 'WHY', least: 20 }
  ]
  const rows = history.map(({ at, who, what, why, target }) => [
    atSecond(Date.parse(at)),
    shown(who),
    shown(what),
    shown(target),
    shown(why)
  ])
  return tableLines(columns, rows, { width: screen.width, head: (text) => screen.paint('dim', text) })
}

/** One happening as a plain line. */
export function happeningLine({ at, what, why, target }: Happening): string {
  const where = target === null ? '' : `${shown(target)} `
  return `${at.slice(11, 19)}Z ${where}${shown(what)}: ${shown(why)}`
}

/** what another try costs */
function retryText(issued: number, unissued: number): string {
  if (unissued === 0) return 'It uses the certificate that was issued, and orders none.'
  if (issued === 0) return 'No certificate was issued yet: it orders one.'
  return 'It uses the certificate that was issued, and orders the one that was not.'
}

/** What a person does next about an event that waits for one; undefined: nothing. */
export function nextAct({
  id,
  state,
  hash,
  lostNames,
  certificates,
  unissued
}: AutomationEvent): string | undefined {
  switch (state) {
    case 'needs-approval':
      return `Look at its plan with tlsward events show ${id}, then: tlsward events approve ${id} --hash ${hash?.slice(0, 16) ?? ''}${lostNames.length > 0 ? ' --accept-lost-names' : ''}`
    case 'issuing':
      return `Where a person asks the CA: tlsward events csr ${id} prints the CSR, tlsward events certificate ${id} FILE hands in the certificate`
    case 'failed':
    case 'rolled-back':
      return `Once that is put right: tlsward events retry ${id}. ${retryText(certificates.length, unissued)}`
    case 'stuck':
      return `A device is neither as it was nor as it should be. Put right what the message says, then: tlsward events retry ${id} (docs/operations.md#stuck)`
    default:
      return undefined
  }
}
