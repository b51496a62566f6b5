import { Fault } from '../../core/fault.ts'
import type { DeviceKey, DeviceKeyRequest, DeviceKeys } from '../contract.ts'
import { save } from './commands.ts'
import { deleteObject } from './file-objects.ts'
import { clientSslProfile, keys } from './readings.ts'
import { activeOf, type ChangeTools } from './change.ts'
import type { Client } from './client.ts'
import { createKey, createRequest, type KeySecurity, readRequest, removeRequest } from './key-calls.ts'
import { keyLine, madeObjects } from './objects.ts'
import { type Profile, profileOf } from './profiles.ts'
import type { KeyReply } from './replies.ts'
import { bringOver, type Pair, readyPair } from './units.ts'

/**
 * Keys that the device makes itself. A key is saved and on both units before its request is given to anybody: a
 * certificate for a key that the next restart or fail-over loses would be bought for nothing.
 */
export function deviceKeysOf(tools: (signal: AbortSignal) => ChangeTools): DeviceKeys {
  return {
    make: (request, signal) => makeKey(tools(signal), request),
    remove: (key, signal) => removeKey(tools(signal), key)
  }
}

async function makeKey(tools: ChangeTools, request: DeviceKeyRequest): Promise<string> {
  const { signal } = tools
  const { key: fullPath } = objectsOf(request)
  const held = await heldBy(tools)
  const { at, pair } = await placeOf(tools, fullPath, held)
  const there = held.get(at)?.some((one) => one.fullPath === fullPath) === true
  const security = await securityFor(at, request, { held: held.get(at) ?? [], signal })
  if (!there) await createKey(at, { fullPath, type: request.type, security }, signal)
  const name = requestName(request)
  // one that a cut left behind may ask for other names
  await removeRequest(at, name, signal)
  await createRequest(at, { name, key: fullPath, names: request.names, subject: request.subject }, signal)
  const pem = await readRequest(at, name, signal)
  await removeRequest(at, name, signal)
  await keep(tools, { at, pair }, (list) => list.some((one) => one.fullPath === fullPath))
  tools.log.info('f5-key-made', { unit: at.name, key: fullPath })
  return pem
}

async function removeKey(tools: ChangeTools, key: DeviceKey): Promise<'gone' | 'in-use'> {
  const { signal } = tools
  const { key: fullPath } = objectsOf(key)
  const held = await heldBy(tools)
  const { at, pair } = await placeOf(tools, fullPath, held)
  const removed = await deleteObject(at, { kind: 'ssl-key', fullPath }, signal)
  if (removed === 'in use') return 'in-use'
  for (const client of held.keys()) await removeRequest(client, requestName(key), signal)
  // also what was removed before a cut, and not saved
  await keep(tools, { at, pair }, (list) => list.every((one) => one.fullPath !== fullPath))
  tools.log.info('f5-key-removed', { unit: at.name, key: fullPath })
  return 'gone'
}

function requestName({ id, family }: DeviceKey): string {
  return `tlsward-${family}-${id}`
}

function objectsOf({ target, family, id }: DeviceKey) {
  return madeObjects(keyLine(target, family), id)
}

type Held = ReadonlyMap<Client, readonly KeyReply[]>

/** the keys of each unit */
async function heldBy({ clients, signal }: ChangeTools): Promise<Held> {
  const held = new Map<Client, readonly KeyReply[]>()
  for (const client of clients) held.set(client, await keys(client, signal))
  return held
}

interface Places {
  readonly at: Client
  readonly pair: Pair | null
}

/** the unit to work on; units that differ in our key wait for no one but us to bring them in sync */
async function placeOf(
  { clients, clock, signal }: ChangeTools,
  fullPath: string,
  held: Held
): Promise<Places> {
  if (clients.length < 2) return { at: await activeOf(clients, signal), pair: null }
  const has = [...held.values()].map((list) => list.some((one) => one.fullPath === fullPath))
  const begun = new Set(has).size > 1
  const pair = await readyPair(clients, { clock, signal, begun })
  return { at: pair.lead.client, pair }
}

/** saves, and has the other unit get it and save it, too */
async function keep(
  { clock, signal }: ChangeTools,
  { at, pair }: Places,
  isRight: (held: readonly KeyReply[]) => boolean
): Promise<void> {
  await save(at, signal)
  if (!pair) return
  const arrived = async () => {
    for (const { client } of pair.others) if (!isRight(await keys(client, signal))) return false
    return true
  }
  await bringOver(pair.lead, pair, { clock, signal, arrived })
  for (const { client } of pair.others) await save(client, signal)
}

/** a key follows the one in its place into the security module that holds that */
async function securityFor(
  at: Client,
  { target }: DeviceKeyRequest,
  { held, signal }: { readonly held: readonly KeyReply[]; readonly signal: AbortSignal }
): Promise<KeySecurity> {
  const reply = await clientSslProfile(at, target, signal)
  if (!reply) {
    throw new Fault('target-missing', `${at.name} has no client-ssl profile ${target} (any more).`, {
      target
    })
  }
  return securityOf(profileOf(reply), held)
}

/** The security module that holds a key of a profile; normal: none does. */
export function securityOf({ entries }: Profile, held: readonly KeyReply[]): KeySecurity {
  for (const { key } of entries) {
    const type = held.find(({ fullPath }) => fullPath === key)?.securityType
    if (type === 'fips' || type === 'nethsm') return type
  }
  return 'normal'
}
