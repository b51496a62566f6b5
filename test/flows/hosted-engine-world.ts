import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { systemClock } from '../../core/clock.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Secret } from '../../core/secret.ts'
import type { EngineDeps } from '../../sensor/automation/ports.ts'
import { wholeProfile } from '../../sensor/automation/profile.ts'
import type { EventRow } from '../../sensor/store/events.ts'
import { openStore } from '../../sensor/store/store.ts'
import { createFileCa } from '../peers/file-ca.ts'
import { shakeHands, shownAt } from '../peers/handshake.ts'
import { startTestHost, type ProgramName, type TestHost, type TestHostOptions } from '../peers/hosts/host.ts'
import type { HostedProgram, Site as ServedSite } from '../peers/hosts/program.ts'
import { reloadByOthers } from '../peers/hosts/reload.ts'
import { snapshot } from '../peers/hosts/snapshot.ts'
import { withMoments } from './engine-moments.ts'
import { day, limits, openSite, requestRenewals, type Site } from './engine-world.ts'
import { twoSites } from './web-hosts-world.ts'

/** What a process needs to run the engine for a host: the same in this one and in one that is killed. */
export interface HostedSite extends Site {
  /** file with the private key of the login */
  readonly loginKey: string
}

/** An engine that reaches its device over SSH and tells what it keeps. It has to be closed. */
export function openHostedSite(
  site: HostedSite,
  at: (moment: string) => void = () => {},
  change: Partial<EngineDeps> = {}
) {
  const store = withMoments(openStore({ directory: join(site.root, 'state'), busyMs: 2_000 }), at)
  const open = openSite(site, {
    store,
    limits: { ...limits, callMs: 60_000 },
    connector: (id) => (id === webHosts.id ? webHosts : undefined),
    credentials: async () => (field) =>
      field === 'key' ? new Secret(readFileSync(site.loginKey, 'utf8')) : undefined,
    ...change
  })
  const { sessions } = open.engine.context
  // as when it works by itself
  sessions.begin()
  const close = async () => {
    await sessions.end()
    store.close()
  }
  return { ...open, close }
}

/** Settings of the device in place of the usual ones. */
export type DeviceSettings = Readonly<Record<string, string | number | boolean | readonly string[]>>

/** A host with one program, which serves a.test (the target) and b.test (its neighbour) at one port. */
export interface EngineHost {
  readonly host: TestHost
  readonly program: HostedProgram
  /** the target as the connector names it */
  readonly target: string
  /** the path of the target's certificate in the configuration */
  readonly path: string
  /** what a.test and b.test show before anything is done */
  readonly old: readonly string[]
  /** everything on the host that a deployment may change */
  state(): string
  /** SHA-256 of the public key of every private key in the folders of the program, each once, sorted */
  keys(): readonly string[]
  /** puts everything back as it was at first */
  reset(): Promise<void>
  stop(): Promise<void>
}

/** Starts it. */
export async function startEngineHost(
  name: ProgramName,
  {
    sites = twoSites(),
    ...options
  }: Omit<TestHostOptions, 'programs'> & { readonly sites?: readonly ServedSite[] } = {}
): Promise<EngineHost> {
  const host = await startTestHost({ programs: { [name]: sites }, ...options })
  const [program] = host.programs
  const path = program?.sites[0]?.certificates.ecdsa
  if (!program || path === undefined) throw new Error('a program with a site was started')
  const copies = program.folders.map((folder, at) => ({ folder, copy: join(host.folder, `copy-${at}`) }))
  for (const { folder, copy } of copies) cpSync(folder, copy, { recursive: true })
  const old = program.sites.map(({ pairs }) => pairs.ecdsa?.fingerprint ?? '')
  const state = () => snapshot(program.folders, 'content')
  const first = state()
  return {
    host,
    program,
    target: `${name}:${path}`,
    path,
    old,
    state,
    keys: () => [...new Set(program.folders.flatMap(keysBelow))].sort(),
    async reset() {
      for (const { folder, copy } of copies) {
        if (snapshot([folder], 'content').replaceAll(folder, copy) === snapshot([copy], 'content')) continue
        rmSync(folder, { recursive: true })
        cpSync(copy, folder, { recursive: true })
      }
      await reloadByOthers(program)
      const shown = await shownOnce(program, old)
      if (state() !== first || String(shown) !== String(old)) throw new Error('the host is not as it was')
    },
    stop: () => host.stop()
  }
}

function keysBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'))
    .filter((text) => text.includes('PRIVATE KEY'))
    .map(printOf)
}

/** SHA-256 of the public key of a private key in PEM, which may stand among certificates. */
export function printOf(pem: string): string {
  const spki = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('hex')
}

