import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Unmanaged } from '../contract.ts'
import type { HostFiles } from '../shared/files.ts'
import type { Host } from '../shared/host.ts'
import { type Looks, TrustedPaths } from '../shared/trusted-paths.ts'
import { findExecutable, type Login, type Process } from './client.ts'
import type { ChangeFacts } from './facts.ts'
import { type Kind, programTitles } from './model.ts'

/**
 * Whose programs and files are used. The login runs and tests what it finds, so that whoever can change that acts as the
 * login: root, the login itself, and accounts that the settings name.
 */
export interface Trust {
  readonly uids: ReadonlySet<number>
  /** configurations, certificates, keys */
  readonly paths: TrustedPaths
  /** programs to execute: named accounts may not change these */
  readonly programs: TrustedPaths
}

/** What reading a program needs. */
export interface Looking {
  readonly host: Host
  readonly files: HostFiles
  readonly trust: Trust
}

/** Trust for one call of a session. */
export function trustOf(looks: Looks, { uid, signedIn, named }: Login): Trust {
  const own = [0, uid, signedIn]
  const uids = new Set([...own, ...named.values()])
  return { uids, paths: new TrustedPaths(looks, uids), programs: new TrustedPaths(looks, own) }
}

/** Does a process run as a trusted account, wholly? Whoever starts a set-user-ID program stays its real user. */
export function isTrusted({ uids }: Trust, process: Pick<Process, 'uids'>): boolean {
  return process.uids.length > 0 && process.uids.every((uid) => uids.has(uid))
}

/** A program that runs and is not used. */
export interface LeftAlone {
  readonly kind: Kind
  readonly id: string
  readonly title: string
  readonly unmanaged: Unmanaged
}

/** A process with the program to ask about it. */
export interface Admitted {
  readonly executable: string
}

/**
 * Refuses a change when others can reach what it runs, loads or writes: asked when it is planned, and again when it is
 * carried out, since rights may have changed meanwhile. Fault device-others-can-write.
 */
export async function requireClosed({ host, trust }: Pick<Looking, 'host' | 'trust'>, facts: ChangeFacts) {
  const { layout, parts, configs, reloaded, tested, runtime } = facts
  const { paths, programs } = trust
  const commands = [...reloaded, ...tested].flatMap(({ test, reload, start }) => [
    ...(test ?? []).slice(0, 1),
    ...(reload?.by === 'command' ? reload.argv.slice(0, 1) : []),
    ...(start ?? []).slice(0, 1)
  ])
  // a signal goes to whatever process such a file names
  const pidFiles = reloaded.flatMap(({ reload }) => (reload?.by === 'signal' ? [reload.pidFile] : []))
  const looks = [
    ...commands.map((path) => () => programs.exposure(path)),
    ...[...configs, ...pidFiles, ...parts.map(({ path }) => path)].map((path) => () => paths.exposure(path)),
    ...[layout.site, ...parts.map(({ path }) => posix.dirname(path))].map(
      (path) => () => paths.folderExposure(path)
    ),
    ...runtime.map(
      ({ socket, keepers }) =>
        () =>
          paths.and(keepers ?? []).entryExposure(socket)
    )
  ]
  for (const look of looks) {
    const why = await look()
    if (why !== null) throw new Fault('device-others-can-write', `${host.name}: ${why}. Nothing was changed.`)
  }
}

/** A process that was admitted, among all of its kind. */
export interface Running extends Admitted {
  readonly master: Process
  readonly processes: readonly Process[]
}

/** file names that a program of each kind begins with */
const programNames: Readonly<Record<Kind, readonly string[]>> = {
  nginx: ['nginx', 'openresty'],
  haproxy: ['haproxy'],
  apache: ['apache2', 'httpd'],
  files: []
}

/** A master as its kind reads it. */
export interface Master {
  readonly kind: Exclude<Kind, 'files'>
  readonly process: Process
  /** the program as its command line says it */
  readonly argv0: string
}

/** Decides whether a process is what it says, before anything of it is run or read. */
export async function admit({ host, files, trust }: Looking, master: Master): Promise<Admitted | LeftAlone> {
  const { kind, process } = master
  const left = (what: string, title: string, unmanaged: Unmanaged): LeftAlone => ({
    kind,
    id: `${kind}:${what}`,
    title: `${programTitles[kind]} ${title}`,
    unmanaged
  })
  if (process.contained) {
    const why = 'it runs in a container: replace the certificate where the container gets it from'
    return left('container', 'in a container', { code: 'unsupported', why })
  }
  const stranger = isTrusted(trust, process) ? strangerBehind(trust, process) : (process.uids[0] ?? null)
  if (stranger !== null || process.uids.length === 0) {
    const name = stranger === null ? 'an account that changes' : await trust.paths.nameOf(stranger)
    return left(`account ${name}`, `of ${name}`, {
      code: 'others-can-write',
      why: `${name} runs it, so neither its program nor its configuration is used: name the account in programAccounts if it may do what the login may`
    })
  }
  // HAProxy may shut itself in once it has read its files
  if (kind !== 'haproxy' && process.root !== null && process.root !== '/') {
    const why = `it runs with ${process.root} as its root`
    return left(`root ${process.root}`, `in ${process.root}`, { code: 'unsupported', why })
  }
  const executable = process.executable ?? (await named(host, master))
  const why = await refusalOf({ files, trust }, kind, executable).catch(unlessHidden)
  return why === null ? { executable } : left(executable, executable, why)
}

function unlessHidden(thrown: unknown): Unmanaged {
  if (!(thrown instanceof Fault) || thrown.code !== 'device-right') throw thrown
  return { code: 'unreadable', why: `its program cannot be looked at: ${thrown.message}` }
}

/**
 * Where the program cannot be seen, something else could have its name and the rights of root for a moment: sudo or su
 * under another name, while it asks for a password. Then who signed in must be trusted too.
 */
function strangerBehind({ uids }: Trust, { executable, session }: Process): number | null {
  return executable === null && session !== null && !uids.has(session) ? session : null
}

async function named(host: Host, { kind, argv0 }: Master): Promise<string> {
  const found = argv0.startsWith('/') ? argv0 : await findExecutable(host, posix.basename(argv0))
  return found ?? `/usr/sbin/${programNames[kind][0] ?? kind}`
}

async function refusalOf(
  { files, trust }: Pick<Looking, 'files' | 'trust'>,
  kind: Kind,
  executable: string
): Promise<Unmanaged | null> {
  const name = posix.basename(executable)
  if (!executable.startsWith('/') || !programNames[kind].some((known) => name.startsWith(known))) {
    const why = `it calls itself ${programTitles[kind]}, and its program ${executable} has another name`
    return { code: 'unsupported', why }
  }
  const why = await trust.programs.exposure(executable)
  if (why !== null) return { code: 'others-can-write', why: `its program is not run: ${why}` }
  return (await files.stat(executable))
    ? null
    : { code: 'broken', why: `its program ${executable} was removed since it began: start it anew` }
}
