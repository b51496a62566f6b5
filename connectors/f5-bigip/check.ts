import type { Check, Right } from '../contract.ts'
import {
  certificates,
  clientSslProfiles,
  localUser,
  serverSslProfiles,
  systemVersion,
  virtualServers
} from './readings.ts'
import { mayRemoveUploads, mayUpload } from './uploads.ts'
import type { Client } from './client.ts'
import { mayFetchRequests } from './key-calls.ts'
import { asFault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { named } from './profiles.ts'
import { texts } from './sync.ts'
import { groupOf, roleOf, type Seat, seatOf, statusOf } from './units.ts'

/** an upload of this name is never made: what asks for rights asks for it */
export const probeName = 'tlsward-check'

/** Product, version, role and rights of the login, each asked for without changing anything. */
export async function checkUnits(clients: readonly Client[], signal: AbortSignal): Promise<Check> {
  const [first] = clients
  if (!first) throw new RangeError('a device has an address')
  const notes: string[] = []
  const seats: Seat[] = []
  const rights: Right[] = []
  for (const client of clients) {
    const seat = await seatOf(client, signal)
    seats.push(seat)
    rights.push(...(await rightsAt(client, signal)))
  }
  notes.push(
    ...(await pairNotes(seats, signal)),
    ...(await versionNotes(first, signal)),
    ...(await otherUsers(first, signal))
  )
  const version = await systemVersion(first, signal)
  const [seat] = seats
  const active = seats.find(({ isActive }) => isActive) ?? seat
  return {
    product: visible(texts(version, 'Product')[0] ?? 'BIG-IP', 60),
    version: visible(texts(version, 'Version')[0] ?? seat?.version ?? '', 60),
    role: active ? roleOf(active) : 'single',
    rights,
    notes
  }
}

const administrator = (user: string) =>
  `Give ${user} the role Administrator on all partitions (tmsh modify auth user ${user} partition-access replace-all-with { all-partitions { role admin } }).`

async function rightsAt(client: Client, signal: AbortSignal): Promise<Right[]> {
  const { user, name } = client
  const remedy = administrator(user)
  const right = (what: string, granted: boolean, how = remedy): Right => ({
    what: `${what} on ${name.replace(/^The /, '')}`,
    granted,
    remedy: granted ? null : how
  })
  const reads = [
    ['read client-ssl profiles', clientSslProfiles],
    ['read virtual servers', virtualServers],
    ['read certificates', certificates]
  ] as const
  const rights = [right('sign in', true)]
  for (const [what, list] of reads) rights.push(right(what, await isAllowed(list(client, signal))))
  const roles = await rolesOf(client, signal)
  rights.push(
    right('upload files', await mayUpload(client, probeName, signal)),
    right(
      'remove uploaded files (util/unix-rm)',
      await mayRemoveUploads(client, probeName, signal),
      `Without it the key would stay in /var/config/rest/downloads, and every plan refuses. ${remedy}`
    ),
    right(
      'fetch requests for keys that it makes (util/unix-mv)',
      await mayFetchRequests(client, probeName, signal),
      `Needed for profiles with keyPlace device. ${remedy}`
    ),
    // null: a remote user, whose roles the device does not show; its first write tells
    right('change keys, certificates and profiles on all partitions', roles === null || roles.some(isEnough))
  )
  return rights
}

async function isAllowed(reading: Promise<unknown>): Promise<boolean> {
  try {
    await reading
    return true
  } catch (thrown) {
    if (asFault(thrown).code === 'device-right') return false
    throw thrown
  }
}

interface GivenRole {
  readonly name: string
  readonly role: string
}

function isEnough({ name, role }: GivenRole): boolean {
  return name === 'all-partitions' && (role === 'admin' || role === 'resource-admin')
}

async function rolesOf(client: Client, signal: AbortSignal): Promise<readonly GivenRole[] | null> {
  const user = await localUser(client, signal)
  return user?.partitionAccess ?? null
}

async function pairNotes(seats: readonly Seat[], signal: AbortSignal): Promise<string[]> {
  const [first] = seats
  if (!first || first.domain.length < 2) return []
  const notes = [
    `Units: ${first.domain.map(({ name, failoverState }) => visible(`${name} (${failoverState ?? 'unknown'})`, 100)).join(', ')}`
  ]
  if (seats.length < 2)
    notes.push(
      'One of several units: give the address of the other one (peerAddress), or every plan refuses.'
    )
  const { name, isAutomatic } = await groupOf(first, signal)
  const { words } = await statusOf(first, signal)
  notes.push(
    `Device group ${visible(name, 100)}: ${words}; synchronised ${isAutomatic ? 'by itself' : 'by hand'}`
  )
  return notes
}

async function versionNotes(client: Client, signal: AbortSignal): Promise<string[]> {
  const version = texts(await systemVersion(client, signal), 'Version')[0] ?? ''
  const major = Number(version.split('.')[0])
  if (major >= 13 && major <= 17) return []
  return [`Version ${visible(version, 30)} is not among those that this is written for (13 to 17).`]
}

/** certificates of client-ssl profiles that something else shows, too: it keeps the old ones */
async function otherUsers(client: Client, signal: AbortSignal): Promise<string[]> {
  try {
    const profiles = await clientSslProfiles(client, signal)
    const used = new Set(
      profiles.flatMap(({ certKeyChain = [] }) => certKeyChain.flatMap(({ cert }) => named(cert) ?? []))
    )
    return (await serverSslProfiles(client, signal)).flatMap(({ fullPath, cert }) => {
      const held = named(cert)
      if (held === null || !used.has(held) || held === '/Common/default.crt') return []
      return `server-ssl profile ${visible(fullPath, 100)} shows ${visible(held, 100)}, too, and keeps it when it is replaced.`
    })
  } catch (thrown) {
    if (asFault(thrown).code === 'device-right') return []
    throw thrown
  }
}
