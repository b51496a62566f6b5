import type { Client } from './client.ts'
import { inUrl } from './full-path.ts'
import {
  anyReply,
  certificatePage,
  deviceGroupPage,
  devicePage,
  keyPage,
  profilePage,
  profileReply,
  serverSslPage,
  statisticsReply,
  userReply,
  virtualAddressPage,
  virtualPage
} from './replies.ts'

/** What the device shows, in its own words: one function for each reading. Faults: those of {@link Client}. */

const profileFields =
  'name,fullPath,partition,subPath,defaultsFrom,certKeyChain,inheritCertkeychain,serverName,sniDefault,sslForwardProxy,appService,selfLink'
const certificateFields =
  'name,fullPath,partition,checksum,fingerprint,keyType,subject,subjectAlternativeName,expirationDate,certValidationOptions,issuerCert'
const virtualFields =
  'name,fullPath,partition,destination,disabled,trafficMatchingCriteria,appService,profilesReference'
const keyFields = 'name,fullPath,partition,createTime,generation,securityType'

export function clientSslProfiles(client: Client, signal: AbortSignal) {
  const path = `/tm/ltm/profile/client-ssl?$select=${profileFields}`
  return client.list({ path, what: 'list client-ssl profiles' }, profilePage, signal)
}

export function clientSslProfile(client: Client, fullPath: string, signal: AbortSignal) {
  const path = `/tm/ltm/profile/client-ssl/${inUrl(fullPath)}?$select=${profileFields}`
  return client.find({ path, what: `show the profile ${fullPath}` }, profileReply, signal)
}

export function serverSslProfiles(client: Client, signal: AbortSignal) {
  const path = '/tm/ltm/profile/server-ssl?$select=fullPath,cert,key'
  return client.list({ path, what: 'list server-ssl profiles' }, serverSslPage, signal)
}

/** with their profiles, also from a version that leaves sub-collections out when fields are selected */
export async function virtualServers(client: Client, signal: AbortSignal) {
  const what = 'list virtual servers'
  const whole = '/tm/ltm/virtual?expandSubcollections=true'
  const found = await client.list({ path: `${whole}&$select=${virtualFields}`, what }, virtualPage, signal)
  const isExpanded = found.some(({ profilesReference }) => profilesReference?.items !== undefined)
  if (found.length === 0 || isExpanded) return found
  return client.list({ path: whole, what }, virtualPage, signal)
}

/** names of virtual addresses, where destinations use them */
export function virtualAddresses(client: Client, signal: AbortSignal) {
  const path = '/tm/ltm/virtual-address?$select=fullPath,address'
  return client.list({ path, what: 'list virtual addresses' }, virtualAddressPage, signal)
}

export function certificates(client: Client, signal: AbortSignal) {
  const path = `/tm/sys/file/ssl-cert?$select=${certificateFields}`
  return client.list({ path, what: 'list certificates' }, certificatePage, signal)
}

export function keys(client: Client, signal: AbortSignal) {
  return client.list(
    { path: `/tm/sys/file/ssl-key?$select=${keyFields}`, what: 'list keys' },
    keyPage,
    signal
  )
}

export function devices(client: Client, signal: AbortSignal) {
  const path = '/tm/cm/device?$select=name,selfDevice,failoverState,managementIp,version'
  return client.list({ path, what: 'list the units of its trust domain' }, devicePage, signal)
}

export function deviceGroups(client: Client, signal: AbortSignal) {
  const path = '/tm/cm/device-group?expandSubcollections=true'
  return client.list({ path, what: 'list device groups' }, deviceGroupPage, signal)
}

export function syncStatus(client: Client, signal: AbortSignal) {
  const call = { method: 'GET', path: '/tm/cm/sync-status', what: 'tell whether it is in sync' } as const
  return client.call(call, statisticsReply, signal)
}

export function systemVersion(client: Client, signal: AbortSignal) {
  const call = { method: 'GET', path: '/tm/sys/version', what: 'tell its version' } as const
  return client.call(call, statisticsReply, signal)
}

/** undefined: not a local user, or one that we may not see */
export async function localUser(client: Client, signal: AbortSignal) {
  const outcome = await client.attempt(
    {
      method: 'GET',
      path: `/tm/auth/user/${encodeURIComponent(client.user)}`,
      what: 'show our user',
      expects: ({ status }) => status === 404 || status === 401 || status === 403
    },
    userReply,
    signal
  )
  return outcome.is === 'done' ? outcome.value : undefined
}

/** What AS3 says of itself. */
export type As3Answer =
  | { readonly is: 'declared'; readonly declaration: unknown }
  /** it is not installed, or has deployed nothing */
  | { readonly is: 'absent' }
  | { readonly is: 'denied' }

export async function as3Declaration(client: Client, signal: AbortSignal): Promise<As3Answer> {
  const outcome = await client.attempt(
    {
      method: 'GET',
      path: '/shared/appsvcs/declare',
      what: 'show the declaration of AS3',
      expects: ({ status, message }) => message !== undefined && [401, 403, 404].includes(status)
    },
    anyReply,
    signal
  )
  if (outcome.is === 'done') return { is: 'declared', declaration: outcome.value }
  return { is: outcome.why.status === 404 ? 'absent' : 'denied' }
}
