import type { HostFiles } from '../shared/files.ts'
import { apacheMasters, namedConfigs as ofApache, readApache } from './apache.ts'
import { listProcesses, type Login, type Process } from './client.ts'
import { haproxyMasters, namedConfigs as ofHaproxy, readHaproxy } from './haproxy.ts'
import type { Reading } from './model.ts'
import { namedConfigs as ofNginx, nginxMasters, readNginx } from './nginx.ts'
import { readFiles } from './plain-files.ts'
import { type Controls, commandsOf } from './programs.ts'
import { addressesOf, type Settings } from './settings.ts'
import { type Target, targetsOf } from './targets.ts'
import { admit, type LeftAlone } from './trust.ts'

/** A signed-in host, for one call of a session. */
export interface HostAccess extends Controls {
  readonly settings: Settings
  /** as the user that may change them */
  readonly files: HostFiles
  /** the user that `files` works as */
  readonly login: Login
}

const masters = { nginx: nginxMasters, haproxy: haproxyMasters, apache: apacheMasters } as const
const readers = { nginx: readNginx, haproxy: readHaproxy, apache: readApache } as const
const named = { nginx: ofNginx, haproxy: ofHaproxy, apache: ofApache } as const

/**
 * Was a process surely started with none of these configurations? Its program need not be asked then; where several
 * run on one host, the others are none of our business.
 */
export function isOther(
  kind: keyof typeof named,
  process: Pick<Process, 'argv' | 'cwd'>,
  wanted: readonly string[]
): boolean {
  const configs = named[kind](process)
  return wanted.length > 0 && configs !== null && !configs.some((path) => wanted.includes(path))
}

/** What runs on a host. */
export interface Survey {
  readonly readings: readonly Reading[]
  /** programs that are neither run nor read */
  readonly leftAlone: readonly LeftAlone[]
}

/** Every program of the settings that runs, with its configuration read. */
export async function survey(access: HostAccess): Promise<Survey> {
  const { host, settings } = access
  const wanted = (['nginx', 'haproxy', 'apache'] as const).filter((kind) => settings.programs.includes(kind))
  const processes = await listProcesses(
    host,
    wanted.flatMap((kind) => commandsOf[kind])
  )
  const readings: Reading[] = []
  const leftAlone = new Map<string, LeftAlone>()
  const { configs } = settings
  for (const kind of wanted) {
    for (const master of masters[kind](processes)) {
      if (isOther(kind, master.process, configs)) continue
      const admitted = await admit(access, master)
      if ('unmanaged' in admitted) leftAlone.set(admitted.id, admitted)
      else readings.push(await readers[kind](access, { ...admitted, master: master.process, processes }))
    }
  }
  const isWanted = ({ program }: Reading) =>
    configs.length === 0 || program.id.split(' ').some((path) => configs.includes(path))
  const sorted = readings.filter(isWanted).sort((a, b) => compare(a.program.id, b.program.id))
  return { readings: [...sorted, ...readFiles(settings.entries)], leftAlone: [...leftAlone.values()] }
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

/** The targets of a host. */
export async function findTargets(access: HostAccess): Promise<Target[]> {
  return targetsOf(await survey(access), access, addressesOf(access.settings))
}
