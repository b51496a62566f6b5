import { posix } from 'node:path'
import { Fault } from '../../core/fault.ts'
import type { Unmanaged } from '../contract.ts'
import type { Host } from '../shared/host.ts'
import { ask, mayUseSocket, type Process, unitOf } from './client.ts'
import { ConfigFiles } from './config-files.ts'
import {
  bindAddresses,
  crtListEntries,
  type Line,
  parseHaproxy,
  type Section,
  valuesOf
} from './haproxy-config.ts'
import {
  type ConfiguredFile,
  type Pair,
  type Reading,
  type Reload,
  type RunningProgram,
  troubleOf,
  type Use
} from './model.ts'
import type { Looking, Master, Running } from './trust.ts'

/** Processes of HAProxy that no other one has started. */
export function haproxyMasters(processes: readonly Process[]): Master[] {
  const ours = processes.filter(({ command }) => command === 'haproxy')
  return ours
    .filter(({ parent }) => !ours.some(({ pid }) => pid === parent))
    .map((process) => ({ kind: 'haproxy', process, argv0: process.argv[0] ?? 'haproxy' }))
}

/** A HAProxy with its configuration read. */
export async function readHaproxy({ host, files, trust }: Looking, running: Running): Promise<Reading> {
  const { master, executable } = running
  const processes = running.processes.filter(({ command }) => command === 'haproxy')
  const given = argumentsOf(master.argv)
  const cwd = given.directory ?? master.cwd ?? '/'
  const paths = given.configs.map((path) => posix.resolve(cwd, path))
  const workers = given.hasMaster ? processes.filter(({ parent }) => parent === master.pid) : [master]
  const version = /version (\d[^\s-]*)/.exec(await ask(host, [executable, '-v']))?.[1] ?? ''
  const configs = new ConfigFiles(files, trust.paths)
  const texts: { path: string; text: string }[] = []
  for (const path of await configFilesOf(configs, paths)) {
    texts.push({ path, text: (await configs.read(path)) ?? '' })
  }
  const sections = parseHaproxy(texts)
  const global = sections.filter(({ kind }) => kind === 'global').flatMap(({ lines }) => lines)
  const scripts = global.filter(({ words }) => words[0]?.startsWith('lua-load'))
  await configs.loads(scripts.map(({ words }) => posix.resolve(cwd, words[1] ?? '')))
  const reader = new CertificateReader(configs, sections, cwd)
  const uses = await usesOf(sections, reader)
  const program: RunningProgram = {
    kind: 'haproxy',
    name: `HAProxy (${paths.join(', ')})`,
    id: paths.join(' '),
    version,
    test: [
      executable,
      '-c',
      ...(given.directory ? ['-C', cwd] : []),
      ...paths.flatMap((path) => ['-f', path])
    ],
    reload: await reloadOf(host, master, given),
    start: null,
    began: workers.length === 0 ? null : Math.min(...workers.map(({ began }) => began)),
    isReplaced: master.isReplaced,
    trouble: troubleOf(configs.exposed)
  }
  const buffer = global.find(({ words }) => words[0] === 'tune.bufsize')?.words[1]
  const ports = binds(sections).flatMap(({ line }) =>
    bindAddresses(line.words[1] ?? '').map(({ port }) => port)
  )
  return {
    program,
    uses,
    configs: configs.seen,
    unreadable: configs.unreadable,
    exposed: configs.exposed,
    sockets: socketsOf(global, cwd),
    keepers: [...new Set(workers.flatMap(({ uids }) => uids))],
    bufferSize: Number(buffer ?? 16_384),
    ports: [...new Set(ports)].sort((a, b) => a - b)
  }
}

/** The configuration files of its command line; null: they are relative to a directory that is not known. */
export function namedConfigs({ argv, cwd }: Pick<Process, 'argv' | 'cwd'>): readonly string[] | null {
  const { configs, directory } = argumentsOf(argv)
  const base = directory ?? cwd
  if (configs.length === 0 || (base === null && !configs.every((path) => path.startsWith('/')))) return null
  return configs.map((path) => posix.resolve(base ?? '/', path))
}

/** What stands on HAProxy's command line; after a reload the master has written it anew. */
export interface Arguments {
  readonly configs: readonly string[]
  readonly masterSocket: string | null
  readonly directory: string | null
  readonly hasMaster: boolean
}

/** Reads `haproxy -sf 12 13 -x sockpair@3 -W -S /run/m.sock -f a.cfg -f conf.d`. */
export function argumentsOf(argv: readonly string[]): Arguments {
  const configs: string[] = []
  let masterSocket: string | null = null
  let directory: string | null = null
  let hasMaster = false
  for (let at = 1; at < argv.length; at++) {
    const word = argv[at] ?? ''
    const value = argv[at + 1] ?? ''
    if (word === '--') configs.push(...argv.slice(at + 1))
    if (word === '--') break
    if (word === '-f') configs.push(value)
    else if (word === '-S') masterSocket = value.split(',')[0] ?? null
    else if (word === '-C') directory = value
    if (word === '-W' || word === '-Ws') hasMaster = true
    if (/^-[fSCpxnNmL]$/.test(word)) at++
  }
  return { configs, masterSocket: socketPath(masterSocket ?? ''), directory, hasMaster }
}

