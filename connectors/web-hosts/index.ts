import { Fault } from '../../core/fault.ts'
import type { Access, Binding, BoundPlan, Bundle, Connector, Journal, Role, Session } from '../contract.ts'
import type { HostFiles, KnownOfHost } from '../shared/files.ts'
import type { Host, HostConnection } from '../shared/host.ts'
import { localFiles } from '../shared/local-files.ts'
import { openLocalHost } from '../shared/local-host.ts'
import { checkBundle } from '../shared/pair.ts'
import { shellFiles } from '../shared/shell-files.ts'
import { preferReading, sftpFiles } from '../shared/sftp-files.ts'
import { openSshHost, type SshConnection } from '../shared/ssh-host.ts'
import { identifySsh } from '../shared/ssh-login.ts'
import { backward, forward } from '../shared/steps.ts'
import { currentGeneration, isTaken } from '../shared/generations.ts'
import { throughSudo } from '../shared/sudo.ts'
import { checkHost } from './check.ts'
import { type Change, stepsOf } from './change.ts'
import { type Login, whoAmI } from './client.ts'
import { factsOf, stateOf } from './facts.ts'
import { connectorId, planChange } from './plan.ts'
import { publicFiles } from './public-files.ts'
import { parseSettings, placesOf, routeOf, secretFields, type Settings, settingsSchema } from './settings.ts'
import { requireClosed, trustOf } from './trust.ts'
import { findTargets, type HostAccess } from './survey.ts'
import type { Target } from './targets.ts'
import { cleanChange, verifyChange } from './verify.ts'

/** nginx, HAProxy and Apache httpd on Linux hosts, and other programs that read PEM files. */
export const webHosts: Connector = {
  id: connectorId,
  title: 'Linux hosts: nginx, HAProxy, Apache and other programs with PEM files',
  traits: { atomicSwap: true, explicitSave: false, lock: 'device' },
  settings: settingsSchema,
  reach: ['place', 'address', 'port', 'jumpAddress', 'jumpPort'],
  secrets: secretFields,
  async identify(access, signal) {
    const settings = parseSettings(access.settings)
    if (settings.place === 'local') return []
    const { clock, pins } = access
    return identifySsh(placesOf(settings, access), { clock, pins, signal })
  },
  async connect(access, signal) {
    signal.throwIfAborted()
    const settings = parseSettings(access.settings)
    const { clock, pins } = access
    if (settings.place === 'local') return new HostSession(access, settings, openLocalHost(clock))
    const ssh = await openSshHost(routeOf(settings, access), { clock, pins, signal })
    return new HostSession(access, settings, ssh, ssh)
  }
}

/** bindings of a page */
const pageSize = 100

class HostSession implements Session {
  readonly #access: Access
  readonly #settings: Settings
  readonly #connection: HostConnection
  readonly publicFiles = publicFiles((signal) => this.#hosts(signal).host)
  readonly #ssh: SshConnection | undefined
  readonly #known: KnownOfHost = {}
  #login: Login | undefined

  constructor(access: Access, settings: Settings, connection: HostConnection, ssh?: SshConnection) {
    this.#access = access
    this.#settings = settings
    this.#connection = connection
    this.#ssh = ssh
  }

  /** the host as the login, as it is for files and all else, and for the commands that need root */
  #hosts(signal: AbortSignal): { readonly login: Host; readonly host: Host; readonly root: Host } {
    const login = this.#connection.with(signal)
    const { sudo } = this.#settings
    const asRoot = throughSudo(login, this.#access.secret('sudo-password'))
    return { login, host: sudo === 'everything' ? asRoot : login, root: sudo === 'no' ? login : asRoot }
  }

  async #open(signal: AbortSignal): Promise<HostAccess> {
    const { login, host, root } = this.#hosts(signal)
    this.#login ??= await whoAmI(host, this.#settings.programAccounts)
    const files = await this.#files(login, host, signal)
    return {
      trust: trustOf({ host, files }, this.#login),
      host,
      root,
      clock: this.#access.clock,
      settings: this.#settings,
      files,
      login: this.#login
    }
  }

  async #files(login: Host, host: Host, signal: AbortSignal): Promise<HostFiles> {
    const known = this.#known
    const own = this.#ssh ? await sftpFiles(this.#ssh, login, { signal, known }) : localFiles(login, known)
    if (!own) return shellFiles(host, known)
    return host === login ? own : preferReading(own, shellFiles(host, known))
  }

  async check(signal: AbortSignal) {
    const host = this.#connection.with(signal)
    return checkHost(await this.#open(signal), { host, password: this.#access.secret('sudo-password') })
  }

  // hosts are not asked for a partner
  role(): Promise<Role> {
    return Promise.resolve('single')
  }

  async *discover(signal: AbortSignal) {
    const targets = await findTargets(await this.#open(signal))
    for (let at = 0; at < targets.length; at += pageSize) {
      yield targets.slice(at, at + pageSize).map(bindingOf)
    }
  }

  async plan(order: Parameters<Session['plan']>[0], signal: AbortSignal) {
    return planChange(await this.#open(signal), order)
  }

  async deploy(plan: BoundPlan, bundle: Bundle, journal: Journal, signal: AbortSignal) {
    const facts = factsOf(plan)
    const pairs = checkBundle(plan, bundle, this.#access.clock.now())
    const access = await this.#open(signal)
    await requireClosed(access, facts)
    if ((await stateOf(access.files, facts)) !== plan.state) {
      throw new Fault(
        'device-changed',
        `${access.host.name} changed since the plan for ${plan.target} was made: certificate files or configuration. Nothing was changed.`,
        { target: plan.target }
      )
    }
    await forward(stepsOf(facts), { access, plan, facts, pairs }, journal)
    this.#access.log.info('web-hosts-deployed', { host: access.host.name, target: plan.target })
  }

  async verify(plan: BoundPlan, signal: AbortSignal) {
    return verifyChange(await this.#open(signal), plan)
  }

  async rollback(plan: BoundPlan, journal: Journal, signal: AbortSignal) {
    const facts = factsOf(plan)
    const access = await this.#open(signal)
    await requireClosed(access, facts)
    const { site, old, next } = facts.layout
    const current = await currentGeneration(access.files, site)
    const isOther = current !== undefined && current !== old && current !== next
    if (isOther && (await isTaken(access.files, facts.layout, facts.parts))) {
      throw new Fault(
        'device-changed',
        `${site}/cur leads to ${current}: another deployment came after this one.`,
        {
          target: plan.target
        }
      )
    }
    const change: Change = { access, plan, facts, pairs: [] }
    await backward(stepsOf(facts), change, journal)
    this.#access.log.info('web-hosts-rolled-back', { host: access.host.name, target: plan.target })
  }

  async cleanup(plan: BoundPlan, keep: number, _: Journal, signal: AbortSignal) {
    return cleanChange(await this.#open(signal), plan, keep)
  }

  isOpen() {
    return this.#connection.isOpen()
  }

  async close() {
    await this.#connection.close()
  }
}

function bindingOf({ id, title, kind, places, served, shares, unmanaged }: Target): Binding {
  return {
    target: id,
    title,
    kind,
    slots: places.flatMap(({ slot }) => slot ?? []),
    served,
    shares,
    unmanaged
  }
}
