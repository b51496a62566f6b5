import { type AttachedProfile, type Draft, nextGeneration, type Virtual } from './configuration.ts'
import { clientSslPath } from './client-ssl.ts'
import { isObject, type Json, type JsonObject, textOf } from './json.ts'
import { absolute, partsOf, toSegment } from './names.ts'
import { alreadyExists, badProperty, missingProperty, notFound, ownedByService } from './refusal.ts'
import { checkPartition, link, reference, type Subcollection, type View } from './resource.ts'
import { isSince } from './version.ts'

const kind = 'tm:ltm:virtual:profiles:profilesstate'

/** The profiles of a virtual server, each with the side it works on. */
export const virtualProfiles: Subcollection = {
  name: 'profiles',
  reference: 'profilesReference',
  kind,
  list({ configuration, version }, owner) {
    const virtual = configuration.virtuals[owner] as Virtual
    return virtual.profiles.map((profile) => shown({ configuration, version }, virtual, profile))
  },
  add(draft, { fullPath, body }, actor) {
    checkPartition(fullPath, actor)
    const virtual = draft.virtuals[fullPath] as Virtual
    if (virtual.appService !== null) throw ownedByService(fullPath, virtual.appService)
    const fresh = attached(draft, body)
    if (virtual.profiles.some((one) => one.fullPath === fresh.fullPath)) {
      throw alreadyExists('virtual server profile', fresh.fullPath)
    }
    draft.virtuals[fullPath] = {
      ...virtual,
      generation: nextGeneration(draft),
      profiles: [...virtual.profiles, fresh]
    }
    return fresh.fullPath
  },
  remove(draft, { owner, item }, actor) {
    checkPartition(owner, actor)
    const virtual = draft.virtuals[owner] as Virtual
    if (virtual.appService !== null) throw ownedByService(owner, virtual.appService)
    const profiles = virtual.profiles.filter((one) => one.fullPath !== item)
    draft.virtuals[owner] = { ...virtual, generation: nextGeneration(draft), profiles }
  }
}

/** A profile as a request names it: a name, or an object with one. */
export function attached(draft: Draft, item: Json): AttachedProfile {
  const given = typeof item === 'string' ? { name: item } : item
  if (!isObject(given)) throw badProperty('profiles')
  const name = textOf(given, 'name') ?? textOf(given, 'fullPath')
  if (name === undefined) throw missingProperty('name')
  const fullPath = absolute(name, textOf(given, 'partition'))
  const type = typeOf(draft, fullPath)
  if (type === null) throw notFound('profile', fullPath)
  checkContext(textOf(given, 'context'))
  const sides: Readonly<Record<string, AttachedProfile['context']>> = {
    'client-ssl': 'clientside',
    'server-ssl': 'serverside'
  }
  // the side of an SSL profile follows from its type, whatever is asked for
  const asked = textOf(given, 'context') as AttachedProfile['context'] | undefined
  return { fullPath, context: sides[type] ?? asked ?? 'all' }
}

function checkContext(context: string | undefined): void {
  if (context !== undefined && !['all', 'clientside', 'serverside'].includes(context))
    throw badProperty('context')
}

/** The type of a profile, as in its path; null when there is none of this name. */
export function typeOf(
  { clientSsl, profiles }: Pick<Draft, 'clientSsl' | 'profiles'>,
  fullPath: string
): string | null {
  if (Object.hasOwn(clientSsl, fullPath)) return 'client-ssl'
  return profiles[fullPath]?.type ?? null
}

function shown({ configuration, version }: View, virtual: Virtual, one: AttachedProfile): JsonObject {
  const { name, partition, subPath } = partsOf(one.fullPath)
  const type = typeOf(configuration, one.fullPath) ?? 'tcp'
  const path = type === 'client-ssl' ? clientSslPath : `ltm/profile/${type}`
  return {
    kind,
    name,
    partition,
    ...(subPath === null ? {} : { subPath }),
    fullPath: one.fullPath,
    generation: virtual.generation,
    selfLink: link(`ltm/virtual/${toSegment(virtual.fullPath)}/profiles/${toSegment(one.fullPath)}`, version),
    context: one.context,
    ...(isSince(version, '12.0') ? { nameReference: reference(path, one.fullPath, version) } : {})
  }
}
