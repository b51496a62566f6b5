import type { DeploymentRow, DeploymentState } from '../store/deployments.ts'
import type { EventRow, EventStanding } from '../store/events.ts'
import { profileOf, windowOf, type EngineContext, type Step } from './context.ts'
import { waitsForCheck } from './deployment-steps.ts'
import { over } from './endings.ts'
import { lookAgainMs, moveDeployment } from './moves.ts'
import { storedPlan } from './plans.ts'
import { sentence } from './policy/reasons.ts'
import { mayRollOut, rolloutOrder, type RolloutTarget } from './policy/rollout.ts'
import { mayDeploy, type Start } from './policy/start.ts'
import { connectorOf } from './sessions.ts'

/** Begins those deployments of an event that may begin now; ends it when all are over. */
export function rollOut(deps: EngineContext, event: EventRow): Step<EventStanding> {
  const { store, clock } = deps
  const { rollout } = profileOf(deps, event)
  const now = clock.now()
  const order = rolloutOrder(store.deployments.of(event.id).map(targetOf), rollout)
  const starts: Start[] = []
  for (const { position } of order) {
    const of = store.deployments.of(event.id).find((one) => one.position === position)
    if (!of || of.state !== 'waiting') continue
    const start = startOfDeployment(deps, event, of)
    if (start.reasons.length === 0) {
      moveDeployment(deps, of, { to: 'preparing', why: 'it is its turn', wake: now })
    } else if (start.reasons.some(({ code }) => code === 'stopped-by-failure')) {
      const why = start.reasons.map(sentence).join('; ')
      moveDeployment(deps, of, { to: 'cancelled', why, wake: null })
    } else starts.push(start)
  }
  return ended(deps, event) ?? waits(deps, event, starts)
}

/** Why a deployment does not begin now. */
export function startOfDeployment(deps: EngineContext, event: EventRow, of: DeploymentRow): Start {
  const { store, clock, limits } = deps
  const { rollout } = profileOf(deps, event)
  const now = clock.now()
  const device = store.devices.get(of.device)
  const targets = store.deployments.of(event.id).map(targetOf)
  const first = mayRollOut(targets, of.position, { rollout, now })
  const second = mayDeploy({
    now,
    window: windowOf(deps, event, now),
    device,
    lock: connectorOf(deps, device).traits.lock,
    target: of.target,
    underWay: store.deployments.underWay().map((one) => ({ ...one, deployment: one.id })),
    limits
  })
  const times = [first.again, second.again].filter((time) => time !== null)
  return {
    reasons: [...first.reasons, ...second.reasons],
    again: times.length > 0 ? Math.max(...times) : null
  }
}

function waits(deps: EngineContext, event: EventRow, starts: readonly Start[]): Step<EventStanding> {
  // told by the deployments themselves
  if (starts.length === 0) {
    const held = deps.store.deployments.of(event.id).find(waitsForCheck)
    return { to: 'stay', why: held?.why ?? event.why, wake: null }
  }
  const now = deps.clock.now()
  const reasons = new Set(starts.flatMap((start) => start.reasons.map(sentence)))
  const taken = starts.some(({ again }) => again === null)
  const times = starts.flatMap(({ again }) => again ?? [])
  const wake = Math.min(...times, taken ? now + lookAgainMs : Infinity)
  return { to: 'stay', why: [...reasons].join('; '), wake }
}

const endStates: ReadonlySet<DeploymentState> = new Set([
  'live',
  'cleaning',
  'cleaned',
  'rolled-back',
  'failed',
  'cancelled',
  'stuck'
])
const liveStates: ReadonlySet<DeploymentState> = new Set(['live', 'cleaning', 'cleaned'])

function ended(deps: EngineContext, event: EventRow): Step<EventStanding> | null {
  const all = deps.store.deployments.of(event.id)
  if (!all.every(({ state }) => endStates.has(state))) return null
  const stuck = all.find(({ state }) => state === 'stuck')
  if (stuck) return { to: 'stuck', why: stuck.why, wake: null }
  const live = all.filter(({ state }) => liveStates.has(state)).length
  if (live === all.length) return { ...over(deps, event, 'live'), why: `live at ${count(live)}` }
  const reasons = all
    .filter(({ state }) => state === 'failed' || state === 'rolled-back')
    .map(({ why }) => why)
  const undone = live === 0 && all.some(({ state }) => state === 'rolled-back')
  const why = `live at ${live} of ${count(all.length)}: ${[...new Set(reasons)].join('; ')}`
  return { ...over(deps, event, undone ? 'rolled-back' : 'failed'), why }
}

function count(targets: number): string {
  return targets === 1 ? '1 target' : `${targets} targets`
}

function targetOf(of: DeploymentRow): RolloutTarget {
  const { position, target, live } = of
  return { position, target, live, role: storedPlan(of)?.role ?? 'single', state: rolloutState(of) }
}

function rolloutState({ state, plan, began }: DeploymentRow): RolloutTarget['state'] {
  if (state === 'waiting') return 'waiting'
  if (liveStates.has(state)) return 'live'
  // what could not even be planned does not stop the others
  if (state === 'cancelled' || (state === 'failed' && plan === null && began === null)) return 'left-out'
  return state === 'failed' || state === 'rolled-back' || state === 'stuck' || state === 'rolling-back'
    ? 'failed'
    : 'begun'
}
