import type { Secret } from '../../core/secret.ts'
import type { ProfileReply } from './replies.ts'

/** A pair of a client-ssl profile. Names are full paths; null: none. */
export interface Entry {
  readonly name: string
  readonly cert: string | null
  readonly key: string | null
  readonly chain: string | null
  /** SERVER, or CA for forward proxies; null: the version does not know it */
  readonly usage: string | null
  /** its key is read with a passphrase, which the device shows only sealed, and does not take back so */
  readonly hasPassphrase: boolean
}

/** A client-ssl profile. */
export interface Profile {
  readonly fullPath: string
  readonly partition: string
  /** folder below the partition; empty: none */
  readonly folder: string
  readonly parent: string | null
  /** does it show the pairs of its parent? */
  readonly inherits: boolean
  readonly entries: readonly Entry[]
  readonly serverName: string | null
  readonly isSniDefault: boolean
  readonly isForwardProxy: boolean
  readonly appService: string | null
}

/** A profile as the device tells of it. */
export function profileOf(reply: ProfileReply): Profile {
  const [, partition = 'Common', ...rest] = reply.fullPath.split('/')
  const parent = named(reply.defaultsFrom)
  return {
    fullPath: reply.fullPath,
    partition: reply.partition ?? partition,
    folder: reply.subPath ?? rest.slice(0, -1).join('/'),
    parent,
    inherits: parent !== null && isTrue(reply.inheritCertkeychain),
    entries: (reply.certKeyChain ?? []).map((entry) => ({
      name: entry.name,
      cert: named(entry.cert),
      key: named(entry.key),
      chain: named(entry.chain),
      usage: named(entry.usage),
      hasPassphrase: named(entry.passphrase) !== null
    })),
    serverName: named(reply.serverName)?.toLowerCase() ?? null,
    isSniDefault: isTrue(reply.sniDefault),
    isForwardProxy: reply.sslForwardProxy === 'enabled',
    appService: named(reply.appService)
  }
}

/** the device writes `none` for what is not there, and booleans as text */
export function named(text: string | undefined): string | null {
  return text === undefined || text === '' || text === 'none' ? null : text
}

export function isTrue(flag: boolean | string | undefined): boolean {
  return flag === true || flag === 'true' || flag === 'enabled' || flag === 'yes'
}

/** The profile whose pairs a profile shows: itself, or the next ancestor that has its own. */
export function holderOf(profile: Profile, all: ReadonlyMap<string, Profile>): Profile {
  let at = profile
  const seen = new Set<string>()
  while (at.inherits && at.parent !== null && !seen.has(at.fullPath)) {
    seen.add(at.fullPath)
    const parent = all.get(at.parent)
    if (!parent) return at
    at = parent
  }
  return at
}

/** The profiles that change with each one that holds its own pairs, itself first; by full path, sorted. */
export function closures(profiles: readonly Profile[]): ReadonlyMap<string, readonly Profile[]> {
  const all = new Map(profiles.map((profile) => [profile.fullPath, profile]))
  const found = new Map<string, Profile[]>()
  for (const profile of profiles.toSorted(byPath)) {
    const holder = holderOf(profile, all)
    const members = found.get(holder.fullPath) ?? [holder]
    if (profile !== holder) members.push(profile)
    found.set(holder.fullPath, members)
  }
  return found
}

export function byPath(one: { readonly fullPath: string }, other: { readonly fullPath: string }): number {
  return one.fullPath < other.fullPath ? -1 : one.fullPath > other.fullPath ? 1 : 0
}

/** What takes the place of an entry, or stands beside the others. */
export interface EntryChange {
  readonly name: string
  readonly cert: string
  readonly key: string
  readonly chain: string | null
}

/** The list with some entries changed by name, and new ones at the end; all others stay as they are. */
export function changed(entries: readonly Entry[], changes: readonly EntryChange[]): Entry[] {
  const kept = entries.map((entry) => {
    const change = changes.find(({ name }) => name === entry.name)
    return change ? { ...entry, ...change, hasPassphrase: false } : entry
  })
  const added = changes.filter(({ name }) => !entries.some((entry) => entry.name === name))
  return [...kept, ...added.map((change) => ({ ...change, usage: null, hasPassphrase: false }))]
}

/** An entry as it is sent: only what it has. */
export type EntryBody = Readonly<Record<string, string | Secret>>

/** An entry to be sent; one whose key is read with a passphrase needs that. */
export function entryBody(
  { name, cert, key, chain, usage, hasPassphrase }: Entry,
  passphrase: Secret | undefined
): EntryBody {
  return {
    name,
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
    chain: chain ?? 'none',
    ...(usage === null ? {} : { usage }),
    ...(hasPassphrase && passphrase ? { passphrase } : {})
  }
}
