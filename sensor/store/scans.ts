import { join } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Connection } from './connection.ts'
import { isHeld, takeLock, type Lock } from './lock.ts'

/** `interrupted`: its process died before it could say how the scan ended. */
export type ScanState = 'running' | 'finished' | 'stopped' | 'interrupted'

/** A scan to begin. */
export interface NewScan {
  /** what the user asked for and the space that it means, as JSON of the caller */
  readonly request: string
  readonly space: string
  readonly seed: number
  /** milliseconds */
  readonly at: number
  /** the scan that found where the names of this one are asked for: both are one in what they changed */
  readonly parent?: number
}

/** What a scan found, in figures. */
export interface Found {
  /** connections that were made */
  readonly connections: number
  /** endpoints that answered */
  readonly seen: number
  /** certificates that were not known before */
  readonly certificates: number
  /** endpoints that were not known before */
  readonly added: number
  /** endpoints that answered otherwise than before, that no longer answer, and that answer again */
  readonly changed: number
  readonly gone: number
  readonly returned: number
}

/** A scan as it is kept. Its space can be large: {@link openScans} gives it by itself. */
export interface ScanRow extends Found {
  readonly id: number
  readonly request: string
  readonly seed: number
  readonly parent: number | null
  readonly state: ScanState
  readonly started: number
  readonly lastProgress: number
  readonly ended: number | null
  /** endpoints with higher ids are new since the scan began */
  readonly endpointsBefore: number
  /** probes by outcome */
  readonly counts: Readonly<Record<string, number>>
}

/** How far one shard of a scan has come: everything below `low` is done, and what the bitmap says above it. */
export interface ShardCursor {
  readonly shard: number
  readonly low: number
  readonly done: Uint8Array
}

/** What a batch adds to a scan. */
export interface Progress {
  readonly at: number
  /** probes by outcome since the last batch */
  readonly counts: Readonly<Partial<Record<string, number>>>
  readonly cursors: readonly ShardCursor[]
  readonly found: Found
}

type RawScan = Omit<ScanRow, 'counts'> & { readonly lock: string }

const columns = `id, request, seed, parent, state, lock, started, last_progress AS lastProgress, ended, connections, seen,
  certificates, added, changed, gone, returned, endpoints_before AS endpointsBefore`

/** Would a scan that runs now, of this space (JSON of the caller), be in the way of another? */
export type Clash = (space: string) => boolean

const never: Clash = () => false

/** Scans, with who runs them: a running scan holds a lock in `directory`. */
export function openScans(db: Connection, directory: string) {
  const held = new Map<number, Lock>()
  const byId = db.prepare<[number], RawScan>(`SELECT ${columns} FROM scan WHERE id = ?`)
  const counts = db.prepare<[number], { outcome: string; count: number }>(
    'SELECT outcome, count FROM scan_count WHERE scan = ? ORDER BY outcome'
  )
  const path = (lock: string) => join(directory, lock)
  const runs = (id: number, lock: string) => held.has(id) || isHeld(path(lock))
  const row = ({ lock, ...scan }: RawScan): ScanRow => ({
    ...scan,
    state: scan.state === 'running' && !runs(scan.id, lock) ? 'interrupted' : scan.state,
    counts: Object.fromEntries(counts.all(scan.id).map((one) => [one.outcome, one.count]))
  })
  const get = (id: number): ScanRow => {
    const raw = byId.get(id)
    if (!raw)
      throw new Fault('scan-missing', `scan ${id}: there is no such scan; see tlsward scans list`, { id })
    return row(raw)
  }
  const hold = (id: number, lock: string) => {
    const taken = takeLock(path(lock))
    if (!taken) throw isRunning(id, lock)
    held.set(id, taken)
  }
  const release = (id: number) => {
    held.get(id)?.release()
    held.delete(id)
  }
  return {
    get,
    ...openings(db, { get, hold, release, runs }),
    ...scanProgress(db),
    ...scanLists(db, row),
    /** ids of scans that run at present, in whatever process */
    running(): number[] {
      const rows = db
        .prepare<[], RawScan>(`SELECT ${columns} FROM scan WHERE state = 'running' ORDER BY id`)
        .all()
      return rows.map(row).flatMap(({ id, state }) => (state === 'running' ? [id] : []))
    },
    /** says how a scan ended, and lets it go */
    end(id: number, state: 'finished' | 'stopped', at: number): void {
      db.prepare('UPDATE scan SET state = ?, ended = ? WHERE id = ?').run(state, at, id)
      release(id)
    },
    /** lets go of every scan that this process runs: whoever looks finds them interrupted */
    releaseAll(): void {
      for (const id of held.keys()) release(id)
    }
  }
}

interface Holding {
  readonly get: (id: number) => ScanRow
  readonly hold: (id: number, lock: string) => void
  readonly release: (id: number) => void
  /** is the process alive that holds this lock of a scan? */
  readonly runs: (id: number, lock: string) => boolean
}

