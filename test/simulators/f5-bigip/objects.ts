import { clientSslProfiles } from './client-ssl.ts'
import type { Draft } from './configuration.ts'
import { cryptoCerts, cryptoCsrs, cryptoKeys } from './crypto-objects.ts'
import { sslCerts, sslKeys } from './file-objects.ts'
import type { JsonObject } from './json.ts'
import { fromSegment } from './names.ts'
import { otherProfiles } from './other-profiles.ts'
import { folders, partitions } from './partitions.ts'
import { framework, notFound, Refusal } from './refusal.ts'
import type { Actor, Resource, Subcollection, View } from './resource.ts'
import { virtuals } from './virtuals.ts'

/** Every collection of the configuration. */
const resources: readonly Resource[] = [
  sslCerts,
  sslKeys,
  cryptoCerts,
  cryptoKeys,
  cryptoCsrs,
  clientSslProfiles,
  ...otherProfiles,
  virtuals,
  partitions,
  folders
]

/** What a path means. */
export interface Place {
  readonly resource: Resource
  /** null: the collection */
  readonly fullPath: string | null
  readonly sub: Subcollection | null
  /** null: the subcollection */
  readonly item: string | null
}

/** Finds what the segments below /mgmt/tm mean; null when they are no path of the configuration. */
export function placeOf(segments: readonly string[]): Place | null {
  for (const resource of resources) {
    const own = resource.path.split('/')
    if (!own.every((segment, at) => segments[at] === segment)) continue
    const [name, subName, item, ...rest] = segments.slice(own.length)
    if (rest.length > 0) return null
    const sub = resource.subcollections?.find((one) => one.name === subName) ?? null
    if (subName !== undefined && !sub) return null
    return {
      resource,
      fullPath: name === undefined ? null : fromSegment(name),
      sub,
      item: item === undefined ? null : fromSegment(item)
    }
  }
  return null
}

/** A change of the configuration as it was asked for. */
export interface Command {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly place: Place
  readonly body: JsonObject
}

/** What is answered once the change is made: an object, or nothing at all. */
export type Answer = (view: View) => JsonObject | null

/** Refuses what the collection has no such method for. */
export function checkMethod({ method, place: { resource, fullPath, sub, item } }: Command): void {
  const can = sub
    ? { POST: item === null && sub.add, DELETE: item !== null && sub.remove, PUT: false, PATCH: false }
    : {
        POST: fullPath === null && resource.create,
        DELETE: fullPath !== null && resource.remove,
        PUT: fullPath !== null && resource.modify,
        PATCH: fullPath !== null && resource.modify
      }
  if (!can[method]) throw framework(405, `Method ${method} not allowed for ${resource.path}`)
}

/** Makes the change in a draft. */
export function perform(draft: Draft, command: Command, actor: Actor): Answer {
  checkMethod(command)
  const { method, place, body } = command
  const { resource, fullPath, sub, item } = place
  if (fullPath === null) {
    const made = resource.create?.(draft, body, actor) ?? ''
    if (body['command'] !== undefined) return () => echoed(resource, body)
    return (view) => resource.render(view, made)
  }
  if (!resource.has(draft, fullPath)) throw notFound(resource.type, fullPath)
  if (sub) return performBelow(draft, command, { owner: fullPath, sub, item, actor })
  if (method === 'DELETE') {
    resource.remove?.(draft, fullPath, actor)
    return () => null
  }
  resource.modify?.(draft, { fullPath, body, isWhole: method === 'PUT' }, actor)
  return (view) => resource.render(view, fullPath)
}

interface Below {
  readonly owner: string
  readonly sub: Subcollection
  readonly item: string | null
  readonly actor: Actor
}

function performBelow(draft: Draft, { body }: Command, { owner, sub, item, actor }: Below): Answer {
  const find = (view: View, wanted: string) => sub.list(view, owner).find((one) => one['fullPath'] === wanted)
  if (item === null) {
    const made = sub.add?.(draft, { fullPath: owner, body, isWhole: false }, actor) ?? ''
    return (view) => find(view, made) ?? {}
  }
  if (!find({ configuration: draft, version: actor.version }, item))
    throw notFound('virtual server profile', item)
  sub.remove?.(draft, { owner, item }, actor)
  return () => null
}

/** Commands answer with themselves. */
function echoed({ path, kind }: Resource, body: JsonObject): JsonObject {
  const what = body['command']
  if (typeof what !== 'string') throw new Refusal(400, 'invalid command', { apiError: 26_214_401 })
  return { kind: kind.replace(/[^:]+$/, `${what}state`), ...body, ...(path === '' ? { path } : {}) }
}
