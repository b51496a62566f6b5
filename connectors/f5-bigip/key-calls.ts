import type { KeyType } from '../../pki/private-key.ts'
import type { SubjectFields } from '../../pki/subject.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import { inUrl } from './full-path.ts'
import type { Client } from './client.ts'
import { isMissing, isThere } from './faults.ts'
import { anyReply, commandReply } from './replies.ts'

/** Keys and requests that the device makes itself (sys crypto). Faults: those of {@link Client}. */

/** where a unit keeps the text of its requests */
const requestFolder = '/config/ssl/ssl.csr'
/** from where files are fetched */
const bulkFolder = '/var/config/rest/bulk'

/** Where a key is kept: on the disk, in the unit's own security module, in one on the network. */
export type KeySecurity = 'normal' | 'fips' | 'nethsm'

/** A key to be made. */
export interface NewKey {
  readonly fullPath: string
  readonly type: KeyType
  readonly security: KeySecurity
}

const curves: Readonly<Record<string, string>> = { 'ec-p256': 'prime256v1', 'ec-p384': 'secp384r1' }

/** Makes a key; one of this name that is there already stays as it is. */
export async function createKey(
  client: Client,
  { fullPath, type, security }: NewKey,
  signal: AbortSignal
): Promise<void> {
  const curveName = curves[type]
  const kind =
    curveName === undefined
      ? { keyType: 'rsa-private', keySize: type.replace('rsa-', '') }
      : { keyType: 'ec-private', curveName }
  await client.attempt(
    {
      method: 'POST',
      path: '/tm/sys/crypto/key',
      what: `make the key ${fullPath}`,
      body: { name: fullPath, ...kind, ...(security === 'normal' ? {} : { securityType: security }) },
      expects: isThere,
      // a key of 4096 bits takes a small unit its time
      timeoutMs: 90_000
    },
    anyReply,
    signal
  )
}

/** A request to be made for a key. */
export interface NewRequest {
  /** of the request: its file is called so */
  readonly name: string
  readonly key: string
  readonly names: readonly string[]
  readonly subject: SubjectFields
}

/** Makes a request. The device wants a common name: the first of the names that fits, unless the subject has one. */
export async function createRequest(
  client: Client,
  { name, key, names, subject }: NewRequest,
  signal: AbortSignal
): Promise<void> {
  const { C, ST, L, O, OU, CN } = subject
  const commonName = CN ?? names.find((one) => one.length <= 64)
  if (commonName === undefined) {
    throw new Fault(
      'device-refused',
      `${client.name} makes no request without a common name, and none of the names is short enough to be one (64 characters): give the profile subject.CN.`
    )
  }
  const body = {
    name,
    key,
    commonName,
    subjectAlternativeName: names.map(alternativeName).join(', '),
    ...(C === undefined ? {} : { country: C }),
    ...(ST === undefined ? {} : { state: ST }),
    ...(L === undefined ? {} : { city: L }),
    ...(O === undefined ? {} : { organization: O }),
    ...(OU === undefined ? {} : { ou: OU })
  }
  await client.call(
    { method: 'POST', path: '/tm/sys/crypto/csr', what: `make a request for ${key}`, body },
    anyReply,
    signal
  )
}

/** a host name has a letter in its last label, an address of either family has not, or has a colon */
function alternativeName(name: string): string {
  return /^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`
}

/** Removes a request and what is left of its files; what is gone is fine. */
export async function removeRequest(client: Client, name: string, signal: AbortSignal): Promise<void> {
  await client.attempt(
    {
      method: 'DELETE',
      path: `/tm/sys/crypto/csr/${inUrl(`/Common/${name}`)}`,
      what: `delete the request ${name}`,
      expects: isMissing
    },
    anyReply,
    signal
  )
  for (const folder of [requestFolder, bulkFolder]) {
    await utility(client, { program: 'unix-rm', args: `${folder}/${name}` }, signal)
  }
}

/** The text of a request, PEM. No call shows it: its file is moved to where files are fetched. */
export async function readRequest(client: Client, name: string, signal: AbortSignal): Promise<string> {
  const args = `${requestFolder}/${name} ${bulkFolder}/${name}`
  const said = await utility(client, { program: 'unix-mv', args }, signal)
  const text = await client.fetchFile(
    { path: `/shared/file-transfer/bulk/${encodeURIComponent(name)}`, what: `give the request ${name}` },
    signal
  )
  const whole = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[^-]+-----END (?:NEW )?CERTIFICATE REQUEST-----/
  const pem = whole.exec(text)?.[0]
  if (pem !== undefined) return `${pem}\n`
  throw new Fault(
    'device-malformed',
    `${client.name} gives no certificate request for ${name}: ${visible(said === '' ? text : said, 200)}`
  )
}

/** Does the login have the right to move files to where they are fetched? Asked of a file that nobody has. */
export async function mayFetchRequests(client: Client, name: string, signal: AbortSignal): Promise<boolean> {
  const outcome = await client.attempt(
    {
      ...running({ program: 'unix-mv', args: `${requestFolder}/${name} ${bulkFolder}/${name}` }),
      what: 'move a file',
      expects: ({ status, message }) => message !== undefined && (status === 401 || status === 403)
    },
    commandReply,
    signal
  )
  return outcome.is === 'done'
}

interface Utility {
  readonly program: 'unix-rm' | 'unix-mv'
  readonly args: string
}

function running({ program, args }: Utility) {
  const body = { command: 'run', utilCmdArgs: args }
  return { method: 'POST', path: `/tm/util/${program}`, body } as const
}

/** what the program says; nothing, when all is well */
async function utility(client: Client, run: Utility, signal: AbortSignal): Promise<string> {
  const what = `run ${run.program} ${run.args}`
  const { commandResult = '' } = await client.call({ ...running(run), what }, commandReply, signal)
  return commandResult
}
