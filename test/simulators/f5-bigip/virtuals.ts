import { type AttachedProfile, type Draft, nextGeneration, type Virtual } from './configuration.ts'
import { readDestination } from './destination.ts'
import { type Json, type JsonObject, listOf, referenceOf, textOf } from './json.ts'
import { checkSameName, headProperties, placed } from './placement.ts'
import { badProperty, mcpd, missingProperty, ownedByService, Refusal, unknownProperty } from './refusal.ts'
import { type Actor, checkPartition, head, type Resource } from './resource.ts'
import { attached, virtualProfiles } from './virtual-profiles.ts'

export const virtualPath = 'ltm/virtual'

/** ltm virtual */
export const virtuals: Resource = {
  path: virtualPath,
  kind: 'tm:ltm:virtual:virtualstate',
  type: 'Virtual Server',
  list: (configuration) => Object.keys(configuration.virtuals),
  has: (configuration, fullPath) => Object.hasOwn(configuration.virtuals, fullPath),
  render({ configuration, version }, fullPath) {
    const virtual = configuration.virtuals[fullPath] as Virtual
    const { destination, isEnabled, settings, index, appService } = virtual
    return {
      ...head(virtuals, virtual, version),
      ...defaults,
      ...settings,
      ...(appService === null ? {} : { appService }),
      ...(destination === null ? {} : { destination }),
      ...(isEnabled ? { enabled: true } : { disabled: true }),
      vsIndex: index
    }
  },
  create(draft, body, actor) {
    const fullPath = placed(draft, body, { type: 'Virtual Server', taken: draft.virtuals, actor })
    const fresh: Virtual = {
      fullPath,
      generation: nextGeneration(draft),
      destination: null,
      isEnabled: true,
      profiles: [],
      settings: {},
      index: 1 + Math.max(0, ...Object.values(draft.virtuals).map(({ index }) => index)),
      isFloating: true,
      appService: referenceOf(body, 'appService') ?? null
    }
    if (textOf(body, 'destination') === undefined && body['trafficMatchingCriteria'] === undefined) {
      throw missingProperty('destination')
    }
    draft.virtuals[fullPath] = changed(draft, fresh, body)
    return fullPath
  },
  modify(draft, { fullPath, body, isWhole }, actor) {
    const old = guardedVirtual(draft, fullPath, actor)
    checkSameName(fullPath, body)
    const base = isWhole ? { ...old, settings: {}, profiles: [], isEnabled: true } : old
    draft.virtuals[fullPath] = changed(draft, { ...base, generation: nextGeneration(draft) }, body)
  },
  remove(draft, fullPath, actor) {
    guardedVirtual(draft, fullPath, actor)
    delete draft.virtuals[fullPath]
  },
  subcollections: [
    virtualProfiles,
    {
      name: 'policies',
      reference: 'policiesReference',
      kind: 'tm:ltm:virtual:policies:policiesstate',
      list: () => []
    }
  ]
}

/** The virtual server, if it may be changed. */
export function guardedVirtual(draft: Draft, fullPath: string, actor: Actor): Virtual {
  checkPartition(fullPath, actor)
  const old = draft.virtuals[fullPath] as Virtual
  if (old.appService !== null) throw ownedByService(fullPath, old.appService)
  return old
}

const defaults: JsonObject = {
  addressStatus: 'yes',
  autoLasthop: 'default',
  cmpEnabled: 'yes',
  connectionLimit: 0,
  gtmScore: 0,
  ipProtocol: 'tcp',
  mask: '255.255.255.255',
  mirror: 'disabled',
  mobileAppTunnel: 'disabled',
  nat64: 'disabled',
  rateLimit: 'disabled',
  rateLimitDstMask: 0,
  rateLimitMode: 'object',
  rateLimitSrcMask: 0,
  serviceDownImmediateAction: 'none',
  source: '0.0.0.0/0',
  sourceAddressTranslation: { type: 'none' },
  sourcePort: 'preserve',
  synCookieStatus: 'not-activated',
  translateAddress: 'enabled',
  translatePort: 'enabled',
  vlansDisabled: true
}

/** settings beside those that have a default */
const settable = new Set([
  ...Object.keys(defaults),
  'description',
  'pool',
  'rules',
  'persist',
  'fallbackPersistence',
  'policies',
  'fwEnforcedPolicy',
  'trafficMatchingCriteria',
  'vlans',
  'vlansEnabled',
  'securityLogProfiles',
  'perFlowRequestAccessPolicy',
  'autoLastHop',
  'metadata',
  'lastHopPool',
  'clonePools',
  'creationTime',
  'lastModifiedTime',
  'evictionProtected'
])
const special = new Set([
  ...headProperties,
  'destination',
  'enabled',
  'disabled',
  'profiles',
  'appService',
  'vsIndex'
])

function changed(draft: Draft, old: Virtual, body: JsonObject): Virtual {
  const names = Object.keys(body)
  const unknown = names.find(
    (name) => !settable.has(name) && !special.has(name) && !name.endsWith('Reference')
  )
  if (unknown !== undefined) throw unknownProperty(unknown)
  if (body['enabled'] !== undefined && body['disabled'] !== undefined) {
    throw new Refusal(400, '"enabled" may not be specified with "disabled"', { apiError: 26_214_401 })
  }
  const given = names.filter((name) => settable.has(name)).map((name) => [name, body[name] as Json] as const)
  const profiles = listOf(body, 'profiles')
  const next: Virtual = {
    ...old,
    destination: changedDestination(old, body),
    isEnabled: switched(old.isEnabled, body),
    settings: { ...old.settings, ...Object.fromEntries(given) }
  }
  return { ...next, profiles: attachedAll(draft, next, profiles) }
}

function attachedAll(
  draft: Draft,
  virtual: Virtual,
  given: readonly Json[] | undefined
): readonly AttachedProfile[] {
  const listed = given ? given.map((item) => attached(draft, item)) : virtual.profiles
  const isTransport = ({ fullPath }: AttachedProfile) =>
    ['tcp', 'udp', 'fastl4'].includes(draft.profiles[fullPath]?.type ?? '')
  if (listed.some(isTransport)) return listed
  return [{ fullPath: listed.length === 0 ? '/Common/fastL4' : '/Common/tcp', context: 'all' }, ...listed]
}

function switched(isEnabled: boolean, body: JsonObject): boolean {
  for (const name of ['enabled', 'disabled'] as const) {
    const value = body[name]
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw badProperty(name)
    return value === (name === 'enabled')
  }
  return isEnabled
}

/** Beside its virtual server, in the same folder, unless it says otherwise. */
function changedDestination(old: Virtual, body: JsonObject): string | null {
  const given = textOf(body, 'destination')
  if (given === undefined) return old.destination
  const whole = given.startsWith('/')
    ? given
    : `${old.fullPath.slice(0, old.fullPath.lastIndexOf('/'))}/${given}`
  if (!readDestination(whole)) {
    throw mcpd(400, '01070340', `Invalid virtual address or port in destination (${given}).`)
  }
  return whole
}
