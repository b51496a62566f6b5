import type { Access, Binding, BoundPlan, Bundle, Journal, Plan, Session } from '../../connectors/contract.ts'
import { bindPlan } from '../../connectors/contract.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import { journalOf as journalFrom, signal } from '../contract/deployment.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import type { TestHost } from '../peers/hosts/host.ts'
import type { Family, HostedProgram, Site } from '../peers/hosts/program.ts'

export { signal }

const ca = createAuthority('test root')
const issuer = createAuthority('test intermediate', { issuer: ca })

/** A leaf for one name. */
export function leaf(name: string, key: 'rsa2048' | 'p256' = 'p256'): Certificate {
  return createCertificate({ names: [name], key, issuer })
}

/** One server with one certificate, and a neighbour at the same port. */
export function twoSites(): readonly Site[] {
  return [
    { names: ['a.test'], listener: 'front', pairs: { ecdsa: leaf('a.test') } },
    { names: ['b.test'], listener: 'front', pairs: { ecdsa: leaf('b.test') } }
  ]
}

/** How a device is reached. */
export interface Reach {
  readonly settings?: Readonly<Record<string, string | number | boolean | readonly string[]>>
  readonly secrets?: Readonly<Record<string, string>>
}

/** Access to a host over SSH, its keys accepted. */
export async function accessTo(host: TestHost, { settings = {}, secrets = {} }: Reach = {}): Promise<Access> {
  const given: Readonly<Record<string, string>> = { key: host.sshd.privateKey, ...secrets }
  const access: Access = {
    settings: {
      address: '127.0.0.1',
      port: host.cable.port,
      user: host.sshd.user,
      configs: host.programs.map(({ config }) => config),
      ...settings
    },
    secret: (name) => (given[name] === undefined ? undefined : new Secret(given[name])),
    pins: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog
  }
  const first = await webHosts.identify(access, signal)
  // behind a jump host the server shows its key once the jump host's is accepted
  const pins = await webHosts.identify({ ...access, pins: first }, signal)
  return { ...access, pins }
}

/** A session over SSH. */
export async function signIn(host: TestHost, reach: Reach = {}): Promise<Session> {
  return webHosts.connect(await accessTo(host, reach), signal)
}

/** All that a session discovers. */
export async function discovered(session: Session): Promise<Binding[]> {
  const found: Binding[] = []
  for await (const page of session.discover(signal)) found.push(...page)
  return found
}

/** A plan for the ECDSA certificate of a name. */
export async function planFor(session: Session, name: string): Promise<Plan> {
  const bindings = await discovered(session)
  const binding = bindings.find(({ slots }) => slots.some(({ names }) => names.includes(name)))
  if (!binding) throw new Error(`nothing holds a certificate for ${name}`)
  return session.plan({ target: binding.target, families: ['ecdsa'] }, signal)
}

/** A bundle of certificates of the tests. */
export function bundleOf(certificates: Readonly<Partial<Record<Family, Certificate>>>): Bundle {
  return Object.entries(certificates).map(([family, { fingerprint, pem, chain, keyPem }]) => ({
    family: family as Family,
    fingerprint,
    leaf: pem,
    chain: chain.slice(1).map((one) => one.pem),
    key: new Secret(keyPem)
  }))
}

/** A plan bound to a bundle. */
export function boundTo(plan: Plan, bundle: Bundle): BoundPlan {
  return bindPlan(plan, Object.fromEntries(bundle.map(({ family, fingerprint }) => [family, fingerprint])))
}

/** A journal that knows nothing yet; `at` is called when a step is done, and may throw. */
export function journalOf(at: (step: string) => void = () => {}): Journal {
  return journalFrom([], at)
}

/** What each site of a program shows. */
export async function wireOf({ sites }: HostedProgram): Promise<string[]> {
  return Promise.all(sites.map(({ port, names: [name = ''] }) => shownAt({ port, name })))
}

/** What each site of a program shows, once the first one shows this fingerprint; what it is in the end otherwise. */
export function wireOnce(program: HostedProgram, first: string | undefined): Promise<string[]> {
  return until(
    () => wireOf(program),
    ([shown]) => shown === first
  )
}

/** Calls until it gives `wanted`, at most ten seconds. */
export async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  for (const end = performance.now() + 10_000; ;) {
    const answer = await ask()
    if (wanted(answer) || performance.now() > end) return answer
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}
