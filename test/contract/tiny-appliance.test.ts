import t, { type Test } from 'tap'
import type { Binding, Session } from '../../connectors/contract.ts'
import { brokenRules } from '../../scripts/rules.ts'
import { readImports, wrongWith } from '../../scripts/imports.ts'
import { readSources } from '../../scripts/sources.ts'
import { createCertificate } from '../peers/certificates.ts'
import { TinyAppliance } from '../peers/tiny-appliance/appliance.ts'
import { tinyAppliance } from '../peers/tiny-appliance/connector.ts'
import { connectorSuite } from './connector-suite.ts'
import { Cut, journalOf, prepare, signal } from './deployment.ts'
import { accessTo, openWorld, tinyApplianceKind } from './tiny-appliance.ts'

t.test('the example of the connector guide keeps the contract', { timeout: 600_000 }, async (t) => {
  const { cases, points } = await connectorSuite(t, tinyApplianceKind)
  t.comment(`contract tiny-appliance: ${cases} cases, ${points} cut points`)
  t.ok(points > 20, 'requests are cut, too')
})

async function worldOf(t: Test) {
  const world = await openWorld()
  t.teardown(() => world.stop())
  const session: Session = await world.connector.connect(world.access, signal)
  return { world, session, appliance: world.appliance }
}

t.test('a stranger in the place of the device gets no token', async (t) => {
  const appliance = await TinyAppliance.start({})
  t.teardown(() => appliance.stop())
  const access = { ...accessTo(appliance), pins: [{ what: 'tls-spki', fingerprint: 'SHA256:another' }] }
  await t.rejects(tinyAppliance.connect(access, signal), { code: 'device-pin' })
  t.same(appliance.shownTokens, [])
})

t.test('what the appliance renews by itself, and two kinds of key, are refused by the plan', async (t) => {
  const appliance = await TinyAppliance.start({
    own: { names: ['own.test'], certificate: createCertificate({ names: ['own.test'] }), renewal: 'acme' },
    shop: { names: ['shop.test'], certificate: createCertificate({ names: ['shop.test'] }) }
  })
  t.teardown(() => appliance.stop())
  const bare = accessTo(appliance)
  const access = { ...bare, pins: await tinyAppliance.identify(bare, signal) }
  const session = await tinyAppliance.connect(access, signal)
  await t.rejects(session.plan({ target: 'own', families: ['ecdsa'] }, signal), {
    code: 'device-managed-elsewhere'
  })
  await t.rejects(session.plan({ target: 'shop', families: ['rsa', 'ecdsa'] }, signal), {
    code: 'device-unsupported'
  })
  const found: Binding[] = []
  for await (const page of session.discover(signal)) found.push(...page)
  t.match(found, [
    { target: 'own', unmanaged: { code: 'managed-elsewhere', why: /renews it by itself/ } },
    { target: 'shop', unmanaged: null }
  ])
})

t.test('a chain in the wrong order is refused before anything is sent', async (t) => {
  const { world, session, appliance } = await worldOf(t)
  const { plan, bundle } = await prepare(world, session)
  const mixed = bundle.map((item) => ({ ...item, chain: [item.leaf] }))
  await t.rejects(session.deploy(plan, mixed, journalOf(), signal), { code: 'device-refused' })
  t.equal(appliance.writes, 0)
})

t.test('what works and is not saved is not in place', async (t) => {
  const { world, session } = await worldOf(t)
  const { plan, bundle } = await prepare(world, session)
  const journal = journalOf([], (step) => {
    if (step === 'switch') throw new Cut()
  })
  await t.rejects(session.deploy(plan, bundle, journal, signal), Cut)
  t.match(await session.verify(plan, signal), { state: 'differs', why: [/^not saved: /] })
})

t.test("others' unsaved changes are told in the plan, and an undo leaves them unsaved", async (t) => {
  const { world, session, appliance } = await worldOf(t)
  appliance.rename('mail', ['post.test'])
  const { plan } = await prepare(world, session)
  t.match(plan.warnings, [/sites\/mail/])
  await session.rollback(plan, journalOf(), signal)
  t.match(await session.check(signal), { notes: [/sites\/mail/] })
})

t.test(
  'an object of the same name with another certificate is no longer what was planned with',
  async (t) => {
    const { world, session, appliance } = await worldOf(t)
    const { plan, bundle } = await prepare(world, session)
    appliance.put('shop-first', createCertificate({ names: world.names }))
    await t.rejects(session.deploy(plan, bundle, journalOf(), signal), { code: 'device-changed' })
    t.equal(appliance.writes, 0)
  }
)

t.test('an object of ours with another certificate is not in place', async (t) => {
  const { world, session, appliance } = await worldOf(t)
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  appliance.put(
    `tlsward-shop-${bundle[0]?.fingerprint.slice(0, 16)}`,
    createCertificate({ names: world.names })
  )
  t.match(await session.verify(plan, signal), { state: 'differs' })
})

t.test('an undo leaves in place what somebody else put there since', async (t) => {
  const { world, session } = await worldOf(t)
  const { plan, bundle } = await prepare(world, session)
  const journal = journalOf()
  await session.deploy(plan, bundle, journal, signal)
  await world.changeByOthers()
  const theirs = await world.shown()
  await session.rollback(plan, journal, signal)
  t.same(await world.shown(), theirs)
  for (const { key } of bundle) t.notOk(world.holdsKey(key.reveal()))
})

t.test('clean-up leaves what is not ours, and what belongs to another site', async (t) => {
  const { world, session, appliance } = await worldOf(t)
  appliance.put('tlsward-shop-eu-00112233aabbccdd', createCertificate({ names: ['eu.test'] }))
  const { plan, bundle } = await prepare(world, session)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.cleanup(plan, 0, journalOf(), signal), [])
  t.match(appliance.content, /shop-first/)
})

t.test('the example keeps the rules of a connector: it could stand in connectors/', (t) => {
  const folder = 'test/peers/tiny-appliance/'
  const sources = readSources().filter(
    ({ path }) => path.startsWith(folder) && !path.endsWith('appliance.ts')
  )
  t.equal(sources.length, 2)
  const moved = sources.map((one) => ({ ...one, path: one.path.replace(folder, 'connectors/web-hosts/') }))
  const foreign = sources
    .flatMap(readImports)
    .filter(({ ours, target }) => !ours || !target.startsWith(folder))
    .flatMap((one) => wrongWith({ ...one, path: one.path.replace(folder, 'connectors/web-hosts/') }) ?? [])
  t.same(foreign, [])
  t.same(brokenRules(moved), [], 'client.ts is where secrets are revealed')
  t.end()
})
