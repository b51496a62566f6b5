import t, { type Test } from 'tap'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { accessTo, openPair } from '../contract/f5-bigip.ts'
import { Cut, journalOf, prepare, signal } from '../contract/deployment.ts'
import type { BigIp } from '../simulators/f5-bigip/big-ip.ts'
import type { PairOptions } from '../simulators/f5-bigip/pair.ts'

async function opened(t: Test, options: Omit<PairOptions, 'seed'> = {}) {
  const world = await openPair({ syncMs: 20, ...options })
  const session = await f5BigIp.connect(world.access, signal)
  t.teardown(async () => {
    await session.close()
    await world.stop()
  })
  return { world, session, pair: world.pair }
}

const pairsOf = (unit: BigIp) =>
  unit.system.running.clientSsl['/Prod/shop']?.certKeyChain?.map(({ cert }) => cert) ?? []
const isSaved = (unit: BigIp) => {
  const { running, saved } = unit.snapshot()
  return JSON.stringify(running) === JSON.stringify(saved)
}

t.test('both units hold the new pairs, saved, and no upload and no token is left', async (t) => {
  const { world, session, pair } = await opened(t)
  t.equal(await session.role(signal), 'active')
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.match(pairsOf(pair.a), [/^\/Common\/tlsward-shop-rsa-/, /^\/Common\/tlsward-shop-ecdsa-/])
  t.strictSame(pairsOf(pair.b), pairsOf(pair.a))
  t.ok(isSaved(pair.a) && isSaved(pair.b))
  await pair.failover()
  t.same(
    await world.shown(),
    world.expected(Object.fromEntries(bundle.map((one) => [one.family, one.fingerprint])))
  )
  t.equal(await session.role(signal), 'active', 'changes go where it is active')
  await session.close()
  for (const unit of [pair.a, pair.b]) {
    t.strictSame(unit.uploads, {})
    t.strictSame(unit.tokens, [])
  }
})

t.test("others' changes that wait for a config-sync stop the plan, and are never pushed over", async (t) => {
  for (const unitIn of ['a', 'b'] as const) {
    const { world, session, pair } = await opened(t)
    await pair[unitIn].act('PATCH', 'ltm/profile/client-ssl/~Common~mail', { description: 'edited' })
    const before = world.snapshot('untouched')
    await t.rejects(prepare(world, session), { code: 'device-busy', message: new RegExp(`bigip-${unitIn}`) })
    t.equal(world.snapshot('untouched'), before)
  }
})

t.test('changes on both units are for a person to resolve, and no push is made', async (t) => {
  const { world, session, pair } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  const journal = journalOf([], (step) => {
    if (step === 'bind') throw new Cut()
  })
  await t.rejects(session.deploy(plan, bundle, journal, signal), Cut)
  await pair.b.act('PATCH', 'ltm/profile/client-ssl/~Common~mail', { description: 'edited' })
  const before = world.snapshot('untouched')
  await t.rejects(session.deploy(plan, bundle, journalOf(journal.finished), signal), {
    code: 'device-broken',
    message: /both changes/
  })
  t.equal(world.snapshot('untouched'), before)
})

t.test('a change of others on the other unit during a deployment is not pushed over', async (t) => {
  const { world, session, pair } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  const edit = async () =>
    void (await pair.b.act('PATCH', 'ltm/profile/client-ssl/~Common~mail', { description: 'edited' }))
  pair.a.faults.add({ does: 'meanwhile', path: '/mgmt/tm/sys/config', run: edit })
  await t.rejects(session.deploy(plan, bundle, journalOf(), signal), {
    code: 'device-busy',
    message: /nothing is pushed over/
  })
  await pair.settled()
  t.match(JSON.stringify(pair.b.system.running.clientSsl['/Common/mail']), /edited/)
  t.equal(pair.a.requests.filter(({ path }) => path === '/mgmt/tm/cm').length, 0)
})

t.test('one address of two is refused with what to do', async (t) => {
  const { world, pair } = await opened(t)
  for (const unit of [pair.a, pair.b]) {
    const session = await f5BigIp.connect({ ...accessTo([unit]), pins: world.access.pins }, signal)
    t.equal(await session.role(signal), unit === pair.a ? 'active' : 'standby')
    t.match((await session.check(signal)).notes.join(' '), /give the address of the other one/)
    await t.rejects(prepare(world, session), { code: 'device-refused', message: /peerAddress/ })
    await session.close()
  }
})

