import { existsSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { hostMissing, startTestHost } from '../peers/hosts/host.ts'
import type { HostedProgram } from '../peers/hosts/program.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { shownAt } from '../peers/handshake.ts'
import { skipFor } from '../peers/process.ts'
import {
  boundTo,
  bundleOf,
  discovered,
  journalOf,
  leaf,
  signal,
  signIn,
  twoSites,
  until,
  wireOf,
  wireOnce
} from './web-hosts-world.ts'

const missing = hostMissing(['nginx', 'haproxy'])
const skip = skipFor(missing)

function programOf(programs: readonly HostedProgram[], name: string): HostedProgram {
  const found = programs.find((program) => program.name === name)
  if (!found) throw new Error(`${name} was started`)
  return found
}

/** Replaces a text in a file. */
function edit(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${from} stands in ${path}`)
  writeFileSync(path, text.replaceAll(from, to))
}

t.test('a file of nginx and HAProxy is one target: both change, and both go back', { skip }, async (t) => {
  const host = await startTestHost({ programs: { nginx: twoSites(), haproxy: twoSites() } })
  t.teardown(() => host.stop())
  const nginx = programOf(host.programs, 'nginx')
  const haproxy = programOf(host.programs, 'haproxy')
  const pem = haproxy.sites[0]?.certificates.ecdsa ?? ''
  const config = join(dirname(nginx.config), 'sites/0.conf')
  const certificate = nginx.sites[0]?.certificates.ecdsa ?? ''
  edit(config, certificate.replace(/crt$/, 'key'), pem)
  edit(config, certificate, pem)
  const old = haproxy.sites[0]?.pairs.ecdsa?.fingerprint
  await nginx.reload()
  const wire = async () => [...(await wireOf(nginx)), ...(await wireOf(haproxy))]
  const neighbours = [nginx, haproxy].map(({ sites }) => sites[1]?.pairs.ecdsa?.fingerprint)
  const both = (fingerprint: string | undefined) => [fingerprint, neighbours[0], fingerprint, neighbours[1]]
  t.same(await until(wire, ([first]) => first === old), both(old))
  const before = snapshot([...nginx.folders, ...haproxy.folders], 'content')

  const session = await signIn(host)
  t.teardown(() => session.close())
  const target = (await discovered(session)).find(({ slots }) => slots[0]?.fingerprint === old)
  t.match(target, {
    target: `nginx:${pem}`,
    shares: [{ what: /^HAProxy frontend front/, names: ['a.test'] }],
    unmanaged: null
  })
  const fresh = leaf('a.test')
  const bundle = bundleOf({ ecdsa: fresh })
  const plan = boundTo(
    await session.plan({ target: target?.target ?? '', families: ['ecdsa'] }, signal),
    bundle
  )
  t.same(
    plan.steps.map(({ id }) => id),
    ['adopt', 'stage', 'test-before', 'commit-1', 'switch', 'test', 'reload']
  )
  t.equal(new Set(plan.served.map(({ port }) => port)).size, 2)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.same(await until(wire, ([first]) => first === fresh.fingerprint), both(fresh.fingerprint))
  await session.rollback(plan, journalOf(), signal)
  t.same(await until(wire, ([first]) => first === old), both(old))
  t.equal(snapshot([...nginx.folders, ...haproxy.folders], 'content'), before)
})

t.test('one kind of key is replaced, the other stays; and back', { skip }, async (t) => {
  const pairs = { rsa: leaf('a.test', 'rsa2048'), ecdsa: leaf('a.test') }
  const host = await startTestHost({ programs: { nginx: [{ names: ['a.test'], listener: 'front', pairs }] } })
  t.teardown(() => host.stop())
  const nginx = programOf(host.programs, 'nginx')
  const port = nginx.sites[0]?.port ?? 0
  const session = await signIn(host)
  t.teardown(() => session.close())
  const [target] = await discovered(session)
  const wire = async () => [await shownAt({ port, family: 'rsa' }), await shownAt({ port, family: 'ecdsa' })]
  const before = snapshot(nginx.folders, 'content')
  const fresh = leaf('a.test', 'rsa2048')
  const bundle = bundleOf({ rsa: fresh })
  const plan = boundTo(
    await session.plan({ target: target?.target ?? '', families: ['rsa'] }, signal),
    bundle
  )
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  const wanted = [fresh.fingerprint, pairs.ecdsa.fingerprint]
  t.same(await until(wire, (shown) => String(shown) === String(wanted)), wanted)
  await session.rollback(plan, journalOf(), signal)
  const old = [pairs.rsa.fingerprint, pairs.ecdsa.fingerprint]
  t.same(await until(wire, (shown) => String(shown) === String(old)), old)
  t.equal(snapshot(nginx.folders, 'content'), before)
})

t.test('the only certificate of a server may change its kind of key, with a warning', { skip }, async (t) => {
  const host = await startTestHost({ programs: { nginx: twoSites() } })
  t.teardown(() => host.stop())
  const nginx = programOf(host.programs, 'nginx')
  const session = await signIn(host)
  t.teardown(() => session.close())
  const target = (await discovered(session)).find(({ slots }) => slots[0]?.names.includes('a.test'))
  const fresh = leaf('a.test', 'rsa2048')
  const bundle = bundleOf({ rsa: fresh })
  const plan = boundTo(
    await session.plan({ target: target?.target ?? '', families: ['rsa'] }, signal),
    bundle
  )
  t.match(plan.warnings, [/changes from ECDSA to RSA/])
  await session.deploy(plan, bundle, journalOf(), signal)
  t.equal((await wireOnce(nginx, fresh.fingerprint))[0], fresh.fingerprint)
  const both = { target: target?.target ?? '', families: ['rsa', 'ecdsa'] } as const
  await t.rejects(session.plan(both, signal), { code: 'device-refused', message: /no place for an ECDSA/ })
})

t.test('HAProxy: what lies beside the old certificate is not used with the new one', { skip }, async (t) => {
  const host = await startTestHost({ programs: { haproxy: twoSites() } })
  t.teardown(() => host.stop())
  const haproxy = programOf(host.programs, 'haproxy')
  const pem = haproxy.sites[0]?.certificates.ecdsa ?? ''
  const old = await wireOf(haproxy)
  writeFileSync(`${pem}.issuer`, haproxy.sites[0]?.pairs.ecdsa?.issuer?.pem ?? '')
  const before = snapshot(haproxy.folders, 'content')
  const session = await signIn(host)
  t.teardown(() => session.close())
  const fresh = leaf('a.test')
  const bundle = bundleOf({ ecdsa: fresh })
  const unbound = await session.plan({ target: `haproxy:${pem}`, families: ['ecdsa'] }, signal)
  t.match(unbound.warnings, [/issuer belongs to the old certificate/])
  t.notOk(
    unbound.steps.some(({ id }) => id.startsWith('commit')),
    'by reload'
  )
  const plan = boundTo(unbound, bundle)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.equal(existsSync(`${pem}.issuer`), false)
  await session.deploy(plan, bundle, journalOf(), signal)
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.equal((await wireOnce(haproxy, fresh.fingerprint))[0], fresh.fingerprint)
  const again = await session.plan({ target: `haproxy:${pem}`, families: ['ecdsa'] }, signal)
  t.same(again.warnings, [])
  await session.rollback(plan, journalOf(), signal)
  t.same(await wireOnce(haproxy, old[0]), old)
  t.equal(snapshot(haproxy.folders, 'content'), before)
})

t.test(
  'files that somebody put in the place of our links are taken over anew, and come back',
  { skip },
  async (t) => {
    const host = await startTestHost({ programs: { nginx: twoSites() } })
    t.teardown(() => host.stop())
    const nginx = programOf(host.programs, 'nginx')
    const path = nginx.sites[0]?.certificates.ecdsa ?? ''
    const session = await signIn(host)
    t.teardown(() => session.close())
    const order = { target: `nginx:${path}`, families: ['ecdsa'] } as const
    const first = bundleOf({ ecdsa: leaf('a.test') })
    const plan = boundTo(await session.plan(order, signal), first)
    await session.deploy(plan, first, journalOf(), signal)
    const theirs = leaf('a.test')
    for (const [file, text] of [
      [path, theirs.pem],
      [path.replace(/crt$/, 'key'), theirs.keyPem]
    ] as const) {
      writeFileSync(`${file}.new`, text, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    }
    await nginx.reload()
    t.equal((await wireOnce(nginx, theirs.fingerprint))[0], theirs.fingerprint)
    await t.rejects(session.deploy(plan, first, journalOf(), signal), { code: 'device-changed' })
    const fresh = leaf('a.test')
    const bundle = bundleOf({ ecdsa: fresh })
    const next = boundTo(await session.plan(order, signal), bundle)
    await session.deploy(next, bundle, journalOf(), signal)
    t.same(await session.verify(next, signal), { state: 'in-place' })
    t.equal((await wireOnce(nginx, fresh.fingerprint))[0], fresh.fingerprint)
    await session.rollback(next, journalOf(), signal)
    t.equal((await wireOnce(nginx, theirs.fingerprint))[0], theirs.fingerprint)
    t.equal(readFileSync(path, 'utf8'), theirs.pem)
  }
)

t.test("what another program's link leads to is left to it", { skip }, async (t) => {
  const host = await startTestHost({ programs: { nginx: twoSites() } })
  t.teardown(() => host.stop())
  const nginx = programOf(host.programs, 'nginx')
  const path = nginx.sites[0]?.certificates.ecdsa ?? ''
  const elsewhere = join(host.folder, 'archive.pem')
  renameSync(path, elsewhere)
  symlinkSync(elsewhere, path)
  const session = await signIn(host)
  t.teardown(() => session.close())
  const target = (await discovered(session)).find(({ slots }) => slots[0]?.names.includes('a.test'))
  t.match(target?.unmanaged?.why, /is a link to .*archive\.pem/)
  const order = { target: target?.target ?? '', families: ['ecdsa'] } as const
  await t.rejects(session.plan(order, signal), { code: 'device-managed-elsewhere' })
})
