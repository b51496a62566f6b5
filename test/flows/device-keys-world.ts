import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import type { Session } from '../../connectors/contract.ts'
import { Secret } from '../../core/secret.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { requestEvent } from '../../sensor/automation/requests.ts'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { openSingle } from '../contract/f5-bigip.ts'
import { signal } from '../contract/deployment.ts'
import { createFileCa, purchases } from '../peers/file-ca.ts'
import { fileConnector } from '../peers/file-device/connector.ts'
import { shownAt } from '../peers/handshake.ts'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { directoryFor } from '../unit/inventory-world.ts'
import { day, drive, openSite, type Site } from './engine-world.ts'

/** How an engine reaches the device of this world, in whichever process it runs. */
export function openKeySite(site: Site, password: string, change: Partial<EngineDeps> = {}) {
  return openSite(site, {
    connector: (id) => [f5BigIp, fileConnector].find((one) => one.id === id),
    credentials: async () => () => new Secret(password),
    ...change
  })
}

/** A BIG-IP with a shop, and an engine whose profile has the device make its keys. */
export async function deviceKeyWorld(t: Test, profile: Readonly<Record<string, unknown>> = {}) {
  const world = await openSingle()
  const { unit, shop, target, access } = world
  const root = directoryFor(t)
  mkdirSync(join(root, 'ca'))
  await createFileCa(join(root, 'ca'), Date.now())
  const site: Site = { root, shift: 0, lifetimeMs: 90 * day }
  const [password = ''] = world.credentials
  const open = openKeySite(site, password)
  const { store, engine } = open
  t.teardown(async () => {
    await engine.context.sessions.end()
    store.close()
    await world.stop()
  })
  const now = Date.now()
  const settings = JSON.stringify(access.settings)
  const device = store.devices.add({ name: 'lb1', connector: f5BigIp.id, settings, created: now })
  store.devices.setWritable(device, 'writable')
  store.devices.setPins(
    device,
    access.pins.map((pin) => ({ ...pin, accepted: now }))
  )
  const usual = {
    issuer: 'ca',
    keyPlace: 'device',
    rollout: { canary: 'none', soakMinutes: 0, atOnce: 2 },
    keep: { generations: 0, graceHours: 0 }
  }
  store.profiles.put('web', JSON.stringify(wholeProfile({ ...usual, ...profile })), now)
  return {
    ...open,
    world,
    unit,
    site,
    password,
    device,
    ca: join(root, 'ca'),
    request: (action: 'renew' | 'reissue' = 'renew'): EventRow =>
      requestEvent(engine.context, {
        action,
        targets: [{ device: 'lb1', target }],
        profile: 'web',
        start: null,
        hours: 'any',
        who: 'alice'
      }),
    /** lets the engine work until `done`, or until it would wait longer */
    drive: (done: () => boolean, patience?: number) =>
      drive(open, done, patience === undefined ? {} : { patience }),
    event: ({ id }: EventRow) => store.events.get(id),
    orderOf: ({ id }: EventRow) => {
      const [order] = store.orders.of(id)
      if (!order) throw new Error('it has an order')
      return order
    },
    sold: () => purchases(join(root, 'ca')),
    keysOn: () => world.deviceKeys?.keys() ?? [],
    shown: () => shownAt({ port: shop.port, name: 'shop.test', family: 'ecdsa' })
  }
}

export type DeviceKeyWorldHere = Awaited<ReturnType<typeof deviceKeyWorld>>

/**
 * Takes an event to its end in another process, which is killed in the place of the nth answer of the device; gives
 * whether it was.
 */
export function runKeyChild(
  { site, clock, password, unit }: Pick<DeviceKeyWorldHere, 'site' | 'clock' | 'password' | 'unit'>,
  event: number,
  nth: number
): Promise<'killed' | 'ended'> {
  const script = join(import.meta.dirname, 'device-keys-child.ts')
  const args = [script, JSON.stringify({ ...site, shift: clock.shift }), String(event), password]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const release = onRequest(unit, nth, () => child.kill('SIGKILL'))
  return new Promise((resolve, reject) =>
    child.on('close', (code, killed) => {
      release()
      if (killed !== null) resolve('killed')
      else if (code === 0) resolve('ended')
      else reject(new Error(`the child ended with ${code}`))
    })
  )
}

/** the nth request from now on is done and has no answer */
function onRequest(unit: BigIp, nth: number, act: () => void): () => void {
  const take = unit.faults.take.bind(unit.faults)
  let seen = 0
  unit.faults.take = (method, path) => {
    seen += 1
    if (seen < nth) return take(method, path)
    act()
    return seen === nth ? { does: 'drop-after' } : { does: 'drop-before' }
  }
  return () => {
    unit.faults.take = take
  }
}

/** A session with the device, beside the engine. */
export function sessionOf({ world }: Pick<DeviceKeyWorldHere, 'world'>): Promise<Session> {
  return world.connector.connect(world.access, signal)
}
