import { Fault } from '../../core/fault.ts'
import type { KeyFamily } from '../contract.ts'
import { mayUseSocket } from './client.ts'
import type { RuntimePlace } from './facts.ts'
import { hasAdminLevel, runtimeNameOf, servedSha1, showCertificates } from './haproxy-runtime.ts'
import type { Reading } from './model.ts'
import type { HostAccess } from './survey.ts'
import type { Place, Target } from './targets.ts'

/** Which HAProxy programs take the new certificates at runtime, without a reload. */
export interface RuntimeFinding {
  /** ids of programs */
  readonly programs: ReadonlySet<string>
  readonly places: readonly RuntimePlace[]
  readonly warnings: readonly string[]
}

/** Asks every HAProxy that uses the target whether it takes all of its certificates at runtime. */
export async function runtimePlaces(
  access: HostAccess,
  target: Target,
  ordered: ReadonlyMap<Place, KeyFamily>
): Promise<RuntimeFinding> {
  const programs = new Set<string>()
  const places: RuntimePlace[] = []
  const warnings: string[] = []
  if (access.settings.haproxySwitch === 'reload') return { programs, places, warnings }
  const readings = [...new Set(target.uses.map(({ reading }) => reading))]
  for (const reading of readings.filter(({ program }) => program.kind === 'haproxy')) {
    const uses = target.uses.filter((use) => use.reading === reading)
    const used = new Map<Place, string | null>()
    for (const { use, places } of uses) {
      for (const [at, place] of places.entries()) {
        if (ordered.has(place)) used.set(place, use.pairs[at]?.runtimeName ?? null)
      }
    }
    const found = await inProcess({ access, reading, target, used })
    warnings.push(...found.warnings)
    if (found.places.length === 0) continue
    programs.add(reading.program.id)
    places.push(...found.places)
  }
  return { programs, places, warnings }
}

interface Asked {
  readonly access: HostAccess
  readonly reading: Reading
  readonly target: Target
  /** with the path by which HAProxy knows each at runtime */
  readonly used: ReadonlyMap<Place, string | null>
}

/** all places of the program, or none when one of them cannot be done in the process */
async function inProcess({
  access,
  reading,
  target,
  used
}: Asked): Promise<Omit<RuntimeFinding, 'programs'>> {
  const { host } = access
  const none = { places: [], warnings: [] }
  const { path: socket, exposed } = await adminSocket(access, reading)
  if (exposed !== null) {
    const what = `The new key is not sent to a socket that others can put there, so ${reading.program.name} is reloaded`
    return { places: [], warnings: [`${what}: ${exposed}.`] }
  }
  if (socket === undefined || ![...used].every(([place, path]) => fits(place, path, reading))) return none
  const { names, transaction } = await showCertificates(host, socket)
  const places: RuntimePlace[] = []
  for (const [place, path] of used) {
    const name = runtimeNameOf(names, path ?? '')
    if (name === undefined) return none
    if ((await servedSha1(host, socket, name)) !== place.sha1) {
      // an undo would bring what lies on the disk, and not what was served
      const what = `The running HAProxy serves another certificate as ${name} than lies on the disk`
      return { places: [], warnings: [`${what}: it is reloaded, and an undo brings the one of the disk.`] }
    }
    const at = target.places.indexOf(place)
    const { bufferSize: limit, keepers } = reading
    places.push({ program: reading.program.id, socket, name, place: at, limit, keepers })
  }
  const warning = `Somebody has begun to change the certificate ${transaction} in the running HAProxy.`
  return { places, warnings: transaction === null ? [] : [warning] }
}

/** A socket that takes certificates, or why none does that would. */
export interface AdminSocket {
  readonly path: string | undefined
  /** others can put another one in its place, which would get the key; null where that is not so */
  readonly exposed: string | null
}

/** The first stats socket that lets us change certificates. Its workers' account may have made it: it has the keys. */
export async function adminSocket(
  { host, settings, trust }: Pick<HostAccess, 'host' | 'settings' | 'trust'>,
  { sockets, keepers }: Reading
): Promise<AdminSocket> {
  const paths = settings.haproxySockets.length > 0 ? settings.haproxySockets : sockets
  const trusted = trust.paths.and(keepers)
  let exposed: string | null = null
  for (const path of paths) {
    if (!(await mayUseSocket(host, path))) continue
    const why = await trusted.entryExposure(path)
    exposed ??= why
    if (why !== null) continue
    try {
      if (await hasAdminLevel(host, path)) return { path, exposed: null }
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code === 'device-unreachable') throw thrown
    }
  }
  return { path: undefined, exposed }
}

/**
 * Certificate and key in one file, nothing beside it. HAProxy 2.6 and 2.7 strip `.crt` from a name and then do not
 * find it (seen with 2.6.12).
 */
function fits({ files }: Place, path: string | null, { program }: Reading): boolean {
  if (path === null || files.length !== 1) return false
  const [major = 0, minor = 0] = program.version.split('.').map(Number)
  return !path.endsWith('.crt') || major > 2 || minor > 7
}
