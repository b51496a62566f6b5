import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Json, Pin } from '../../connectors/contract.ts'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import { openStore } from '../../sensor/store/store.ts'
import { createFileCa } from '../peers/file-ca.ts'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import { withMoments } from './engine-moments.ts'
import { day, limits, openSite, type Site } from './engine-world.ts'

/** of the administrator of a simulated unit */
const password = 'demo-Admin-1'

/** What an engine needs to reach BIG-IPs. */
export const f5Reach: Pick<EngineDeps, 'connector' | 'credentials' | 'limits'> = {
  connector: (id) => (id === f5BigIp.id ? f5BigIp : undefined),
  credentials: async () => (field) => (field === 'password' ? new Secret(password) : undefined),
  limits: { ...limits, callMs: 60_000 }
}

/** Settings of a device, and what a person accepted of it. */
export interface F5Device {
  readonly settings: Json
  readonly pins: readonly Pin[]
}

/** The device that these units are. */
export async function f5Device(units: readonly BigIp[]): Promise<F5Device> {
  const [first, second] = units
  const settings = {
    address: first?.host ?? '',
    port: first?.port ?? 0,
    ...(second ? { peerAddress: second.host, peerPort: second.port } : {})
  }
  const tools = { clock: systemClock, random: systemRandom, log: silentLog }
  const access = { settings, secret: () => undefined, pins: [], ...tools }
  return { settings, pins: await f5BigIp.identify(access, new AbortController().signal) }
}

/** Adds a device that may be written to. */
export function addF5Device(
  { devices }: Pick<EngineDeps['store'], 'devices'>,
  name: string,
  { settings, pins }: F5Device
): void {
  const id = devices.add({
    name,
    connector: f5BigIp.id,
    settings: JSON.stringify(settings),
    created: Date.now()
  })
  devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, accepted: Date.now() }))
  )
  devices.setWritable(id, 'writable')
}

/** Makes the state of an engine below `root`, for the device `edge` and the profile `web`. */
export async function makeF5Site(
  root: string,
  units: readonly BigIp[],
  profile: Readonly<Record<string, unknown>> = {}
): Promise<Site> {
  const made = mkdtempSync(join(root, 'site-'))
  mkdirSync(join(made, 'ca'))
  await createFileCa(join(made, 'ca'), Date.now())
  const store = openStore({ directory: join(made, 'state'), busyMs: 2_000 })
  addF5Device(store, 'edge', await f5Device(units))
  const content = {
    issuer: 'ca',
    rollout: { canary: 'none', soakMinutes: 0, atOnce: 2 },
    keep: { generations: 0, graceHours: 0 },
    ...profile
  }
  store.profiles.put('web', JSON.stringify(wholeProfile(content)), Date.now())
  store.close()
  return { root: made, shift: 0, lifetimeMs: 90 * day }
}

/** An engine that reaches BIG-IPs and tells what it keeps. It has to be closed. */
export function openF5Site(
  site: Site,
  at: (moment: string) => void = () => {},
  change: Partial<EngineDeps> = {}
) {
  const store = withMoments(openStore({ directory: join(site.root, 'state'), busyMs: 2_000 }), at)
  const tools = {
    dialer: openDialer('auto'),
    clock: systemClock,
    random: systemRandom,
    spared: async () => []
  }
  // one process serves, at one moment: a second look would see the same
  const wire = createWire(tools, { ...wireLimits, tryMs: 1_500, inRow: 1 })
  const open = openSite(site, { store, wire, ...f5Reach, ...change })
  const { sessions } = open.engine.context
  // as when it works by itself
  sessions.begin()
  const close = async () => {
    await sessions.end()
    store.engineTurn.release()
    store.close()
  }
  return { ...open, close }
}

/** What a process does that may be killed. */
export interface F5Task {
  readonly site: Site
  readonly event: number
  /** the moment at which it dies; null: it does not by itself */
  readonly dies: string | null
}