/** Beginning and resuming: both make this process the one that runs the scan. */
function openings(db: Connection, { get, hold, release, runs }: Holding) {
  const insert = db.prepare(
    `INSERT INTO scan (request, space, seed, parent, state, lock, started, last_progress, endpoints_before)
     VALUES (?, ?, ?, ?, 'stopped', '', ?, ?, (SELECT coalesce(max(id), 0) FROM endpoint))`
  )
  const take = db.prepare("UPDATE scan SET state = 'running', lock = ?, ended = NULL WHERE id = ?")
  const others = db.prepare<[number], { id: number; lock: string }>(
    "SELECT id, lock FROM scan WHERE state = 'running' AND id <> ?"
  )
  const space = db.prepare<[number], string>('SELECT space FROM scan WHERE id = ?').pluck()
  const lockOf = db.prepare<[number], string>('SELECT lock FROM scan WHERE id = ?').pluck()
  const refuseClash = (own: number, clash: Clash) => {
    for (const { id, lock } of others.all(own))
      if (runs(id, lock) && clash(space.get(id) ?? '{}')) throw isRunning(id, lock)
  }
  const own = (id: number, at: number) => {
    const lock = `scan-${id}-${process.pid}-${at}.lock`
    hold(id, lock)
    try {
      take.run(lock, id)
    } catch (thrown) {
      release(id)
      throw thrown
    }
  }
  return {
    /** keeps a scan that begins now and is run by this process; gives its id. Throws scan-running for a clash */
    begin(scan: NewScan, clash: Clash = never): number {
      let id = 0
      const work = db.transaction(() => {
        refuseClash(id, clash)
        id = Number(insert.run(...newScan(scan)).lastInsertRowid)
        own(id, scan.at)
      })
      try {
        work.immediate()
      } catch (thrown) {
        release(id)
        throw thrown
      }
      return id
    },
    /**
     * Goes on with a scan that was stopped or interrupted. Throws scan-missing, scan-running (also for a clash) and
     * scan-finished.
     */
    resume(id: number, at: number, clash: Clash = never): void {
      const work = db.transaction(() => {
        const { state } = get(id)
        if (state === 'running') throw isRunning(id, lockOf.get(id) ?? '')
        if (state === 'finished') {
          throw new Fault('scan-finished', `scan ${id}: it ran to its end; start a new scan`, { id })
        }
        refuseClash(id, clash)
        own(id, at)
      })
      work.immediate()
    }
  }
}

function newScan({ request, space, seed, parent, at }: NewScan) {
  return [request, space, seed, parent ?? null, at, at]
}

/** The fault that a scan runs; its lock has the number of the process in its name. */
function isRunning(id: number, lock: string): Fault {
  const pid = Number(/^scan-\d+-(?<pid>\d+)-/.exec(lock)?.groups?.['pid'] ?? 0)
  const message =
    `scan ${id}: it is running (process ${pid}), and no two scans ask the same networks at once; ` +
    `wait for it to end, stop it (scans resume ${id} goes on later), or use another --state`
  return new Fault('scan-running', message, { id, pid })
}

function scanProgress(db: Connection) {
  const count = db.prepare(
    `INSERT INTO scan_count (scan, outcome, count) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET count = count + excluded.count`
  )
  const cursor = db.prepare(
    `INSERT INTO scan_cursor (scan, shard, low, done) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET low = excluded.low, done = excluded.done`
  )
  const found = db.prepare(
    `UPDATE scan SET last_progress = max(last_progress, @at), connections = connections + @connections,
       seen = seen + @seen, certificates = certificates + @certificates, added = added + @added,
       changed = changed + @changed, gone = gone + @gone, returned = returned + @returned WHERE id = @id`
  )
  return {
    /** adds what a batch brought; to be called in the transaction that stores its observations */
    progress(id: number, of: Progress): void {
      for (const [outcome, number] of Object.entries(of.counts)) count.run(id, outcome, number)
      for (const { shard, low, done } of of.cursors) cursor.run(id, shard, low, done)
      found.run({ id, at: of.at, ...of.found })
    }
  }
}

function scanLists(db: Connection, row: (raw: RawScan) => ScanRow) {
  const before = db.prepare<[number, number], RawScan>(
    `SELECT ${columns} FROM scan WHERE id < ? ORDER BY id DESC LIMIT ?`
  )
  const space = db.prepare<[number], string>('SELECT space FROM scan WHERE id = ?').pluck()
  const cursors = db.prepare<[number], ShardCursor>(
    'SELECT shard, low, done FROM scan_cursor WHERE scan = ? ORDER BY shard'
  )
  const family = db
    .prepare<[{ id: number }], number>(
      `WITH first (id) AS (SELECT coalesce(parent, id) FROM scan WHERE id = @id)
       SELECT scan.id FROM scan, first WHERE scan.id = first.id OR scan.parent = first.id ORDER BY scan.id`
    )
    .pluck()
  const families = db.prepare<[], Pick<ScanRow, 'id' | 'parent'>>('SELECT id, parent FROM scan ORDER BY id')
  return {
    /** every scan, the first one first, by its number and that of the scan that it belongs to */
    families: () => families.all(),
    /** ids of a scan and of those that asked for names where it found TLS, the first one first; none: no such scan */
    family: (id: number) => family.all({ id }),
    /** scans with ids below `id`, the latest first */
    before: (id: number, limit: number) => before.all(id, limit).map(row),
    /** the JSON that was given at the beginning */
    space: (id: number): string => space.get(id) ?? '{}',
    cursors: (id: number) => cursors.all(id)
  }
}
