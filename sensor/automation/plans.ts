import { hash } from 'node:crypto'
import type { Json, Plan, Role, ServedAt } from '../../connectors/contract.ts'
import type { DeploymentRow } from '../store/deployments.ts'
import type { EngineContext } from './context.ts'
import { familyOf } from './families.ts'
import { checkDeviceKeys } from './key-places.ts'
import type { Profile } from './profile.ts'
import { withSession } from './sessions.ts'

/** What a deployment to one target will do, and what the device was then. */
export interface TargetPlan {
  readonly plan: Plan
  readonly role: Role
  /** served places that the do-not-scan list spares: no handshake is made there. Left out by earlier versions */
  readonly spared?: readonly ServedAt[]
}

/** Asks a device for the plan of a deployment; reads only. Faults: those of {@link withSession} and Session.plan. */
export async function planTarget(
  deps: EngineContext,
  of: DeploymentRow,
  profile: Profile
): Promise<TargetPlan> {
  const families = profile.keyTypes.map(familyOf)
  if (profile.keyPlace === 'device') checkDeviceKeys(deps, of.device, profile)
  const keys = profile.keyPlace === 'device' ? { deviceKeys: profile.keyTypes } : {}
  const planned = await withSession(deps, of.device, async (session, signal) => {
    const role = await session.role(signal)
    return { plan: await session.plan({ target: of.target, families, ...keys }, signal), role }
  })
  return { ...planned, spared: await deps.wire.spared(planned.plan.served, deps.stopping) }
}

/** The plan that is stored with a deployment; null before its preview. */
export function storedPlan({ plan }: DeploymentRow): TargetPlan | null {
  return plan === null ? null : (JSON.parse(plan) as TargetPlan)
}

/** What a person approves. */
export interface Preview {
  readonly names: readonly string[]
  readonly keyTypes: readonly string[]
  readonly issuer: string
  /** in the order of the event's targets; another device may have the same plan */
  readonly plans: readonly { readonly device: number; readonly plan: Plan }[]
}

/** SHA-256 of what is approved, hex: what is ordered, the state of the devices, and every step. */
export function previewHash(preview: Preview): string {
  return hash('sha256', canonical(preview as unknown as Json), 'hex')
}

/** Is it the same plan, character by character? */
export function samePlan(one: Plan, other: Plan): boolean {
  return canonical(one as unknown as Json) === canonical(other as unknown as Json)
}

/**
 * Does a plan that is made now differ from one before by no more than what another deployment of ours to the same
 * device explains: its state as a whole, what the connector keeps of it, the names of the neighbours, which HAProxy
 * takes from their certificates, and warnings that are void by now?
 */
export function samePlanElsewhere(before: Plan, now: Plan): boolean {
  const bare = (plan: Plan): Plan => ({ ...plan, state: '', facts: null, neighbours: [], warnings: [] })
  return samePlan(bare(before), bare(now)) && now.warnings.every((one) => before.warnings.includes(one))
}

/** JSON with the keys of every object in order: equal for equal data (RFC 8785, for the types that we use). */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map((one: Json) => canonical(one)).join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value as Readonly<Record<string, Json | undefined>>)
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join()}}`
}
