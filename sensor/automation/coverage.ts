import type { ServedAt } from '../../connectors/contract.ts'
import { formatEndpoint } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EventRow } from '../store/events.ts'
import type { EngineDeps, Pki } from './ports.ts'
import { storedPlan, type TargetPlan } from './plans.ts'
import { provableAt, uncoveredNames, type UncoveredName } from './policy/names.ts'

/** What is asked of names and plans. */
export type CoverageDeps = Pick<EngineDeps, 'store'> & { readonly pki: Pick<Pki, 'covers'> }

/** The names of an event's certificates; known since its preview. */
export function namesOf({ names }: Pick<EventRow, 'names'>): string[] {
  return names === null ? [] : (JSON.parse(names) as string[])
}

/**
 * Names that clients ask for now and that the certificates which an event replaces cover, and its new ones do not: each
 * once. Nobody but a person takes them away.
 */
export function lostNames(deps: CoverageDeps, event: Pick<EventRow, 'id' | 'names'>): string[] {
  const plans = deps.store.deployments
    .of(event.id)
    .flatMap((of) => (of.state === 'waiting' ? (storedPlan(of) ?? []) : []))
  return lostIn(deps, plans, namesOf(event))
}

/** The same of plans and the names that are asked for. */
export function lostIn(
  { pki }: Pick<CoverageDeps, 'pki'>,
  plans: readonly TargetPlan[],
  names: readonly string[]
): string[] {
  const all = plans.flatMap(({ plan }) => uncoveredNames(plan, names, pki.covers))
  return [...new Set(all.flatMap(({ name, state }) => (state === 'lost' ? name : [])))]
}

/** The places at which handshakes can prove certificates with these names. */
export function provable(
  { pki }: Pick<CoverageDeps, 'pki'>,
  { plan, spared = [] }: TargetPlan,
  names: readonly string[]
): ServedAt[] {
  const untouched = new Set(spared.map(placeText))
  return provableAt(plan.served, names, pki.covers).filter((at) => !untouched.has(placeText(at)))
}

/**
 * The fault (wire-unserved) of a target where no handshake could prove a certificate with these names; null: one can. A
 * standby serves nothing until it takes over.
 */
export function unprovable(
  deps: Pick<CoverageDeps, 'pki'>,
  { target }: Pick<DeploymentRow, 'target'>,
  { of, names }: { readonly of: TargetPlan; readonly names: readonly string[] }
): Fault | null {
  if (of.role === 'standby' || provable(deps, of, names).length > 0) return null
  const untouched = new Set((of.spared ?? []).map(placeText))
  const why = of.plan.served
    .map(placeText)
    .map((place) => `${untouched.has(place) ? 'the do-not-scan list has' : 'it does not cover'} ${place}`)
  const message = `target ${target}: no handshake could prove the new certificate: ${why.join(', ') || 'nothing serves it'}`
  return new Fault('wire-unserved', message, { target })
}

/** What a person should know of a plan, beside what the connector says: sentences. */
export function planWarnings(
  deps: Pick<CoverageDeps, 'pki'>,
  of: TargetPlan,
  names: readonly string[]
): string[] {
  const uncovered = uncoveredNames(of.plan, names, deps.pki.covers)
  const spared = (of.spared ?? []).map(
    (at) =>
      `${placeText(at)} is on the do-not-scan list: no handshake is made there, and nothing is proven there`
  )
  return [...uncovered.map(uncoveredText), ...spared, ...of.plan.warnings]
}

function uncoveredText({ name, state, where }: UncoveredName): string {
  const at = where.length === 0 ? ', a name of the certificate that is there' : ` (${where.join(', ')})`
  return state === 'lost'
    ? `${name}${at} loses its certificate: the new one does not cover it, and clients will refuse it`
    : `${name}${at} is covered neither by the certificate that is there nor by the new one; nothing is proven under it`
}

function placeText({ address, port, name }: ServedAt): string {
  const place = formatEndpoint(address, port)
  return name === null ? place : `${name} at ${place}`
}
