import type { Address } from '../../core/address.ts'
import { bindAddress, readAddress, type AddressColumn, type Connection } from './connection.ts'
import type { KeptState } from './states.ts'

/** What an endpoint is known by. */
export interface EndpointKey {
  readonly address: Address
  readonly port: number
  /** server name that is sent to it, or null for none */
  readonly name: string | null
}

/** Where an endpoint stands: what it shows, and whether it is there. */
export interface Standing {
  /** id of the state that it showed when TLS last answered, and when that state's certificates expire */
  readonly state: number
  readonly expires: number
  readonly present: boolean
  /** why TLS did not answer at the last probe: an outcome, or `not-seen`; null while it answers */
  readonly why: string | null
}

/** Where an endpoint stands from now on. */
export interface NextStanding extends Standing {
  /** first words of what is no longer TLS */
  readonly banner: string | null
}

/** An endpoint that is kept, as the recording of a scan needs it. */
export interface KnownEndpoint extends Standing {
  readonly id: number
  /** since when it stands so */
  readonly since: number
  readonly lastSeen: number
}

/** Who saw something, and when. */
export interface Sight {
  readonly scan: number
  /** milliseconds */
  readonly at: number
}

/** An endpoint that is asked for a server name. */
export interface NamedEndpoint {
  readonly id: number
  readonly name: string
  readonly state: number
}

type KnownTuple = [
  id: number,
  state: number,
  expires: number,
  presence: number,
  why: string | null,
  since: number,
  lastSeen: number
]

/** Where an endpoint is that is there as far as is known. */
export interface PresentPlace {
  readonly id: number
  readonly address: Address
  readonly port: number
}

/** Endpoints with where they stand; what they were before moves into history. */
export function openEndpoints(db: Connection) {
  const find = db
    .prepare<[bigint | Buffer, number, string], KnownTuple>(
      `SELECT id, state, expires, presence, why, since, last_seen FROM endpoint
       WHERE address = ? AND port = ? AND name = ?`
    )
    .raw()
  const insert = db.prepare(
    `INSERT INTO endpoint (address, port, name, state, expires, presence, since, first_seen, last_seen,
       first_scan, last_scan) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)
     ON CONFLICT (address, port, name) DO NOTHING`
  )
  const seen = db.prepare('UPDATE endpoint SET last_seen = ?, last_scan = ? WHERE id = ?')
  const named = db.prepare<[number, number], NamedEndpoint>(
    "SELECT id, name, state FROM endpoint WHERE id > ? AND name <> '' ORDER BY id LIMIT ?"
  )
  const at = db
    .prepare<[bigint | Buffer, number], KnownTuple>(
      `SELECT id, state, expires, presence, why, since, last_seen FROM endpoint WHERE address = ? AND port = ?`
    )
    .raw()
  const present = db.prepare<[number, number], { id: number; address: AddressColumn; port: number }>(
    'SELECT id, address, port FROM endpoint WHERE id > ? AND presence = 1 ORDER BY id LIMIT ?'
  )
  const probed = db.prepare('UPDATE endpoint SET last_scan = ? WHERE id = ?')
  return {
    find(key: EndpointKey): KnownEndpoint | undefined {
      const tuple = find.get(bindAddress(key.address), key.port, key.name ?? '')
      return tuple && knownEndpoint(tuple)
    },
    /** everything at an address and port, under whatever name */
    at: (address: Address, port: number): KnownEndpoint[] =>
      at.all(bindAddress(address), port).map(knownEndpoint),
    /** where endpoints are that are there, by id, after the id `after` */
    present: (after: number, limit: number): PresentPlace[] =>
      present.all(after, limit).map((row) => ({ ...row, address: readAddress(row.address) })),
    /** keeps an endpoint that just answered; gives its id, or undefined when it is kept already */
    add(key: EndpointKey, state: KeptState, { at, scan }: Sight): number | undefined {
      const address = bindAddress(key.address)
      const row = [address, key.port, key.name ?? '', state.id, state.expires, at, at, at, scan, scan]
      const { changes, lastInsertRowid } = insert.run(...row)
      return changes === 0 ? undefined : Number(lastInsertRowid)
    },
    /** it answered as before */
    seen: (id: number, { at, scan }: Sight) => void seen.run(at, scan, id),
    /** it was probed, and stands as before without having answered */
    probed: (id: number, scan: number) => void probed.run(scan, id),
    /** endpoints that are asked for a name, by id, after the id `after` */
    named: (after: number, limit: number) => named.all(after, limit),
    ...changes(db),
    ...absences(db),
    ...ordering(db)
  }
}

