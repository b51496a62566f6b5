import t, { type Test } from 'tap'
import { systemClock } from '../../core/clock.ts'
import { bindPlan, type Session } from '../../connectors/contract.ts'
import { f5BigIp } from '../../connectors/f5-bigip/index.ts'
import { accessTo, openSingle } from '../contract/f5-bigip.ts'
import { journalOf, prepare, signal } from '../contract/deployment.ts'
import type { BigIp, BigIpOptions } from '../simulators/f5-bigip/big-ip.ts'

async function opened(t: Test, options: Omit<BigIpOptions, 'seed'> = {}) {
  const world = await openSingle(options)
  t.teardown(() => world.stop())
  return world
}

const count = ({ requests }: BigIp, wanted: RegExp) =>
  requests.filter(({ method, path }) => wanted.test(`${method} ${path}`)).length
const logins = (unit: BigIp) => count(unit, /^POST \/mgmt\/shared\/authn\/login$/)

t.test('a session takes one token, shortens its life, and gives it back', async (t) => {
  const { unit, access } = await opened(t)
  const session = await f5BigIp.connect(access, signal)
  t.equal(unit.tokens.length, 1)
  t.match(unit.requests[1], { method: 'PATCH', body: '{"timeout":600}', status: 200 })
  await session.close()
  t.strictSame(unit.tokens, [])
})

t.test('a refused sign-in is tried once, and leaves no token', async (t) => {
  const { unit, access } = await opened(t)
  await t.rejects(
    f5BigIp.connect({ ...access, settings: { ...settingsOf(access), user: 'nobody' } }, signal),
    {
      code: 'device-sign-in'
    }
  )
  t.equal(logins(unit), 1)
  t.strictSame(unit.tokens, [])
})

t.test('a user with too many tokens is busy, and is told to wait', async (t) => {
  const { unit, access } = await opened(t)
  unit.faults.add({
    does: 'refuse',
    path: '/mgmt/shared/authn/login',
    status: 400,
    message: 'user 6ad2 has reached maximum active login tokens'
  })
  await t.rejects(f5BigIp.connect(access, signal), { code: 'device-busy', facts: { retryAfterMs: 60_000 } })
})

t.test('a token that the device has forgotten is replaced once, and the call made again', async (t) => {
  const { unit, access } = await opened(t)
  const session = await f5BigIp.connect(access, signal)
  await unit.reboot()
  t.equal(await session.role(signal), 'single')
  t.equal(logins(unit), 2)
  await session.close()
  t.strictSame(unit.tokens, [])
})

t.test('a token that ends in the middle of a change is replaced, and the change goes on', async (t) => {
  const world = await opened(t)
  const { unit, access } = world
  const session = await f5BigIp.connect(access, signal)
  const before = world.snapshot('content')
  const { plan, bundle } = await prepare(world, session)
  unit.faults.add({
    does: 'refuse',
    path: /client-ssl\/~Prod~shop$/,
    method: 'PATCH',
    status: 401,
    message: 'X-F5-Auth-Token has expired.'
  })
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  t.equal(logins(unit), 2)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
  await session.close()
})

t.test('one target alone takes at most 23 requests in its whole life', async (t) => {
  const world = await opened(t)
  const { unit, access, target } = world
  const session = await f5BigIp.connect(access, signal)
  await session.role(signal)
  const unbound = await session.plan({ target, families: ['ecdsa'] }, signal)
  const bundle = world.issue().filter(({ family }) => family === 'ecdsa')
  const plan = bindPlan(unbound, { ecdsa: bundle[0]?.fingerprint ?? '' })
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  await session.cleanup(plan, 2, journalOf(), signal)
  await session.close()
  t.comment(`${unit.requests.length} requests`)
  t.ok(unit.requests.length <= 23)
})

t.test(
  'what each role lacks is named with its remedy, and nothing is uploaded without the right to remove',
  async (t) => {
    const world = await opened(t)
    const { unit, target, families } = world
    const pins = world.access.pins
    const before = world.snapshot('untouched')
    for (const user of ['guest', 'operator', 'certs', 'manager']) {
      const session = await f5BigIp.connect({ ...accessTo([unit], [], user), pins }, signal)
      const { rights } = await session.check(signal)
      const missing = rights.filter(({ granted }) => !granted)
      t.ok(
        missing.some(
          ({ what, remedy }) => /unix-rm/.test(what) && /downloads.*role admin/.test(remedy ?? '')
        ),
        user
      )
      // a manager of /Common does not see what is in other partitions
      const seen = user === 'manager' ? '/Common/mail' : target
      await t.rejects(session.plan({ target: seen, families }, signal), {
        code: 'device-right',
        message: /downloads/
      })
      await session.close()
    }
    t.strictSame(unit.uploads, {})
    t.strictSame(unit.tokens, [])
    t.equal(world.snapshot('untouched'), before)
    t.equal(count(unit, /uploads\/tlsward-[0-9a-f]{16}/), 0)
  }
)

t.test('a Resource Administrator on all partitions can do everything', async (t) => {
  const world = await opened(t)
  const { unit } = world
  const access = { ...accessTo([unit], [], 'resource'), pins: world.access.pins }
  const session = await f5BigIp.connect(access, signal)
  t.same(
    (await session.check(signal)).rights.filter(({ granted }) => !granted),
    []
  )
  await deployedAndBack(t, world, session)
  await session.close()
})

async function deployedAndBack(t: Test, world: Awaited<ReturnType<typeof opened>>, session: Session) {
  const before = world.snapshot('content')
  const { plan, bundle } = await prepare(world, session)
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.strictSame(world.unit.uploads, {})
  await session.rollback(plan, journal, signal)
  t.equal(world.snapshot('content'), before)
}

t.test('check says who else shows a certificate, and who is out of its versions', async (t) => {
  const { unit, access } = await opened(t, { version: '12.1.2' })
  await unit.act('POST', 'ltm/profile/server-ssl', {
    name: 'to-servers',
    cert: '/Common/mail.crt',
    key: '/Common/mail.key'
  })
  const session = await f5BigIp.connect(access, signal)
  const { notes, version } = await session.check(signal)
  t.equal(version, '12.1.2')
  t.match(notes, [/12\.1\.2 is not among/, /to-servers shows \/Common\/mail\.crt/])
  await session.close()
})

t.test('a unit that an authority vouches for needs no pin', async (t) => {
  const { unit, access } = await opened(t)
  const trusted = {
    ...access,
    pins: [],
    settings: { ...settingsOf(access), trust: 'ca', authority: unit.certificate }
  }
  t.strictSame(await f5BigIp.identify(trusted, signal), [])
  const session = await f5BigIp.connect(trusted, signal)
  t.equal(await session.role(signal), 'single')
  await session.close()
})

t.test(
  'a unit that says nothing more is unreachable after its time, and an abort does not wait for it',
  async (t) => {
    const { unit, access } = await opened(t)
    // a hundred times as fast
    const clock = {
      ...systemClock,
      after: (ms: number, call: () => void) => systemClock.after(ms / 100, call)
    }
    const session = await f5BigIp.connect({ ...access, clock }, signal)
    unit.cut('silent')
    await t.rejects(session.role(signal), { code: 'device-unreachable', message: /within 30 s/ })
    const slow = await f5BigIp.connect(access, AbortSignal.timeout(50)).catch((thrown: unknown) => thrown)
    t.match(slow, { name: /Error/ })
    unit.mend()
    await session.close()
  }
)

function settingsOf({ settings }: { readonly settings: unknown }): Record<string, never> {
  return settings as Record<string, never>
}
