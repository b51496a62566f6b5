import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Binding } from '../../connectors/contract.ts'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { Issuer } from '../../sensor/issuance/issuer.ts'
import { setUpPrivateCa } from '../../sensor/issuance/private-ca-setup.ts'
import { privateCaIssuer } from '../../sensor/issuance/private-ca.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import type { EventWish, TargetName } from '../../sensor/automation/requests.ts'
import { type Certificate, createAuthority, createCertificate } from '../peers/certificates.ts'
import { shownAt } from '../peers/handshake.ts'
import type { LoopEndpoint, LoopPlan, LoopReport } from '../peers/handshake-loop.ts'
import { startTestHost, type ProgramName, type TestHost } from '../peers/hosts/host.ts'
import type { Family, HostedProgram, Pairs, Site } from '../peers/hosts/program.ts'
import { pebbleMissing } from '../peers/pebble.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { dayMs, keyRing, recipe, register } from '../unit/issuance-world.ts'
import { engineWorld, limits, type EngineWorld } from './engine-world.ts'
import { issuerWorld } from './issuer-world.ts'
import { accessTo, discovered, signal } from './web-hosts-world.ts'
import { openShelf } from './shelf.ts'

/** The programs of the fleet, a host each. */
export const fleetPrograms = ['nginx', 'haproxy', 'apache'] as const satisfies readonly ProgramName[]
export type FleetProgram = (typeof fleetPrograms)[number]

const families = ['rsa', 'ecdsa'] as const
const versions = ['TLSv1.2', 'TLSv1.3'] as const

const formerCa = createAuthority('Former Issuing', { issuer: createAuthority('Former Root') })

function pairs(names: readonly string[]): Pairs {
  const make = (key: 'rsa2048' | 'p256'): Certificate => createCertificate({ names, key, issuer: formerCa })
  return { rsa: make('rsa2048'), ecdsa: make('p256') }
}

/**
 * Four servers of a program, each with both kinds of key: two share a port and are told apart by name, two share
 * their files. And a neighbour, which is in nobody's event.
 */
function sitesOf(program: FleetProgram): readonly Site[] {
  const name = (first: string) => `${first}.${program}.test`
  const shared = pairs([name('c'), name('d')])
  const a = [name('a'), name('www.a')]
  return [
    { names: a, listener: 'front', pairs: pairs(a) },
    { names: [name('b')], listener: 'front', pairs: pairs([name('b')]) },
    {
      names: [name('stays')],
      listener: 'front',
      pairs: { ecdsa: pairs([name('stays')]).ecdsa as Certificate }
    },
    { names: [name('c')], listener: 'back', pairs: shared, files: 'shared' },
    // HAProxy chooses by the names of the certificate: the second user of the file has a port of its own
    { names: [name('d')], listener: program === 'haproxy' ? 'rear' : 'back', pairs: shared, files: 'shared' }
  ]
}

/** One thing to see by handshake: a server by a name, for a kind of key, in a version of TLS. */
export interface Sight extends LoopEndpoint {
  readonly program: string
  readonly name: string
  readonly family: Family
  /** what it showed at first, SHA-256 in hex */
  readonly former: string
  /** it is no target of the event */
  readonly stays: boolean
}

function sightsOf({ name: program, sites }: HostedProgram): Sight[] {
  return sites.flatMap(({ names, port, pairs }) =>
    names.flatMap((name) =>
      families.flatMap((family) => {
        const former = pairs[family]?.fingerprint
        if (former === undefined) return []
        const stays = name.startsWith('stays.')
        return versions.map((version) => {
          const label = `${name}:${port} ${family} ${version}`
          return { label, program, name, port, family, version, former, stays }
        })
      })
    )
  )
}

/** Twelve servers on three hosts, and an engine that may change them. */
export interface Fleet {
  readonly world: EngineWorld
  readonly hosts: readonly TestHost[]
  readonly programs: readonly HostedProgram[]
  readonly targets: readonly TargetName[]
  readonly sights: readonly Sight[]
  /** asks for an event for all targets, and waits until it is over */
  run(wish: Pick<EventWish, 'action' | 'profile'>): Promise<EventRow>
  /** what each sight shows now, one handshake each */
  look(): Promise<Readonly<Record<string, string>>>
  /** puts the certificates of an event on the shelf of the issuer `shelf` */
  shelve(event: EventRow): void
  /** everything that a deployment or a reload changes on the hosts; equal only when nobody did */
  untouched(): string
}

/** An issuer that the fleet can be renewed by. */
export interface FleetIssuer {
  readonly name: string
  /** why it cannot be used here, or undefined */
  readonly missing: () => string | undefined
  readonly open: (t: Test) => Promise<Issuer>
}

/** The built-in CA. */
export const privateCaOfFleet: FleetIssuer = {
  name: 'the private CA',
  missing: () => undefined,
  open: () => freshPrivateCa()
}

/** A private CA that was just set up, and keeps everything in memory. */
export async function freshPrivateCa(): Promise<Issuer> {
  const tools = { keys: keyRing(), clock: systemClock, random: systemRandom, register: register() }
  const { root, issuer, key } = await setUpPrivateCa({ ...recipe, permitted: null }, tools)
  const life = { validityMs: 30 * dayMs, maxValidityMs: 30 * dayMs }
  return privateCaIssuer({ key, certificate: issuer, above: [root], ...life, crlUrls: [] }, tools)
}

