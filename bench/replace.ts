// Our side of the replacement, as a process of its own: events for the targets of the devices that the first argument
// tells of. Prints a ReplaceResult.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Json } from '../connectors/contract.ts'
import { connectors } from '../connectors/index.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { Secret } from '../core/secret.ts'
import { requestEvent, type TargetName } from '../sensor/automation/requests.ts'
import { wholeProfile } from '../sensor/automation/profile.ts'
import { limits, openSite } from '../test/flows/engine-world.ts'
import { freshPrivateCa } from '../test/flows/fleet-world.ts'

/** What is to be replaced, and how. */
export interface ReplaceJob {
  readonly devices: readonly ReplaceDevice[]
  /** the only credential, the same for all */
  readonly secret: { readonly name: string; readonly file: string }
  /** deployments at a time */
  readonly atOnce: number
  /** an event for each target, or one for all targets of a device, which get one certificate then */
  readonly events: 'target' | 'device'
}

/** A device with its targets, as the connector names them. */
export interface ReplaceDevice {
  readonly name: string
  readonly connector: string
  readonly settings: Json
  readonly targets: readonly string[]
}

/** What came of it. */
export interface ReplaceResult {
  readonly live: number
  /** of the events that did not come to `live` */
  readonly why: readonly string[]
  /** from the first event to the last, without the start of Node */
  readonly seconds: number
  /** peak memory of the whole process */
  readonly peakKb: number
}

const connector = (id: string) => connectors.find((one) => one.id === id)

async function work(job: ReplaceJob): Promise<ReplaceResult> {
  const { devices, secret, atOnce } = job
  const root = mkdtempSync(join(tmpdir(), 'tlsward-replace-'))
  const issuer = await freshPrivateCa()
  const credential = new Secret(readFileSync(secret.file, 'utf8'))
  const { store, engine } = openSite(
    { root, shift: 0, lifetimeMs: 0 },
    {
      connector,
      credentials: async () => (field) => (field === secret.name ? credential : undefined),
      issuer: () => issuer,
      limits: { ...limits, overall: atOnce, callMs: 120_000 }
    }
  )
  const rollout = { canary: 'none', soakMinutes: 0, atOnce: 1 }
  store.profiles.put('web', JSON.stringify(wholeProfile({ issuer: 'ca', rollout })), Date.now())
  for (const device of devices) await addDevice(store, device, credential)
  const stop = new AbortController()
  const running = engine.run(stop.signal)
  const start = performance.now()
  const ids = wishesOf(job).map((targets) => {
    const wish = { action: 'renew', profile: 'web', start: null, hours: 'any', who: 'bench' } as const
    return requestEvent(engine.context, { ...wish, targets }).id
  })
  engine.poke()
  while (ids.some((id) => store.events.get(id).open === 1)) await pause(50)
  const seconds = (performance.now() - start) / 1_000
  const events = ids.map((id) => store.events.get(id))
  stop.abort()
  await running
  store.close()
  rmSync(root, { recursive: true, force: true })
  const others = events.filter(({ state }) => state !== 'live')
  return {
    live: events.length - others.length,
    why: [...new Set(others.map(({ why }) => why))],
    seconds,
    peakKb: process.resourceUsage().maxRSS
  }
}

/** the targets of each event */
function wishesOf({ devices, events }: ReplaceJob): (readonly TargetName[])[] {
  const all = devices.map(({ name, targets }) => targets.map((target) => ({ device: name, target })))
  if (events === 'device') return all
  // one target of each device after the other, as it comes when they fall due
  const most = Math.max(...all.map(({ length }) => length))
  return Array.from({ length: most }, (_, at) => all.flatMap((one) => one[at] ?? [])).flatMap((round) =>
    round.map((one) => [one])
  )
}

async function addDevice(
  { devices }: ReturnType<typeof openSite>['store'],
  { name, connector: vendor, settings }: ReplaceDevice,
  credential: Secret
): Promise<void> {
  const tools = { clock: systemClock, random: systemRandom, log: silentLog }
  const access = { settings, secret: () => credential, pins: [], ...tools }
  const pins = (await connector(vendor)?.identify(access, new AbortController().signal)) ?? []
  const now = Date.now()
  const id = devices.add({ name, connector: vendor, settings: JSON.stringify(settings), created: now })
  devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, accepted: now }))
  )
  devices.setWritable(id, 'writable')
}

console.log(JSON.stringify(await work(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ReplaceJob)))
