import { hash } from 'node:crypto'
import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import { type KeyFamily, newName, type Plan, type PlanOrder, unmanagedFault } from '../contract.ts'
import type { Owned } from '../shared/files.ts'
import { currentGeneration, generationsOf, type Layout, numberOf, type Part } from '../shared/generations.ts'
import { planned } from '../shared/steps.ts'
import { stepsOf } from './change.ts'
import { listeningPorts, type Login } from './client.ts'
import { type ChangeFacts, type PlannedPlace, stateOf, storedFacts } from './facts.ts'
import { programOf, type Reading, replacedNote, type RunningProgram } from './model.ts'
import { testProgram } from './programs.ts'
import { type RuntimeFinding, runtimePlaces } from './runtime-places.ts'
import { findTargets, type HostAccess } from './survey.ts'
import type { Place, PlacedFile, Target } from './targets.ts'
import { requireClosed } from './trust.ts'

export const connectorId = 'web-hosts'

/** Plans a deployment to a target; reads only. */
export async function planChange(access: HostAccess, { target: id, families }: PlanOrder): Promise<Plan> {
  const targets = await findTargets(access)
  const target = targets.find((one) => one.id === id)
  if (!target) {
    throw new Fault('target-missing', `${access.host.name} has no target ${id} (any more).`, { target: id })
  }
  if (target.unmanaged !== null) throw unmanagedFault(target.unmanaged, target.title, id)
  const readings = readingsOf(target)
  for (const { program, unreadable } of readings) {
    if (unreadable.length === 0) continue
    throw new Fault(
      'device-right',
      `${access.login.user} may not read ${unreadable.join(', ')} of ${program.name}: other servers could use the same certificate. Give the login this right.`
    )
  }
  for (const { program } of readings) await testProgram(access, programOf(program), 'device-broken')
  const ordered = assign(target, families)
  const runtime = await runtimePlaces(access, target, ordered)
  const layout = await layoutOf(access, target, families)
  const { parts, places } = await partsOf(access, target, ordered)
  const byReload = reloadedFor(target, { ordered, runtime })
  const facts: ChangeFacts = {
    layout,
    parts,
    places,
    reloaded: byReload.map(({ program }) => programOf(program)),
    tested: readings
      .filter(({ program }) => runtime.programs.has(program.id))
      .map(({ program }) => programOf(program)),
    runtime: runtime.places,
    configs: [...new Set(readings.flatMap(({ configs }) => configs.map(({ path }) => path)))].sort()
  }
  await requireClosed(access, facts)
  await checkRights(access, facts, byReload)
  await checkPorts(access, byReload)
  return {
    connector: connectorId,
    target: id,
    families,
    steps: planned(stepsOf(facts)),
    before: target.places.flatMap(({ slot }) => slot ?? []),
    served: target.served,
    neighbours: target.neighbours(),
    shares: target.shares,
    warnings: warningsOf({
      access,
      target,
      ordered,
      reloads: await reloadsOf(access, byReload),
      runtime,
      facts
    }),
    state: await stateOf(access.files, facts),
    facts: storedFacts(facts)
  }
}

function readingsOf({ uses }: Target): Reading[] {
  return [...new Set(uses.map(({ reading }) => reading))]
}

/** Programs that use a new certificate and do not take it at runtime. */
function reloadedFor(
  target: Target,
  { ordered, runtime }: Pick<Considered, 'ordered' | 'runtime'>
): Reading[] {
  const touched = new Set(
    target.uses.filter((use) => use.places.some((place) => ordered.has(place))).map(({ reading }) => reading)
  )
  return readingsOf(target).filter(
    (reading) => touched.has(reading) && !runtime.programs.has(reading.program.id)
  )
}

/** Which place gets which new certificate. A target with one place takes a certificate of either kind. */
function assign({ places, id }: Target, families: readonly KeyFamily[]): Map<Place, KeyFamily> {
  const ordered = new Map<Place, KeyFamily>()
  for (const family of families) {
    const same = places.filter(({ slot }) => slot?.family === family)
    const fingerprints = new Set(places.map(({ slot }) => slot?.fingerprint))
    const chosen = same.length > 0 ? same : fingerprints.size === 1 && families.length === 1 ? places : []
    for (const place of chosen) ordered.set(place, family)
    if (chosen.length > 0) continue
    const holds = places.map(({ slot }) => slot?.family ?? 'none').join(', ')
    const kind = family === 'rsa' ? 'an RSA' : 'an ECDSA'
    throw new Fault(
      'device-refused',
      `${id} has no place for ${kind} certificate (it holds: ${holds}). Add a second certificate to the configuration first.`,
      { target: id, family }
    )
  }
  return ordered
}

