import type { Test } from 'tap'
import { readCsr } from '../../pki/csr.ts'
import { readPem } from '../../pki/pem.ts'
import { checkDeviceRequest } from '../../sensor/issuance/device-request.ts'
import { codeOf, journalOf, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase, WorldKind } from './world.ts'

import { pointsOf } from './device-key-cuts.ts'
import {
  keysIn,
  offered,
  requestsOf,
  makeAll,
  prepareFor,
  removeAll,
  type Made,
  type Prepared
} from './device-key-work.ts'

/** Cases and cut points for a connector whose device makes keys; none for others, which must not offer it. */
export async function deviceKeyCases(
  t: Test,
  kind: WorldKind
): Promise<{ readonly cases: readonly ContractCase[]; readonly points: readonly ContractCase[] }> {
  const world = await kind.open()
  try {
    const offers = world.connector.traits.deviceKeys === 'offered'
    t.equal(
      offers,
      world.deviceKeys !== undefined,
      `${kind.name}: keys of the device are tried where offered`
    )
    if (!world.deviceKeys) {
      t.pass(`${kind.name}: keys of the device`, { skip: 'its connector does not offer them' })
      return { cases: [], points: [] }
    }
    return { cases, points: await pointsOf(world) }
  } finally {
    await world.stop()
  }
}

