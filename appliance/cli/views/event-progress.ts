import type { AutomationEvent, Happening } from '../../automation-records.ts'
import { shown } from '../output.ts'
import type { Screen } from '../screen.ts'
import { tableLines, type Column } from '../table.ts'
import { duration } from '../words.ts'
import { stateTone, targetName } from './events.ts'

/** Where one target stands, as far as was told. */
export interface TargetProgress {
  readonly state: string
  /** why it is in this state, or the step that was done last in it */
  readonly why: string
}

/** Where an event and its targets stand while somebody watches. */
export interface EventProgress {
  readonly id: number
  readonly state: string
  readonly why: string
  readonly targets: ReadonlyMap<string, TargetProgress>
}

/** Where an event stands when the watching begins. */
export function progressOf({ id, state, why, deployments }: AutomationEvent): EventProgress {
  return {
    id,
    state,
    why,
    targets: new Map(deployments.map((one) => [targetName(one), { state: one.state, why: one.why }]))
  }
}

/** Where it stands after something has happened. */
export function progressAfter(before: EventProgress, { what, why, target }: Happening): EventProgress {
  if (target === null) return { ...before, state: what, why }
  const state = deploymentStates.has(what) ? what : (before.targets.get(target)?.state ?? what)
  const says = deploymentStates.has(what) ? why : `${what}: ${why}`
  return { ...before, targets: new Map(before.targets).set(target, { state, why: says }) }
}

/** Words that a happening of a target has for a state; others are steps. */
const deploymentStates: ReadonlySet<string> = new Set([
  'waiting',
  'preparing',
  'deploying',
  'verifying',
  'live',
  'cleaning',
  'cleaned',
  'rolling-back',
  'rolled-back',
  'failed',
  'stuck',
  'cancelled'
])

const columns: readonly Column[] = [
  { head: 'TARGET', least: 12 },
  { head: 'STATE', least: 9 },
  { head: 'WHY', least: 10, drop: 1 }
]

/** A table of where targets stand, for lines that stay in place on a terminal. */
export function targetLines(
  screen: Screen,
  targets: Iterable<readonly [name: string, TargetProgress]>
): readonly string[] {
  const rows = [...targets].map(([target, { state, why }]) => [
    shown(target),
    { text: shown(state), paint: (cell: string) => screen.paintNote(stateTone(state), cell) },
    shown(why)
  ])
  const head = (text: string) => screen.paintNote('dim', text)
  return tableLines(columns, rows, { width: screen.noteWidth, head })
}

/** The lines that stay in place on a terminal: a table of the targets, and the event with the time it took. */
export function progressLines(screen: Screen, progress: EventProgress, tookMs: number): readonly string[] {
  const width = screen.noteWidth
  const [line = ''] = tableLines(
    [{ head: '', least: 10 }],
    [[`Event ${progress.id} ${shown(progress.state)} · ${duration(tookMs)} · ${shown(progress.why)}`]],
    { width, head: (text) => text }
  ).slice(1)
  return [...targetLines(screen, progress.targets), screen.paintNote('running', line)]
}
