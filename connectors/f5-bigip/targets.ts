import type { Binding, KeyFamily, Slot, Unmanaged } from '../contract.ts'
import { type Certificate, slotOf } from './certificates.ts'
import type { Entry, Profile } from './profiles.ts'
import { placesOf, type Places, sharesOf } from './served.ts'
import type { Survey } from './survey.ts'

/** A target: a client-ssl profile that holds its own pairs. */
export interface Target {
  readonly profile: Profile
  /** itself first, then the profiles that show its pairs */
  readonly members: readonly Profile[]
  readonly pairs: readonly Pair[]
  readonly places: Places
}

/** An entry with the certificate object that it names; undefined: there is none that we may see. */
export interface Pair {
  readonly entry: Entry
  readonly certificate: Certificate | undefined
}

/** The target of a profile, or undefined when there is no such profile. */
export function targetOf(survey: Survey, fullPath: string): Target | undefined {
  const profile = survey.profiles.get(fullPath)
  if (!profile) return undefined
  const members = survey.closures.get(fullPath) ?? [profile]
  return {
    profile,
    members,
    pairs: pairsOf(profile.entries, survey.certificates),
    places: placesOf(new Set(members.map((member) => member.fullPath)), survey)
  }
}

/** The entries of a profile with their certificates. */
export function pairsOf(
  entries: readonly Entry[],
  certificates: ReadonlyMap<string, Certificate>
): readonly Pair[] {
  return entries.map((entry) => ({
    entry,
    certificate: entry.cert === null ? undefined : certificates.get(entry.cert)
  }))
}

/** What a target holds; entries of forward proxies are no certificates of servers. */
export function slotsOf(pairs: readonly Pair[]): Slot[] {
  return pairs.flatMap(({ entry, certificate }) =>
    certificate && entry.usage !== 'CA' ? slotOf(certificate) : []
  )
}

/** The pair of a kind of key; undefined: there is none yet. */
export function pairFor(pairs: readonly Pair[], family: KeyFamily): Pair | undefined {
  return pairs.find(({ entry, certificate }) => entry.usage !== 'CA' && certificate?.family === family)
}

/** profiles that every device has; updates of its software may write them */
const builtIn: readonly string[] = [
  '/Common/clientssl',
  '/Common/clientssl-insecure-compatible',
  '/Common/clientssl-quic',
  '/Common/clientssl-secure',
  '/Common/crypto-server-default-clientssl',
  '/Common/splitsession-default-clientssl',
  '/Common/wom-default-clientssl'
]

/** Why a target must not be changed, or null. */
export async function unmanagedBy(
  survey: Survey,
  { profile, members, pairs }: Target,
  signal: AbortSignal
): Promise<Unmanaged | null> {
  if (builtIn.includes(profile.fullPath)) {
    return unsupported(
      'it comes with the device, and others begin from it: give the service a profile of its own'
    )
  }
  if (profile.inherits) {
    return unsupported(`it shows the pairs of ${profile.parent}: replace them there, or give it its own`)
  }
  const owner = await ownerOf(survey, members, signal)
  if (owner) return owner
  if (members.some(({ isForwardProxy }) => isForwardProxy)) {
    return unsupported('it is for an SSL forward proxy, which makes certificates by itself')
  }
  for (const { entry, certificate } of pairs) {
    if (entry.usage === 'CA') continue
    const name = entry.cert ?? 'no certificate'
    if (!certificate)
      return { code: 'unreadable', why: `its pair ${entry.name} names ${name}, which is not shown to us` }
    if (certificate.fingerprint === null) {
      return unsupported(`this version does not tell the SHA-256 fingerprint of ${name}`)
    }
    if (entry.hasPassphrase && !survey.client.keyPassphrase) {
      return unsupported(
        `the key of its pair ${entry.name} has a passphrase, without which it could not be put back: give the device the secret key-passphrase`
      )
    }
  }
  return null
}

/** what writes the profile, or one that shows its pairs, and would write it again */
async function ownerOf(
  survey: Survey,
  profiles: readonly Profile[],
  signal: AbortSignal
): Promise<Unmanaged | undefined> {
  for (const { fullPath, appService, partition, folder } of profiles) {
    if (appService !== null)
      return elsewhere(`${fullPath} belongs to the iApp ${appService}: change it there`)
    if (folder === '') continue
    // AS3 puts all that it makes into /TENANT/APPLICATION/, or into /Common/Shared/
    if (partition === 'Common' && folder !== 'Shared') continue
    const tenants = await survey.tenants(signal)
    if (tenants === null) {
      const why = `${fullPath} stands where AS3 keeps its own, and our user may not ask AS3: grant it, or change it there`
      return { code: 'unreadable', why }
    }
    if (tenants.has(partition))
      return elsewhere(`AS3 writes ${fullPath} (tenant ${partition}): declare it there`)
  }
  return undefined
}

const unsupported = (why: string): Unmanaged => ({ code: 'unsupported', why })
const elsewhere = (why: string): Unmanaged => ({ code: 'managed-elsewhere', why })

/** A target as discovery shows it. */
export async function bindingOf(survey: Survey, target: Target, signal: AbortSignal): Promise<Binding> {
  const { profile, members, pairs, places } = target
  return {
    target: profile.fullPath,
    title: `client-ssl profile ${profile.fullPath}`,
    kind: 'client-ssl profile',
    slots: slotsOf(pairs),
    served: places.served,
    shares: sharesOf(members, places, survey),
    unmanaged: await unmanagedBy(survey, target, signal)
  }
}
