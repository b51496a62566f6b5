import type { DeploymentRow } from '../store/deployments.ts'
import type { EventRow } from '../store/events.ts'
import type { EngineContext } from './context.ts'
import { startOf } from './event-steps.ts'
import { heldBy } from './held.ts'
import { failureOf, managedProfile, renewalQuestion } from './managed.ts'
import { reason, type Reason } from './policy/reasons.ts'
import { why } from './policy/why.ts'
import type { TargetName } from './requests.ts'
import { startOfDeployment } from './rollouts.ts'

/** Everything that decides about a target now, in the order in which it counts. Throws device-missing. */
export function explainTarget(deps: EngineContext, { device: name, target }: TargetName): Reason[] {
  const { store } = deps
  const device = store.devices.named(name)
  const managed = store.managedTargets.at(device.id, target)
  const last = store.deployments.last(device.id, target)
  const event = last ? store.events.get(last.event) : null
  const of = last && event?.open === 1 ? store.deployments.get(last.id) : null
  const profile = managed ? managedProfile(deps, managed) : null
  return why({
    managed: managed ? (managed.enabled ? 'enabled' : 'disabled') : null,
    device,
    held: managed && profile ? heldBy(managed).map((one) => renewalQuestion(deps, profile, one)) : [],
    event: of && event ? { id: event.id, reasons: eventReasons(deps, event, of) } : null,
    failure: managed ? failureOf(deps, managed) : null
  })
}

function eventReasons(deps: EngineContext, event: EventRow, of: DeploymentRow): Reason[] {
  const own = of.state === 'waiting' ? [] : [standing(event.id, of)]
  return [standing(event.id, event), ...own, ...waitsFor(deps, event, of)]
}

function waitsFor(deps: EngineContext, event: EventRow, of: DeploymentRow): readonly Reason[] {
  const { state } = event
  if (state === 'needs-approval' || state === 'scheduled' || state === 'waiting')
    return startOf(deps, event).reasons
  return state === 'deploying' && of.state === 'waiting' ? startOfDeployment(deps, event, of).reasons : []
}

function standing(event: number, { state, why }: { readonly state: string; readonly why: string }): Reason {
  return reason('in-event', { event, state, why })
}