/** What each site of a program shows. */
export function shownBy({ sites }: HostedProgram): Promise<string[]> {
  return Promise.all(sites.map(({ port, names: [name = ''] }) => shownAt({ port, name })))
}

/** What each site shows once that is `wanted`, three times in a row; what it is in the end otherwise. */
export async function shownOnce(program: HostedProgram, wanted: readonly string[]): Promise<string[]> {
  const end = performance.now() + 10_000
  for (let good = 0; ; await pause(20)) {
    const shown = await shownBy(program)
    good = String(shown) === String(wanted) ? good + 1 : 0
    if (good === 3 || performance.now() > end) return shown
  }
}

/** What each site shows in each version of TLS that clients use, once for each. */
export async function shownInBoth({ sites }: HostedProgram): Promise<string[]> {
  const shown: string[] = []
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const { port, names } of sites) {
      const one = await shakeHands({ port, name: names[0] ?? null, version })
      shown.push(one.ok ? one.fingerprint : one.error)
    }
  }
  return shown
}

/** A client that comes again and again and remembers what it was shown, until it is stopped. */
export interface Watch {
  stop(): Promise<readonly ReadonlySet<string>[]>
}

/** Lets it come to every site of a program; gives what each one has shown. */
export function watch(program: HostedProgram): Watch {
  const seen = program.sites.map(() => new Set<string>())
  const stop = new AbortController()
  const watched = (async () => {
    for (; !stop.signal.aborted; await pause(250)) {
      for (const [at, shown] of (await shownBy(program)).entries()) seen[at]?.add(shown)
    }
  })()
  return {
    async stop() {
      stop.abort()
      await watched
      return seen
    }
  }
}

/** What is asked of the site of an engine. */
export interface SiteWish {
  readonly settings?: DeviceSettings
  readonly profile?: Readonly<Record<string, unknown>>
}

/** Makes the state of an engine for a host below `root`: its CA, its store with device, pins and profile. */
export async function makeHostedSite(
  root: string,
  { host, program }: EngineHost,
  { settings = {}, profile = {} }: SiteWish = {}
): Promise<HostedSite> {
  const made = mkdtempSync(join(root, 'site-'))
  mkdirSync(join(made, 'ca'))
  await createFileCa(join(made, 'ca'), Date.now())
  const whole = {
    address: '127.0.0.1',
    port: host.cable.port,
    user: host.sshd.user,
    programs: [program.name],
    configs: [program.config],
    ...settings
  }
  const store = openStore({ directory: join(made, 'state'), busyMs: 2_000 })
  const now = Date.now()
  const id = store.devices.add({
    name: 'edge',
    connector: webHosts.id,
    settings: JSON.stringify(whole),
    created: now
  })
  store.devices.setWritable(id, 'writable')
  const access = {
    settings: whole,
    secret: () => undefined,
    pins: [],
    clock: systemClock,
    random: systemRandom,
    log: silentLog
  }
  const pins = await webHosts.identify(access, new AbortController().signal)
  store.devices.setPins(
    id,
    pins.map((pin) => ({ ...pin, accepted: now }))
  )
  const usual = { issuer: 'ca', rollout: { canary: 'none', soakMinutes: 0, atOnce: 2 } }
  const content = { ...usual, keep: { generations: 0, graceHours: 0 }, ...profile }
  store.profiles.put('web', JSON.stringify(wholeProfile(content)), now)
  store.close()
  return { root: made, shift: 0, lifetimeMs: 90 * day, loginKey: join(host.folder, 'ssh', 'client') }
}

/** Asks for the renewal of the target. */
export function requestRenewal(
  { engine }: Pick<ReturnType<typeof openHostedSite>, 'engine'>,
  { target }: EngineHost
): EventRow {
  return requestRenewals({ engine }, [target])
}

/**
 * Somebody who puts a file of his own in the place of a configured path once everything is deployed, so that the
 * deployment is found wanting, and takes it back once it is undone.
 */
export function meddler(path: string): (moment: string) => void {
  let link = ''
  return (moment) => {
    if (moment === 'deployment verifying') {
      link = readlinkSync(path)
      writeFileSync(`${path}.theirs`, readFileSync(path), { mode: 0o600 })
      renameSync(`${path}.theirs`, path)
    }
    // an undo that waits tells so again, and may have been at work by then
    if (moment === 'deployment rolling-back' && link !== '') {
      symlinkSync(link, `${path}.theirs`)
      renameSync(`${path}.theirs`, path)
      link = ''
    }
  }
}

/** What a process does that may be killed. */
export interface ReplacementTask {
  readonly site: HostedSite
  readonly event: number
  /** the moment at which it dies; null: it does not */
  readonly dies: string | null
  /** the path that a {@link meddler} is after; null: there is none */
  readonly meddled: string | null
}
