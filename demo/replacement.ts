import type { AutomationEvent, Happening } from '../appliance/automation-records.ts'
import type { Functions } from '../appliance/functions.ts'
import type { Screen } from '../appliance/cli/screen.ts'
import {
  progressAfter,
  progressOf,
  targetLines,
  type EventProgress,
  type TargetProgress
} from '../appliance/cli/views/event-progress.ts'
import { look, type Seen } from './handshakes.ts'
import type { Managed } from './managed.ts'

/** name of the CA that the demo makes for itself */
const issuer = 'Demo'

/** A server before and after its replacement, as handshakes show it. */
export interface Replaced {
  readonly server: Managed
  readonly event: AutomationEvent
  readonly before: readonly Seen[]
  readonly after: readonly Seen[]
  /** what the other unit of a pair shows, once it serves; null: there is no other one */
  readonly failover: Failover | null
}

/** What is shown after a failover. */
export interface Failover {
  /** names of the units */
  readonly from: string
  readonly to: string
  readonly after: readonly Seen[]
}

/** What replacing works with. */
export interface ReplacingDeps {
  readonly functions: Functions
  readonly screen: Screen
  readonly signal: AbortSignal
}

/** A server with the event that replaces its certificate, and what it showed before. */
type Asked = Omit<Replaced, 'after' | 'failover'>

/** Makes each server a device that may be changed, with a CA and a profile for it, and replaces what it holds. */
export async function replaceAll(servers: readonly Managed[], deps: ReplacingDeps): Promise<Replaced[]> {
  const { functions, screen, signal } = deps
  screen.status('Making a certificate authority')
  const { roots } = await functions.addIssuer({ name: issuer, kind: 'private-ca', settings: {}, secrets: {} })
  screen.status(`Adding ${servers.length} devices`)
  const targets = await Promise.all(servers.map((server) => addServer(functions, server, signal)))
  const before = await Promise.all(servers.map((server) => look(server, roots)))
  const asked: Asked[] = []
  for (const [at, server] of servers.entries()) {
    if (signal.aborted) return []
    const event = await functions.requestEvent({
      action: 'replace',
      targets: targets.slice(at, at + 1),
      profile: server.device,
      startAt: null,
      hours: 'any',
      approval: 'profile',
      requestedBy: 'demo'
    })
    asked.push({ server, event, before: before[at] ?? [] })
  }
  const ended = await followAll(asked, deps)
  if (signal.aborted) return []
  return Promise.all(
    ended.map(async (one) => {
      const after = await look(one.server, roots)
      return { ...one, after, failover: await failedOver(one.server, roots) }
    })
  )
}

/** Lets the other unit of a pair serve, and looks again. */
async function failedOver(server: Managed, roots: readonly string[]): Promise<Failover | null> {
  const { pair } = server
  if (!pair) return null
  const from = pair.active()
  await pair.failOver()
  return { from, to: pair.active(), after: await look(server, roots) }
}

/** Keeps a server as a device that may be written to, and gives its target. */
async function addServer(functions: Functions, server: Managed, signal: AbortSignal): Promise<string> {
  const { device, connector, settings, secrets, keyTypes } = server
  const shown = await functions.identifyDevice({ connector, settings }, signal)
  // who looks at the demo has nothing to compare them with
  const pins = shown.map(({ what, fingerprint }) => ({ what, fingerprint }))
  // all servers of the demo are on this machine, each with files of its own
  const sameMachine = 'allowed'
  await functions.addDevice({ name: device, connector, settings, secrets, pins, sameMachine }, signal)
  await functions.allowDevice(device, 'writable')
  await functions.putProfile(device, { issuer, keyTypes, rollout: { canary: 'none' } })
  for await (const { target, unmanaged } of functions.discoverDevice(device, signal)) {
    if (unmanaged === null) return `${device}/${target}`
  }
  throw new Error(`device ${device} holds no certificate that may be changed`)
}

/** Shows how all events go on at once, and gives them as they end. */
async function followAll(
  asked: readonly Asked[],
  { functions, screen, signal }: ReplacingDeps
): Promise<Asked[]> {
  const stands = new Map<string, TargetProgress>()
  const show = () => screen.board(targetLines(screen, stands))
  const follow = async (one: Asked): Promise<Asked> => {
    const { name } = one.server
    let progress = progressOf(one.event)
    const heard = (happening: Happening) => {
      progress = progressAfter(progress, happening)
      const [stand] = progress.targets.values()
      if (!stand) return
      // before its turn comes, the event tells more than the target
      const before = stands.get(name)?.state
      stands.set(name, stand.state === 'waiting' ? { ...stand, ...eventStand(progress) } : stand)
      if (screen.watched) show()
      else if (happening.target !== null && stand.state !== before)
        screen.note(`${name} ${stand.state}: ${stand.why}`)
    }
    return { ...one, event: await functions.followEvent(one.event.id, { happening: heard }, signal) }
  }
  try {
    return await Promise.all(asked.map(follow))
  } finally {
    screen.board([])
  }
}

const eventStand = ({ state, why }: EventProgress) => ({ state, why })
