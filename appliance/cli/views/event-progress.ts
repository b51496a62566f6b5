import type { AutomationEvent, Happening } from '../../automation-records.ts'
import { shown } from '../output.ts'
import type { Screen } from '../screen.ts'
import { cut, tableLines, type Column } from '../table.ts'
import { duration } from '../words.ts'
import { stateTone, targetName } from './events.ts'

/** Where one target stands, as far as was told. */
export interface TargetProgress {
  readonly state: string
  /** step that was done last in this state, or '' */
  readonly step: string
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
    targets: new Map(
      deployments.map((one) => [targetName(one), { state: one.state, step: '', why: one.why }])
    )
  }
}

/** Where it stands after something has happened. */
export function progressAfter(before: EventProgress, { what, why, target }: Happening): EventProgress {
  if (target === null) return { ...before, state: what, why }
  const one = before.targets.get(target)
  const isState = deploymentStates.has(what)
  const after = isState ? { state: what, step: '', why } : { state: one?.state ?? '', step: what, why }
  return { ...before, targets: new Map(before.targets).set(target, after) }
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
  { head: 'STEP', least: 6, drop: 1, sparse: true },
  { head: 'WHY', least: 10, drop: 2 }
]

/** A table of where targets stand, for lines that stay in place on a terminal. */
export function targetLines(
  screen: Screen,
  targets: Iterable<readonly [name: string, TargetProgress]>
): readonly string[] {
  const rows = [...targets].map(([target, { state, step, why }]) => [
    shown(target),
    { text: state, paint: (cell: string) => screen.paintNote(stateTone(state), cell) },
    shown(step),
    shown(why)
  ])
  const head = (text: string) => screen.paintNote('dim', text)
  return tableLines(columns, rows, { width: screen.noteWidth, head })
}

/** The lines that stay in place on a terminal: a table of the targets, and the event with the time it took. */
export function progressLines(screen: Screen, progress: EventProgress, tookMs: number): readonly string[] {
  const text = `Event ${progress.id} ${progress.state} · ${duration(tookMs)} · ${shown(progress.why)}`
  return [...targetLines(screen, progress.targets), screen.paintNote('running', cut(text, screen.noteWidth))]
}
