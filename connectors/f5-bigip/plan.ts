import { Fault } from '../../core/fault.ts'
import type { KeyType } from '../../pki/private-key.ts'
import { type KeyFamily, newKey, newName, type Plan, type PlanOrder, unmanagedFault } from '../contract.ts'
import { planned } from '../shared/steps.ts'
import { securityOf } from './device-keys.ts'
import { type ChangeFacts, type PairChange, stateOf, storedFacts } from './facts.ts'
import type { KeySecurity } from './key-calls.ts'
import { keyLine, lineOf, madeObjects, newObjects } from './objects.ts'
import type { Profile } from './profiles.ts'
import type { KeyReply } from './replies.ts'
import { sharesOf } from './served.ts'
import { stepsOf } from './steps.ts'
import type { Survey } from './survey.ts'
import { pairFor, slotsOf, type Target, targetOf, unmanagedBy } from './targets.ts'

export const connectorId = 'f5-bigip'

/** What a plan rests on, read before. */
export interface Planning {
  readonly survey: Survey
  /** number of units that the change has to reach */
  readonly units: number
  /** may the login remove what it uploads? */
  readonly canRemoveUploads: boolean
  /** the keys of a profile, as the unit tells of them */
  readonly keysOf: (profile: Profile) => Promise<readonly KeyReply[]>
  readonly signal: AbortSignal
}

/** Plans a deployment to a target; reads no more than what belongs to the question of who owns it. */
export async function planChange(
  { survey, units, canRemoveUploads, keysOf, signal }: Planning,
  { target: id, families, deviceKeys }: PlanOrder
): Promise<Plan> {
  const target = targetOf(survey, id)
  if (!target) {
    throw new Fault('target-missing', `${survey.client.name} has no client-ssl profile ${id} (any more).`, {
      target: id
    })
  }
  const unmanaged = await unmanagedBy(survey, target, signal)
  if (unmanaged) throw unmanagedFault(unmanaged, `client-ssl profile ${id}`, id)
  if (!canRemoveUploads) throw noRightToRemove(survey, id)
  const security = securityOf(target.profile, await keysOf(target.profile))
  if (security !== 'normal' && !deviceKeys) throw inModule(survey, id, security)
  const changes = families.map((family, at) => {
    const type = deviceKeys?.[at]
    return type === undefined ? changeOf(target, family) : madeChangeOf(target, family, { type, security })
  })
  const facts: ChangeFacts = {
    profile: id,
    upload: `tlsward-${families.map(newName).join('-')}`,
    changes,
    units
  }
  return {
    connector: connectorId,
    target: id,
    families,
    steps: planned(stepsOf(facts)),
    before: slotsOf(target.pairs),
    served: target.places.served,
    neighbours: target.places.neighbours,
    shares: sharesOf(target.members, target.places, survey),
    warnings: warningsOf(target, facts, survey),
    state: stateOf(target.profile, survey.certificates, changes),
    facts: storedFacts(facts)
  }
}

function inModule({ client }: Survey, target: string, security: KeySecurity): Fault {
  const message = `client-ssl profile ${target} on ${client.name} is not to be changed: ${onlyMade(security)}; use a profile with keyPlace device.`
  return new Fault('device-unsupported', message, { target })
}

/** Why only keys that the device makes can follow one in a security module. */
export function onlyMade(security: KeySecurity): string {
  return `a security module holds its key (${security}), which no upload can replace`
}

function noRightToRemove({ client }: Survey, target: string): Fault {
  return new Fault(
    'device-right',
    `${client.name}: the key would stay in /var/config/rest/downloads, since ${client.user} may not remove what it uploads (util/unix-rm). Give ${client.user} the role Administrator on all partitions.`,
    { target }
  )
}

/** An entry of this kind of key is replaced; where there is none, one is added beside the others. */
function changeOf({ profile, pairs }: Target, family: KeyFamily): PairChange {
  const pair = pairFor(pairs, family)
  const line = pair?.entry.cert
    ? lineOf(pair.entry.cert)
    : { partition: profile.partition, base: lineOf(profile.fullPath).base }
  const free = `tlsward-${family}`
  return {
    family,
    entry: pair?.entry.name ?? free,
    former: pair?.entry ?? null,
    fresh: newObjects(line, family),
    line
  }
}

/** the same for a pair whose key the device makes */
function madeChangeOf(
  target: Target,
  family: KeyFamily,
  made: { readonly type: KeyType; readonly security: KeySecurity }
): PairChange {
  const line = keyLine(target.profile.fullPath, family)
  return { ...changeOf(target, family), line, fresh: madeObjects(line, newKey(family)), made }
}

function warningsOf({ pairs, places }: Target, { changes, units }: ChangeFacts, survey: Survey): string[] {
  const also = units > 1 ? ', and the config-sync brings that to the other unit' : ''
  const warnings = [
    `Saving the configuration saves also what others have changed on the device and not saved${also}.`
  ]
  for (const { family, entry, former } of changes) {
    if (former === null) {
      warnings.push(`Adds an ${family.toUpperCase()} pair as ${entry}; the other pairs stay as they are.`)
      continue
    }
    const held = pairs.find((pair) => pair.entry.name === former.name)?.certificate
    if (held?.isStapled === true) {
      warnings.push(
        `${held.fullPath} is stapled (OCSP); the new certificate is not, until its object gets a certificate validator.`
      )
    }
    // a sentence for each: one that gets the new certificate meanwhile takes only its own away
    for (const user of sharersOf(former.cert, survey, changes)) {
      warnings.push(`${former.cert ?? ''} stays in use by ${user}, which keeps the old certificate.`)
    }
  }
  return [...warnings, ...places.hidden]
}

/** other profiles that name the same object of their own accord */
function sharersOf(cert: string | null, { profiles }: Survey, changes: readonly PairChange[]): string[] {
  if (cert === null) return []
  return [...profiles.values()]
    .filter(({ inherits, entries }) => !inherits && entries.some((entry) => entry.cert === cert))
    .filter(({ entries }) => !changes.some(({ former }) => former !== null && entries.includes(former)))
    .map(({ fullPath }) => fullPath)
    .toSorted()
}
