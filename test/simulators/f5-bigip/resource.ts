import { accessDenied } from './refusal.ts'
import type { Configuration, Draft } from './configuration.ts'
import type { JsonObject } from './json.ts'
import { partitionOf, partsOf, toSegment } from './names.ts'

/** Who changes something, when, and what files the unit has. */
export interface Actor {
  readonly user: string
  /** partitions in which objects may be changed */
  readonly mayChange: (partition: string) => boolean
  /** milliseconds since the epoch */
  readonly now: number
  readonly version: string
  /** a file of the unit, a character for each byte; null when there is none */
  readonly readFile: (path: string) => string | null
  readonly writeFile: (path: string, content: string) => void
}

/** What is read, and as which version. */
export interface View {
  readonly configuration: Configuration
  readonly version: string
}

/** A change of one object. */
export interface Change {
  readonly fullPath: string
  readonly body: JsonObject
  /** PUT: what is not given falls back to its default */
  readonly isWhole: boolean
}

/** A collection of a part of an object, e.g. the profiles of a virtual server. */
export interface Subcollection {
  readonly name: string
  /** in JSON: profilesReference */
  readonly reference: string
  readonly list: (view: View, owner: string) => readonly JsonObject[]
  readonly kind: string
  readonly add?: (draft: Draft, change: Change, actor: Actor) => string
  readonly remove?: (
    draft: Draft,
    place: { readonly owner: string; readonly item: string },
    actor: Actor
  ) => void
}

/** A collection of the configuration: how it is shown and changed. */
export interface Resource {
  /** below /mgmt/tm: ltm/profile/client-ssl */
  readonly path: string
  /** of one object */
  readonly kind: string
  /** as error messages name it: Certificate File */
  readonly type: string
  /** full paths of all objects */
  readonly list: (configuration: Configuration) => readonly string[]
  readonly has: (configuration: Configuration, fullPath: string) => boolean
  /** of an object that is there */
  readonly render: (view: View, fullPath: string) => JsonObject
  /** full path of the new object */
  readonly create?: (draft: Draft, body: JsonObject, actor: Actor) => string
  readonly modify?: (draft: Draft, change: Change, actor: Actor) => void
  readonly remove?: (draft: Draft, fullPath: string, actor: Actor) => void
  readonly subcollections?: readonly Subcollection[]
}

/** A link as the device writes it. It says localhost whatever the device is called. */
export function link(path: string, version: string): string {
  return `https://localhost/mgmt/tm/${path}?ver=${version}`
}

/** A link to an object, as the property of another: certReference. */
export function reference(path: string, fullPath: string, version: string): JsonObject {
  return { link: link(`${path}/${toSegment(fullPath)}`, version) }
}

/** What every object begins with. */
export function head(
  { path, kind }: Pick<Resource, 'path' | 'kind'>,
  one: { readonly fullPath: string; readonly generation: number },
  version: string
): JsonObject {
  const { name, partition, subPath } = partsOf(one.fullPath)
  return {
    kind,
    name,
    partition,
    ...(subPath === null ? {} : { subPath }),
    fullPath: one.fullPath,
    generation: one.generation,
    selfLink: link(`${path}/${toSegment(one.fullPath)}`, version)
  }
}

/** Refuses a change in a partition that is not the user's. */
export function checkPartition(fullPath: string, actor: Actor): void {
  const partition = partitionOf(fullPath)
  if (!actor.mayChange(partition)) throw accessDenied(actor.user, partition)
}
