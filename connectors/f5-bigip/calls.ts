import { Type } from 'typebox'
import { asFault, Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import { bytesOf, type Client } from './client.ts'
import { isInUse, isMissing, isThere } from './faults.ts'
import {
  anyReply,
  certificatePage,
  commandReply,
  deviceGroupPage,
  devicePage,
  keyPage,
  profilePage,
  profileReply,
  serverSslPage,
  statisticsReply,
  transactionReply,
  userReply,
  virtualAddressPage,
  virtualPage
} from './replies.ts'

/** The device in its own words: one function for each call of iControl REST. Faults: those of {@link Client}. */

const profileFields =
  'name,fullPath,partition,subPath,defaultsFrom,certKeyChain,inheritCertkeychain,serverName,sniDefault,sslForwardProxy,appService,selfLink'
const certificateFields =
  'name,fullPath,partition,checksum,fingerprint,keyType,subject,subjectAlternativeName,expirationDate,certValidationOptions,issuerCert'
const virtualFields =
  'name,fullPath,partition,destination,disabled,trafficMatchingCriteria,appService,profilesReference'
const keyFields = 'name,fullPath,partition,createTime,generation,securityType'

/** `/Common/folder/x y` as it stands in a URL */
export function inUrl(fullPath: string): string {
  return fullPath.split('/').map(encodeURIComponent).join('~')
}

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

/** where uploads lie on the device */
const uploadFolder = '/var/config/rest/downloads'
/** F5's own article allows 1 MiB, modules of theirs use 512 KiB and 7 MiB */
const chunkBytes = 512 * 1024

/** Uploads a file, counted in bytes; one of the same name is replaced. */
export async function upload(
  client: Client,
  { name, content }: { readonly name: string; readonly content: Secret | string },
  signal: AbortSignal
): Promise<void> {
  const bytes = bytesOf(content)
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    const part = bytes.subarray(start, start + chunkBytes)
    const range = `${start}-${start + part.length - 1}/${bytes.length}`
    await client.call(
      {
        method: 'POST',
        path: `/shared/file-transfer/uploads/${encodeURIComponent(name)}`,
        what: `take the upload ${name}`,
        chunk: { bytes: part, range }
      },
      anyReply,
      signal
    )
  }
}

/**
 * Does the login have the right to upload? Asked with a chunk whose length is not what its header says: who has the
 * right is told so, and nothing is kept.
 */
export async function mayUpload(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const outcome = await client.attempt(
    {
      method: 'POST',
      path: `/shared/file-transfer/uploads/${encodeURIComponent(name)}`,
      what: 'take an upload',
      chunk: { bytes: Buffer.from('-'), range: '0-1/2' },
      expects: ({ status, message }) => message !== undefined && status >= 400 && status < 500
    },
    anyReply,
    signal
  )
  return outcome.is === 'done' || outcome.why.status === 400
}

/** Removes an upload; one that is not there is fine. */
export async function removeUpload(client: Client, name: string, signal: AbortSignal): Promise<void> {
  const { commandResult } = await client.call(removing(name), commandReply, signal)
  if (isRemoved(commandResult)) return
  throw new Fault(
    'device-right',
    `${client.name} does not remove the upload ${name}, which holds a key: ${visible(commandResult ?? '', 200)}`
  )
}

// the program says what went wrong, with status 200
function isRemoved(result = ''): boolean {
  return !/cannot remove/i.test(result) || /No such file/i.test(result)
}

/** Does the login have the right to remove uploads? Asked of a file that nobody has. */
export async function mayRemoveUploads(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const expects = ({ status, message }: { readonly status: number; readonly message: string | undefined }) =>
    message !== undefined && (status === 401 || status === 403)
  const outcome = await client.attempt({ ...removing(name), expects }, commandReply, signal)
  return outcome.is === 'done' && isRemoved(outcome.value.commandResult)
}

function removing(name: string) {
  return {
    method: 'POST',
    path: '/tm/util/unix-rm',
    what: `remove the upload ${name}`,
    body: { command: 'run', utilCmdArgs: `${uploadFolder}/${name}` }
  } as const
}

/** A certificate or a key as a file object. */
export interface FileObject {
  readonly kind: 'ssl-cert' | 'ssl-key'
  readonly fullPath: string
}

