import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Binding, Plan } from '../../connectors/contract.ts'
import { systemClock, type Clock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { namesCover } from '../../pki/host-names.ts'
import { makeCsr } from '../../pki/csr.ts'
import { refusesIssued, saysOf } from '../../pki/issued-reasons.ts'
import { checkIssued } from '../../pki/issued.ts'
import { makePrivateKey, readPrivateKey } from '../../pki/private-key.ts'
import { canonicalNames } from '../../pki/subject-names.ts'
import { createEngine, type Engine } from '../../sensor/automation/engine.ts'
import { storedPlan } from '../../sensor/automation/plans.ts'
import type { EngineDeps, EngineLimits, Pki } from '../../sensor/automation/ports.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import { manageTarget, requestEvent, type EventWish } from '../../sensor/automation/requests.ts'
import { handshake } from '../../sensor/automation/wire/handshake.ts'
import { createWire, wireLimits } from '../../sensor/automation/wire/wire.ts'
import { openDialer } from '../../sensor/scan/probe/open-dialer.ts'
import type { DeploymentRow } from '../../sensor/store/deployments.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { openStore, type Store } from '../../sensor/store/store.ts'
import { createAuthority, createCertificate, pemOf, type Certificate } from '../peers/certificates.ts'
import { createFileCa, openFileCa, purchases } from '../peers/file-ca.ts'
import { fileConnector } from '../peers/file-device/connector.ts'
import { startFileServer, type FileConf, type FileServer } from '../peers/file-device/server.ts'
import { openFileKeys } from '../peers/file-keys.ts'
import { directoryFor } from '../unit/inventory-world.ts'

export const day = 86_400_000

/** The clock of the machine, which can be put forward (or back): waits of hours pass at once. */
export interface ShiftedClock extends Clock {
  shift: number
}

export function shiftedClock(shift = 0): ShiftedClock {
  const clock: ShiftedClock = { ...systemClock, shift, now: () => Date.now() + clock.shift }
  return clock
}

/** The engine's pki, as the product composes it. */
export const pki: Pki = {
  makePrivateKey,
  readPrivateKey,
  makeCsr,
  refusals: (question) => checkIssued(question).filter(refusesIssued).map(saysOf),
  canonicalNames,
  covers: namesCover
}

export const limits: EngineLimits = {
  overall: 4,
  perDevice: 2,
  callMs: 20_000,
  deployBudgetMs: 3_600_000,
  previewBudgetMs: 3_600_000,
  retryMs: 14 * day
}

const authority = createAuthority('Former CA')

/** A certificate that was there before us. */
export function former(names: readonly string[], key: 'rsa2048' | 'p256' = 'p256'): Certificate {
  return createCertificate({ names, issuer: authority, key })
}

/** What a process needs to run the engine in a world: the same in this one and in one that is killed. */
export interface Site {
  readonly root: string
  readonly shift: number
  readonly lifetimeMs: number
}

/** An engine in a site. Its store has to be closed. */
export function openSite(site: Site, change: Partial<EngineDeps> = {}) {
  const clock = shiftedClock(site.shift)
  const store = change.store ?? openStore({ directory: join(site.root, 'state'), busyMs: 2_000 })
  const keys = openFileKeys(site.root)
  const tools = { dialer: openDialer('auto'), clock, random: systemRandom, spared: async () => [] }
  const issuer = openFileCa(join(site.root, 'ca'), { now: () => clock.now(), lifetimeMs: site.lifetimeMs })
  const engine = createEngine({
    store,
    clock,
    random: systemRandom,
    log: silentLog,
    limits,
    keys,
    pki,
    wire: createWire(tools, { ...wireLimits, tryMs: 1_500 }),
    installation: 'test',
    connector: (id) => (id === fileConnector.id ? fileConnector : undefined),
    credentials: async () => () => undefined,
    issuer: () => issuer,
    certificate: () => undefined,
    ...change
  })
  return { store, clock, keys, engine }
}

/**
 * Lets the engine work, and time pass where it waits, until `done` says so; at most `most` waits. A wait of more than
 * `patience` is not made.
 */
export async function drive(
  { engine, clock }: { readonly engine: Engine; readonly clock: ShiftedClock },
  done: () => boolean,
  { most = 60, patience = 3 * 3_600_000 } = {}
): Promise<void> {
  for (let waits = 0; waits < most; waits++) {
    engine.poke()
    await engine.settled()
    if (done()) return
    const next = engine.nextWake()
    if (next === null || next - clock.now() > patience) return
    clock.shift += Math.max(0, next - clock.now())
  }
}

/** Asks for the renewal of targets of the device `edge`. */
export function requestRenewals(
  { engine }: { readonly engine: Engine },
  targets: readonly string[]
): EventRow {
  return requestEvent(engine.context, {
    action: 'renew',
    profile: 'web',
    start: null,
    hours: 'window',
    who: 'alice',
    targets: targets.map((target) => ({ device: 'edge', target }))
  })
}

/** Nothing more happens to an event by itself. */
export function isOver({ state }: EventRow): boolean {
  return ['cleaned', 'rolled-back', 'failed', 'stuck'].includes(state)
}

/** One device of a world: its directory, its server, and what it served first. */
export interface WorldDevice {
  readonly name: string
  readonly directory: string
  readonly server: FileServer
  readonly before: ReadonlyMap<string, Certificate>
}

export interface WorldTarget {
  readonly names: readonly string[]
  readonly keys: readonly ('rsa2048' | 'p256')[]
}

export interface EngineWorld {
  readonly site: Site
  readonly store: Store
  readonly clock: ShiftedClock
  readonly engine: Engine
  readonly keys: ReturnType<typeof openFileKeys>
  device(name: string, targets: Readonly<Record<string, WorldTarget>>, role?: string): Promise<WorldDevice>
  profile(content?: Readonly<Record<string, unknown>>, name?: string): void
  request(wish: Partial<EventWish> & Pick<EventWish, 'targets'>): EventRow
  /** lets the engine work on an event until it is over, or waits for somebody */
  finish(event: EventRow, patience?: number): Promise<EventRow>
  deployments(event: EventRow): DeploymentRow[]
  /** what a client of a target sees: the leaf's fingerprint */
  shown(device: WorldDevice, target: string, family?: 'rsa' | 'ecdsa'): Promise<string | null>
  sold(): string[]
  history(event: EventRow): string[]
}

/** A site with an engine in this process, in `root` (which may hold one already) or a temporary directory. */
export async function engineWorld(
  t: Test,
  change: Partial<EngineDeps> = {},
  root: string = directoryFor(t)
): Promise<EngineWorld> {
  if (!existsSync(join(root, 'ca'))) {
    mkdirSync(join(root, 'ca'))
    await createFileCa(join(root, 'ca'), Date.now())
  }
  const site: Site = { root, shift: 0, lifetimeMs: 90 * day }
  const open = openSite(site, change)
  t.teardown(() => open.store.close())
  const { store, clock, engine } = open
  const world: EngineWorld = {
    ...open,
    site,
    device: (name, targets, role = 'single') => addDevice(t, { root, store }, { name, targets, role }),
    profile(content = {}, name = 'web') {
      const usual = { issuer: 'ca', rollout: { canary: 'none', soakMinutes: 0, atOnce: 2 } }
      store.profiles.put(name, JSON.stringify(wholeProfile({ ...usual, ...content })), clock.now())
    },
    request: (wish) =>
      requestEvent(engine.context, {
        action: 'renew',
        profile: 'web',
        start: null,
        hours: 'window',
        who: 'alice',
        ...wish
      }),
    async finish(event, patience = 3 * 3_600_000) {
      const over = () => store.events.get(event.id).open === 0 || store.events.get(event.id).state === 'stuck'
      await drive(open, over, { patience })
      return store.events.get(event.id)
    },
    deployments: (event) => store.deployments.of(event.id),
    shown: (device, target, family = 'ecdsa') => shown(device.server.ports[target] ?? 0, family),
    sold: () => purchases(join(root, 'ca')),
    history: (event) =>
      store.eventHistory.of(event.id).map(({ who, state, why }) => `${who}: ${state}: ${why}`)
  }
  return world
}

/** What a client sees: the leaf's fingerprint, in TLS 1.3. */
export function shown(port: number, family: 'rsa' | 'ecdsa'): Promise<string | null> {
  const at = { address: '127.0.0.1', port, name: 'x.test', starttls: null }
  return handshake(systemClock, { at, version: 'TLSv1.3', family }, 5_000, new AbortController().signal)
}

interface NewDevice {
  readonly name: string
  readonly targets: Readonly<Record<string, WorldTarget>>
  readonly role: string
}

async function addDevice(
  t: Test,
  { root, store }: { readonly root: string; readonly store: Store },
  { name, targets, role }: NewDevice
): Promise<WorldDevice> {
  const directory = join(root, name)
  mkdirSync(directory)
  const before = new Map<string, Certificate>()
  const conf: { targets: Record<string, FileConf['targets'][string]> } = { targets: {} }
  for (const [target, { names, keys }] of Object.entries(targets)) {
    const slots: Record<string, string> = {}
    for (const key of keys) {
      const certificate = former(names, key)
      const family = key === 'p256' ? 'ecdsa' : 'rsa'
      slots[family] = `${target}-${family}-old.pem`
      writeFileSync(join(directory, slots[family]), pemOf(certificate.chain) + certificate.keyPem)
      before.set(`${target} ${family}`, certificate)
    }
    conf.targets[target] = { names, slots }
  }
  writeFileSync(join(directory, 'conf.json'), JSON.stringify(conf))
  const server = await startFileServer(directory)
  t.teardown(() => server.close())
  const settings = { directory, ports: server.ports, controlPort: server.controlPort, role }
  const id = store.devices.add({
    name,
    connector: 'files',
    settings: JSON.stringify(settings),
    created: Date.now()
  })
  store.devices.setWritable(id, 'writable')
  return { name, directory, server, before }
}

/** What was called on a device, in order. */
export function calls({ directory }: WorldDevice): string[] {
  const path = join(directory, 'calls.log')
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
}

/** The plan that is stored with a deployment. */
export function planOf(of: DeploymentRow): Plan | undefined {
  return storedPlan(of)?.plan
}

/** what the device itself says of its targets */
async function bindings(world: EngineWorld, device: WorldDevice): Promise<Binding[]> {
  const { settings } = world.store.devices.named(device.name)
  const access = {
    settings: JSON.parse(settings),
    secret: () => undefined,
    pins: [],
    ...world.engine.context
  }
  const { signal } = new AbortController()
  const session = await fileConnector.connect(access, signal)
  const pages: Binding[] = []
  for await (const page of session.discover(signal)) pages.push(...page)
  return pages
}

/** Renews a target by itself from now on, by the profile `web`. */
export async function manage(world: EngineWorld, device: WorldDevice, target: string): Promise<void> {
  const binding = (await bindings(world, device)).find((one) => one.target === target)
  if (!binding) throw new Error(`no target ${target}`)
  manageTarget(world.engine.context, { device: device.name, target, profile: 'web', binding })
}
