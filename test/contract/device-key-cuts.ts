import { type DeviceKeyRequest, type Session } from '../../connectors/contract.ts'
import { Fault } from '../../core/fault.ts'
import { checkDeviceRequest } from '../../sensor/issuance/device-request.ts'
import { journalOf, neither, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase, World } from './world.ts'

import { keysIn, offered, requestsOf, makeAll, prepareFor } from './device-key-work.ts'

/** in the place of each answer to the making, the removal, the deployment and the undo */
export async function pointsOf(world: World): Promise<ContractCase[]> {
  const { requests } = world
  if (!requests) return []
  return withSession(world, async (session) => {
    const counted = async (work: () => Promise<unknown>) => {
      const start = requests.count()
      await work()
      return Array.from({ length: requests.count() - start }, (_, at) => at + 1)
    }
    const [request] = requestsOf(world)
    if (!request) throw new Error('there is a family')
    const making = await counted(() => offered(session).make(request, signal))
    const removal = await counted(() => offered(session).remove(request, signal))
    const prepared = await prepareFor(world, session, await makeAll(world, session))
    const journal = journalOf()
    const deploying = await counted(() => session.deploy(prepared.plan, prepared.bundle, journal, signal))
    const undoing = await counted(() => session.rollback(prepared.plan, journal, signal))
    return [
      ...making.flatMap((nth) => [cutMaking(nth, 'removed'), cutMaking(nth, 'gone on with')]),
      ...removal.map(cutRemoval),
      ...deploying.flatMap((nth) => [cutDeploying(nth, 'undone'), cutDeploying(nth, 'gone on with')]),
      ...undoing.map(cutUndoing)
    ]
  })
}

const inPlaceOf = (nth: number, what: string) => `the cable is cut in the place of answer ${nth} to ${what}`

function firstRequest(world: World): DeviceKeyRequest {
  const [request] = requestsOf(world)
  if (!request) throw new Error('there is a family')
  return request
}

function cutMaking(nth: number, next: 'removed' | 'gone on with'): ContractCase {
  return {
    what: `${inPlaceOf(nth, 'the making of a key')}, and it is ${next}`,
    does: 'writes',
    async run(t, world) {
      const before = world.snapshot('content')
      const former = keysIn(world).keys()
      const request = firstRequest(world)
      await cutAt(world, nth, (session) => offered(session).make(request, signal))
      await world.reloadByOthers()
      t.ok(keysIn(world).keys().length <= former.length + 1, 'never two')
      await withSession(world, async (session) => {
        if (next === 'removed') {
          t.equal(await offered(session).remove(request, signal), 'gone')
          t.equal(world.snapshot('content'), before)
          return
        }
        const pem = await offered(session).make(request, signal)
        const { spki } = checkDeviceRequest(pem, { keyType: request.type, names: request.names })
        t.same(keysIn(world).keys(), [...former, spki].sort(), 'one key, that of the request')
        await offered(session).remove(request, signal)
        t.equal(world.snapshot('content'), before)
      })
    }
  }
}

function cutRemoval(nth: number): ContractCase {
  return {
    what: `${inPlaceOf(nth, 'the removal of a key')}, and it is removed again`,
    does: 'writes',
    async run(t, world) {
      const before = world.snapshot('content')
      const request = firstRequest(world)
      await withSession(world, (session) => offered(session).make(request, signal))
      await cutAt(world, nth, (session) => offered(session).remove(request, signal))
      await world.reloadByOthers()
      await withSession(world, async (session) => {
        t.equal(await offered(session).remove(request, signal), 'gone')
      })
      t.equal(world.snapshot('content'), before)
      await world.reloadByOthers()
      t.equal(world.snapshot('content'), before, 'also after a restart')
    }
  }
}

function cutDeploying(nth: number, next: 'undone' | 'gone on with'): ContractCase {
  return {
    what: `${inPlaceOf(nth, 'a deployment with keys of the device')}, and it is ${next}`,
    does: 'writes',
    async run(t, world) {
      const journal = journalOf()
      const shown = await world.shown()
      const { made, prepared, before } = await withSession(world, async (session) => {
        const made = await makeAll(world, session)
        const prepared = await prepareFor(world, session, made)
        return { made, prepared, before: world.snapshot('content') }
      })
      const { plan, bundle, fingerprints } = prepared
      await cutAt(world, nth, (session) => session.deploy(plan, bundle, journal, signal))
      const wanted = world.expected(fingerprints)
      await world.reloadByOthers()
      t.same(await neither(world, shown, wanted), [])
      await withSession(world, async (session) => {
        if (next === 'undone') {
          await session.rollback(plan, journalOf(journal.finished), signal)
          t.same(await shownInTheEnd(world, shown), shown)
          t.equal(world.snapshot('content'), before)
        } else {
          await session.deploy(plan, bundle, journalOf(journal.finished), signal)
          t.same(await session.verify(plan, signal), { state: 'in-place' })
          t.same(await shownInTheEnd(world, wanted), wanted)
        }
        const held = keysIn(world).keys()
        t.ok(
          made.every(({ spki }) => held.includes(spki)),
          'the keys are there'
        )
      })
    }
  }
}

function cutUndoing(nth: number): ContractCase {
  return {
    what: `${inPlaceOf(nth, 'an undo with keys of the device')}, and it is undone again`,
    does: 'writes',
    async run(t, world) {
      const journal = journalOf()
      const shown = await world.shown()
      const { prepared, before } = await withSession(world, async (session) => {
        const prepared = await prepareFor(world, session, await makeAll(world, session))
        const before = world.snapshot('content')
        await session.deploy(prepared.plan, prepared.bundle, journal, signal)
        return { prepared, before }
      })
      await cutAt(world, nth, (session) => session.rollback(prepared.plan, journal, signal))
      await world.reloadByOthers()
      await withSession(world, (session) =>
        session.rollback(prepared.plan, journalOf(journal.finished), signal)
      )
      t.same(await shownInTheEnd(world, shown), shown)
      t.equal(world.snapshot('content'), before)
    }
  }
}

/** work that ends by a cut, or before it; the cable is whole again afterwards */
async function cutAt(world: World, nth: number, work: (session: Session) => Promise<unknown>): Promise<void> {
  await withSession(world, async (session) => {
    world.requests?.cutAt(nth)
    try {
      await work(session)
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.kind !== 'unreachable') throw thrown
    }
  })
  world.mend()
}
