import {
  as3Declaration,
  certificates,
  clientSslProfiles,
  keys,
  virtualAddresses,
  virtualServers
} from './readings.ts'
import { type Certificate, certificateOf } from './certificates.ts'
import type { Client } from './client.ts'
import { addressName } from './destinations.ts'
import { byPath, closures, holderOf, type Profile, profileOf } from './profiles.ts'
import type { KeyReply } from './replies.ts'
import { type Placing, virtualOf } from './served.ts'

/** What a unit holds and serves, read at one time. */
export interface Survey extends Placing {
  readonly client: Client
  readonly certificates: ReadonlyMap<string, Certificate>
  /** each profile that holds its own pairs, with those that show them, too */
  readonly closures: ReadonlyMap<string, readonly Profile[]>
  /** keys of the unit, asked for once */
  keys(signal: AbortSignal): Promise<readonly KeyReply[]>
  /** tenants of AS3, asked for when a profile stands where AS3 would put it; null: AS3 does not tell us */
  tenants(signal: AbortSignal): Promise<ReadonlySet<string> | null>
}

/** Reads profiles, virtual servers and certificates: three requests, more where there are over 500 of a kind. */
export async function surveyOf(client: Client, signal: AbortSignal): Promise<Survey> {
  const profiles = (await clientSslProfiles(client, signal)).map(profileOf)
  const byName = new Map(profiles.map((profile) => [profile.fullPath, profile]))
  const replies = await virtualServers(client, signal)
  const isNamed = replies.some(({ destination = '' }) => addressName(destination) !== undefined)
  const addresses = isNamed ? await addressesOf(client, signal) : new Map<string, string>()
  const virtuals = replies.map((reply) => virtualOf(reply, { clientSsl: byName, addresses }))
  const held = (await certificates(client, signal)).map(certificateOf)
  const byObject = new Map(held.map((one) => [one.fullPath, one]))
  let keyList: Promise<readonly KeyReply[]> | undefined
  let tenants: Promise<ReadonlySet<string> | null> | undefined
  return {
    client,
    profiles: byName,
    virtuals: virtuals.toSorted(byPath),
    certificates: byObject,
    closures: closures(profiles),
    namesOf(fullPath) {
      const profile = byName.get(fullPath)
      const { entries } = profile ? holderOf(profile, byName) : { entries: [] }
      const names = entries.flatMap(({ cert }) => (cert === null ? [] : (byObject.get(cert)?.names ?? [])))
      return [...new Set(names)]
    },
    keys: (signal) => (keyList ??= keys(client, signal)),
    tenants: (signal) => (tenants ??= tenantsOf(client, signal))
  }
}

async function addressesOf(client: Client, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const found = await virtualAddresses(client, signal)
  return new Map(
    found.flatMap(({ fullPath, address }) => (address === undefined ? [] : [[fullPath, address]]))
  )
}

async function tenantsOf(client: Client, signal: AbortSignal): Promise<ReadonlySet<string> | null> {
  const answer = await as3Declaration(client, signal)
  if (answer.is === 'absent') return new Set()
  if (answer.is === 'denied') return null
  return new Set(tenantsIn(answer.declaration))
}

/** Names of the tenants of a declaration of AS3: objects of class Tenant, also below `declaration`. */
export function tenantsIn(declaration: unknown, depth = 0): string[] {
  // a list of them, one for each target, in which each may be wrapped
  if (depth > 4) return []
  if (Array.isArray(declaration)) return declaration.flatMap((one) => tenantsIn(one, depth + 1))
  if (!isRecord(declaration)) return []
  if (isRecord(declaration['declaration'])) return tenantsIn(declaration['declaration'], depth + 1)
  return Object.entries(declaration).flatMap(([name, one]) =>
    isRecord(one) && one['class'] === 'Tenant' ? [name] : []
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
