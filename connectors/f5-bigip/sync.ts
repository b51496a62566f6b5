import type { FaultCode } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'

/** How the units of a trust domain stand to each other, by the reading of one of them. */
export interface SyncStatus {
  readonly state: SyncState
  /** as the device says it */
  readonly words: string
  /** units whose configuration is to be brought to the others, as the device recommends; empty: it does not say */
  readonly ahead: readonly string[]
  /** several units have changes that the others lack */
  readonly isConflict: boolean
}

export type SyncState =
  'standalone' | 'in-sync' | 'pending' | 'syncing' | 'disconnected' | 'failed' | 'awaiting' | 'unknown'

const states: Readonly<Record<string, SyncState>> = {
  standalone: 'standalone',
  'in sync': 'in-sync',
  'changes pending': 'pending',
  'not all devices synced': 'pending',
  syncing: 'syncing',
  disconnected: 'disconnected',
  'sync failure': 'failed',
  'incompatible version': 'failed',
  'awaiting initial sync': 'awaiting'
}

/**
 * Reads cm/sync-status: statistics nested below `https://localhost/mgmt/tm/cm/sync-status/0`, whose details are spelt
 * `syncStatus/0/details` by some versions. Whatever the nesting, `status` and `details` are told by their names.
 */
export function readSyncStatus(reply: unknown): SyncStatus {
  const status = texts(reply, 'status')[0] ?? ''
  const details = texts(reply, 'details')
  const recommended = details
    .flatMap((line) => /\bSynchronize (\S+) to group (\S+)/i.exec(line)?.[1] ?? [])
    .map(lastPart)
  return {
    state: states[status.toLowerCase()] ?? 'unknown',
    words: visible(status, 60),
    ahead: [...new Set(recommended)],
    isConflict:
      new Set(recommended).size > 1 || /conflict/i.test([...texts(reply, 'summary'), ...details].join(' '))
  }
}

/** `/Common/bigip1` and `bigip1` are the same unit */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

/** The descriptions of every statistic of a name, in the order of the answer. */
export function texts(reply: unknown, name: string, depth = 12): string[] {
  if (depth === 0 || typeof reply !== 'object' || reply === null) return []
  return Object.entries(reply).flatMap(([key, value]: [string, unknown]) => {
    if (key !== name || typeof value !== 'object' || value === null) return texts(value, name, depth - 1)
    const { description } = value as { readonly description?: unknown }
    return typeof description === 'string' ? [description] : texts(value, name, depth - 1)
  })
}

/** Why nothing may be written now, or null: a unit that is ahead must never be overwritten. */
export function hindrance({
  state,
  words,
  ahead
}: SyncStatus): { readonly code: FaultCode; readonly why: string } | null {
  const said = `its units are not in sync (${words || 'no status'})`
  switch (state) {
    case 'standalone':
    case 'in-sync':
      return null
    case 'pending':
      return {
        code: 'device-busy',
        why: `${said}: somebody's changes ${ahead.length === 0 ? '' : `on ${visible(ahead.join(' and '), 100)} `}wait for a config-sync, which is theirs to make`
      }
    case 'syncing':
      return { code: 'device-busy', why: said }
    case 'disconnected':
      return { code: 'device-unreachable', why: `${said}: they do not see each other` }
    default:
      return { code: 'device-broken', why: `${said}: bring them in sync first` }
  }
}
