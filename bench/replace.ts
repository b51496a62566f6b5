// Our side of the replacement, as a process of its own: an event for each server block of the hosts that the first
// argument tells of. Prints a ReplaceResult.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { webHosts } from '../connectors/web-hosts/index.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { Secret } from '../core/secret.ts'
import { requestEvent } from '../sensor/automation/requests.ts'
import { wholeProfile } from '../sensor/automation/profile.ts'
import { limits, openSite } from '../test/flows/engine-world.ts'
import { freshPrivateCa } from '../test/flows/fleet-world.ts'
import type { BenchHost } from './hosts.ts'

/** What is to be replaced, and how. */
export interface ReplaceJob {
  readonly hosts: readonly BenchHost[]
  readonly identity: string
  /** deployments at a time */
  readonly atOnce: number
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

async function work({ hosts, identity, atOnce }: ReplaceJob): Promise<ReplaceResult> {
  const root = mkdtempSync(join(tmpdir(), 'tlsward-replace-'))
  const issuer = await freshPrivateCa()
  const key = new Secret(readFileSync(identity, 'utf8'))
  const { store, engine } = openSite(
    { root, shift: 0, lifetimeMs: 0 },
    {
      connector: (id) => (id === webHosts.id ? webHosts : undefined),
      credentials: async () => (field) => (field === 'key' ? key : undefined),
      issuer: () => issuer,
      limits: { ...limits, overall: atOnce, callMs: 120_000 }
    }
  )
  const rollout = { canary: 'none', soakMinutes: 0, atOnce: 1 }
  store.profiles.put('web', JSON.stringify(wholeProfile({ issuer: 'ca', rollout })), Date.now())
  for (const host of hosts) await addDevice(store, host, key)
  const stop = new AbortController()
  const running = engine.run(stop.signal)
  const start = performance.now()
  // one server of each host after the other, as it comes when they fall due
  const [first] = hosts
  const rounds =
    first?.servers.map((_, at) => hosts.map((host) => ({ host, server: host.servers[at] }))) ?? []
  const ids = rounds.flat().map(({ host, server }) => {
    const targets = [{ device: host.name, target: `nginx:${server?.certificate ?? ''}` }]
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

async function addDevice(
  { devices }: ReturnType<typeof openSite>['store'],
  { name, sshPort, config }: BenchHost,
  key: Secret
): Promise<void> {
  const settings = {
    address: '127.0.0.1',
    port: sshPort,
    user: 'root',
    programs: ['nginx'],
    configs: [config]
  }
  const tools = { clock: systemClock, random: systemRandom, log: silentLog }
  const access = { settings, secret: () => key, pins: [], ...tools }
  const pins = await webHosts.identify(access, new AbortController().signal)
  const now = Date.now()
  const id = devices.add({ name, connector: webHosts.id, settings: JSON.stringify(settings), created: now })
  devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, accepted: now }))
  )
  devices.setWritable(id, 'writable')
}

console.log(JSON.stringify(await work(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ReplaceJob)))