function knownEndpoint([id, state, expires, presence, why, since, lastSeen]: KnownTuple): KnownEndpoint {
  return { id, state, expires, present: presence === 1, why, since, lastSeen }
}

function changes(db: Connection) {
  const leaveOrder = db.prepare('DELETE FROM endpoint_order WHERE expires = ? AND state = ? AND id = ?')
  const joinOrder = db.prepare(
    'INSERT INTO endpoint_order SELECT ?, ?, @id WHERE @id <= (SELECT endpoint FROM settled)'
  )
  const remember = db.prepare(
    'INSERT INTO history (endpoint, state, presence, why, since, until, scan) VALUES (?, ?, ?, ?, ?, ?, ?)'
  )
  const update = db.prepare(
    `UPDATE endpoint SET state = ?, expires = ?, presence = ?, why = ?, banner = ?, since = ?, last_seen = ?,
       last_scan = ? WHERE id = ?`
  )
  const learn = db.prepare(
    'UPDATE endpoint SET state = ?, expires = ?, last_seen = ?, last_scan = ? WHERE id = ?'
  )
  return {
    /** it answered as before, and its state says more than the one that was kept: no history */
    learn(was: KnownEndpoint, of: KeptState, { at, scan }: Sight): void {
      learn.run(of.id, of.expires, at, scan, was.id)
      leaveOrder.run(was.expires, was.state, was.id)
      joinOrder.run(of.expires, of.id, { id: was.id })
    },
    /** it stands otherwise than before: the former standing becomes history */
    move(was: KnownEndpoint, next: NextStanding, { at, scan }: Sight): void {
      // a clock that was set back must not make a time in history run backwards
      const until = Math.max(at, was.since)
      remember.run(was.id, was.state, Number(was.present), was.why, was.since, until, scan)
      const lastSeen = next.why === null ? at : was.lastSeen
      const columns = [next.state, next.expires, Number(next.present), next.why, next.banner]
      update.run(...columns, until, lastSeen, scan, was.id)
      if (was.present) leaveOrder.run(was.expires, was.state, was.id)
      if (next.present) joinOrder.run(next.expires, next.state, { id: was.id })
    }
  }
}

/** An endpoint that a scan may have missed. */
export interface Unseen extends KnownEndpoint {
  readonly address: Address
  readonly port: number
}

interface RawUnseen extends Omit<Unseen, 'address' | 'present'> {
  readonly address: AddressColumn
}

/** Present endpoints that have not answered since a scan began. */
function absences(db: Connection) {
  const unseen = db.prepare<[number, number, number, number], RawUnseen>(
    `SELECT id, state, expires, why, since, last_seen AS lastSeen, address, port FROM endpoint
     WHERE id > ? AND presence = 1 AND last_seen < ? AND last_scan <> ? ORDER BY id LIMIT ?`
  )
  const alive = db
    .prepare<[bigint | Buffer, number, number, number], number>(
      `SELECT EXISTS (SELECT 1 FROM endpoint
       WHERE address = ? AND port = ? AND presence = 1 AND (last_seen >= ? OR last_scan = ?))`
    )
    .pluck()
  return {
    /** present endpoints after the id `after` that neither this scan nor any other has seen since it started */
    unseen(scan: { readonly id: number; readonly started: number }, after: number, limit: number): Unseen[] {
      const rows = unseen.all(after, scan.started, scan.id, limit)
      return rows.map((row) => ({ ...row, address: readAddress(row.address), present: true }))
    },
    /** has anything at this address and port, under whatever name, answered since the scan started? */
    answered(
      scan: { readonly id: number; readonly started: number },
      address: Address,
      port: number
    ): boolean {
      return alive.get(bindAddress(address), port, scan.started, scan.id) === 1
    }
  }
}

/** New endpoints enter the order of expiry many at a time. */
function ordering(db: Connection) {
  const waiting = db
    .prepare<[], number>('SELECT coalesce(max(id), 0) - (SELECT endpoint FROM settled) FROM endpoint')
    .pluck()
  const enter = db.prepare(
    `INSERT INTO endpoint_order SELECT expires, state, id FROM endpoint
     WHERE id > (SELECT endpoint FROM settled) AND presence = 1 ORDER BY expires, state, id`
  )
  const settled = db.prepare('UPDATE settled SET endpoint = (SELECT coalesce(max(id), 0) FROM endpoint)')
  return {
    /** puts new endpoints into the order when at least so many wait; to be called in a transaction */
    settle(least: number): void {
      if ((waiting.get() ?? 0) < least) return
      enter.run()
      settled.run()
    }
  }
}
