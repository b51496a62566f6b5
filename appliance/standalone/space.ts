import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAddress } from '../../core/address.ts'
import { Fault } from '../../core/fault.ts'
import { visible } from '../../core/text.ts'
import type { SpaceSizes } from '../../sensor/scan/targets/sizes.ts'
import type { SpaceData } from '../../sensor/scan/space.ts'
import { parseExclusion, parseTarget } from '../../sensor/scan/targets/parse.ts'
import { hasPort, parsePorts, type Ports } from '../../sensor/scan/targets/ports.ts'
import {
  resolveExclusions,
  resolveTargets,
  type ResolveDeps,
  type Unresolved
} from '../../sensor/scan/targets/resolve.ts'
import { buildSpace } from '../../sensor/scan/targets/space.ts'
import { readExclusions, readTargets } from '../../sensor/scan/targets/target-list.ts'
import type { NameTarget, RangeTarget, ResolvedTarget, Target } from '../../sensor/scan/targets/target.ts'
import type { FoundPlace, ListText, ScanRequest } from '../functions.ts'
import { machineConfig, type Places } from '../places.ts'

/** Name of the list that no option overrides, in the directories of settings and of state. */
export const doNotScanName = 'do-not-scan'

/** Where SSH servers listen (RFC 4253 §4.1). */
const sshPort = 22

const withoutSshNote = `--ssh looks where the scan meets SSH, and port ${sshPort} is not among the ports: add it to --ports if it is meant.`

/** What a request comes down to: what to probe, and what a person should know of it. */
export interface PreparedSpace {
  readonly space: SpaceData
  readonly sizes: SpaceSizes
  readonly ports: Ports
  /** what must not be touched, resolved: for spaces that are built later on */
  readonly spared: Spared
  readonly notes: readonly string[]
}

/** Exclusions of a request, and the do-not-scan lists. */
export interface Spared {
  readonly exclude: readonly Target[]
  readonly doNotScan: readonly Target[]
}

/** Reads and resolves everything that a request names. Faults are those of the targets room. */
export async function prepareSpace(
  request: Pick<ScanRequest, 'targets' | 'found' | 'ports' | 'excluded' | 'doNotScan' | 'looks'>,
  where: Places,
  deps: ResolveDeps
): Promise<PreparedSpace> {
  const ports = parsePorts(request.ports ?? (request.looks.ssh ? `default,${sshPort}` : 'default'))
  const named = await readLists(request.targets, parseTarget, readTargets)
  const spared = await readSpared(request, where, deps)
  const { targets, unresolved } = await resolveTargets([...named, ...request.found.map(foundTarget)], deps)
  const { space, sizes, dropped } = buildSpace({ targets, ports, ...spared })
  const notes = [
    ...named.flatMap((target) => (target.kind === 'range' && target.note !== null ? [target.note] : [])),
    ...unresolvedNotes(unresolved),
    ...powerlessNotes(spared),
    ...(request.looks.ssh && !hasPort(ports, sshPort) ? [withoutSshNote] : []),
    ...dropped.map(({ name, address }) => `${visible(name)} is at ${address}, which is excluded.`)
  ]
  return { space, sizes, ports, spared, notes }
}

/** The exclusions of a request, and the do-not-scan lists that are always read. */
export async function readSpared(
  request: Pick<ScanRequest, 'excluded' | 'doNotScan'>,
  where: Places,
  deps: ResolveDeps
): Promise<Spared> {
  // the machine's own list holds for every account and configuration
  const always = [...new Set([machineConfig, where.config, where.state])].flatMap((directory) =>
    standingList(join(directory, doNotScanName))
  )
  const read = async (lists: readonly ListText[]) =>
    resolveExclusions(await readLists(lists, parseExclusion, readExclusions), deps)
  const asked = request.doNotScan.map(freshList)
  return { exclude: await read(request.excluded), doNotScan: await read([...always, ...asked]) }
}

/** A list as its file says now; as it was when the file is gone. */
function freshList(list: ListText): ListText {
  const [fresh] = list.file === undefined ? [] : standingList(list.file)
  return fresh ? { ...list, text: fresh.text } : list
}

type Named = RangeTarget | NameTarget

/** Words of the command line are parsed one by one; a list names the line of a fault. */
async function readLists(
  lists: readonly ListText[],
  parse: (text: string) => Named,
  read: (lines: readonly string[], source: string) => Promise<Named[]>
): Promise<Named[]> {
  const found: Named[] = []
  for (const { source, text } of lists) {
    const lines = text.split(/\r?\n/)
    if (source === null) for (const word of lines.filter((line) => line !== '')) found.push(parse(word))
    else for (const target of await read(lines, source)) found.push(target)
  }
  return found
}

/** A do-not-scan list where it stands; none when there is no such file. Whatever else hinders is a fault. */
function standingList(file: string): ListText[] {
  try {
    return [{ source: file, text: readFileSync(file, 'utf8') }]
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return []
    throw new Fault(
      'file-unreadable',
      `The do-not-scan list ${file} cannot be read, so what it protects is not known. Make it readable or remove it.`,
      { file },
      error
    )
  }
}

/** What another tool handed over, as a target. */
function foundTarget({ address, name, port }: FoundPlace): ResolvedTarget | NameTarget {
  const ports = port === null ? null : ([[port, port]] as const)
  const parsed = address === null ? undefined : parseAddress(address)
  if (parsed === undefined) return { kind: 'name', name: name ?? '', ports }
  if (name === null) return { kind: 'range', first: parsed, last: parsed, ports, note: null }
  return { kind: 'host', address: parsed, name, ports }
}

/** names that were to be spared and have no address: a mistake, or a resolver that does not know the zone */
function powerlessNotes({ exclude, doNotScan }: Spared): string[] {
  const all = [...exclude, ...doNotScan]
  const known = new Set(all.flatMap((target) => (target.kind === 'host' ? [target.name] : [])))
  const names = all.flatMap((target) =>
    target.kind === 'name' && !known.has(target.name) ? [target.name] : []
  )
  const shown = names
    .slice(0, 5)
    .map((name) => `${visible(name, 80)} is to be spared and did not resolve: its addresses are not spared.`)
  return names.length > 5 ? [...shown, `${names.length - 5} more names to be spared did not resolve.`] : shown
}

function unresolvedNotes(unresolved: readonly Unresolved[]): string[] {
  const shown = unresolved
    .slice(0, 5)
    .map(({ name, reason }) => `${visible(name, 80)} did not resolve (${reason}).`)
  const more = unresolved.length - shown.length
  return more > 0 ? [...shown, `${more} more names did not resolve.`] : shown
}
