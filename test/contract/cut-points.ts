import type { Test } from 'tap'
import type { Session } from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import {
  Cut,
  journalOf,
  neither,
  prepare,
  type Prepared,
  shownInTheEnd,
  signal,
  withSession
} from './deployment.ts'
import type { ContractCase, World, WorldKind } from './world.ts'

/** After every step of the plan: the process ends, or the cable is cut; then it is undone, or gone on with. */
export async function cutPoints(kind: WorldKind): Promise<readonly ContractCase[]> {
  const world = await kind.open()
  try {
    const { plan } = await withSession(world, (session) => prepare(world, session))
    return plan.steps.flatMap(({ id }) => [
      point(id, { how: 'process', next: 'undo' }),
      point(id, { how: 'process', next: 'go on' }),
      point(id, { how: 'cable', next: 'undo' }),
      point(id, { how: 'cable', next: 'go on' })
    ])
  } finally {
    await world.stop()
  }
}

interface Accident {
  readonly how: 'process' | 'cable'
  readonly next: 'undo' | 'go on'
}

function point(step: string, accident: Accident): ContractCase {
  const [what, next] = [
    accident.how === 'process' ? 'the process ends' : 'the cable is cut',
    accident.next === 'undo' ? 'undone' : 'gone on with'
  ]
  return {
    what: `${what} after step ${step}, and it is ${next}`,
    run: (t, world) => runPoint(t, world, { step, ...accident })
  }
}

async function runPoint(t: Test, world: World, at: Accident & { readonly step: string }): Promise<void> {
  const [before, old] = [world.snapshot('content'), await world.shown()]
  let prepared: Prepared | undefined
  const finished = await withSession(world, async (session) => {
    prepared = await prepare(world, session)
    return deployUntilCut(world, session, { ...at, prepared })
  })
  if (!prepared) throw new Error('it was prepared')
  const { plan, bundle, fingerprints } = prepared
  const wanted = world.expected(fingerprints)
  t.ok(finished.includes(at.step), 'the journal knows the step')
  await world.reloadByOthers()
  t.same(await neither(world, old, wanted), [], 'a reload by others finds the old pair or the new one')
  await withSession(world, async (session) => {
    const journal = journalOf(finished)
    if (at.next === 'undo') {
      await session.rollback(plan, journal, signal)
      t.same(await shownInTheEnd(world, old), old)
      t.equal(world.snapshot('content'), before, 'everything is as before')
      for (const { key } of bundle) t.notOk(world.holdsKey(key.reveal()), 'the new key is gone')
      t.same(journal.finished, [])
      return
    }
    await session.deploy(plan, bundle, journal, signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    t.same(await shownInTheEnd(world, wanted), wanted)
  })
}

interface CutDeployment extends Accident {
  readonly step: string
  readonly prepared: Prepared
}

/** gives the steps that the journal knew when it ended */
async function deployUntilCut(world: World, session: Session, at: CutDeployment): Promise<readonly string[]> {
  const journal = journalOf([], (step) => {
    if (step !== at.step) return
    if (at.how === 'process') throw new Cut()
    world.cut()
  })
  try {
    await session.deploy(at.prepared.plan, at.prepared.bundle, journal, signal)
  } catch (thrown) {
    // a cable that is cut after the last step is noticed by nobody
    if (!(thrown instanceof Cut) && !(thrown instanceof Fault && thrown.kind === 'unreachable')) {
      throw new Error(`a cut ends in ${asFault(thrown).code}: ${asFault(thrown).message}`, { cause: thrown })
    }
  }
  return journal.finished
}
