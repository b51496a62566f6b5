import type { Clock } from '../../core/clock.ts'
import { Fault } from '../../core/fault.ts'
import type { Log } from '../../core/log.ts'
import type { BoundPlan, Bundle, Journal } from '../contract.ts'
import { checkBundle, checkCertificates } from '../shared/pair.ts'
import { backward, forward } from '../shared/steps.ts'
import type { Client } from './client.ts'
import { type ChangeFacts, factsOf, stateOf } from './facts.ts'
import { stepsOf } from './steps.ts'
import { type Reading, readingOf, type Work } from './work.ts'
import { type Pair, readyPair, seatOf, seatsOf } from './units.ts'

/** What a change is made with. */
export interface ChangeTools {
  /** the configured unit first */
  readonly clients: readonly Client[]
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/** Carries a bound plan out. */
export async function deployChange(
  tools: ChangeTools,
  { plan, bundle, journal }: { readonly plan: BoundPlan; readonly bundle: Bundle; readonly journal: Journal }
): Promise<void> {
  const facts = factsOf(plan)
  const now = tools.clock.now()
  const pairs = plan.deviceKeys ? checkCertificates(plan, bundle, now) : checkBundle(plan, bundle, now)
  const begun = journal.finished.length > 0
  if (facts.units > 1 && !begun) {
    // that the target was changed says more than that somebody's changes wait for a config-sync
    const active = await activeOf(tools.clients, tools.signal)
    checkUnchanged(active, plan, await readingOf(active, facts.profile, tools.signal))
  }
  const { at, pair } = await leadOf(tools, facts, begun ? 'begun' : 'new')
  const reading = await readingOf(at, facts.profile, tools.signal)
  checkUnchanged(at, plan, reading)
  const work = workOf(tools, { at, pair, facts, pairs, reading, begun })
  await forward(stepsOf(facts), work, journal)
  tools.log.info('f5-deployed', { unit: at.name, target: plan.target })
}

/** Undoes a bound plan, from the last step backwards. */
export async function undoChange(tools: ChangeTools, plan: BoundPlan, journal: Journal): Promise<void> {
  const facts = factsOf(plan)
  const begun = journal.finished.length > 0
  const { at, pair } = await leadOf(tools, facts, begun ? 'begun' : 'never')
  const reading: Reading = { profile: undefined, certificates: new Map() }
  const work = workOf(tools, { at, pair, facts, pairs: [], reading, begun })
  await backward(stepsOf(facts), work, journal)
  tools.log.info('f5-rolled-back', { unit: at.name, target: plan.target })
}

type Known = Pick<Work, 'at' | 'pair' | 'facts' | 'pairs' | 'reading' | 'begun'>

function workOf({ clock, log, signal }: ChangeTools, known: Known): Work {
  return { ...known, touched: false, uploaded: false, clock, log, signal }
}

/** the unit to work on, and how the pair stands; a plan that was never begun needs no pair in sync */
async function leadOf(
  { clients, clock, signal }: ChangeTools,
  facts: ChangeFacts,
  work: 'new' | 'begun' | 'never'
): Promise<{ readonly at: Client; readonly pair: Pair | null }> {
  const [first] = clients
  if (!first) throw new Fault('settings-malformed', 'The device has no address.', { field: 'address' })
  if (facts.units < 2) return { at: first, pair: null }
  if (work === 'never') return { at: await activeOf(clients, signal), pair: null }
  const pair = await readyPair(clients, { clock, signal, begun: work === 'begun' })
  return { at: pair.lead.client, pair }
}

/** The active unit of those that are configured. Throws device-unreachable, device-busy when none is. */
export async function activeOf(clients: readonly Client[], signal: AbortSignal): Promise<Client> {
  const [only] = clients
  if (only && clients.length === 1) {
    await seatOf(only, signal)
    return only
  }
  const active = (await seatsOf(clients, signal)).find(({ isActive }) => isActive)
  if (active) return active.client
  throw new Fault('device-busy', `No unit is active now.`, { retryAfterMs: 10_000 })
}

/** Is the profile as it was planned with, or already as it will be? Throws device-changed. */
function checkUnchanged({ name }: Client, plan: BoundPlan, { profile, certificates }: Reading): void {
  const { changes } = factsOf(plan)
  if (profile && stateOf(profile, certificates, changes) === plan.state) return
  const what = profile ? `has changed since the plan was made` : 'is gone'
  throw new Fault('device-changed', `${plan.target} on ${name} ${what}. Nothing was changed.`, {
    target: plan.target
  })
}
