import { createCache } from '../../core/cache.ts'
import type { Connection } from './connection.ts'

/** What an endpoint answered; endpoints that answer alike share one state. */
export interface StateColumns {
  readonly outcome: string
  readonly starttls: string | null
  readonly version: number | null
  readonly cipher: number | null
  readonly alert: number | null
  readonly clientCertificate: boolean | null
  /** ids of the chain of the first answer, and of that of the other key type */
  readonly chain: number | null
  readonly otherChain: number | null
  /** one chain is shown, and that of the other key type was not asked for */
  readonly twinUnasked: boolean
}

/** A state to keep, with what its certificates say. */
export interface NewState extends StateColumns {
  /** the first moment at which one of its leaf certificates is no longer valid; endOfTime without any */
  readonly expires: number
  /** label of the first leaf certificate, '' without any */
  readonly label: string
}

/** A state as it is kept. */
export interface StateRow extends NewState {
  readonly id: number
}

interface RawState extends Omit<StateRow, 'clientCertificate' | 'twinUnasked'> {
  readonly clientCertificate: number | null
  readonly twinUnasked: number
}

/** Chains whose states are remembered, and the states that are remembered of each. */
const remembered = 20_000
const rememberedOfOne = 16

/** Everything that makes a state what it is, as one text: equal texts are equal states. */
function stateKey(of: StateColumns): string {
  const client = of.clientCertificate === null ? '' : Number(of.clientCertificate)
  const twin = Number(of.twinUnasked)
  return [
    of.outcome,
    of.starttls,
    of.version,
    of.cipher,
    of.alert,
    client,
    of.chain,
    of.otherChain,
    twin
  ].join('|')
}

function isSame(one: StateColumns, other: StateColumns): boolean {
  return (
    one.outcome === other.outcome &&
    one.starttls === other.starttls &&
    one.version === other.version &&
    one.cipher === other.cipher &&
    one.alert === other.alert &&
    one.clientCertificate === other.clientCertificate &&
    one.chain === other.chain &&
    one.otherChain === other.otherChain &&
    one.twinUnasked === other.twinUnasked
  )
}

interface RememberedState {
  readonly columns: StateColumns
  readonly kept: KeptState
}

/**
 * States that were met lately, by their first chain: most have one or two. Comparing those is quicker than making
 * a text to look for, which a million endpoints would have to.
 */
function rememberStates() {
  const byChain = createCache<number, RememberedState[]>(remembered)
  return {
    find(columns: StateColumns): KeptState | undefined {
      for (const one of byChain.get(columns.chain ?? 0) ?? []) {
        if (isSame(one.columns, columns)) return one.kept
      }
      return undefined
    },
    add(columns: StateColumns, kept: KeptState): KeptState {
      const chain = columns.chain ?? 0
      const list = byChain.get(chain) ?? []
      if (list.length >= rememberedOfOne) list.length = 0
      list.push({ columns, kept })
      byChain.set(chain, list)
      return kept
    },
    clear: () => byChain.clear()
  }
}

/** A state that is kept, in short. */
export interface KeptState {
  readonly id: number
  readonly expires: number
}

/** States, each once. */
export function openStates(db: Connection) {
  const columns = `id, outcome, starttls, version, cipher, alert, client_certificate AS clientCertificate, chain,
    other_chain AS otherChain, twin_unasked AS twinUnasked, expires, label`
  const known = rememberStates()
  const select = db.prepare<[string], KeptState>('SELECT id, expires FROM state WHERE key = ?')
  const insert = db.prepare(
    `INSERT INTO state (key, outcome, starttls, version, cipher, alert, client_certificate, chain, other_chain,
       twin_unasked, expires, label) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
  )
  const byId = db.prepare<[number], RawState>(`SELECT ${columns} FROM state WHERE id = ?`)
  const after = db.prepare<[number, number], RawState>(
    `SELECT ${columns} FROM state WHERE id > ? ORDER BY id LIMIT ?`
  )
  const row = (raw: RawState): StateRow => ({
    ...raw,
    clientCertificate: raw.clientCertificate === null ? null : raw.clientCertificate === 1,
    twinUnasked: raw.twinUnasked === 1
  })
  const count = db.prepare<[], number>('SELECT count(*) FROM state').pluck()
  return {
    /** how many are kept */
    count: () => count.get() ?? 0,
    /** a state that is kept, or undefined */
    find(state: StateColumns): KeptState | undefined {
      const met = known.find(state)
      if (met) return met
      const kept = select.get(stateKey(state))
      return kept && known.add(state, kept)
    },
    /** keeps a state that is not kept yet */
    add(of: NewState): KeptState {
      const client = of.clientCertificate === null ? null : Number(of.clientCertificate)
      const columns = [
        of.outcome,
        of.starttls,
        of.version,
        of.cipher,
        of.alert,
        client,
        of.chain,
        of.otherChain,
        Number(of.twinUnasked)
      ]
      const id = Number(insert.run(stateKey(of), ...columns, of.expires, of.label).lastInsertRowid)
      return known.add(of, { id, expires: of.expires })
    },
    byId(id: number): StateRow | undefined {
      const raw = byId.get(id)
      return raw && row(raw)
    },
    /** states by id, after the id `id` */
    after: (id: number, limit: number) => after.all(id, limit).map(row),
    forget: () => known.clear()
  }
}
