import { X509Certificate } from 'node:crypto'
import type { Test } from 'tap'
import { type Binding, bindPlan } from '../../connectors/contract.ts'
import { asFault, Fault } from '../../core/fault.ts'
import { createAuthority } from '../peers/certificates.ts'
import { cutPoints } from './cut-points.ts'
import { deviceKeyCases } from './device-keys.ts'
import { inTheEnd, journalOf, prepare, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase, World, WorldKind } from './world.ts'

/**
 * Holds a connector to the contract, on each kind of device: every case and every cut point on a
 * device of its own, one after the other. Gives the numbers of cases and cut points that ran.
 */
export async function connectorSuite(
  t: Test,
  kind: WorldKind
): Promise<{ readonly cases: number; readonly points: number }> {
  const missing = kind.missing()
  if (missing !== undefined && process.env['CI'] !== 'true') {
    t.pass(`${kind.name}: ${missing}`, { skip: missing })
    return { cases: 0, points: 0 }
  }
  t.equal(missing, undefined, `${kind.name} can be started`)
  const all = [...cases, ...refusals(kind)]
  const cuts = await cutPoints(kind)
  const keys = await deviceKeyCases(t, kind)
  for (const one of [...all, ...cuts, ...keys.cases, ...keys.points]) await onDevice(t, kind, one)
  return { cases: all.length + keys.cases.length, points: cuts.length + keys.points.length }
}

async function onDevice(t: Test, kind: WorldKind, { what, run }: ContractCase): Promise<void> {
  await t.test(`${kind.name}: ${what}`, async (t) => {
    const world = await kind.open()
    try {
      await run(t, world)
    } finally {
      await world.stop()
    }
  })
}

/** the code of the fault that a promise ends with */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'no fault'
  } catch (thrown) {
    return thrown instanceof Fault ? thrown.code : `no Fault: ${asFault(thrown).message}`
  }
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}

function refusals(kind: WorldKind): ContractCase[] {
  const access = kind.badAccess.map(({ what, code, ...bad }) => ({
    what,
    async run(t: Test, world: World) {
      const start = performance.now()
      t.equal(await codeOf(world.connector.connect(bad.of(world.access), signal)), code)
      t.ok(performance.now() - start < 30_000, 'within 30 s')
      t.equal(world.logged().includes('-----BEGIN'), false, 'nothing secret is logged')
    }
  }))
  const settings = {
    what: 'settings that are not right are refused by name',
    async run(t: Test, world: World) {
      for (const { what, settings } of kind.badSettings(world.access.settings)) {
        const code = await codeOf(world.connector.connect({ ...world.access, settings }, signal))
        t.equal(code, 'settings-malformed', what)
      }
    }
  }
  return [settings, ...access]
}