/** Pebble, as public CAs are: it wants accounts that are bound to one of its own, and refuses nonces now and then. */
export const pebbleOfFleet: FleetIssuer = {
  name: 'Pebble with external account binding',
  missing: () => pebbleMissing('debian'),
  async open(t) {
    const macKey = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
    const { open } = await issuerWorld(t, { bindings: { 'kid-1': macKey }, nonceReject: 20 })
    return open({ binding: { keyId: 'kid-1', macKey: 'mac' } }, { mac: macKey })
  }
}

/** Starts hosts and engine; all of it ends with the test. */
export async function startFleet(t: Test, from: FleetIssuer): Promise<Fleet> {
  const hosts = new Map<string, TestHost>()
  for (const program of fleetPrograms) {
    const host = await startTestHost({ programs: { [program]: sitesOf(program) } })
    t.teardown(() => host.stop())
    hosts.set(program, host)
  }
  const shelf = openShelf()
  const issuers: Readonly<Record<string, Issuer>> = {
    fresh: await from.open(t),
    shelf: shelf.issuer
  }
  const world = await engineWorld(t, {
    connector: (id) => (id === webHosts.id ? webHosts : undefined),
    credentials:
      async ({ name }) =>
      (field) =>
        field === 'key' ? new Secret(hosts.get(name)?.sshd.privateKey ?? '') : undefined,
    issuer: (name) => issuers[name] ?? ({} as Issuer),
    limits: { ...limits, callMs: 120_000 }
  })
  for (const name of ['fresh', 'shelf']) {
    const rollout = { canary: 'none', soakMinutes: 0, atOnce: 3 }
    world.profile({ issuer: name, keyTypes: ['rsa-2048', 'ec-p256'], rollout }, name)
  }
  const targets: TargetName[] = []
  for (const [name, host] of hosts) {
    const bindings = await addDevice(world, name, host)
    targets.push(...bindings.map(({ target }) => ({ device: name, target })))
  }
  const stop = new AbortController()
  const running = world.engine.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
  })
  const all = [...hosts.values()]
  const programs = all.flatMap((host) => host.programs)
  const sights = programs.flatMap(sightsOf)
  return {
    world,
    hosts: all,
    programs,
    targets,
    sights,
    run: (wish) => runEvent(world, world.request({ ...wish, targets })),
    look: () => lookAt(sights),
    shelve: (event) => shelf.shelve(world, event.id),
    untouched: () => programs.map(untouched).join('\n')
  }
}

/** on a busy machine */
const eventMs = 600_000

/** as the product does it, by the clock of the machine; what became of the event until then */
async function runEvent({ engine, store }: EngineWorld, { id }: EventRow): Promise<EventRow> {
  engine.poke()
  const isOver = ({ open, state }: EventRow) => open === 0 || state === 'stuck'
  const end = performance.now() + eventMs
  while (!isOver(store.events.get(id)) && performance.now() < end) await pause(50)
  return store.events.get(id)
}

/** what discovery says may be changed, but for the neighbours */
async function addDevice(world: EngineWorld, name: string, host: TestHost): Promise<readonly Binding[]> {
  const { devices } = world.store
  const access = await accessTo(host)
  const settings = JSON.stringify(access.settings)
  const id = devices.add({ name, connector: webHosts.id, settings, created: Date.now() })
  devices.setPins(
    id,
    access.pins.map((pin) => ({ ...pin, accepted: Date.now() }))
  )
  devices.setWritable(id, 'writable')
  const session = await webHosts.connect(access, signal)
  const bindings = await discovered(session)
  await session.close()
  return bindings.filter(({ slots }) =>
    slots.every(({ names }) => !names.some((one) => one.startsWith('stays.')))
  )
}

async function lookAt(sights: readonly Sight[]): Promise<Readonly<Record<string, string>>> {
  const shown: Record<string, string> = {}
  for (const sight of sights) shown[sight.label] = await shownAt(sight)
  return shown
}

/** inodes, times and content of all files that the program reads, and which workers it has: a reload makes new ones */
function untouched(program: HostedProgram): string {
  const files = snapshot([program.config, ...program.folders], 'untouched')
  return `${files}\n${program.name}: master ${program.master()}, workers ${program.generation()}`
}

/** New handshakes with a program all the time, made in a process of their own. */
export interface HandshakeLoop {
  readonly program: string
  stop(): Promise<LoopReport>
}

const loopFile = fileURLToPath(new URL('../peers/handshake-loop.ts', import.meta.url))

/** Starts the loop with everything that a program serves, and waits until it has begun. */
export async function startLoop(t: Test, program: string, sights: readonly Sight[]): Promise<HandshakeLoop> {
  const endpoints = sights.filter((sight) => sight.program === program)
  const plan: LoopPlan = { endpoints, perSecond: 40 }
  const child = spawn(process.execPath, [loopFile, JSON.stringify(plan)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  t.teardown(() => void child.kill())
  const output = collected(child)
  while (!output().includes('\n')) await once(child.stdout, 'data')
  return {
    program,
    async stop() {
      child.stdin.end()
      await once(child, 'close')
      return JSON.parse(output().split('\n')[1] ?? '') as LoopReport
    }
  }
}

function collected({ stdout }: Pick<ChildProcess, 'stdout'>): () => string {
  let text = ''
  stdout?.setEncoding('utf8').on('data', (part: string) => (text += part))
  return () => text
}
