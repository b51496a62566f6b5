import { X509Certificate } from 'node:crypto'
import { type Binding, bindPlan } from '../../connectors/contract.ts'
import { createAuthority } from '../peers/certificates.ts'
import { codeOf, inTheEnd, journalOf, prepare, shownInTheEnd, signal, withSession } from './deployment.ts'
import type { ContractCase, OutsideWorld } from './world.ts'

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()
}

/** What holds on every device, also on one that nobody can look into. */
export const outsideCases: readonly ContractCase<OutsideWorld>[] = [
  {
    what: 'the device shows who it is before any credential is sent',
    does: 'reads',
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
    does: 'reads',
    async run(t, world) {
      const before = await world.snapshot('untouched')
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
      t.equal(await world.snapshot('untouched'), before)
    }
  },
  {
    what: 'discover shows the target with what a handshake shows, and changes nothing',
    does: 'reads',
    async run(t, world) {
      const before = await world.snapshot('untouched')
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
      t.equal(await world.snapshot('untouched'), before)
    }
  },
  {
    what: 'a target that is not there is missing',
    does: 'reads',
    async run(t, world) {
      const order = { target: `${world.target}.not-there`, families: world.families }
      await withSession(world, async (session) => {
        t.equal(await codeOf(session.plan(order, signal)), 'target-missing')
      })
    }
  },
  {
    what: 'plan only reads, holds no key, is the same again, and survives JSON',
    does: 'reads',
    async run(t, world) {
      const before = await world.snapshot('untouched')
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
      t.equal(await world.snapshot('untouched'), before)
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
    does: 'writes',
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
        const after = await world.snapshot('untouched')
        await session.deploy(plan, bundle, journalOf(), signal)
        t.equal(await world.snapshot('untouched'), after)
        t.same(await session.verify(plan, signal), { state: 'in-place' })
        await world.reloadByOthers?.()
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
    does: 'writes',
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
        const after = await world.snapshot('untouched')
        const next = await session.plan({ target: world.target, families: world.families }, signal)
        t.same(await session.verify(bindPlan(next, fingerprints), signal), { state: 'in-place' })
        const others = Object.fromEntries(world.issue().map((item) => [item.family, item.fingerprint]))
        t.match(await session.verify(bindPlan(next, others), signal), { state: 'differs' })
        t.equal(await world.snapshot('untouched'), after)
      })
    }
  },
  {
    what: 'the chain is served behind the certificate, and after an undo the one that was there before',
    does: 'writes',
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
    does: 'writes',
    async run(t, world) {
      const [before, shown] = [await world.snapshot('content'), await world.shown()]
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        const journal = journalOf()
        await session.deploy(plan, bundle, journal, signal)
        t.notSame(await world.snapshot('content'), before)
        await session.rollback(plan, journal, signal)
        t.same(journal.finished, [])
        t.same(await shownInTheEnd(world, shown), shown)
        t.equal(await world.snapshot('content'), before)
        for (const { key } of bundle) t.notOk(world.holdsKey?.(key.reveal()), 'the new key is gone')
        await session.rollback(plan, journal, signal)
        t.equal(await world.snapshot('content'), before, 'also undone twice')
        t.match(await session.verify(plan, signal), { state: 'differs' })
      })
    }
  },
  {
    what: 'to undo a plan that nobody began touches nothing',
    does: 'writes',
    async run(t, world) {
      await withSession(world, async (session) => {
        const { plan } = await prepare(world, session)
        const before = await world.snapshot('untouched')
        await session.rollback(plan, journalOf(), signal)
        t.equal(await world.snapshot('untouched'), before)
      })
    }
  },
  {
    what: 'a key of another certificate is refused before anything is switched',
    does: 'writes',
    async run(t, world) {
      const [before, shown] = [await world.snapshot('content'), await world.shown()]
      await withSession(world, async (session) => {
        const { plan, bundle } = await prepare(world, session)
        const other = world.issue()
        const mixed = bundle.map((item, at) => ({ ...item, key: other[at]?.key ?? item.key }))
        const journal = journalOf()
        t.equal(await codeOf(session.deploy(plan, mixed, journal, signal)), 'device-refused')
        t.same(await world.shown(), shown)
        await session.rollback(plan, journal, signal)
        t.equal(await world.snapshot('content'), before)
        for (const { key } of [...bundle, ...other]) t.notOk(world.holdsKey?.(key.reveal()))
      })
    }
  },
  {
    what: 'a chain of another authority, and one in the wrong order, are refused before anything is switched',
    does: 'writes',
    async run(t, world) {
      const [before, shown] = [await world.snapshot('content'), await world.shown()]
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
        t.equal(await world.snapshot('content'), before)
      })
    }
  },
  {
    what: 'an abort ends it',
    does: 'reads',
    async run(t, world) {
      const aborted = AbortSignal.abort()
      await t.rejects(world.connector.connect(world.access, aborted))
    }
  }
]