async function layoutOf(
  { files, settings, login }: HostAccess,
  target: Target,
  families: readonly KeyFamily[]
): Promise<Layout> {
  const all = target.places.flatMap((place) => place.files)
  const key = all.find(({ role }) => role === 'key' || role === 'combined') ?? all[0]
  const home = posix.dirname(key?.path ?? '/')
  const own = all.find((file) => file.own !== null)?.own?.site
  const object = all[0]?.path ?? ''
  const site =
    own ??
    posix.join(
      settings.generations || posix.join(home, '.tlsward'),
      `${posix.basename(object)}-${hash('sha256', object, 'hex').slice(0, 8)}`
    )
  const existing = await generationsOf(files, site)
  const current = await currentGeneration(files, site)
  const last = Math.max(0, ...existing.map(numberOf))
  const fingerprint = target.places[0]?.slot?.fingerprint.slice(0, 16) ?? ''
  // a site that nothing leads to any more, since somebody has put files in the place of the links, is begun anew
  const old = own !== undefined && current !== undefined ? current : `g${last + 1}-${fingerprint}`
  const next = [`g${Math.max(last, numberOf(old)) + 1}`, ...families.map(newName)].join('-')
  const stat = await files.stat((await files.realPath(home)) ?? home)
  const owned = ownedBy(login, { mode: stat?.mode ?? 0o755, uid: stat?.uid ?? 0, gid: stat?.gid ?? 0 })
  return { site, old, next, existed: own !== undefined, owned: { ...owned, mode: owned.mode & 0o777 } }
}

/** only root can give files away; others give them to themselves, and to groups that they belong to */
function ownedBy({ uid, groups }: Login, owned: Owned): Owned {
  if (uid === 0) return owned
  return { mode: owned.mode, uid, gid: groups.includes(owned.gid) ? owned.gid : (groups[0] ?? owned.gid) }
}

async function partsOf(
  { files, login }: HostAccess,
  target: Target,
  ordered: ReadonlyMap<Place, KeyFamily>
): Promise<{ parts: Part[]; places: PlannedPlace[] }> {
  const parts = new Map<string, Part>()
  const places: PlannedPlace[] = []
  const paths = new Set(target.places.flatMap((place) => place.files.map(({ path }) => path)))
  for (const [at, place] of target.places.entries()) {
    const named: { role: PlacedFile['role']; name: string }[] = []
    for (const [nth, file] of place.files.entries()) {
      const to = await files.readLink(file.path)
      const alias = to === undefined ? undefined : posix.resolve(posix.dirname(file.path), to)
      // a link to another of the paths follows that one by itself
      const path = alias !== undefined && paths.has(alias) ? alias : file.path
      const known = parts.get(path)
      const name =
        known?.name ??
        file.own?.name ??
        `${at}.${file.role === 'beside' ? posix.extname(path).slice(1) : file.role}${clash(place, nth)}`
      named.push({ role: file.role, name })
      if (known || path !== file.path) continue
      const stat = file.real === '' ? undefined : await files.stat(file.real)
      parts.set(path, {
        path,
        name,
        before: file.own ? { kind: 'ours' } : to === undefined ? { kind: 'file' } : { kind: 'link', to },
        sha256: file.real === '' ? '' : ((await files.hash(file.real)) ?? ''),
        owned: ownedBy(login, { mode: stat?.mode ?? 0o600, uid: stat?.uid ?? 0, gid: stat?.gid ?? 0 })
      })
    }
    const { object, sha1, keyFirst, extra } = place
    places.push({ object, ordered: ordered.get(place) ?? null, sha1, files: named, keyFirst, extra })
  }
  return { parts: [...parts.values()], places }
}

/** two files of a place with one role and ending get a number */
function clash({ files }: Place, nth: number): string {
  const same = files.slice(0, nth).filter(({ role }) => role === files[nth]?.role && role !== 'beside').length
  return same === 0 ? '' : String(same)
}

const enough = 1024 * 1024

