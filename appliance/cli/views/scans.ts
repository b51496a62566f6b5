import type { Differences } from '../../functions.ts'
import type { Change, Leaf, Scan, Schedule } from '../../records.ts'
import { formatEndpoint } from '../../../core/address.ts'
import { shown, type View } from '../output.ts'
import type { Screen, Tone } from '../screen.ts'
import type { Cell } from '../table.ts'
import { atMoment, counted, duration, figure, onDay, shortFingerprint } from '../words.ts'

/** Words and tones of the states of a scan. */
const states: Readonly<Record<Scan['state'], { readonly word: string; readonly tone: Tone }>> = {
  running: { word: 'Running', tone: 'running' },
  finished: { word: 'Finished', tone: 'good' },
  stopped: { word: 'Stopped', tone: 'dim' },
  interrupted: { word: 'Interrupted', tone: 'warn' }
}

/** A scan with those that asked for names where it found TLS: to a person, one. */
export type ScanFamily = readonly [Scan, ...Scan[]]

/** Scans, the latest first, each with those for its names, which are later. */
export function scanFamilies(scans: readonly Scan[]): ScanFamily[] {
  const known = new Set(scans.map(({ id }) => id))
  const isFirst = ({ parent }: Scan) => parent === null || !known.has(parent)
  return scans
    .filter(isFirst)
    .map((first) => [first, ...scans.filter(({ parent }) => parent === first.id).toReversed()])
}

/** The figures of a family, as those of one scan. */
function joinedScan([first, ...names]: ScanFamily): Scan {
  return names.reduce(
    (all, one) => ({
      ...all,
      state: one.state,
      endedAt: one.endedAt,
      size: all.size + one.size,
      done: all.done + one.done,
      endpoints: all.endpoints + one.endpoints,
      appeared: all.appeared + one.appeared,
      changed: all.changed + one.changed,
      gone: all.gone + one.gone
    }),
    names.length === 0 ? first : { ...first, scope: `${first.scope}, with names` }
  )
}

/** The table of scans. */
export function scanTable(screen: Screen): Pick<View<ScanFamily>, 'columns' | 'cells'> {
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
    cells: (family) => {
      const scan = joinedScan(family)
      const { word, tone } = states[scan.state]
      return [
        family.map(({ id }) => id).join('+'),
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
    }
  }
}

/** The CSV of scans. */
export const scanCsv: Pick<View<Scan>, 'csv'> = {
  csv: [
    ['id', (scan) => scan.id],
    ['parent', (scan) => scan.parent],
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

/** What `diff` compares, in one sentence. */
export function comparisonLine({ from, to }: Pick<Differences, 'from' | 'to'>): string {
  const unfinished = to.find((scan) => scan.state !== 'finished')
  const caution = unfinished
    ? ` ${unfinished.state === 'running' ? 'It is still running' : 'It did not come to its end'}: what it has not reached is not compared.`
    : ''
  const [first] = to
  if (from === null) {
    const scope = first ? ` (${shown(first.scope)}; ${atMoment(Date.parse(first.startedAt))})` : ''
    return `${scanNames(to)}${scope}, compared with what was known before.${caution}`
  }
  return `The inventory after ${scanNames(to, 'scan')}${endText(to)}, compared with the one after ${scanNames(from, 'scan')}${endText(from)}.${caution}`
}

function scanNames(scans: readonly Scan[], word = 'Scan'): string {
  const [first, ...names] = scans.map(({ id }) => id)
  return names.length === 0
    ? `${word} ${first}`
    : `${word} ${first} with its names (scan ${names.join(', ')})`
}

function endText(scans: readonly Scan[]): string {
  const end = scans.flatMap(({ endedAt }) => endedAt ?? []).at(-1)
  return end === undefined ? '' : ` (${atMoment(Date.parse(end))})`
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
      sideText(change, change.before),
      sideText(change, change.after)
    ],
    csv: [
      ['change', (change) => change.change],
      ['address', (change) => change.address],
      ['port', (change) => change.port],
      ['name', (change) => change.name],
      ['fields', (change) => change.fields.join(' ')],
      ['before_outcome', (change) => change.before?.outcome ?? null],
      ['before_fingerprints', (change) => fingerprints(change.before)],
      ['after_outcome', (change) => change.after?.outcome ?? null],
      ['after_fingerprints', (change) => fingerprints(change.after)]
    ]
  }
}

function sideText(change: Change, side: Change['before']): string {
  if (!side || side.state === 'gone') return side?.outcome ?? ''
  if (change.change !== 'changed') return side.certificates.map(leafText).join(', ') || side.outcome
  const parts = change.fields.flatMap((field) =>
    redundant(change, field) ? [] : (fieldTexts[field](side) ?? [])
  )
  return parts.join(', ') || 'none'
}

type Side = Change['after']

/** Another leaf is another chain as well. */
function redundant({ fields }: Change, field: Change['fields'][number]): boolean {
  return field === 'chains' && fields.includes('certificates')
}

/** What one side shows of a field that changed; null: nothing. */
const fieldTexts: Readonly<Record<Change['fields'][number], (side: Side) => string | null>> = {
  outcome: ({ outcome }) => outcome,
  starttls: ({ starttls }) => starttls,
  version: ({ version }) => version,
  cipher: ({ cipher }) => cipher,
  alert: ({ alert }) => (alert === null ? null : `alert ${alert}`),
  clientCertificate: ({ clientCertificate }) =>
    clientCertificate === null
      ? null
      : `client certificate ${clientCertificate ? 'asked for' : 'not asked for'}`,
  certificates: ({ certificates }) => certificates.map(leafText).join(', ') || null,
  chains: ({ chains }) => chains.map((hash) => `chain ${shortFingerprint(hash)}`).join(', ') || null
}

function leafText(leaf: Leaf): string {
  return `${shown(leaf.label)} until ${onDay(Date.parse(leaf.notAfter))} (${shortFingerprint(leaf.fingerprint)})`
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
