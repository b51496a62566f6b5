import snmp, { type Session, type Varbind } from 'net-snmp'
import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Secret } from '../../core/secret.ts'
import { visible } from '../../core/text.ts'
import { type ProductRow, productOf, type StatusScalar, wordOf } from './product.ts'
import { isBelievable } from './security-level.ts'
import { connectedSockets } from './socket.ts'

/** Digests of SNMPv3: RFC 3414 (SHA) and RFC 7860. */
export const authentications = ['SHA', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512'] as const

/** Ciphers of SNMPv3: RFC 3826, and the two ways in which vendors extend it to 256 bits (Blumenthal; Reeder, Cisco). */
export const privacies = ['AES-128', 'AES-256-Blumenthal', 'AES-256-Reeder'] as const

/** How an agent is asked. Version 2c sends its community in the clear; version 3 is used with authPriv only. */
export type SnmpCredentials =
  | { readonly version: '2c'; readonly community: Secret }
  | {
      readonly version: '3'
      readonly user: string
      readonly authentication: (typeof authentications)[number]
      readonly authenticationKey: Secret
      readonly privacy: (typeof privacies)[number]
      readonly privacyKey: Secret
    }

/** An agent to ask. */
export interface SnmpAgent {
  /** IPv4 or IPv6 address, no name */
  readonly address: string
  /** default 161 */
  readonly port?: number
  readonly credentials: SnmpCredentials
}

/** What became of the question; text of the agent is made safe to show. */
export type Identification =
  | {
      readonly outcome: 'identified'
      /** sysObjectID, dotted; '' when the agent has none */
      readonly objectId: string
      readonly description: string
      readonly name: string
      readonly serial: string | null
      /** null: no row fits the object id */
      readonly product: string | null
      /** of the product; null: it does not tell */
      readonly version: string | null
      /** in a pair: does it serve? null: it does not tell */
      readonly failover: string | null
      /** in a pair: do the units hold the same? null: it does not tell */
      readonly sync: string | null
    }
  /** nothing answers: no agent, a firewall, or a community that it does not know (it says nothing then) */
  | { readonly outcome: 'silent' }
  /** the agent answers, and refuses: who we are, a wrong key, or the right to read */
  | { readonly outcome: 'refused'; readonly why: 'user' | 'authentication' | 'privacy' | 'level' | 'access' }
  /** the network says that nothing is there, or our own machine cannot send; code of the system */
  | { readonly outcome: 'unreachable'; readonly why: string }
  /** something answers that is no agent */
  | { readonly outcome: 'malformed'; readonly why: string }

/** What the question is made with. */
export interface IdentifyDeps {
  readonly clock: Clock
  readonly products: readonly ProductRow[]
  /** for each answer, milliseconds; asked once more after that. Default 2,000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const system = { description: '1.3.6.1.2.1.1.1.0', objectId: '1.3.6.1.2.1.1.2.0', name: '1.3.6.1.2.1.1.5.0' }
/** entPhysicalSerialNum (RFC 6933): of the chassis first, then of its parts */
const serials = '1.3.6.1.2.1.47.1.1.1.1.11'
const mostSerials = 20

/** Questions and repetitions in all: discovery, time, system group, serial number, product; each twice. */
const longest = 10

/** Asks one agent what it is. Expected outcomes are values. Faults: option-malformed for a key that is too short. */
export async function identify(agent: SnmpAgent, deps: IdentifyDeps): Promise<Identification> {
  const { clock, timeoutMs = 2_000, signal } = deps
  const { promise: cut, reject: fail } = Promise.withResolvers<never>()
  cut.catch(() => {})
  const session = openSession(agent, { timeoutMs, fail })
  // an agent can keep a question alive without ever answering it
  const stopClock = clock.after(longest * timeoutMs, () => fail(new TimedOut()))
  const abort = () => fail(new TimedOut())
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    return await Promise.race([readSystem(session, deps.products), cut])
  } catch (error) {
    return outcomeOf(error)
  } finally {
    stopClock()
    signal?.removeEventListener('abort', abort)
    session.close()
  }
}

class TimedOut extends Error {}

interface SessionWays {
  readonly timeoutMs: number
  readonly fail: (error: unknown) => void
}

function openSession({ address, port = 161, credentials }: SnmpAgent, ways: SessionWays): Session {
  const isVersion3 = credentials.version === '3'
  const common = {
    port,
    transport: address.includes(':') ? ('udp6' as const) : ('udp4' as const),
    timeout: ways.timeoutMs,
    backoff: 1,
    retries: 1,
    reportOidMismatchErrors: true,
    dgramModule: connectedSockets({
      accepts: (message) => !isVersion3 || isBelievable(message),
      failed: ways.fail
    })
  }
  const session = isVersion3
    ? snmp.createV3Session(address, userOf(credentials), common)
    : snmp.createSession(address, credentials.community.reveal(), { ...common, version: snmp.Version2c })
  session.on('error', ways.fail)
  return session
}

const authProtocols = {
  SHA: snmp.AuthProtocols.sha,
  'SHA-224': snmp.AuthProtocols.sha224,
  'SHA-256': snmp.AuthProtocols.sha256,
  'SHA-384': snmp.AuthProtocols.sha384,
  'SHA-512': snmp.AuthProtocols.sha512
}

const privProtocols = {
  'AES-128': snmp.PrivProtocols.aes,
  'AES-256-Blumenthal': snmp.PrivProtocols.aes256b,
  'AES-256-Reeder': snmp.PrivProtocols.aes256r
}

function userOf(of: Extract<SnmpCredentials, { version: '3' }>): snmp.User {
  return {
    name: of.user,
    level: snmp.SecurityLevel.authPriv,
    authProtocol: authProtocols[of.authentication],
    authKey: checkedKey(of.authenticationKey, 'authentication key'),
    privProtocol: privProtocols[of.privacy],
    privKey: checkedKey(of.privacyKey, 'privacy key')
  }
}

/** RFC 3414 §11.2: shorter ones are to be refused, and agents do. */
function checkedKey(key: Secret, what: string): string {
  const text = key.reveal()
  if (text.length >= 8) return text
  throw new Fault('option-malformed', `SNMP ${what}: it is too short; give one of at least 8 characters`)
}

async function readSystem(session: Session, products: readonly ProductRow[]): Promise<Identification> {
  const found = await get(session, Object.values(system))
  const [description, objectId, name] = found.map(textOf)
  const oid = /^\d+(\.\d+)+$/.test(objectId ?? '') ? (objectId ?? '') : ''
  const row = productOf(oid, products)
  return {
    outcome: 'identified',
    objectId: oid,
    description: visible(description ?? '', 300),
    name: visible(name ?? '', 255),
    serial: await readSerial(session, row),
    product: row?.product ?? null,
    ...(await readProduct(session, row))
  }
}

/** What the product tells of itself, in one question; nothing when it is not to be read. */
async function readProduct(
  session: Session,
  row: ProductRow | undefined
): Promise<{
  readonly version: string | null
  readonly failover: string | null
  readonly sync: string | null
}> {
  const oids = [row?.version, row?.failover?.oid, row?.sync?.oid].filter((oid) => oid !== undefined)
  // what the agent is is known already
  const found = oids.length === 0 ? [] : await get(session, oids).catch(() => [])
  const at = (oid: string | undefined) => found.find((varbind) => varbind.oid === oid)
  const version = at(row?.version)
  return {
    version: (version && visible(textOf(version), 100)) || null,
    failover: statusOf(row?.failover, at(row?.failover?.oid)),
    sync: statusOf(row?.sync, at(row?.sync?.oid))
  }
}

function statusOf(scalar: StatusScalar | undefined, varbind: Varbind | undefined): string | null {
  if (!scalar || !varbind || snmp.isVarbindError(varbind)) return null
  return typeof varbind.value === 'number' ? wordOf(scalar, varbind.value) : null
}

/** The serial number of the product, or the first that the entity table has; null when there is none to be read. */
async function readSerial(session: Session, row: ProductRow | undefined): Promise<string | null> {
  try {
    const found = row?.serial === undefined ? await firstSerials(session) : await get(session, [row.serial])
    const text = found.map(textOf).find((text) => text !== '')
    return text === undefined ? null : visible(text, 100)
  } catch {
    // what the agent is is known already
    return null
  }
}

function get(session: Session, oids: string[]): Promise<readonly Varbind[]> {
  return new Promise((resolve, reject) => {
    session.get(oids, (error, found) => (error ? reject(error) : resolve(found ?? [])))
  })
}

async function firstSerials(session: Session): Promise<readonly Varbind[]> {
  const found = await new Promise<readonly (Varbind | Varbind[])[]>((resolve, reject) => {
    session.getBulk([serials], 0, mostSerials, (error, found) =>
      error ? reject(error) : resolve(found ?? [])
    )
  })
  return found.flat().filter(({ oid }) => oid.startsWith(`${serials}.`))
}

function textOf(varbind: Varbind): string {
  if (snmp.isVarbindError(varbind)) return ''
  const { value } = varbind
  if (typeof value === 'string') return value
  return Buffer.isBuffer(value) ? value.toString('utf8').replace(/\0+$/, '').trim() : ''
}

// usmStats of a report (RFC 3414 §5) by how net-snmp begins its message
const refusals = [
  ['Unsupported Security Level', 'level'],
  ['Unknown User Name', 'user'],
  ['Wrong Digest', 'authentication'],
  ['Decryption Error', 'privacy']
] as const

function outcomeOf(error: unknown): Identification {
  if (error instanceof TimedOut || nameOf(error) === 'RequestTimedOutError') return { outcome: 'silent' }
  if (!(error instanceof Error)) return { outcome: 'malformed', why: 'it cannot be read' }
  if ('code' in error && typeof error.code === 'string') return { outcome: 'unreachable', why: error.code }
  // noAccess, noSuchName, authorizationError (RFC 3416 §3): asked rightly, and not allowed
  if (nameOf(error) === 'RequestFailedError') return { outcome: 'refused', why: 'access' }
  const refusal = refusals.find(([begin]) => error.message.startsWith(begin))
  if (refusal) return { outcome: 'refused', why: refusal[1] }
  return { outcome: 'malformed', why: visible(error.message) }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : '')