async function checkRights(
  access: HostAccess,
  facts: ChangeFacts,
  byReload: readonly Reading[]
): Promise<void> {
  const { files, login, host } = access
  const { layout, parts } = facts
  const directories = new Set(
    parts.filter(({ before }) => before.kind !== 'ours').map(({ path }) => posix.dirname(path))
  )
  const base = [layout.site, posix.dirname(layout.site), posix.dirname(posix.dirname(layout.site))]
  for (const path of base) {
    if (!(await files.stat(path))) continue
    directories.add(path)
    break
  }
  const [closed] = await files.unwritable([...directories])
  if (closed !== undefined) {
    throw new Fault(
      'device-right',
      `${login.user} may not write in ${closed} on ${host.name}: give it the directory (chown ${login.user} ${closed}), or switch on sudo for everything.`,
      { path: closed }
    )
  }
  // links and generations can lie on disks of their own
  for (const directory of directories) {
    if ((await files.free(directory)) >= enough) continue
    throw new Fault('device-full', `${directory} on ${host.name} has less than 1 MiB of free space.`, {
      path: directory
    })
  }
  for (const { program } of byReload) {
    if (program.reload !== null || program.kind === 'files') continue
    throw new Fault(
      'device-refused',
      `${program.name} cannot be told to read its files again: it runs without a master (-W), and its socket does not let us.`
    )
  }
}

/**
 * A port of the configuration that nobody listens on yet is somebody's pending edit. Should it be taken when Apache
 * comes to bind it, Apache ends; HAProxy refuses all ports for two seconds.
 */
async function checkPorts({ host }: HostAccess, readings: readonly Reading[]): Promise<void> {
  const asked = readings.filter(({ program, ports }) => program.kind !== 'nginx' && ports.length > 0)
  if (asked.length === 0) return
  const listening = await listeningPorts(host)
  if (listening.size === 0) return
  for (const { program, ports } of asked) {
    const missing = ports.filter((port) => !listening.has(port))
    if (missing.length === 0) continue
    throw new Fault(
      'device-broken',
      `${program.name} is configured for port ${missing.join(', ')}, where nothing listens yet: reload it yourself first, so that this is not done by a change of certificates.`
    )
  }
}

interface Considered {
  readonly access: HostAccess
  readonly target: Target
  readonly ordered: ReadonlyMap<Place, KeyFamily>
  readonly reloads: readonly PlannedReload[]
  readonly runtime: RuntimeFinding
  readonly facts: ChangeFacts
}

function warningsOf({ access, target, ordered, reloads, runtime, facts }: Considered): string[] {
  const warnings = [...runtime.warnings]
  for (const { program } of readingsOf(target)) if (program.isReplaced) warnings.push(replacedNote(program))
  for (const { program, pending } of reloads) {
    if (pending.length > 0) {
      warnings.push(
        `${program.name} has not read these files since they changed; the reload makes other people's edits effective: ${pending.join(', ')}.`
      )
    }
    if (program.kind === 'files' && program.reload === null) {
      warnings.push(`Nothing tells ${program.name} to read its files again: it must do so by itself.`)
    }
  }
  for (const [{ object, slot }, family] of ordered) {
    if (slot && slot.family !== family) {
      warnings.push(
        `${object} changes from ${slot.family.toUpperCase()} to ${family.toUpperCase()}: clients without it lose access.`
      )
    }
  }
  const { uid, user } = access.login
  const given = facts.parts.filter(({ name }) =>
    facts.places.some(({ files }) => files.some((file) => file.name === name && file.role !== 'beside'))
  )
  if (uid !== 0 && given.some(({ owned }) => owned.uid === uid)) {
    warnings.push(`New files belong to ${user}, who cannot give them to others.`)
  }
  for (const place of facts.places) {
    for (const { role, name } of place.files) {
      const part = facts.parts.find((part) => part.name === name)
      if ((role === 'key' || role === 'combined') && part && (part.owned.mode & 0o004) !== 0) {
        warnings.push(`${part.path} can be read by every user of the host, and so will the new key.`)
      }
      if (role === 'beside' && place.ordered !== null && part && part.sha256 !== '') {
        warnings.push(`${part.path} belongs to the old certificate and is not used with the new one.`)
      }
    }
  }
  for (const { object, unmanaged } of target.places)
    if (unmanaged !== null) warnings.push(`${object}: ${unmanaged.why}`)
  return [...new Set(warnings)]
}

/** A reload of a plan, with the configuration files that changed after the workers began. */
interface PlannedReload {
  readonly program: RunningProgram
  readonly pending: readonly string[]
}

async function reloadsOf({ files }: HostAccess, readings: readonly Reading[]): Promise<PlannedReload[]> {
  const reloads: PlannedReload[] = []
  for (const { program, configs } of readings) {
    const { began } = program
    const changed =
      began === null
        ? []
        : await files.changedAfter(
            configs.map(({ real }) => real),
            began
          )
    const pending = configs.filter(({ real }) => changed.includes(real)).map(({ path }) => path)
    reloads.push({ program, pending })
  }
  return reloads
}
