import { isIP } from 'node:net'
import type { ServedAt, Share } from '../contract.ts'
import { readDestination, withAddress } from './destinations.ts'
import { isTrue, named, type Profile } from './profiles.ts'
import type { VirtualReply } from './replies.ts'

/** A virtual server, as far as certificates go. */
export interface Virtual {
  readonly fullPath: string
  readonly destination: string
  readonly isEnabled: boolean
  readonly appService: string | null
  /** client-ssl profiles, full paths, sorted */
  readonly profiles: readonly string[]
}

/** A virtual server as the device tells of it; which of its profiles are client-ssl is known by the list of those. */
export function virtualOf(
  reply: VirtualReply,
  {
    clientSsl,
    addresses
  }: { readonly clientSsl: ReadonlyMap<string, Profile>; readonly addresses: ReadonlyMap<string, string> }
): Virtual {
  const bound = (reply.profilesReference?.items ?? [])
    .filter(({ context, nameReference }) => isClientSide(context, nameReference?.link))
    .map(({ fullPath }) => fullPath)
    .filter((fullPath) => clientSsl.has(fullPath))
  return {
    fullPath: reply.fullPath,
    destination:
      named(reply.trafficMatchingCriteria) === null ? withAddress(reply.destination ?? '', addresses) : '',
    isEnabled: !isTrue(reply.disabled),
    appService: named(reply.appService),
    profiles: [...new Set(bound)].sort()
  }
}

// the link tells the kind where there is one: a server-ssl profile can bear the same name
function isClientSide(context: string | undefined, link: string | undefined): boolean {
  if (link !== undefined) return /\/ltm\/profile\/client-ssl\//.test(link)
  return context !== 'serverside'
}

/** What is needed to tell where a profile is seen. */
export interface Placing {
  readonly virtuals: readonly Virtual[]
  readonly profiles: ReadonlyMap<string, Profile>
  /** DNS names of the certificates that a profile shows */
  namesOf(fullPath: string): readonly string[]
}

/** Where handshakes show what some profiles hold, and what others hold at the same addresses. */
export interface Places {
  readonly served: readonly ServedAt[]
  readonly neighbours: readonly ServedAt[]
  readonly virtuals: readonly Virtual[]
  /** places that no handshake goes to, and why, sentences */
  readonly hidden: readonly string[]
}

/** The places of the members of a closure. */
export function placesOf(members: ReadonlySet<string>, placing: Placing): Places {
  const virtuals = placing.virtuals.filter(({ profiles }) => profiles.some((one) => members.has(one)))
  const served: ServedAt[] = []
  const neighbours: ServedAt[] = []
  const hidden: string[] = []
  for (const virtual of virtuals) {
    const destination = readDestination(virtual.destination)
    if (!virtual.isEnabled || destination.is === 'no-place') {
      const why = destination.is === 'no-place' ? destination.why : 'it is disabled'
      hidden.push(`virtual server ${virtual.fullPath}: ${why}`)
      continue
    }
    const { address, port, routeDomain } = destination
    if (routeDomain !== null && routeDomain !== 0) {
      hidden.push(
        `virtual server ${virtual.fullPath}: ${address} is in route domain ${routeDomain}; handshakes go where this machine finds that address`
      )
    }
    for (const [profile, names] of namesAt(virtual, placing)) {
      const places = names.map((name) => ({ address, port, name, starttls: null }))
      if (members.has(profile)) served.push(...places)
      else neighbours.push(...places)
    }
  }
  const own = new Set(served.map(keyOf))
  return {
    served: unique(served),
    neighbours: unique(neighbours).filter((one) => !own.has(keyOf(one))),
    virtuals,
    hidden: hidden.toSorted()
  }
}

/**
 * The server names that lead to each profile of a virtual server: its serverName, else the names of its certificates;
 * no name, and every other one, lead to the profile with sniDefault, or to the only one.
 */
function namesAt({ profiles }: Virtual, placing: Placing): [string, (string | null)[]][] {
  const { profiles: all } = placing
  const explicit = new Map<string, string>()
  for (const fullPath of profiles) {
    const { serverName } = all.get(fullPath) ?? {}
    if (serverName !== undefined && serverName !== null) explicit.set(fullPath, serverName)
  }
  const taken = new Set(explicit.values())
  const isAlone = profiles.length === 1
  return profiles.map((fullPath) => {
    const own = explicit.get(fullPath)
    const isDefault = isAlone || all.get(fullPath)?.isSniDefault === true
    const held = placing.namesOf(fullPath).filter((name) => !taken.has(name))
    // the only profile answers every name, whatever its serverName is
    const names = own === undefined ? held : isAlone ? [own, ...held] : [own]
    const sent = names.flatMap(nameToSend)
    return [fullPath, [...(isDefault ? [null] : []), ...new Set(sent)]]
  })
}

/** a wildcard by one name that it covers, since a handshake needs one; no addresses, which clients do not send */
function nameToSend(name: string): string[] {
  if (isIP(name) !== 0) return []
  const plain = name.startsWith('*.') ? `www${name.slice(1)}` : name
  return /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(plain) ? [plain] : []
}

function keyOf({ address, port, name }: ServedAt): string {
  return JSON.stringify([address, port, name])
}

function unique(places: readonly ServedAt[]): ServedAt[] {
  const found = new Map(places.map((place) => [keyOf(place), place]))
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place)
}

/** Everything that changes with a profile, but for itself and its only virtual server. */
export function sharesOf(members: readonly Profile[], { virtuals }: Places, placing: Placing): Share[] {
  const [holder, ...children] = members
  const inherited = children.map(({ fullPath }) => ({
    what: `client-ssl profile ${fullPath}, which shows the certificates of ${holder?.fullPath ?? 'its parent'}`,
    names: placing.namesOf(fullPath)
  }))
  if (virtuals.length < 2) return inherited
  const users = virtuals.map(({ fullPath, destination, profiles }) => ({
    what: `virtual server ${fullPath} (${destination || 'no address'})`,
    names: profiles.flatMap((one) =>
      members.some((member) => member.fullPath === one) ? placing.namesOf(one) : []
    )
  }))
  return [...inherited, ...users.toSorted((a, b) => (a.what < b.what ? -1 : 1))]
}
