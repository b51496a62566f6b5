import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { openPatch, selectList } from './patch.ts'

/** What an event is to do for its targets. */
export type EventAction = 'request' | 'renew' | 'replace' | 'reissue'

/** Where an event stands. */
export type EventState =
  | 'requested'
  | 'previewed'
  | 'needs-approval'
  | 'scheduled'
  | 'waiting'
  | 'issuing'
  | 'planned'
  | 'deploying'
  | 'live'
  | 'cleaned'
  | 'failed'
  | 'rolled-back'
  | 'cancelled'
  | 'stuck'

/** `window`: in the windows of the profile; `any`: a person said that it cannot wait for one */
export type EventHours = 'window' | 'any'

/** An event to be kept. */
export interface NewEvent extends Pick<EventStanding, 'approval'> {
  /** one open event has it at most */
  readonly key: string
  readonly action: EventAction
  readonly profileName: string
  /** the profile as it was then, JSON of the engine */
  readonly profile: string
  /** not before */
  readonly start: number
  readonly hours: EventHours
  /** 1: it is over once its plan is made */
  readonly onlyPlan: 0 | 1
  readonly requestedBy: string
  readonly requested: number
}

/** What changes of an event. */
export interface EventStanding {
  readonly state: EventState
  /** why it stands there, a sentence */
  readonly why: string
  readonly hours: EventHours
  /** does it hold its targets? */
  readonly open: 0 | 1
  readonly wake: number | null
  /** faults in a row in this state */
  readonly attempts: number
  /** times that the device had changed after the plan was made */
  readonly replans: number
  /** times that its deployments were tried again */
  readonly retries: number
  /** names of the certificates, JSON */
  readonly names: string | null
  /** of the plans that were last made */
  readonly hash: string | null
  /** `needed`: a person approves its plan, whatever the profile says; `profile`: as the profile says */
  readonly approval: 'profile' | 'needed'
  readonly approvedHash: string | null
  readonly approvedBy: string | null
  readonly ended: number | null
}

/** An event as it is kept. */
export type EventRow = { readonly id: number } & NewEvent & EventStanding

const standing = {
  state: 'state',
  hours: 'hours',
  why: 'why',
  open: 'open',
  wake: 'wake',
  attempts: 'attempts',
  replans: 'replans',
  retries: 'retries',
  names: 'names',
  hash: 'hash',
  approval: 'approval',
  approvedHash: 'approved_hash',
  approvedBy: 'approved_by',
  ended: 'ended'
}
const columns = selectList({
  id: 'id',
  key: 'key',
  action: 'action',
  profileName: 'profile_name',
  profile: 'profile',
  start: 'start',
  onlyPlan: 'only_plan',
  requestedBy: 'requested_by',
  requested: 'requested',
  ...standing
})

/** Events: what was asked for, and where it stands. */
export function openEvents(db: Connection) {
  const byId = db.prepare<[number], EventRow>(`SELECT ${columns} FROM event WHERE id = ?`)
  const byKey = db.prepare<[string], EventRow>(`SELECT ${columns} FROM event WHERE key = ? AND open = 1`)
  const before = db.prepare<[number, number], EventRow>(
    `SELECT ${columns} FROM event WHERE id < ? ORDER BY id DESC LIMIT ?`
  )
  const due = db.prepare<[number], EventRow>(`SELECT ${columns} FROM event WHERE wake <= ? ORDER BY wake, id`)
  const earliest = db.prepare<[], number | null>('SELECT min(wake) FROM event WHERE wake IS NOT NULL').pluck()
  const insert = db.prepare(
    `INSERT INTO event (key, action, profile_name, profile, start, hours, only_plan, approval, requested_by,
       requested, state, why, open, wake)
     VALUES (@key, @action, @profileName, @profile, @start, @hours, @onlyPlan, @approval, @requestedBy, @requested,
       'requested', 'asked for', 1, @requested)`
  )
  const open = db.prepare<[], EventRow>(`SELECT ${columns} FROM event WHERE open = 1 ORDER BY id`)
  const wakeBy = db.prepare('UPDATE event SET wake = ? WHERE wake > ?')
  // a look soon is what those have that wait for a turn: the others need not be gone through
  const wakeNext = db.prepare(
    `UPDATE event SET wake = @now WHERE id IN (
       SELECT e.id FROM event e JOIN deployment d ON d.event = e.id
       WHERE e.wake > @now AND e.wake <= @soon AND e.state = 'deploying' AND d.state = 'waiting'
       GROUP BY e.id ORDER BY max(d.device = @device) DESC, e.id LIMIT @most)`
  )
  return {
    /** throws event-missing */
    get(id: number): EventRow {
      const row = byId.get(id)
      if (row) return row
      throw new Fault('event-missing', `event ${id}: there is none; see tlsward events`, { event: id })
    },
    /** the open event of this key */
    openByKey: (key: string): EventRow | undefined => byKey.get(key),
    /** events with ids below `id`, the latest first */
    before: (id: number, limit: number): EventRow[] => before.all(id, limit),
    /** those that hold targets */
    open: (): EventRow[] => open.all(),
    /** those to be looked at by `now` */
    due: (now: number): EventRow[] => due.all(now),
    earliest: (): number | null => earliest.get() ?? null,
    /** keeps an event; gives its id */
    add: (of: NewEvent): number => Number(insert.run(of).lastInsertRowid),
    /** changes it, with `state` only while it is in that state; false when it is not */
    change: openPatch<EventStanding>(db, 'event', standing),
    /**
     * looks now at those that have waited longest for a turn of a deployment, at this device first; they are among
     * those that would be looked at by `soon` anyway
     */
    wakeNext: (of: {
      readonly device: number
      readonly now: number
      readonly soon: number
      readonly most: number
    }) => void wakeNext.run(of),
    /** looks at every waiting event by `at` */
    wakeBy: (at: number) => void wakeBy.run(at, at)
  }
}
