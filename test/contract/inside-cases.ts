import { codeOf, inTheEnd, journalOf, prepare, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase } from './world.ts'

/** What can be held against a device only where others change it meanwhile, or where one can look into it. */
export const insideCases: readonly ContractCase[] = [
  {
    what: 'a device that was changed under the plan is a conflict, and is not touched',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        await world.changeByOthers()
        const before = world.snapshot('untouched')
        t.equal(await codeOf(session.deploy(plan, bundle, journalOf(), signal)), 'device-changed')
        t.equal(world.snapshot('untouched'), before)
      })
    }
  },
  {
    what: 'verify notices what somebody else changed afterwards',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        await session.deploy(plan, bundle, journalOf(), signal)
        await world.changeByOthers()
        const verdict = await session.verify(plan, signal)
        t.equal(verdict.state, 'differs')
        if (verdict.state === 'differs') t.match(verdict.why[0], /\w/)
      })
    }
  },
  {
    what: 'an undo leaves what somebody else put there meanwhile, and takes our key away',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan, bundle, fingerprints } = await prepare(world, session)
        const journal = journalOf()
        await session.deploy(plan, bundle, journal, signal)
        const ours = world.expected(fingerprints)
        t.same(await shownInTheEnd(world, ours), ours)
        await world.changeByOthers()
        await world.reloadByOthers()
        const isTheirs = (shown: readonly string[]) => shown.every((line) => !ours.includes(line))
        const theirs = await inTheEnd(() => world.shown(), isTheirs)
        t.ok(isTheirs(theirs))
        await session.rollback(plan, journal, signal)
        t.same(await shownInTheEnd(world, theirs), theirs)
        for (const { key } of bundle) t.notOk(world.holdsKey(key.reveal()), 'the new key is gone')
      })
    }
  },
  {
    what: 'clean-up and undo leave objects of others alone, also with names like ours',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const deployed = async () => {
          const prepared = await prepare(world, session)
          const journal = journalOf()
          await session.deploy(prepared.plan, prepared.bundle, journal, signal)
          return { ...prepared, journal }
        }
        await deployed()
        const theirs = await world.putByOthers()
        const before = theirs()
        await deployed()
        const last = await deployed()
        await session.cleanup(last.plan, 1, journalOf(), signal)
        t.equal(theirs(), before, 'after the clean-up')
        await session.rollback(last.plan, last.journal, signal)
        t.equal(theirs(), before, 'after the undo')
      })
    }
  },
  {
    what: 'clean-up removes old keys of ours but for the last, and nothing that is in use',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const rounds = []
        for (let round = 0; round < 3; round++) {
          const prepared = await prepare(world, session)
          await session.deploy(prepared.plan, prepared.bundle, journalOf(), signal)
          rounds.push(prepared)
        }
        const [first, second, last] = rounds
        if (!first || !second || !last) throw new Error('three rounds were deployed')
        const wanted = world.expected(last.fingerprints)
        t.ok((await session.cleanup(last.plan, 1, journalOf(), signal)).length > 0, 'it says what it removed')
        const kept = [first, second, last].map(({ bundle }) => world.holdsKey(bundle[0]?.key.reveal() ?? ''))
        t.same(kept, [false, true, true])
        await world.reloadByOthers()
        t.same(await shownInTheEnd(world, wanted), wanted)
        t.same(await session.verify(last.plan, signal), { state: 'in-place' })
        const after = world.snapshot('untouched')
        t.same(await session.cleanup(last.plan, 1, journalOf(), signal), [], 'nothing is left to remove')
        t.equal(world.snapshot('untouched'), after)
      })
    }
  }
]
