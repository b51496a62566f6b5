import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { openPatch, selectList } from './patch.ts'

/** Where a deployment stands. */
export type DeploymentState =
  | 'waiting'
  | 'preparing'
  | 'deploying'
  | 'verifying'
  | 'live'
  | 'cleaning'
  | 'cleaned'
  | 'rolling-back'
  | 'rolled-back'
  | 'failed'
  | 'cancelled'
  | 'stuck'

/** One certificate (or one for each kind of key) going to one target. */
export interface NewDeployment {
  readonly event: number
  /** order within the event, from 0 */
  readonly position: number
  readonly device: number
  readonly target: string
}

/** What changes of a deployment. */
export interface DeploymentStanding {
  readonly state: DeploymentState
  readonly why: string
  readonly wake: number | null
  /** faults in a row in this state */
  readonly attempts: number
  /** when this state was entered */
  readonly since: number
  /** since when the device cannot be worked with; null: it can */
  readonly trouble: number | null
  /** code of the fault for which it failed or was undone */
  readonly fault: string | null
  /** unbound plan, bound plan, what handshakes showed before: JSON of the engine */
  readonly plan: string | null
  readonly bound: string | null
  readonly baseline: string | null
  /** when the first write may have happened */
  readonly began: number | null
  readonly live: number | null
}

/** A deployment as it is kept. */
export type DeploymentRow = { readonly id: number } & NewDeployment & DeploymentStanding

const standing = {
  state: 'state',
  why: 'why',
  wake: 'wake',
  attempts: 'attempts',
  since: 'since',
  trouble: 'trouble',
  fault: 'fault',
  plan: 'plan',
  bound: 'bound',
  baseline: 'baseline',
  began: 'began',
  live: 'live'
}
const columns = selectList({
  id: 'id',
  event: 'event',
  position: 'position',
  device: 'device',
  target: 'target',
  ...standing
})

/** What is asked most often about the latest deployment of a target; its plans are long. */
export type LastDeployment = Pick<DeploymentRow, 'id' | 'event' | 'state' | 'why' | 'fault' | 'live'>

/** States of a deployment that has its device, and counts among those that may be under way: the one list of them. */
const holding: ReadonlySet<DeploymentState> = new Set([
  'preparing',
  'deploying',
  'verifying',
  'rolling-back',
  'cleaning'
])

// the index `deployment_under_way` holds the same list: SQLite refuses the statement where they differ
const underWay = `state IN (${[...holding].map((state) => `'${state}'`).join(', ')})`

/** Deployments: the part of an event that concerns one target. */
export function openDeployments(db: Connection) {
  const byId = db.prepare<[number], DeploymentRow>(`SELECT ${columns} FROM deployment WHERE id = ?`)
  const insert = db.prepare(
    `INSERT INTO deployment (event, position, device, target, state, why, since)
     VALUES (@event, @position, @device, @target, 'waiting', 'asked for', @since)`
  )
  const wakeBy = db.prepare('UPDATE deployment SET wake = ? WHERE wake > ?')
  return {
    get(id: number): DeploymentRow {
      const row = byId.get(id)
      if (row) return row
      throw new Fault('event-missing', `deployment ${id}: there is none; see tlsward events`, { id })
    },
    add: (of: NewDeployment, since: number) => void insert.run({ ...of, since }),
    /** changes it, with `state` only while it is in that state; false when it is not */
    change: openPatch<DeploymentStanding>(db, 'deployment', standing),
    /** looks at every waiting deployment by `at` */
    wakeBy: (at: number) => void wakeBy.run(at, at),
    /** does a deployment in this state have its device? */
    holdsDevice: (state: DeploymentState): boolean => holding.has(state),
    ...deploymentLists(db)
  }
}

function deploymentLists(db: Connection) {
  const of = db.prepare<[number], DeploymentRow>(
    `SELECT ${columns} FROM deployment WHERE event = ? ORDER BY position`
  )
  const due = db.prepare<[number], DeploymentRow>(
    `SELECT ${columns} FROM deployment WHERE wake <= ? ORDER BY wake, id`
  )
  const earliest = db
    .prepare<[], number | null>('SELECT min(wake) FROM deployment WHERE wake IS NOT NULL')
    .pluck()
  const at = db.prepare<[], DeploymentRow>(
    `SELECT ${columns} FROM deployment INDEXED BY deployment_under_way WHERE ${underWay} ORDER BY id`
  )
  const holder = db
    .prepare<[number, string, number], number>(
      `SELECT min(e.id) FROM deployment d JOIN event e ON e.id = d.event
       WHERE d.device = ? AND d.target = ? AND e.open = 1 AND e.id < ?
         AND d.state NOT IN ('live', 'cleaning', 'cleaned')`
    )
    .pluck()
  const lastOf = (more: string) =>
    `SELECT d.id, d.event, d.state, d.why, d.fault, d.live
     FROM deployment d INDEXED BY deployment_by_target JOIN event e ON e.id = d.event
     WHERE d.device = ? AND d.target = ? AND e.only_plan = 0 ${more}
     ORDER BY d.id DESC LIMIT 1`
  const last = db.prepare<[number, string], LastDeployment>(lastOf(''))
  const lastKept = db.prepare<[number, string, string], LastDeployment>(
    lastOf("AND (e.state <> 'cancelled' OR e.action = 'renew' AND e.requested_by = ?)")
  )
  const lastLive = db.prepare<[number, string, number], DeploymentRow>(
    `SELECT ${columns} FROM deployment INDEXED BY deployment_by_target
     WHERE device = ? AND target = ? AND id < ? AND live IS NOT NULL ORDER BY id DESC LIMIT 1`
  )
  return {
    /** those of an event, in order */
    of: (event: number): DeploymentRow[] => of.all(event),
    due: (now: number): DeploymentRow[] => due.all(now),
    earliest: (): number | null => earliest.get() ?? null,
    /** those that have begun and not ended: each has its device for itself */
    underWay: (): DeploymentRow[] => at.all(),
    /** the open event before `event` that is not done with the same target, if any */
    holder: (place: { readonly device: number; readonly target: string }, event: number): number | null =>
      holder.get(place.device, place.target, event) ?? null,
    /** the latest one of a target, but for those of which only the plan was wanted */
    last: (device: number, target: string): LastDeployment | undefined => last.get(device, target),
    /** the same without events that were taken back, but for renewals that `who` asked for */
    lastKept: (place: { readonly device: number; readonly target: string }, who: string) =>
      lastKept.get(place.device, place.target, who),
    /** the latest one before `of` at its target that went live */
    liveBefore: (of: DeploymentRow): DeploymentRow | undefined => lastLive.get(of.device, of.target, of.id)
  }
}