const cases: readonly ContractCase[] = [
  {
    what: 'the device makes keys, saves them, and gives requests that they have signed; nothing serves them',
    does: 'writes',
    async run(t, world) {
      const [former, shown] = [keysIn(world).keys(), await world.shown()]
      await withSession(world, async (session) => {
        const made = await makeAll(world, session)
        const all = [...former, ...made.map(({ spki }) => spki)].sort()
        t.same(keysIn(world).keys(), all)
        t.match(
          readCsr(readPem(made[0]?.pem ?? '')[0]?.der ?? new Uint8Array()).subject,
          /S\\C3\\B6hne|Söhne/
        )
        await world.reloadByOthers()
        t.same(keysIn(world).keys(), all, 'a restart keeps them')
        t.same(await world.shown(), shown)
        t.notMatch(world.logged(), /PRIVATE KEY/)
      })
    }
  },
  {
    what: 'asked again it gives another request for the same key, also with other names',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const made = await makeAll(world, session)
        const all = keysIn(world).keys()
        t.same(
          (await makeAll(world, session)).map(({ spki }) => spki),
          made.map(({ spki }) => spki)
        )
        const [request] = requestsOf(world)
        if (!request) throw new Error('there is a family')
        const names = [...world.names, 'more.test', '192.0.2.7', '2001:db8::7']
        const pem = await offered(session).make({ ...request, names }, signal)
        t.equal(checkDeviceRequest(pem, { keyType: request.type, names }).spki, made[0]?.spki)
        t.same(keysIn(world).keys(), all)
      })
    }
  },
  {
    what: 'keys of each type can be made',
    does: 'writes',
    async run(t, world) {
      const [request] = requestsOf(world)
      if (!request) throw new Error('there is a family')
      const type = keysIn(world).otherType
      await withSession(world, async (session) => {
        const pem = await offered(session).make({ ...request, type }, signal)
        t.ok(checkDeviceRequest(pem, { keyType: type, names: world.names }))
      })
    }
  },
  {
    what: 'what was made is removed wholly, twice, and what was never made, too',
    does: 'writes',
    async run(t, world) {
      const before = world.snapshot('content')
      await withSession(world, async (session) => {
        await makeAll(world, session)
        t.notSame(world.snapshot('content'), before)
        t.same(new Set(await removeAll(world, session)), new Set(['gone']))
        t.equal(world.snapshot('content'), before)
        await world.reloadByOthers()
        t.equal(world.snapshot('content'), before, 'also after a restart')
        t.same(new Set(await removeAll(world, session)), new Set(['gone']))
        t.equal(world.snapshot('content'), before)
      })
    }
  },
  {
    what: 'a plan with keys of the device says so, only reads, and is the same once they are made',
    does: 'writes',
    async run(t, world) {
      const order = { target: world.target, families: world.families, deviceKeys: keysIn(world).types }
      await withSession(world, async (session) => {
        const before = world.snapshot('untouched')
        const first = await session.plan(order, signal)
        t.equal(world.snapshot('untouched'), before)
        const usual = await session.plan({ target: world.target, families: world.families }, signal)
        t.notSame(first.steps, usual.steps)
        await makeAll(world, session)
        t.equal(JSON.stringify(await session.plan(order, signal)), JSON.stringify(first))
      })
    }
  },
  {
    what: 'certificates for keys of the device are deployed, verified, and undone but for the keys, which deploy again',
    does: 'writes',
    async run(t, world) {
      const shown = await world.shown()
      await withSession(world, async (session) => {
        const made = await makeAll(world, session)
        const before = world.snapshot('content')
        const { plan, bundle, fingerprints } = await prepareFor(world, session, made)
        t.notMatch(JSON.stringify(plan), /\{(key|new)-/)
        const journal = journalOf()
        const wanted = world.expected(fingerprints)
        await session.deploy(plan, bundle, journal, signal)
        t.same(
          journal.finished,
          plan.steps.map(({ id }) => id)
        )
        t.same(await shownInTheEnd(world, wanted), wanted)
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        await world.reloadByOthers()
        t.same(await shownInTheEnd(world, wanted), wanted, 'also after a restart')
        t.same(new Set(await removeAll(world, session)), new Set(['in-use']), 'a key in use stays')
        t.same(await shownInTheEnd(world, wanted), wanted)
        await session.rollback(plan, journal, signal)
        t.same(await shownInTheEnd(world, shown), shown)
        t.equal(world.snapshot('content'), before, 'all but the keys is as before')
        await session.deploy(plan, bundle, journalOf(), signal)
        t.same(await shownInTheEnd(world, wanted), wanted, 'deployed again')
        t.same(await session.verify(plan, signal), { state: 'in-place' })
      })
    }
  },
  {
    what: 'a certificate for another key, and one whose key is gone, are refused before anything is switched',
    does: 'writes',
    async run(t, world) {
      const shown = await world.shown()
      await withSession(world, async (session) => {
        const made = await makeAll(world, session)
        const before = world.snapshot('content')
        const { plan, bundle, fingerprints } = await prepareFor(world, session, made)
        const others = world.issue()
        const bound = Object.fromEntries(others.map(({ family, fingerprint }) => [family, fingerprint]))
        const foreign = others.map(({ family, fingerprint, leaf, chain }) => ({
          family,
          fingerprint,
          leaf,
          chain
        }))
        const journal = journalOf()
        t.equal(await codeOf(session.deploy({ ...plan, bound }, foreign, journal, signal)), 'device-refused')
        t.equal(await codeOf(session.deploy(plan, others, journal, signal)), 'device-refused')
        t.equal(world.snapshot('content'), before)
        await removeAll(world, session)
        t.equal(await codeOf(session.deploy(plan, bundle, journal, signal)), 'device-refused')
        await session.rollback(plan, journal, signal)
        t.same(await shownInTheEnd(world, shown), shown)
        t.ok(Object.values(fingerprints).every((one) => !shown.includes(one)))
      })
    }
  },
  {
    what: 'clean-up removes former keys of the device, and none that waits for its certificate',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const rounds: { readonly made: readonly Made[]; readonly prepared: Prepared }[] = []
        for (const round of [0, 1]) {
          const made = await makeAll(world, session, round)
          const prepared = await prepareFor(world, session, made)
          await session.deploy(prepared.plan, prepared.bundle, journalOf(), signal)
          rounds.push({ made, prepared })
        }
        const waiting = await makeAll(world, session, 2)
        const [first, last] = rounds
        if (!first || !last) throw new Error('two rounds were deployed')
        t.ok((await session.cleanup(last.prepared.plan, 0, journalOf(), signal)).length > 0)
        const held = keysIn(world).keys()
        const has = (made: readonly Made[]) => made.map(({ spki }) => held.includes(spki))
        t.notOk(has(first.made).includes(true), 'the former ones are gone')
        t.notOk(has(last.made).includes(false), 'those in use are there')
        t.notOk(has(waiting).includes(false), 'those that wait are there')
        const wanted = world.expected(last.prepared.fingerprints)
        await world.reloadByOthers()
        t.same(await shownInTheEnd(world, wanted), wanted)
        t.same(
          await session.cleanup(last.prepared.plan, 0, journalOf(), signal),
          [],
          'nothing is left to remove'
        )
      })
    }
  }
]
