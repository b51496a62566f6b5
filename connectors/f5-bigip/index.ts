import { asFault } from '../../core/fault.ts'
import type { Access, Connector } from '../contract.ts'
import { Client } from './client.ts'
import { connectorId } from './plan.ts'
import { BigIpSession, closeAll } from './session.ts'
import { parseSettings, passwordOf, placesOf, secretFields, settingsSchema, trustOf } from './settings.ts'
import { checkAuthority, pinOf } from './tls.ts'

/** F5 BIG-IP, single units and pairs, over iControl REST. */
export const f5BigIp: Connector = {
  id: connectorId,
  title: 'F5 BIG-IP',
  traits: { atomicSwap: true, explicitSave: true, lock: 'device', deviceKeys: 'offered' },
  settings: settingsSchema,
  secrets: secretFields,
  async identify({ settings: stored, clock }, signal) {
    const settings = parseSettings(stored)
    const places = placesOf(settings)
    const trust = trustOf(settings, { pins: [] })
    if (trust.by === 'pin') return Promise.all(places.map((place) => pinOf(place, clock, signal)))
    for (const place of places) await checkAuthority(place, trust, { clock, signal })
    return []
  },
  async connect(access, signal) {
    signal.throwIfAborted()
    const clients = clientsFor(access)
    try {
      await signInSomewhere(clients, signal)
    } catch (thrown) {
      await closeAll(clients)
      throw thrown
    }
    return new BigIpSession(access, clients)
  }
}

function clientsFor(access: Access): readonly Client[] {
  const settings = parseSettings(access.settings)
  const { clock, log } = access
  const password = passwordOf(access)
  const trust = trustOf(settings, access)
  return placesOf(settings).map(
    (place) =>
      new Client({
        place,
        trust,
        user: settings.user,
        password,
        provider: settings.loginProvider,
        keyPassphrase: access.secret('key-passphrase'),
        clock,
        log
      })
  )
}

/** at the configured unit, or at the other one while that is away */
async function signInSomewhere(clients: readonly Client[], signal: AbortSignal): Promise<void> {
  const last = clients.length - 1
  for (const [at, client] of clients.entries()) {
    try {
      await client.signIn(signal)
      return
    } catch (thrown) {
      if (at === last || asFault(thrown).code !== 'device-unreachable') throw thrown
    }
  }
}