/** Makes a file object from an upload; one of this name that is there already stays as it is. */
export async function createObject(
  client: Client,
  { kind, fullPath }: FileObject,
  { uploaded, signal }: { readonly uploaded: string; readonly signal: AbortSignal }
): Promise<'created' | 'there'> {
  const { partition, name } = partsOf(fullPath)
  const outcome = await client.attempt(
    {
      method: 'POST',
      path: `/tm/sys/file/${kind}`,
      what: `create ${fullPath}`,
      body: { name, partition, sourcePath: `file:${uploadFolder}/${uploaded}` },
      expects: isThere
    },
    anyReply,
    signal
  )
  return outcome.is === 'done' ? 'created' : 'there'
}

/** Deletes a file object. */
export async function deleteObject(
  client: Client,
  { kind, fullPath }: FileObject,
  signal: AbortSignal
): Promise<'deleted' | 'gone' | 'in use'> {
  const outcome = await client.attempt(
    {
      method: 'DELETE',
      path: `/tm/sys/file/${kind}/${inUrl(fullPath)}`,
      what: `delete ${fullPath}`,
      expects: (why) => isMissing(why) || isInUse(why)
    },
    anyReply,
    signal
  )
  if (outcome.is === 'done') return 'deleted'
  return isInUse(outcome.why) ? 'in use' : 'gone'
}

/** `/Common/x.crt`: partition and name */
export function partsOf(fullPath: string): { readonly partition: string; readonly name: string } {
  const [, partition = 'Common', ...rest] = fullPath.split('/')
  return { partition, name: rest.join('/') }
}

/** An entry of a profile as it is sent. */
export type EntryBody = Readonly<Record<string, string>>

/**
 * Replaces the list of pairs of profiles, all of them in one transaction: at one moment, or not at all. Requests in a
 * transaction are only queued; the commit goes without the header that queues.
 */
export async function bindPairs(
  client: Client,
  changes: readonly { readonly profile: string; readonly entries: readonly EntryBody[] }[],
  signal: AbortSignal
): Promise<void> {
  const { transId } = await client.call(
    { method: 'POST', path: '/tm/transaction', what: 'begin a transaction', body: {} },
    transactionReply,
    signal
  )
  try {
    for (const { profile, entries } of changes) {
      await client.call(
        {
          method: 'PATCH',
          path: `/tm/ltm/profile/client-ssl/${inUrl(profile)}`,
          what: `bind certificates to ${profile}`,
          body: { certKeyChain: entries },
          transaction: transId
        },
        anyReply,
        signal
      )
    }
    await commit(client, transId, signal)
  } catch (thrown) {
    // over a cable that is cut nothing can be dropped
    if (asFault(thrown).kind !== 'unreachable' && !signal.aborted) await abandon(client, transId, signal)
    throw thrown
  }
}

async function commit(client: Client, transId: number, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'PATCH',
      path: `/tm/transaction/${transId}`,
      what: 'commit the transaction',
      body: { state: 'VALIDATING' },
      timeoutMs: 60_000
    },
    Type.Object({ state: Type.Literal('COMPLETED') }),
    signal
  )
}

/** a transaction that failed is best gone at once; the device drops it by itself after two minutes */
async function abandon(client: Client, transId: number, signal: AbortSignal): Promise<void> {
  try {
    const path = `/tm/transaction/${transId}`
    await client.attempt(
      { method: 'DELETE', path, what: 'drop the transaction', expects: () => true },
      anyReply,
      signal
    )
  } catch {
    // what went wrong before is what counts
  }
}

/** Saves the whole configuration, other people's edits too: the device knows no other way. */
export async function save(client: Client, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'POST',
      path: '/tm/sys/config',
      what: 'save its configuration',
      body: { command: 'save' },
      timeoutMs: 90_000
    },
    anyReply,
    signal
  )
}

/** Tells the unit to bring its group to its own state; it answers at once, and the group follows. */
export async function pushTo(client: Client, group: string, signal: AbortSignal): Promise<void> {
  await client.call(
    {
      method: 'POST',
      path: '/tm/cm',
      what: `synchronise to the group ${group}`,
      body: { command: 'run', utilCmdArgs: `config-sync to-group ${group}` }
    },
    anyReply,
    signal
  )
}
