import { prepare, withSession } from '../contract/deployment.ts'
import type { ContractCase, OutsideWorld } from '../contract/world.ts'
import { cutCases, leftOut, readingCases, writingCases } from './device-cases.ts'
import { NotRestored, openWorld, type Trial } from './device-world.ts'
import { proof, whyOf } from './proof.ts'
import { relayRefused } from './reaches.ts'

/** How one case ended. */
export interface CaseResult {
  readonly half: 'read-only' | 'destructive'
  readonly what: string
  readonly outcome: 'ok' | 'failed' | 'skipped'
  /** for a person; null: it is ok */
  readonly why: string | null
  readonly seconds: number
  /** made to the device, where a relay counts them */
  readonly connections: number | null
}

/** Who hears of each result, and may end it: what is under way is undone first. */
export interface Watch {
  heard(result: CaseResult): void
  isStopped(): boolean
}

type DeviceCase = ContractCase<OutsideWorld>
type Half = CaseResult['half']
type Way = 'direct' | 'relayed'

/** Tries one case after the other; gives false when the device is not as it was, so that nothing more may be tried. */
export async function runTrial(trial: Trial, watch: Watch): Promise<'as-before' | 'changed'> {
  const { device, looks, target, given } = trial
  const state: State = { trial, watch, ends: undefined, failed: false }
  const reading = readingCases(target, looks, device.pins.length > 0 ? 'some' : 'none')
  for (const one of reading) await runCase(state, one, 'direct')
  if (given.halves === 'read-only') state.ends ??= '--destructive was not given'
  else if (state.failed) state.ends ??= 'the read-only half failed: nothing is written to such a device'
  for (const one of writingCases) await runCase(state, one, 'direct')
  await runCuts(state)
  for (const { what, why } of leftOut) watch.heard(skipped('destructive', what, why))
  return state.isChanged ? 'changed' : 'as-before'
}

interface State {
  readonly trial: Trial
  readonly watch: Watch
  /** why nothing more is tried */
  ends: string | undefined
  failed: boolean
  isChanged?: true
}

async function runCuts(state: State): Promise<void> {
  const { trial, watch } = state
  const refused = relayRefused(trial.device.connector.id, trial.device.settings)
  const what = 'the cable is cut after each step, and it is undone'
  const why = state.ends ?? refused
  if (why !== undefined) return watch.heard(skipped('destructive', what, why))
  try {
    for (const one of cutCases(await stepsOf(trial))) await runCase(state, one, 'relayed')
  } catch (thrown) {
    watch.heard({ ...skipped('destructive', what, whyOf(thrown)), outcome: 'failed' })
  }
}

async function stepsOf(trial: Trial): Promise<readonly string[]> {
  const world = await openWorld(trial, 'relayed')
  try {
    return await withSession(world, async (session) => {
      const { plan } = await prepare(world, session)
      return plan.steps.map(({ id }) => id)
    })
  } finally {
    await world.stop()
  }
}

async function runCase(state: State, one: DeviceCase, way: Way): Promise<void> {
  const { trial, watch } = state
  const half: Half = one.does === 'reads' ? 'read-only' : 'destructive'
  if (watch.isStopped()) state.ends ??= 'somebody stopped it'
  if (state.ends !== undefined) return watch.heard(skipped(half, one.what, state.ends))
  const start = performance.now()
  let connections: number | null = null
  const troubles: string[] = []
  try {
    const world = await openWorld(trial, way)
    try {
      await one.run(proof(), world)
    } catch (thrown) {
      troubles.push(whyOf(thrown))
    } finally {
      connections = world.connections()
      await world.stop()
    }
  } catch (thrown) {
    troubles.push(whyOf(thrown))
    if (thrown instanceof NotRestored) {
      state.isChanged = true
      state.ends = 'the device is not as it was before the case above'
    }
  }
  if (troubles.length > 0) state.failed = true
  watch.heard({
    half,
    what: one.what,
    outcome: troubles.length > 0 ? 'failed' : 'ok',
    why: troubles.length > 0 ? troubles.join('; then ') : null,
    seconds: Math.round(performance.now() - start) / 1000,
    connections
  })
}

function skipped(half: Half, what: string, why: string): CaseResult {
  return { half, what, outcome: 'skipped', why, seconds: 0, connections: null }
}