const cases: readonly ContractCase[] = [
  {
    what: 'the device shows who it is before any credential is sent',
    async run(t, world) {
      const pins = await world.connector.identify(
        { ...world.access, secret: () => undefined, pins: [] },
        signal
      )
      t.same(pins, world.access.pins)
    }
  },
  {
    what: 'check names product, version and rights, and changes nothing',
    async run(t, world) {
      const before = world.snapshot('untouched')
      const { check, role } = await withSession(world, async (session) => ({
        check: await session.check(signal),
        role: await session.role(signal)
      }))
      t.match(check, { product: /\S/, version: /\d/, role: world.role ?? 'single' })
      t.equal(role, check.role)
      t.same(
        check.rights.filter(({ granted }) => !granted),
        []
      )
      t.equal(world.snapshot('untouched'), before)
    }
  },
  {
    what: 'discover shows the target with what a handshake shows, and changes nothing',
    async run(t, world) {
      const before = world.snapshot('untouched')
      const bindings = await withSession(world, async (session) => {
        const found: Binding[] = []
        for await (const page of session.discover(signal)) found.push(...page)
        return found
      })
      const binding = bindings.find(({ target }) => target === world.target)
      t.ok(binding, `${world.target} among ${bindings.map(({ target }) => target).join(', ')}`)
      const shown = Object.fromEntries((binding?.slots ?? []).map((slot) => [slot.family, slot.fingerprint]))
      t.same(await world.shown(), world.expected(shown))
      t.equal(binding?.unmanaged ?? null, null)
      t.ok((binding?.served.length ?? 0) > 0, 'it says where it is served')
      t.equal(world.snapshot('untouched'), before)
    }
  },
  {
    what: 'a target that is not there is missing',
    async run(t, world) {
      const order = { target: `${world.target}.not-there`, families: world.families }
      await withSession(world, async (session) => {
        t.equal(await codeOf(session.plan(order, signal)), 'target-missing')
      })
    }
  },
  {
    what: 'plan only reads, holds no key, is the same again, and survives JSON',
    async run(t, world) {
      const before = world.snapshot('untouched')
      const order = { target: world.target, families: world.families }
      const plans = await withSession(world, async (session) => [
        await session.plan(order, signal),
        await session.plan(order, signal)
      ])
      plans.push(await withSession(world, (session) => session.plan(order, signal)))
      const [first, second, third] = plans.map((plan) => JSON.stringify(plan))
      t.equal(second, first)
      t.equal(third, first, 'also by another session')
      t.same(JSON.parse(first ?? ''), plans[0])
      t.equal(world.snapshot('untouched'), before)
      t.notMatch(first, /PRIVATE KEY/)
      const ids = plans[0]?.steps.map(({ id }) => id) ?? []
      t.ok(ids.length > 0)
      t.equal(new Set(ids).size, ids.length, 'ids of steps are unique')
      for (const { says } of plans[0]?.steps ?? []) t.match(says, /\w/)
      for (const text of world.credentials) t.notOk(first?.includes(text), 'no credential')
    }
  },
  {
    what: 'deploy switches to the new certificate, verify and handshakes agree, and again changes nothing',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan, bundle, fingerprints } = await prepare(world, session)
        const journal = journalOf()
        await session.deploy(plan, bundle, journal, signal)
        t.same(
          journal.finished,
          plan.steps.map(({ id }) => id),
          'each step is told once it is done'
        )
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        const wanted = world.expected(fingerprints)
        t.same(await shownInTheEnd(world, wanted), wanted)
        const after = world.snapshot('untouched')
        await session.deploy(plan, bundle, journalOf(), signal)
        t.equal(world.snapshot('untouched'), after)
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        await world.reloadByOthers()
        t.same(await shownInTheEnd(world, wanted), wanted, 'it is still there after a reload')
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        for (const text of [...world.credentials, ...bundle.map(({ key }) => key.reveal())]) {
          t.notOk(world.logged().includes(text), 'no secret is logged')
        }
      })
    }
  },
  {
    what: 'what the target holds already is in place for the next plan too',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan, bundle, fingerprints } = await prepare(world, session)
        const former = Object.fromEntries(plan.before.map((slot) => [slot.family, slot.fingerprint]))
        t.same(
          await session.verify(bindPlan(plan, former), signal),
          { state: 'in-place' },
          'before the first'
        )
        await session.deploy(plan, bundle, journalOf(), signal)
        const after = world.snapshot('untouched')
        const next = await session.plan({ target: world.target, families: world.families }, signal)
        t.same(await session.verify(bindPlan(next, fingerprints), signal), { state: 'in-place' })
        const others = Object.fromEntries(world.issue().map((item) => [item.family, item.fingerprint]))
        t.match(await session.verify(bindPlan(next, others), signal), { state: 'differs' })
        t.equal(world.snapshot('untouched'), after)
      })
    }
  },
  {
    what: 'the chain is served behind the certificate, and after an undo the one that was there before',
    async run(t, world) {
      const before = await world.shownChains()
      await withSession(world, async (session) => {
        const { plan, bundle, fingerprints } = await prepare(world, session, 'longer')
        const journal = journalOf()
        await session.deploy(plan, bundle, journal, signal)
        await shownInTheEnd(world, world.expected(fingerprints))
        const wanted = bundle.map(({ chain }) => chain.map(fingerprintOf))
        const shown = await world.shownChains()
        t.same(
          shown,
          shown.map((_, at) => wanted[at % wanted.length])
        )
        t.notSame(shown, before)
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        await session.rollback(plan, journal, signal)
        const isBefore = (chains: unknown) => JSON.stringify(chains) === JSON.stringify(before)
        t.same(await inTheEnd(() => world.shownChains(), isBefore), before)
      })
    }
  },
  {
    what: 'what is deployed can be undone, wholly',
    async run(t, world) {
      const [before, shown] = [world.snapshot('content'), await world.shown()]
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        const journal = journalOf()
        await session.deploy(plan, bundle, journal, signal)
        t.notSame(world.snapshot('content'), before)
        await session.rollback(plan, journal, signal)
        t.same(journal.finished, [])
        t.same(await shownInTheEnd(world, shown), shown)
        t.equal(world.snapshot('content'), before)
        for (const { key } of bundle) t.notOk(world.holdsKey(key.reveal()), 'the new key is gone')
        await session.rollback(plan, journal, signal)
        t.equal(world.snapshot('content'), before, 'also undone twice')
        t.match(await session.verify(plan, signal), { state: 'differs' })
      })
    }
  },
  {
    what: 'to undo a plan that nobody began touches nothing',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan } = await prepare(world, session)
        const before = world.snapshot('untouched')
        await session.rollback(plan, journalOf(), signal)
        t.equal(world.snapshot('untouched'), before)
      })
    }
  },
  {
    what: 'a key of another certificate is refused before anything is switched',
    async run(t, world) {
      const [before, shown] = [world.snapshot('content'), await world.shown()]
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        const other = world.issue()
        const mixed = bundle.map((item, at) => ({ ...item, key: other[at]?.key ?? item.key }))
        const journal = journalOf()
        t.equal(await codeOf(session.deploy(plan, mixed, journal, signal)), 'device-refused')
        t.same(await world.shown(), shown)
        await session.rollback(plan, journal, signal)
        t.equal(world.snapshot('content'), before)
        for (const { key } of [...bundle, ...other]) t.notOk(world.holdsKey(key.reveal()))
      })
    }
  },
  {
    what: 'a chain of another authority, and one in the wrong order, are refused before anything is switched',
    async run(t, world) {
      const [before, shown] = [world.snapshot('content'), await world.shown()]
      const root = createAuthority('Root of Others')
      const others = createAuthority('Issuing of Others', { issuer: root })
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        for (const behind of [[others.pem], [root.pem, others.pem], bundle.map(({ leaf }) => leaf)]) {
          const wrong = bundle.map((item) => ({ ...item, chain: behind }))
          const journal = journalOf()
          t.equal(await codeOf(session.deploy(plan, wrong, journal, signal)), 'device-refused')
          t.same(await world.shown(), shown)
          await session.rollback(plan, journal, signal)
        }
        t.equal(world.snapshot('content'), before)
      })
    }
  },
  {
    what: 'a device that was changed under the plan is a conflict, and is not touched',
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
        await session.cleanup(last.plan, 1, signal)
        t.equal(theirs(), before, 'after the clean-up')
        await session.rollback(last.plan, last.journal, signal)
        t.equal(theirs(), before, 'after the undo')
      })
    }
  },
  {
    what: 'clean-up removes old keys of ours but for the last, and nothing that is in use',
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
        t.ok((await session.cleanup(last.plan, 1, signal)).length > 0, 'it says what it removed')
        const kept = [first, second, last].map(({ bundle }) => world.holdsKey(bundle[0]?.key.reveal() ?? ''))
        t.same(kept, [false, true, true])
        await world.reloadByOthers()
        t.same(await shownInTheEnd(world, wanted), wanted)
        t.same(await session.verify(last.plan, signal), { state: 'in-place' })
        const after = world.snapshot('untouched')
        t.same(await session.cleanup(last.plan, 1, signal), [], 'nothing is left to remove')
        t.equal(world.snapshot('untouched'), after)
      })
    }
  },
  {
    what: 'an abort ends it',
    async run(t, world) {
      const aborted = AbortSignal.abort()
      await t.rejects(world.connector.connect(world.access, aborted))
    }
  }
]
