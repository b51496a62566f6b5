import type { AutomationEvent, Happening } from '../appliance/automation-records.ts'
import type { Functions } from '../appliance/functions.ts'
import type { Screen } from '../appliance/cli/screen.ts'
import {
  progressAfter,
  progressOf,
  targetLines,
  type EventProgress
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

/** A server with the event that replaces its certificate. */
interface Asked {
  readonly server: Managed
  readonly event: AutomationEvent
  readonly before: readonly Seen[]
}

/** Makes each server a device that may be changed, with a CA and a profile for it, and replaces what it holds. */
export async function replaceAll(servers: readonly Managed[], deps: ReplacingDeps): Promise<Replaced[]> {
  const { functions, screen, signal } = deps
  screen.status('Making a certificate authority')
  const { roots } = await functions.addIssuer({ name: issuer, kind: 'private-ca', settings: {}, secrets: {} })
  const asked: Asked[] = []
  for (const server of servers) {
    if (signal.aborted) return []
    screen.status(`Adding the device ${server.device}`)
    const target = await addServer(functions, server, signal)
    const before = await look(server, roots)
    const event = await functions.requestEvent({
      action: 'replace',
      targets: [target],
      profile: server.device,
      startAt: null,
      hours: 'any',
      approval: 'profile',
      requestedBy: 'demo'
    })
    asked.push({ server, event, before })
  }
  const ended = await followAll(asked, deps)
  if (signal.aborted) return []
  return Promise.all(
    ended.map(async (event, at) => {
      const { server, before } = asked[at] as Asked
      return { server, before, event, after: await look(server, roots) }
    })
  )
}

/** Keeps a server as a device that may be written to, and gives its target. */
async function addServer(functions: Functions, server: Managed, signal: AbortSignal): Promise<string> {
  const { device, settings, keyTypes } = server
  await functions.addDevice({ name: device, connector: 'web-hosts', settings, secrets: {}, pins: [] })
  await functions.allowDevice(device, 'writable')
  await functions.putProfile(device, { issuer, keyTypes, rollout: { canary: 'none' } })
  for await (const { target } of functions.discoverDevice(device, signal)) return `${device}/${target}`
  throw new Error(`device ${device} holds no certificate`)
}

/** Shows how all events go on at once, and gives them as they end. */
async function followAll(
  asked: readonly Asked[],
  { functions, screen, signal }: ReplacingDeps
): Promise<AutomationEvent[]> {
  const stands = new Map<number, EventProgress>(asked.map(({ event }) => [event.id, progressOf(event)]))
  const show = () => {
    const targets = asked.flatMap(({ server, event }) =>
      [...(stands.get(event.id)?.targets.values() ?? [])].map((one) => [server.name, one] as const)
    )
    screen.board(targetLines(screen, targets))
  }
  const heard = ({ server, event }: Asked, happening: Happening) => {
    const before = stands.get(event.id)
    if (before) stands.set(event.id, progressAfter(before, happening))
    if (screen.watched) show()
    else if (happening.target !== null) screen.note(`${server.name} ${happening.what}: ${happening.why}`)
  }
  show()
  try {
    return await Promise.all(
      asked.map((one) =>
        functions.followEvent(one.event.id, { happening: (happening) => heard(one, happening) }, signal)
      )
    )
  } finally {
    screen.board([])
  }
}
