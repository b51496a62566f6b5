import { posix } from 'node:path'
import { type Source, lineAt, withoutComments } from './sources.ts'

/** One import as written: where, what, and whether only types are taken. */
export interface Import {
  readonly path: string
  readonly line: number
  /** a path of the project (`core/fault.ts`), or the name of a package or node module */
  readonly target: string
  readonly ours: boolean
  readonly typeOnly: boolean
}

const statement = /^(?:import|export)\b(?<taken>[^'"`;]*?)\bfrom\s+['"](?<from>[^'"]+)['"]/gm
const bare = /^import\s+['"](?<from>[^'"]+)['"]/gm
const dynamic = /\bimport\(\s*['"](?<from>[^'"]+)['"]\s*\)/g
const worker = /\bnew URL\(\s*['"](?<from>\.{1,2}\/[^'"]+\.ts)['"],\s*import\.meta\.url\s*\)/g

/** Every import of a file: static, re-exported, dynamic, and the entry files of worker threads. */
export function readImports({ path, text }: Source): Import[] {
  const code = withoutComments(text)
  const found: Import[] = []
  for (const pattern of [statement, bare, dynamic, worker]) {
    for (const match of code.matchAll(pattern)) {
      const from = match.groups?.['from'] ?? ''
      const ours = from.startsWith('.')
      found.push({
        path,
        line: lineAt(code, match.index),
        target: ours ? posix.join(posix.dirname(path), from) : from,
        ours,
        typeOnly: takesOnlyTypes(match.groups?.['taken'] ?? '')
      })
    }
  }
  return found
}

function takesOnlyTypes(taken: string): boolean {
  if (/^\s*type\b/.test(taken)) return true
  const names = /^\s*\{(?<list>[^}]*)\}\s*$/.exec(taken)?.groups?.['list']
  if (names === undefined) return false
  return names.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type '))
}

/** What one room may import of ours: everything, or by path prefix; `types` by `import type` only. */
interface Room {
  readonly room: string
  readonly may: readonly string[] | 'everything'
  readonly types?: readonly string[]
}

/** what the folder of a vendor may import beside itself */
const vendorImports = ['core/', 'pki/', 'connectors/contract.ts', 'connectors/shared/']

/**
 * Who may import whom. The first row whose room is a prefix of the path counts; a room may always import
 * itself. docs/architecture.md shows the same table to people.
 */
export const rooms: readonly Room[] = [
  { room: 'core/', may: [] },
  { room: 'pki/', may: ['core/'] },
  { room: 'acme/', may: ['core/', 'pki/'] },
  { room: 'sensor/scan/', may: ['core/', 'pki/'] },
  { room: 'sensor/inventory/', may: ['core/', 'pki/'], types: ['sensor/scan/', 'sensor/store/'] },
  { room: 'sensor/store/', may: ['core/'] },
  { room: 'sensor/issuance/', may: ['core/', 'pki/', 'acme/'] },
  { room: 'sensor/automation/policy/', may: ['core/'] },
  {
    room: 'sensor/automation/',
    may: ['core/', 'sensor/issuance/', 'sensor/scan/', 'connectors/contract.ts', 'connectors/index.ts'],
    types: ['sensor/store/', 'pki/']
  },
  { room: 'sensor/identify/', may: ['core/'] },
  { room: 'connectors/index.ts', may: ['connectors/'] },
  { room: 'connectors/contract.ts', may: ['core/', 'pki/'] },
  { room: 'connectors/shared/', may: ['core/', 'pki/', 'connectors/contract.ts'] },
  { room: 'connectors/f5-bigip/', may: vendorImports },
  { room: 'connectors/web-hosts/', may: vendorImports },
  { room: 'appliance/vault/', may: ['core/'], types: ['sensor/store/'] },
  { room: 'appliance/', may: 'everything' },
  { room: 'demo/', may: 'everything' },
  { room: 'bench/', may: 'everything' },
  { room: 'scripts/', may: 'everything' },
  { room: 'test/', may: 'everything' }
]

/** Rooms that stand at the top: nothing outside the list imports them. */
const tops: readonly (readonly [room: string, importedBy: readonly string[]])[] = [
  ['appliance/cli/', ['demo/', 'scripts/', 'test/']],
  ['demo/', ['test/']],
  ['bench/', []],
  ['scripts/', ['test/', 'demo/']],
  ['test/', ['demo/', 'bench/']]
]

/** Packages and node modules that belong to some rooms only. */
const packages: readonly (readonly [name: RegExp, only: readonly string[]])[] = [
  [/^better-sqlite3$/, ['sensor/store/']],
  [/^(@peculiar\/.*|node-forge|reflect-metadata)$/, ['pki/']],
  [/^jose(\/|$)/, ['acme/']],
  [/^dns-packet$/, ['sensor/issuance/']],
  [/^net-snmp$/, ['sensor/identify/']],
  [/^pino$/, ['appliance/logging.ts']],
  [/^croner$/, ['sensor/automation/policy/']],
  [/^commander$/, ['appliance/cli/']],
  [/^ssh2$/, ['sensor/scan/', 'connectors/shared/']]
]

const freeRooms = ['bench/', 'scripts/', 'test/']
const inputOutput =
  /^node:(fs|net|tls|http|https|http2|dgram|dns|child_process|worker_threads|cluster|readline|sqlite|inspector)(\/|$)/

/** Rooms without any I/O of their own. */
const pureRooms = ['core/', 'pki/']

/** What is wrong with an import, as a sentence, or undefined when it is allowed. */
export function wrongWith(one: Import): string | undefined {
  const room = rooms.find((row) => one.path.startsWith(row.room))
  if (!room) return `${one.path} is in no room: add a row to the table in scripts/imports.ts`
  return one.ours ? wrongRoom(one, room) : wrongPackage(one, room)
}

function wrongRoom(one: Import, room: Room): string | undefined {
  const top = tops.find(([name]) => one.target.startsWith(name))
  if (top && ![top[0], ...top[1]].some((name) => one.path.startsWith(name))) {
    return `${top[0]} is imported by nobody${top[1].length > 0 ? ` but ${top[1].join(', ')}` : ''}`
  }
  if (one.target.startsWith(room.room)) return undefined
  if (room.may === 'everything' || room.may.some((prefix) => one.target.startsWith(prefix))) return undefined
  if (room.types?.some((prefix) => one.target.startsWith(prefix))) {
    return one.typeOnly ? undefined : `${room.room} may take only types from ${one.target} (import type)`
  }
  return `${room.room} may not import ${one.target}`
}

function wrongPackage(one: Import, room: Room): string | undefined {
  if (pureRooms.includes(room.room) && inputOutput.test(one.target)) {
    return `${room.room} does no input or output: ${one.target} belongs elsewhere`
  }
  const owner = packages.find(([name]) => name.test(one.target))
  if (!owner || freeRooms.includes(room.room)) return undefined
  if (owner[1].some((prefix) => one.path.startsWith(prefix))) return undefined
  return `${one.target} is imported by ${owner[1].join(', ')} only`
}

/** Every forbidden import among the files, `path:line: what is wrong`. */
export function forbiddenImports(sources: readonly Source[]): string[] {
  return sources.flatMap(readImports).flatMap((one) => {
    const wrong = wrongWith(one)
    return wrong === undefined ? [] : [`${one.path}:${one.line}: ${wrong}`]
  })
}
