import {
  type Draft,
  nextGeneration,
  type OtherProfile,
  type OtherProfileType,
  otherProfileTypes
} from './configuration.ts'
import { type JsonObject, referenceOf, without } from './json.ts'
import { absolute } from './names.ts'
import { checkSameName, headProperties, placed } from './placement.ts'
import { mcpd, notFound } from './refusal.ts'
import { checkPartition, head, reference, type Resource } from './resource.ts'

/** Profiles of other types that a new device has. */
export const builtInProfiles: readonly (readonly [fullPath: string, type: OtherProfileType])[] = [
  ['/Common/tcp', 'tcp'],
  ['/Common/tcp-lan-optimized', 'tcp'],
  ['/Common/tcp-wan-optimized', 'tcp'],
  ['/Common/f5-tcp-progressive', 'tcp'],
  ['/Common/udp', 'udp'],
  ['/Common/fastL4', 'fastl4'],
  ['/Common/http', 'http'],
  ['/Common/http2', 'http2'],
  ['/Common/oneconnect', 'one-connect'],
  ['/Common/serverssl', 'server-ssl']
]

/** How messages name them. */
const titles: Readonly<Record<OtherProfileType, string>> = {
  tcp: 'TCP Profile',
  udp: 'UDP Profile',
  fastl4: 'Fast L4 Profile',
  http: 'HTTP Profile',
  http2: 'HTTP/2 Profile',
  'one-connect': 'OneConnect Profile',
  'server-ssl': 'ServerSSL Profile'
}

/** ltm profile tcp, http, server-ssl, …: kept as they are given, but for the references of server-ssl. */
export const otherProfiles: readonly Resource[] = otherProfileTypes.map(resourceOf)

function resourceOf(type: OtherProfileType): Resource {
  const path = `ltm/profile/${type}`
  const kind = `tm:ltm:profile:${type}:${type}state`
  const title = titles[type]
  const ofType = (profiles: Readonly<Record<string, OtherProfile>>) =>
    Object.values(profiles).filter((profile) => profile.type === type)
  return {
    path,
    kind,
    type: title,
    list: ({ profiles }) => ofType(profiles).map(({ fullPath }) => fullPath),
    has: ({ profiles }, fullPath) => profiles[fullPath]?.type === type,
    render({ configuration, version }, fullPath) {
      const profile = configuration.profiles[fullPath] as OtherProfile
      const { defaultsFrom } = profile
      return {
        ...head({ path, kind }, profile, version),
        ...(type === 'server-ssl' ? { cert: 'none', chain: 'none', key: 'none', serverName: 'none' } : {}),
        defaultsFrom: defaultsFrom ?? 'none',
        ...(defaultsFrom === null ? {} : { defaultsFromReference: reference(path, defaultsFrom, version) }),
        ...profile.settings
      }
    },
    create(draft, body, actor) {
      const fullPath = placed(draft, body, { type: title, taken: draft.profiles, actor })
      const root = builtInProfiles.find(([, of]) => of === type)?.[0] ?? null
      const fresh = { fullPath, generation: 0, type, defaultsFrom: root, settings: {} }
      draft.profiles[fullPath] = changed(draft, fresh, body)
      return fullPath
    },
    modify(draft, { fullPath, body, isWhole }, actor) {
      checkPartition(fullPath, actor)
      checkSameName(fullPath, body)
      const old = draft.profiles[fullPath] as OtherProfile
      draft.profiles[fullPath] = changed(draft, isWhole ? { ...old, settings: {} } : old, body)
    },
    remove(draft, fullPath, actor) {
      checkPartition(fullPath, actor)
      const virtual = Object.values(draft.virtuals).find(({ profiles }) =>
        profiles.some((one) => one.fullPath === fullPath)
      )
      if (virtual) {
        throw mcpd(
          400,
          '01070265',
          `The ${title} (${fullPath}) cannot be deleted because it is in use by a virtual server profile (${virtual.fullPath} ${fullPath})`
        )
      }
      delete draft.profiles[fullPath]
    }
  }
}

const fileReferences = ['cert', 'key', 'chain', 'caFile'] as const

function changed(draft: Draft, old: OtherProfile, body: JsonObject): OtherProfile {
  const parent = referenceOf(body, 'defaultsFrom')
  const defaultsFrom = parent ? absolute(parent) : old.defaultsFrom
  if (defaultsFrom !== null && draft.profiles[defaultsFrom]?.type !== old.type) {
    throw notFound('profile', defaultsFrom)
  }
  const files = old.type === 'server-ssl' ? fileReferences.filter((name) => body[name] !== undefined) : []
  const resolved = files.map((name) => {
    const given = referenceOf(body, name)
    return [name, given ? absolute(given) : 'none'] as const
  })
  const settings = { ...without(body, [...headProperties, 'defaultsFrom']), ...Object.fromEntries(resolved) }
  return {
    ...old,
    defaultsFrom,
    generation: nextGeneration(draft),
    settings: { ...old.settings, ...settings }
  }
}