function socketPath(text: string): string | null {
  const path = text.replace(/^unix@/, '')
  return path.startsWith('/') ? path : null
}

async function reloadOf(host: Host, master: Process, given: Arguments): Promise<Reload | null> {
  if (!given.hasMaster) return null
  if (given.masterSocket !== null && (await mayUseSocket(host, given.masterSocket))) {
    return { by: 'master', socket: given.masterSocket }
  }
  const unit = await unitOf(host, master)
  if (unit) return { by: 'command', argv: ['/usr/bin/systemctl', 'reload', unit] }
  const pidFile = valuesOf(master.argv, '-p')[0]
  return pidFile?.startsWith('/') ? { by: 'signal', signal: 'USR2', pidFile } : null
}

/** A directory stands for its *.cfg, sorted. */
async function configFilesOf(configs: ConfigFiles, paths: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const path of paths) {
    if (await configs.isDirectory(path)) found.push(...(await configs.expand(`${path}/*.cfg`)))
    else found.push(path)
  }
  return found
}

function socketsOf(global: readonly Line[], cwd: string): string[] {
  return global.flatMap(({ words }) => {
    if (words[0] !== 'stats' || words[1] !== 'socket' || valuesOf(words, 'level')[0] !== 'admin') return []
    const path = (words[2] ?? '').replace(/^unix@/, '')
    return /^[\w-]+@|^\S*:\d+$/.test(path) ? [] : [posix.resolve(cwd, path)]
  })
}

interface Bind {
  readonly section: Section
  readonly line: Line
}

function binds(sections: readonly Section[]): Bind[] {
  return sections
    .filter(({ kind }) => kind === 'frontend' || kind === 'listen')
    .flatMap((section) =>
      section.lines.filter(({ words }) => words[0] === 'bind').map((line) => ({ section, line }))
    )
}

/** a certificate of a bind line, with the names that a crt-list gives it */
interface Entry {
  readonly pairs: readonly Pair[]
  readonly names: readonly string[]
  readonly where: string
}

async function usesOf(sections: readonly Section[], reader: CertificateReader): Promise<Use[]> {
  const uses: Use[] = []
  for (const { section, line } of binds(sections)) {
    const { words } = line
    if (!words.includes('ssl')) continue
    const entries: Entry[] = []
    for (const crt of valuesOf(words, 'crt')) entries.push(...(await reader.certificates(crt, line)))
    for (const list of valuesOf(words, 'crt-list')) entries.push(...(await reader.list(list)))
    const addresses = bindAddresses(words[1] ?? '')
    const strict = words.includes('strict-sni')
    for (const [at, { pairs, names, where }] of entries.entries()) {
      uses.push({
        what: `${section.kind} ${section.name}, bind ${words[1] ?? ''}`,
        where,
        names: names.length > 0 ? names : 'certificate',
        listens: addresses.map((address) => ({ ...address, isDefault: at === 0 && !strict, starttls: null })),
        pairs
      })
    }
  }
  return uses
}

const familyEndings = ['.rsa', '.ecdsa', '.dsa']
const besideEndings = ['.ocsp', '.issuer', '.sctl']

/** Finds the files behind what a configuration says. */
class CertificateReader {
  readonly #configs: ConfigFiles
  readonly #crtBase: string
  readonly #keyBase: string
  readonly #stores: ReadonlyMap<string, Pair>

  constructor(configs: ConfigFiles, sections: readonly Section[], cwd: string) {
    this.#configs = configs
    const global = sections.filter(({ kind }) => kind === 'global').flatMap(({ lines }) => lines)
    const base = (word: string) => global.findLast(({ words }) => words[0] === word)?.words[1]
    this.#crtBase = posix.resolve(cwd, base('crt-base') ?? '')
    this.#keyBase = posix.resolve(cwd, base('key-base') ?? base('crt-base') ?? '')
    this.#stores = storesOf(sections, this.#crtBase, this.#keyBase)
  }