t.test('two units that are none of one pair are refused', async (t) => {
  const { pair } = await opened(t)
  const { world: other, pair: stranger } = await opened(t)
  const access = accessTo([pair.a, stranger.a])
  const pins = await f5BigIp.identify(access, signal)
  const session = await f5BigIp.connect({ ...access, pins }, signal)
  await t.rejects(prepare(other, session), { code: 'device-refused', message: /not the other unit/ })
  await session.close()
})

t.test(
  'a fail-over at any request is followed: it ends live on both, or wholly undone',
  { timeout: 300_000 },
  async (t) => {
    const { world, session, pair } = await opened(t)
    const before = world.snapshot('content')
    const { plan, bundle } = await prepare(world, session)
    const start = pair.a.requests.length
    const clean = journalOf()
    await session.deploy(plan, bundle, clean, signal)
    const requests = pair.a.requests.length - start
    await session.rollback(plan, clean, signal)
    t.equal(world.snapshot('content'), before)
    for (let nth = 1; nth <= requests; nth++) {
      for (const next of ['undone', 'gone on with'] as const) {
        const journal = journalOf()
        pair.a.faults.add({ does: 'meanwhile', nth, run: () => pair.failover() })
        // the same answer is lost, so that another attempt finds the other unit active
        pair.a.faults.add({ does: 'drop-after', nth: nth + 1 })
        await session.deploy(plan, bundle, journal, signal).catch(() => {})
        pair.a.faults.clear()
        await pair.settled()
        if (next === 'gone on with') {
          await session.deploy(plan, bundle, journal, signal)
          t.same(await session.verify(plan, signal), { state: 'in-place' }, `request ${nth}`)
          t.strictSame(pairsOf(pair.a), pairsOf(pair.b))
          t.strictSame([pair.a.uploads, pair.b.uploads], [{}, {}], 'no upload is left on either')
        }
        await session.rollback(plan, journal, signal)
        t.equal(world.snapshot('content'), before, `undone after request ${nth}`)
        if (pair.active !== pair.a) await pair.failover()
      }
    }
  }
)

t.test('what only one unit holds is not in place', async (t) => {
  const { world, session, pair } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  await pair.b.act('PATCH', 'ltm/profile/client-ssl/~Prod~shop', {
    certKeyChain: [{ name: 'mail', cert: '/Common/mail.crt', key: '/Common/mail.key' }]
  })
  const verdict = await session.verify(plan, signal)
  t.match(verdict, { state: 'differs' })
  if (verdict.state === 'differs') t.match(verdict.why.join('; '), /holds .* for RSA.*Changes Pending/)
})

t.test('a group that synchronises by itself is waited for, and not pushed', async (t) => {
  const { world, session, pair } = await opened(t, { autoSync: true })
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.strictSame(pairsOf(pair.b), pairsOf(pair.a))
  t.ok(isSaved(pair.b))
  t.equal(pair.a.requests.filter(({ path }) => path === '/mgmt/tm/cm').length, 0)
})

t.test('a config-sync that fails is a fault, and is undone once it works again', async (t) => {
  const { world, session, pair } = await opened(t)
  const before = world.snapshot('content')
  const { plan, bundle } = await prepare(world, session)
  pair.group.failsNext = true
  const journal = journalOf()
  await t.rejects(session.deploy(plan, bundle, journal, signal), {
    code: 'device-broken',
    message: /Sync Failure/
  })
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
})

t.test('units that do not see each other, or do not answer, are waited for', async (t) => {
  const { world, session, pair } = await opened(t)
  const { plan, bundle } = await prepare(world, session)
  pair.disconnect()
  await t.rejects(prepare(world, session), { code: 'device-unreachable' })
  pair.reconnect()
  pair.b.cut()
  await t.rejects(session.deploy(plan, bundle, journalOf(), signal), { code: 'device-unreachable' })
  t.equal(await session.role(signal), 'active', 'one of them is enough to tell')
  pair.b.mend()
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
})
