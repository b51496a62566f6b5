import type {
  Binding as ContractBinding,
  Check,
  PlannedStep,
  SecretField,
  Slot
} from '../../connectors/contract.ts'
import { lostNames, namesOf, planWarnings } from '../../sensor/automation/coverage.ts'
import { namesCover } from '../../pki/host-names.ts'
import { finishedSteps } from '../../sensor/automation/deployment-journal.ts'
import { storedPlan } from '../../sensor/automation/plans.ts'
import type { ProfileText } from '../../sensor/automation/profile.ts'
import { sentence, type Reason as PolicyReason } from '../../sensor/automation/policy/reasons.ts'
import type { TargetName } from '../../sensor/automation/requests.ts'
import type { IssuerCheck as PortCheck } from '../../sensor/issuance/issuer.ts'
import type { DeploymentRow } from '../../sensor/store/deployments.ts'
import type { DeviceRow, PinRow } from '../../sensor/store/devices.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import type { IssuerRow } from '../../sensor/store/issuers.ts'
import type { OrderRow } from '../../sensor/store/orders.ts'
import type { ProfileRow } from '../../sensor/store/profiles.ts'
import type { Store } from '../../sensor/store/store.ts'
import type {
  AutomationEvent,
  Binding,
  Device,
  DeviceCheck,
  DeviceDetails,
  Happening,
  Issuer,
  IssuerCheck,
  IssuerDetails,
  PlanRecord,
  Profile,
  Reason
} from '../automation-records.ts'
import { schemaVersion } from '../schema-version.ts'
import { targetText } from './names.ts'

const instant = (at: number) => new Date(at).toISOString()
const orNull = (at: number | null) => (at === null ? null : instant(at))
const schema = schemaVersion

/** A device, with the place that its settings name. */
export function deviceRecord(row: DeviceRow): Device {
  const check = row.findings === null ? null : (JSON.parse(row.findings) as Check)
  return {
    type: 'device',
    schema,
    name: row.name,
    connector: row.connector,
    place: placeOf(row),
    writable: row.writable,
    product: check?.product ?? null,
    version: check?.version ?? null,
    role: check?.role ?? null,
    checkedAt: orNull(row.checked),
    missingRights: check ? check.rights.filter(({ granted }) => !granted).length : null,
    barred: row.barred,
    createdAt: instant(row.created)
  }
}

function placeOf({ settings }: DeviceRow): string {
  const { address, place, port } = JSON.parse(settings) as {
    readonly address?: unknown
    readonly place?: unknown
    readonly port?: unknown
  }
  if (typeof address === 'string' && address !== '') {
    return typeof port === 'number' ? `${address} port ${port}` : address
  }
  return place === 'local' ? 'this machine' : ''
}

export function checkRecord(device: string, { product, version, role, rights, notes }: Check): DeviceCheck {
  return { type: 'check', schema, device, product, version, role, rights, notes }
}

type SecretStandings = DeviceDetails['secrets']

/** Which of the secrets that there can be are kept, and since when. */
export function secretStandings(
  fields: readonly Pick<SecretField, 'name'>[],
  kept: readonly { readonly field: string; readonly changed: number }[]
): SecretStandings {
  return fields.map(({ name }) => {
    const one = kept.find(({ field }) => field === name)
    return { name, isSet: one !== undefined, changedAt: orNull(one?.changed ?? null) }
  })
}

/** What is kept of a device in other places. */
export type BesideDevice = Pick<DeviceDetails, 'secrets' | 'targets' | 'openEvents'> & {
  readonly pins: readonly PinRow[]
}

export function deviceDetailsRecord(row: DeviceRow, { pins, ...beside }: BesideDevice): DeviceDetails {
  const check = row.findings === null ? null : (JSON.parse(row.findings) as Check)
  return {
    type: 'device-details',
    schema,
    name: row.name,
    connector: row.connector,
    settings: JSON.parse(row.settings) as unknown,
    writable: row.writable,
    barred: row.barred,
    createdAt: instant(row.created),
    checkedAt: orNull(row.checked),
    check,
    pins: pins.map(({ what, fingerprint, accepted }) => ({
      what,
      fingerprint,
      acceptedAt: instant(accepted)
    })),
    ...beside
  }
}

const slotRecord = ({ notAfter, ...slot }: Slot) => ({ ...slot, notAfter: instant(notAfter) })

/** What a device says of a place on it, with the profile that renews it and how it differs from the inventory. */
export function bindingRecord(
  device: string,
  { slots, ...of }: ContractBinding,
  known: Pick<Binding, 'profile' | 'drift'>
): Binding {
  return { type: 'binding', schema, device, ...of, slots: slots.map(slotRecord), ...known }
}

export function issuerRecord({ name, kind, settings, created }: IssuerRow): Issuer {
  return {
    type: 'issuer',
    schema,
    name,
    kind: kind as Issuer['kind'],
    settings: JSON.parse(settings) as unknown,
    createdAt: instant(created)
  }
}

export function issuerDetailsRecord(
  row: IssuerRow,
  beside: Pick<IssuerDetails, 'secrets' | 'profiles' | 'openEvents'>
): IssuerDetails {
  return { ...issuerRecord(row), type: 'issuer-details', ...beside }
}

export function issuerCheckRecord(
  issuer: string,
  { name, facts, profiles, problems, warnings }: PortCheck,
  roots: readonly string[]
): IssuerCheck {
  const offered = Object.entries(profiles).map(([profile, says]) => `profile ${profile}: ${says}`)
  return {
    type: 'issuer-check',
    schema,
    issuer,
    facts: [name, ...Object.entries(facts).map(([what, says]) => `${what}: ${says}`), ...offered],
    problems,
    warnings,
    roots
  }
}

