import type { Test } from 'tap'
import {
  bindPlan,
  type BoundPlan,
  type CertificateItem,
  type DeviceKeyRequest,
  type DeviceKeys,
  type MadeKey,
  type Session
} from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import { readCsr } from '../../pki/csr.ts'
import { readPem } from '../../pki/pem.ts'
import { checkDeviceRequest } from '../../sensor/issuance/device-request.ts'
import { journalOf, neither, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase, DeviceKeyWorld, World, WorldKind } from './world.ts'

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

function keysIn({ deviceKeys }: World): DeviceKeyWorld {
  if (deviceKeys) return deviceKeys
  throw new Error('the world makes keys')
}

function offered({ deviceKeys }: Session): DeviceKeys {
  if (deviceKeys) return deviceKeys
  throw new Error('the session makes keys')
}

const ids = ['0f1e2d3c4b5a6978', '8796a5b4c3d2e1f0', '1122334455667788'] as const

/** what is asked of the device for each family; the keys of a round have an id of their own for each family */
function requestsOf({ target, families, names, deviceKeys }: World, round = 0): DeviceKeyRequest[] {
  return families.map((family, at) => ({
    target,
    family,
    id: (ids[round] ?? '').replace(/^./, String(at)),
    type: deviceKeys?.types[at] ?? 'rsa-2048',
    names,
    subject: { O: 'Shop & Söhne' }
  }))
}

interface Made {
  readonly request: DeviceKeyRequest
  readonly pem: string
  readonly spki: string
}

async function makeAll(world: World, session: Session, round = 0): Promise<Made[]> {
  const made: Made[] = []
  for (const request of requestsOf(world, round)) {
    const pem = await offered(session).make(request, signal)
    const { spki } = checkDeviceRequest(pem, { keyType: request.type, names: request.names })
    made.push({ request, pem, spki })
  }
  return made
}

interface Prepared {
  readonly plan: BoundPlan
  readonly bundle: readonly CertificateItem[]
  readonly fingerprints: Readonly<Record<string, string>>
}

async function prepareFor(world: World, session: Session, made: readonly Made[]): Promise<Prepared> {
  const { target, families } = world
  const keyWorld = keysIn(world)
  const plan = await session.plan({ target, families, deviceKeys: keyWorld.types }, signal)
  const bundle = made.map(({ request, pem }) => keyWorld.sign(request.family, pem))
  const fingerprints = Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint]))
  const keys = Object.fromEntries(
    made.map(({ request, spki }): [string, MadeKey] => [request.family, { id: request.id, spki }])
  )
  return { plan: bindPlan(plan, fingerprints, keys), bundle, fingerprints }
}

async function removeAll(world: World, session: Session, round = 0): Promise<string[]> {
  const removed: string[] = []
  for (const request of requestsOf(world, round)) removed.push(await offered(session).remove(request, signal))
  return removed
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no fault'
  } catch (thrown) {
    return asFault(thrown).code
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

/** in the place of each answer to the making, the removal, the deployment and the undo */
async function pointsOf(world: World): Promise<ContractCase[]> {
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
