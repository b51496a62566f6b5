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
}

/** What replacing works with. */
export interface ReplacingDeps {
  readonly functions: Functions
  readonly screen: Screen
  readonly signal: AbortSignal
}

/** A server with the event that replaces its certificate, and what it showed before. */
type Asked = Omit<Replaced, 'after'>

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
  return Promise.all(ended.map(async (one) => ({ ...one, after: await look(one.server, roots) })))
}

/** Keeps a server as a device that may be written to, and gives its target. */
async function addServer(functions: Functions, server: Managed, signal: AbortSignal): Promise<string> {
  const { device, settings, keyTypes } = server
  // all servers of the demo are on this machine, each with files of its own
  const sameMachine = 'allowed'
  await functions.addDevice({
    name: device,
    connector: 'web-hosts',
    settings,
    secrets: {},
    pins: [],
    sameMachine
  })
  await functions.allowDevice(device, 'writable')
  await functions.putProfile(device, { issuer, keyTypes, rollout: { canary: 'none' } })
  for await (const { target } of functions.discoverDevice(device, signal)) return `${device}/${target}`
  throw new Error(`device ${device} holds no certificate`)
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
