import type { Journal, Session } from '../../connectors/contract.ts'
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
import type { ContractCase, OutsideWorld, Proof, WorldKind } from './world.ts'

/** What follows a cut. */
type Next = 'undo' | 'go on'

const nextWords: Readonly<Record<Next, string>> = { undo: 'undone', 'go on': 'gone on with' }
const nexts = Object.entries(nextWords) as readonly (readonly [next: Next, words: string])[]

/**
 * After every step of the plan the process ends, or the cable is cut; where the device counts requests, the cable is
 * cut in the place of every answer as well. Then it is undone, or gone on with.
 */
export async function cutPoints(kind: WorldKind): Promise<readonly ContractCase<OutsideWorld>[]> {
  const world = await kind.open()
  try {
    return await withSession(world, async (session) => {
      const prepared = await prepare(world, session)
      const steps = prepared.plan.steps.flatMap(({ id }) =>
        (['process', 'cable'] as const).flatMap((how) =>
          nexts.map(([next]) => cutAfterStep({ step: id, how, next }))
        )
      )
      return [...steps, ...(await requestPoints(world, session, prepared))]
    })
  } finally {
    await world.stop()
  }
}

/** A cut in the middle of a deployment. */
export interface StepCut {
  /** id of the step that was done last */
  readonly step: string
  readonly how: 'process' | 'cable'
  readonly next: Next
}

/** The case of a cut after one step. */
export function cutAfterStep({ step, how, next }: StepCut): ContractCase<OutsideWorld> {
  const what = how === 'process' ? 'the process ends' : 'the cable is cut'
  return {
    what: `${what} after step ${step}, and it is ${nextWords[next]}`,
    does: 'writes',
    async run(t, world) {
      const finished = await runCut(t, world, next, (finished) => {
        const at = (done: string) => {
          if (done !== step) return
          if (how === 'process') throw new Cut()
          world.cut()
        }
        return journalOf(finished, at)
      })
      t.ok(finished.includes(step), 'the journal knows the step')
    }
  }
}

/** as many as a deployment makes, and its undo */
async function requestPoints(
  { requests }: OutsideWorld,
  session: Session,
  { plan, bundle }: Prepared
): Promise<readonly ContractCase<OutsideWorld>[]> {
  if (!requests) return []
  const start = requests.count()
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  const deployed = requests.count()
  await session.rollback(plan, journal, signal)
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1)
  return [
    ...numbers(deployed - start).flatMap((nth) => nexts.map((next) => atAnswer(nth, next))),
    ...numbers(requests.count() - deployed).map(atAnswerOfUndo)
  ]
}

function atAnswer(nth: number, [next, words]: (typeof nexts)[number]): ContractCase<OutsideWorld> {
  return {
    what: `the cable is cut in the place of answer ${nth}, and it is ${words}`,
    does: 'writes',
    async run(t, world) {
      await runCut(t, world, next, () => {
        world.requests?.cutAt(nth)
        return journalOf()
      })
    }
  }
}

function atAnswerOfUndo(nth: number): ContractCase<OutsideWorld> {
  return {
    what: `the cable is cut in the place of answer ${nth} to an undo, and it is undone again`,
    does: 'writes',
    async run(t, world) {
      const before = await stateOf(world)
      const journal = journalOf()
      const prepared = await withSession(world, async (session) => {
        const prepared = await prepare(world, session)
        await session.deploy(prepared.plan, prepared.bundle, journal, signal)
        world.requests?.cutAt(nth)
        t.ok(await isCut(session.rollback(prepared.plan, journal, signal)), 'it is cut')
        return prepared
      })
      world.mend()
      await world.reloadByOthers?.()
      await undoes(t, world, { prepared, before, finished: journal.finished })
    }
  }
}

/** a deployment that is cut by what `journal` does, and what follows; gives the steps that the journal knew then */
async function runCut(
  t: Proof,
  world: OutsideWorld,
  next: Next,
  journalFor: (finished: readonly string[]) => Journal
): Promise<readonly string[]> {
  const before = await stateOf(world)
  const { prepared, finished } = await withSession(world, async (session) => {
    const prepared = await prepare(world, session)
    const journal = journalFor([])
    await isCut(session.deploy(prepared.plan, prepared.bundle, journal, signal))
    return { prepared, finished: journal.finished }
  })
  world.mend()
  const wanted = world.expected(prepared.fingerprints)
  await world.reloadByOthers?.()
  t.same(
    await neither(world, before.shown, wanted),
    [],
    'a reload by others finds the old pair or the new one'
  )
  if (next === 'undo') {
    await undoes(t, world, { prepared, before, finished })
    return finished
  }
  await withSession(world, async (session) => {
    const { plan, bundle } = prepared
    await session.deploy(plan, bundle, journalOf(finished), signal)
    t.same(await session.verify(plan, signal), { state: 'in-place' })
    t.same(await shownInTheEnd(world, wanted), wanted)
  })
  return finished
}

interface DeviceState {
  readonly content: string
  readonly shown: readonly string[]
}

async function stateOf(world: OutsideWorld): Promise<DeviceState> {
  return { content: await world.snapshot('content'), shown: await world.shown() }
}

interface Undoing {
  readonly prepared: Prepared
  readonly before: DeviceState
  readonly finished: readonly string[]
}

async function undoes(t: Proof, world: OutsideWorld, { prepared, before, finished }: Undoing): Promise<void> {
  const journal = journalOf(finished)
  await withSession(world, (session) => session.rollback(prepared.plan, journal, signal))
  t.same(await shownInTheEnd(world, before.shown), before.shown)
  t.equal(await world.snapshot('content'), before.content, 'everything is as before')
  for (const { key } of prepared.bundle) t.notOk(world.holdsKey?.(key.reveal()), 'the new key is gone')
  t.same(journal.finished, [])
}

/** did the work end by a cut? A cable that is cut after the last step is noticed by nobody */
async function isCut(work: Promise<void>): Promise<boolean> {
  try {
    await work
    return false
  } catch (thrown) {
    if (thrown instanceof Cut || (thrown instanceof Fault && thrown.kind === 'unreachable')) return true
    throw new Error(`a cut ends in ${asFault(thrown).code}: ${asFault(thrown).message}`, { cause: thrown })
  }
}
