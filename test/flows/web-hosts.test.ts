import t, { type Test } from 'tap'
import {
  bindPlan,
  type BoundPlan,
  type Bundle,
  type Journal,
  type Plan,
  type Session
} from '../../connectors/contract.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import { hostMissing, programNames, startTestHost, type TestHost } from '../peers/hosts/host.ts'
import type { Family, HostedProgram, Site } from '../peers/hosts/program.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'

const missing = hostMissing(programNames)
const skip = missing !== undefined && process.env['CI'] !== 'true' ? missing : false
const signal = new AbortController().signal

const ca = createAuthority('test root')
const issuer = createAuthority('test intermediate', { issuer: ca })
const leaf = (name: string, key: 'rsa2048' | 'p256') => createCertificate({ names: [name], key, issuer })
const dual = (name: string) => ({ rsa: leaf(name, 'rsa2048'), ecdsa: leaf(name, 'p256') })

function sites(): readonly Site[] {
  return [
    { names: ['two.test'], listener: 'front', pairs: dual('two.test') },
    { names: ['one.test'], listener: 'front', pairs: { ecdsa: leaf('one.test', 'p256') } }
  ]
}

/** A session over SSH, as the login of the host. */
async function signIn(host: TestHost, more: Readonly<Record<string, unknown>> = {}): Promise<Session> {
  const entries = host.programs
    .filter(({ name }) => name === 'files')
    .flatMap(({ sites, facts }) =>
      sites.flatMap(({ certificates, port, names }) =>
        Object.values(certificates).map(
          (path) =>
            `name=${names[0]} cert=${path} key=${path.replace(/crt$/, 'key')} signal=HUP pidfile=${facts['pidFile']} served=127.0.0.1:${port}@${names[0]}`
        )
      )
    )
  const access = {
    settings: {
      address: '127.0.0.1',
      port: host.cable.port,
      user: host.sshd.user,
      configs: host.programs.map(({ config }) => config),
      files: entries,
      ...more
    },
    secret: (name: string) => (name === 'key' ? new Secret(host.sshd.privateKey) : undefined),
    pins: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog
  }
  const pins = await webHosts.identify(access, signal)
  return webHosts.connect({ ...access, pins }, signal)
}

function bundleOf(certificates: Readonly<Partial<Record<Family, Certificate>>>): Bundle {
  return Object.entries(certificates).map(([family, { fingerprint, pem, chain, keyPem }]) => ({
    family: family as Family,
    fingerprint,
    leaf: pem,
    chain: chain.slice(1).map((one) => one.pem),
    key: new Secret(keyPem)
  }))
}

function bound(plan: Plan, bundle: Bundle): BoundPlan {
  return bindPlan(plan, Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint])))
}

/** A journal that breaks off in front of step `cutAt`. */
function journal(cutAt = Infinity): Journal & { finished: string[] } {
  const finished: string[] = []
  return {
    finished,
    done(step) {
      if (finished.length === cutAt) throw new Error('cut')
      finished.push(step)
    },
    undone(step) {
      finished.splice(finished.indexOf(step), 1)
    }
  }
}

async function planFor(session: Session, program: HostedProgram, name: string): Promise<Plan> {
  const site = program.sites.find(({ names }) => names.includes(name))
  const families = Object.keys(site?.pairs ?? {}) as Family[]
  for await (const page of session.discover(signal)) {
    for (const { target, slots, unmanaged } of page) {
      const isIts = target.startsWith(`${program.name}:`) && slots.some(({ names }) => names.includes(name))
      if (isIts && unmanaged === null) return session.plan({ target, families }, signal)
    }
  }
  throw new Error(`no target of ${program.name} for ${name}`)
}

async function wire(program: HostedProgram): Promise<string[]> {
  const shown: string[] = []
  for (const { names, port, pairs } of program.sites) {
    for (const family of Object.keys(pairs) as Family[]) {
      shown.push(`${names[0]} ${family} ${await shownAt({ port, name: names[0] ?? null, family })}`)
    }
  }
  return shown
}

function expected(program: HostedProgram, fresh: Readonly<Partial<Record<Family, Certificate>>>): string[] {
  return program.sites.flatMap(({ names, pairs }) =>
    Object.entries(pairs).map(([family, { fingerprint }]) => {
      const now = names[0] === 'two.test' ? fresh[family as Family]?.fingerprint : undefined
      return `${names[0]} ${family} ${now ?? fingerprint}`
    })
  )
}

async function exercise(t: Test, host: TestHost, program: HostedProgram, session: Session): Promise<void> {
  const start = snapshot(program.folders, 'untouched')
  const first = await planFor(session, program, 'two.test')
  t.same(await planFor(session, program, 'two.test'), first, 'the same state gives the same plan')
  t.equal(snapshot(program.folders, 'untouched'), start, 'a plan writes nothing')
  const content = snapshot(program.folders, 'content')
  const before = await wire(program)
  const fresh = dual('two.test')
  const bundle = bundleOf(fresh)
  const plan = bound(first, bundle)
  const generation = program.generation()
  await session.rollback(plan, journal(), signal)
  t.equal(snapshot(program.folders, 'untouched'), start, 'an untouched plan has nothing to undo')
  t.equal(program.generation(), generation, 'and nothing is reloaded')
  for (let cut = 0; cut <= first.steps.length; cut++) {
    const kept = journal(cut)
    await session.deploy(plan, bundle, kept, signal).catch((error: Error) => {
      if (error.message !== 'cut') throw error
    })
    await session.rollback(plan, journal(), signal)
    t.equal(snapshot(program.folders, 'content'), content, `cut after ${cut} steps, everything is as before`)
    t.same(await wire(program), before)
  }
  const kept = journal()
  await session.deploy(plan, bundle, kept, signal)
  t.same(
    kept.finished,
    first.steps.map(({ id }) => id)
  )
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  t.same(await wire(program), expected(program, fresh))
  const settled = program.generation()
  await session.deploy(plan, bundle, kept, signal)
  t.equal(program.generation(), settled, 'deploying twice does nothing more')

  const again = dual('two.test')
  const next = bound(await planFor(session, program, 'two.test'), bundleOf(again))
  t.notOk(next.steps.some(({ id }) => id === 'adopt'))
  await session.deploy(next, bundleOf(again), journal(), signal)
  t.same(await wire(program), expected(program, again))
  await session.rollback(next, journal(), signal)
  t.same(await wire(program), expected(program, fresh))
  t.same(await session.verify(plan, signal), { state: 'in-place' })
  await session.deploy(next, bundleOf(again), journal(), signal)
  t.same(await session.verify(next, signal), { state: 'in-place' })
  t.equal((await session.cleanup(next, 1, signal)).length, 1)
  t.equal((await session.cleanup(next, 0, signal)).length, 1)
  await program.reload()
  t.same(await session.verify(next, signal), { state: 'in-place' })
  t.same(await wire(program), expected(program, again))
}

t.test(
  'certificates are replaced over SSH as root, and rolled back after every step',
  { skip },
  async (t) => {
    for (const name of programNames.filter((name) => !process.env['ONLY'] || process.env['ONLY'] === name)) {
      await t.test(name, async (t) => {
        const host = await startTestHost({ programs: { [name]: sites() } })
        t.teardown(() => host.stop())
        const session = await signIn(host)
        t.teardown(() => session.close())
        const check = await session.check(signal)
        t.ok(check.rights.every(({ granted }) => granted))
        const [program] = host.programs
        if (program) await exercise(t, host, program, session)
      })
    }
  }
)