export function profileRecord({ name, content, created }: ProfileRow, targets: number): Profile {
  return {
    type: 'profile',
    schema,
    name,
    content: JSON.parse(content) as unknown,
    targets,
    createdAt: instant(created)
  }
}

/** An event with its deployments and certificates. */
export function eventRecord(store: Store, row: EventRow): AutomationEvent {
  const deployments = store.deployments.of(row.id)
  const orders = store.orders.of(row.id)
  const wakes = [row, ...deployments, ...orders].flatMap(({ wake }) => wake ?? [])
  return {
    type: 'event',
    schema,
    id: row.id,
    action: row.action,
    state: row.state,
    why: row.why,
    profile: row.profileName,
    requestedBy: row.requestedBy,
    requestedAt: instant(row.requested),
    startAt: instant(Math.max(row.start, row.requested)),
    hours: row.hours,
    nextAt: wakes.length === 0 ? null : instant(Math.min(...wakes)),
    names: row.names === null ? [] : (JSON.parse(row.names) as string[]),
    hash: row.hash,
    approvedBy: row.approvedBy,
    lostNames: row.state === 'needs-approval' ? lostNames({ store, pki }, row) : [],
    certificates: orders.flatMap(({ fingerprint }) => fingerprint ?? []),
    unissued: unissued(row, orders),
    deployments: deployments.map((one) => deploymentRecord(store, one)),
    endedAt: orNull(row.ended)
  }
}

/** the names of certificates say by themselves what they cover */
const pki = { covers: namesCover }

function unissued({ profile }: EventRow, orders: readonly OrderRow[]): number {
  const { keyTypes } = JSON.parse(profile) as Pick<ProfileText, 'keyTypes'>
  return keyTypes.length - orders.filter(({ fingerprint }) => fingerprint !== null).length
}

function deploymentRecord(store: Store, of: DeploymentRow) {
  const { target, state, why, since } = of
  return {
    device: deviceName(store, of),
    target,
    state,
    why,
    since: instant(since),
    steps: finishedSteps(store.journal.of(of.id))
  }
}

function deviceName(store: Store, { device }: DeploymentRow): string {
  return store.devices.nameOf(device)
}

/** Something that happened, with what tells it from all others. */
export interface KeyedHappening {
  readonly key: string
  readonly happening: Happening
}

/**
 * Everything that happened to an event, in order: what it came to, and each step on a device. Those whose keys are
 * `told` are left out.
 */
export function happenings(
  store: Store,
  event: number,
  told: ReadonlySet<string> = new Set()
): KeyedHappening[] {
  const deployments = new Map(store.deployments.of(event).map((one) => [one.id, one]))
  const placeOf = (id: number | null) => {
    const of = id === null ? undefined : deployments.get(id)
    return of ? targetText({ device: deviceName(store, of), target: of.target }) : null
  }
  const own = store.eventHistory.of(event).map(({ id, at, who, state, why, deployment }) => ({
    key: `history ${id}`,
    at,
    who,
    what: state,
    why,
    target: placeOf(deployment)
  }))
  const steps = [...deployments.values()].flatMap((of) => {
    const fresh = store.journal.of(of.id).filter(({ id }) => !told.has(`journal ${id}`))
    // plans are long: most looks find nothing new
    const says = new Map(fresh.length === 0 ? [] : stepsOf(of).map((step) => [step.id, step.says]))
    return fresh.map(({ id, step, what, at }) => ({
      key: `journal ${id}`,
      at,
      who: 'tlsward',
      what: what === 'done' ? 'step done' : 'step undone',
      why: says.get(step) ?? step,
      target: placeOf(of.id)
    }))
  })
  return [...own.filter(({ key }) => !told.has(key)), ...steps]
    .sort((one, other) => one.at - other.at)
    .map(({ key, at, ...of }) => ({
      key,
      happening: { type: 'happening', schema, event, at: instant(at), ...of }
    }))
}

/** the steps with the names of the certificate, once it is known */
function stepsOf(of: DeploymentRow): readonly PlannedStep[] {
  const bound =
    of.bound === null ? null : (JSON.parse(of.bound) as { readonly steps: readonly PlannedStep[] })
  return bound?.steps ?? storedPlan(of)?.plan.steps ?? []
}

/** the place of a name in a sentence, for people: what stands there is known when the certificate is */
const readable = ({ id, says }: PlannedStep): PlannedStep => ({
  id,
  says: says.replace(/\{new-(rsa|ecdsa)\}/g, 'NEW')
})

/** What an event will do on each of its targets; none before its preview. */
export function planRecords(store: Store, event: EventRow): PlanRecord[] {
  return store.deployments.of(event.id).flatMap((of) => {
    const stored = storedPlan(of)
    if (!stored) return []
    const { target, steps, before, served, shares } = stored.plan
    const device = deviceName(store, of)
    return {
      type: 'plan',
      schema,
      event: event.id,
      hash: event.hash ?? '',
      device,
      target,
      steps: steps.map(readable),
      before: before.map(slotRecord),
      served,
      shares,
      warnings: planWarnings({ pki }, stored, namesOf(event))
    }
  })
}

export function reasonRecord({ device, target }: TargetName, of: PolicyReason): Reason {
  const { at } = of.facts
  return {
    type: 'reason',
    schema,
    device,
    target,
    code: of.code,
    says: sentence(of),
    at: typeof at === 'string' && at !== 'never' ? at : null
  }
}