  /** a file, a directory, or a bundle of files by key type */
  async certificates(crt: string, line: Line): Promise<Entry[]> {
    const where = `${line.file}:${line.line}`
    const stored = this.#stores.get(crt)
    if (stored) return [{ pairs: [stored], names: [], where }]
    const path = posix.resolve(this.#crtBase, crt)
    if (crt.includes('${')) {
      return [
        {
          pairs: [unmanaged(crt, 'unsupported', 'its path holds a variable of the environment')],
          names: [],
          where
        }
      ]
    }
    if (await this.#configs.isDirectory(path)) return this.#directory(path, where)
    const pairs = await this.#bundle(path)
    return [{ pairs, names: [], where }]
  }

  async #directory(path: string, where: string): Promise<Entry[]> {
    if (!(await this.#configs.isClosed(path, 'folder'))) return []
    const names = ((await this.#configs.files.list(path)) ?? []).filter((name) => {
      if (name.startsWith('.') || name.endsWith('.key')) return false
      return !besideEndings.some((ending) => name.endsWith(ending))
    })
    const bundles = new Map<string, string[]>()
    for (const name of names) {
      if (await this.#configs.isDirectory(posix.join(path, name))) continue
      const ending = familyEndings.find((ending) => name.endsWith(ending)) ?? ''
      const base = name.slice(0, name.length - ending.length)
      bundles.set(base, [...(bundles.get(base) ?? []), name])
    }
    const entries: Entry[] = []
    for (const members of bundles.values()) {
      const pairs: Pair[] = []
      for (const name of members) pairs.push(await this.#pair(posix.join(path, name)))
      entries.push({ pairs, names: [], where })
    }
    return entries
  }

  async #bundle(path: string): Promise<Pair[]> {
    if ((await this.#configs.files.realPath(path)) !== undefined) return [await this.#pair(path)]
    const pairs: Pair[] = []
    for (const ending of familyEndings) {
      if ((await this.#configs.files.realPath(path + ending)) !== undefined) {
        pairs.push(await this.#pair(path + ending))
      }
    }
    return pairs.length > 0 ? pairs : [unmanaged(path, 'broken', 'there is no such file')]
  }

  /** the key may stand in the same file, or beside it */
  async #pair(path: string): Promise<Pair> {
    const { files } = this.#configs
    const beside: ConfiguredFile[] = []
    for (const ending of besideEndings) {
      if (await files.stat(path + ending)) beside.push({ role: 'beside', path: path + ending })
    }
    const keys = [`${path}.key`, path.replace(/\.crt$/, '.key')].filter((key) => key !== path)
    let content: string
    try {
      const why = await this.#configs.exposure(path)
      if (why !== null) return unmanaged(path, 'others-can-write', why)
      content = (await files.read(path))?.toString('latin1') ?? ''
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === 'device-right')
        return {
          ...unmanaged(path, 'unreadable', 'the login may not read it'),
          files: [{ role: 'combined', path }]
        }
      throw thrown
    }
    if (content.includes('PRIVATE KEY-----')) {
      return {
        object: path,
        files: [{ role: 'combined', path }, ...beside],
        runtimeName: path,
        unmanaged: null
      }
    }
    for (const key of keys) {
      if (await files.stat(key)) {
        const pair: ConfiguredFile[] = [{ role: 'cert', path }, { role: 'key', path: key }, ...beside]
        return { object: path, files: pair, runtimeName: null, unmanaged: null }
      }
    }
    return unmanaged(path, 'broken', 'no private key stands in it or beside it')
  }

  async list(crtList: string): Promise<Entry[]> {
    const path = posix.resolve(this.#crtBase, crtList)
    const text = (await this.#configs.read(path)) ?? ''
    const entries: Entry[] = []
    for (const { file, names, line } of crtListEntries(text)) {
      const found = await this.certificates(file, { words: [], file: path, line })
      entries.push(...found.map((entry) => ({ ...entry, names })))
    }
    return entries
  }
}

/** crt-store (from 3.0): `load crt A key B alias N` is used as `@STORE/N` or `@STORE/A` */
function storesOf(sections: readonly Section[], crtBase: string, keyBase: string): Map<string, Pair> {
  const stores = new Map<string, Pair>()
  for (const section of sections.filter(({ kind }) => kind === 'crt-store')) {
    const own = (word: string) => section.lines.find(({ words }) => words[0] === word)?.words[1]
    const certificates = posix.resolve(crtBase, own('crt-base') ?? '')
    const keys = posix.resolve(keyBase, own('key-base') ?? '')
    for (const { words } of section.lines.filter(({ words }) => words[0] === 'load')) {
      const [crt] = valuesOf(words, 'crt')
      const [key] = valuesOf(words, 'key')
      if (crt === undefined) continue
      const path = posix.resolve(certificates, crt)
      const files: ConfiguredFile[] =
        key === undefined
          ? [{ role: 'combined', path }]
          : [
              { role: 'cert', path },
              { role: 'key', path: posix.resolve(keys, key) }
            ]
      const pair: Pair = { object: path, files, runtimeName: null, unmanaged: null }
      const names = [crt, ...valuesOf(words, 'alias')]
      for (const name of names) stores.set(section.name ? `@${section.name}/${name}` : name, pair)
    }
  }
  return stores
}

function unmanaged(object: string, code: Unmanaged['code'], why: string): Pair {
  return { object, files: [], runtimeName: null, unmanaged: { code, why } }
}
