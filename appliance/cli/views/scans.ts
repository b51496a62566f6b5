import type { Change, Leaf, Scan, Schedule } from '../../records.ts'
import { formatEndpoint } from '../../../core/address.ts'
import { shown, type View } from '../output.ts'
import type { Screen, Tone } from '../screen.ts'
import type { Cell } from '../table.ts'
import { atMoment, counted, duration, figure, onDay } from '../words.ts'

/** Words and tones of the states of a scan. */
const states: Readonly<Record<Scan['state'], { readonly word: string; readonly tone: Tone }>> = {
  running: { word: 'Running', tone: 'running' },
  finished: { word: 'Finished', tone: 'good' },
  stopped: { word: 'Stopped', tone: 'dim' },
  interrupted: { word: 'Interrupted', tone: 'warn' }
}

/** The table and CSV of scans. */
export function scanView(screen: Screen): View<Scan> {
  return {
    columns: [
      { head: 'SCAN', align: 'right' },
      { head: 'STATE' },
      { head: 'STARTED' },
      { head: 'TOOK', align: 'right', drop: 2 },
      { head: 'DONE', align: 'right' },
      { head: 'FOUND', align: 'right' },
      { head: 'NEW', align: 'right' },
      { head: 'CHANGED', align: 'right' },
      { head: 'GONE', align: 'right' },
      { head: 'SCOPE', least: 12, drop: 1 }
    ],
    cells: (scan) => {
      const { word, tone } = states[scan.state]
      return [
        String(scan.id),
        { text: word, paint: (cell) => screen.paint(tone, cell) },
        atMoment(Date.parse(scan.startedAt)),
        scan.endedAt === null ? '' : duration(Date.parse(scan.endedAt) - Date.parse(scan.startedAt)),
        scan.done === scan.size ? figure(scan.size) : `${figure(scan.done)} of ${figure(scan.size)}`,
        figure(scan.endpoints),
        figure(scan.appeared),
        figure(scan.changed),
        figure(scan.gone),
        shown(scan.scope)
      ]
    },
    csv: [
      ['id', (scan) => scan.id],
      ['state', (scan) => scan.state],
      ['started_at', (scan) => scan.startedAt],
      ['ended_at', (scan) => scan.endedAt],
      ['size', (scan) => scan.size],
      ['done', (scan) => scan.done],
      ['endpoints', (scan) => scan.endpoints],
      ['new', (scan) => scan.appeared],
      ['changed', (scan) => scan.changed],
      ['gone', (scan) => scan.gone],
      ['scope', (scan) => scan.scope]
    ]
  }
}

/** One line that answers what came of a scan. */
export function scanLine(scan: Scan): string {
  const changes = [
    `${figure(scan.appeared)} new`,
    `${figure(scan.changed)} changed`,
    `${figure(scan.gone)} gone`
  ].join(', ')
  const took =
    scan.endedAt === null ? '' : ` in ${duration(Date.parse(scan.endedAt) - Date.parse(scan.startedAt))}`
  const done =
    scan.done < scan.size
      ? `${figure(scan.done)} of ${counted(scan.size, 'pair')}`
      : counted(scan.size, 'pair')
  return `Scan ${scan.id}: ${counted(scan.endpoints, 'endpoint')} among ${done}${took}; ${changes}.`
}

/** Outcomes of a scan with their counts, most first. */
export function outcomeLines(scan: Scan): string[] {
  return Object.entries(scan.outcomes)
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `  ${figure(count).padStart(12)}  ${outcome}`)
}

const changeTones: Readonly<Record<Change['change'], Tone>> = {
  new: 'good',
  changed: 'warn',
  gone: 'bad',
  returned: 'good'
}

/** The table and CSV of differences. */
export function changeView(screen: Screen): View<Change> {
  return {
    columns: [
      { head: 'CHANGE' },
      { head: 'ENDPOINT' },
      { head: 'NAME', least: 12, drop: 1 },
      { head: 'BEFORE', least: 20 },
      { head: 'AFTER', least: 20 }
    ],
    cells: (change) => [
      { text: change.change, paint: (cell) => screen.paint(changeTones[change.change], cell) } satisfies Cell,
      formatEndpoint(change.address, change.port),
      shown(change.name),
      sideText(change.before),
      sideText(change.after)
    ],
    csv: [
      ['change', (change) => change.change],
      ['address', (change) => change.address],
      ['port', (change) => change.port],
      ['name', (change) => change.name],
      ['before_outcome', (change) => change.before?.outcome ?? null],
      ['before_fingerprints', (change) => fingerprints(change.before)],
      ['after_outcome', (change) => change.after?.outcome ?? null],
      ['after_fingerprints', (change) => fingerprints(change.after)]
    ]
  }
}

function sideText(side: Change['before']): string {
  if (!side || side.state === 'gone') return side?.outcome ?? ''
  if (side.certificates.length === 0) return side.outcome
  return side.certificates.map(leafText).join(', ')
}

function leafText(leaf: Leaf): string {
  return `${shown(leaf.label)} until ${onDay(Date.parse(leaf.notAfter))} (${leaf.fingerprint.slice(0, 8)})`
}

function fingerprints(side: Change['before']): string | null {
  return side && side.certificates.map((leaf) => leaf.fingerprint).join(' ')
}

/** The table and CSV of schedules. */
export const scheduleView: View<Schedule> = {
  columns: [
    { head: 'SCHEDULE' },
    { head: 'EVERY' },
    { head: 'PORTS', least: 8 },
    { head: 'WINDOW', least: 8 },
    { head: 'TARGETS', least: 16 }
  ],
  cells: (one) => [
    shown(one.name),
    one.every,
    shown(one.ports),
    shown(one.window),
    shown(one.targets.join(' '))
  ],
  csv: [
    ['name', (one) => one.name],
    ['every', (one) => one.every],
    ['ports', (one) => one.ports],
    ['window', (one) => one.window],
    ['targets', (one) => one.targets.join(' ')],
    ['created_at', (one) => one.createdAt]
  ]
}
