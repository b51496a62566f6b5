import { posix } from 'node:path'
import type { HostFiles } from '../shared/files.ts'
import { type ApacheDirective, type ApacheWorld, parseApache, readApacheConfig } from './apache-config.ts'
import { ask, type Process, unitOf } from './client.ts'
import { ConfigFiles } from './config-files.ts'
import {
  type ConfiguredFile,
  type Listen,
  type Pair,
  type Reading,
  type RunningProgram,
  troubleOf,
  type Use
} from './model.ts'
import type { Looking, Master, Running } from './trust.ts'

const commands = ['apache2', 'httpd']

/** Parents of Apache httpd among the processes. */
export function apacheMasters(processes: readonly Process[]): Master[] {
  const ours = processes.filter(({ command }) => commands.includes(command))
  return ours
    .filter(({ parent }) => !ours.some(({ pid }) => pid === parent))
    .map((process) => ({ kind: 'apache', process, argv0: process.argv[0] ?? process.command }))
}

/** An Apache httpd with its configuration read. */
export async function readApache({ host, files, trust }: Looking, running: Running): Promise<Reading> {
  const { master: parent, executable } = running
  const processes = running.processes.filter(({ command }) => commands.includes(command))
  const given = argumentsOf(parent.argv)
  const built = await ask(host, [executable, '-V'])
  const builtIn = (name: string) => new RegExp(`-D ${name}="([^"]*)"`).exec(built)?.[1]
  const root = given.root ?? builtIn('HTTPD_ROOT') ?? '/etc/apache2'
  const main = posix.resolve(root, given.config ?? builtIn('SERVER_CONFIG_FILE') ?? 'conf/httpd.conf')
  const control = await controlOf(files, { executable, given })
  const world: ApacheWorld = {
    modules: staticModules(await ask(host, [executable, '-l'])),
    defines: new Map(given.defines.map((define) => [define, ''])),
    root
  }
  const configs = new ConfigFiles(files, trust.paths)
  // variables that Debian's apache2ctl puts into the environment
  const environment = given.config === null ? await configs.read('/etc/apache2/envvars') : undefined
  for (const [name, value] of variablesOf(environment ?? '')) world.defines.set(name, value)
  const directives = await readApacheConfig(configs, main, world)
  const written = parseApache(given.directives.join('\n'), main)
  const loaded = [...written, ...directives].flatMap(({ name, args }) =>
    name === 'loadmodule' ? (args[1] ?? []) : name.startsWith('include') ? (args[0] ?? []) : []
  )
  await configs.loads([...control.slice(0, 1), ...loaded.map((path) => posix.resolve(world.root, path))])
  const workers = processes.filter((process) => process.parent === parent.pid)
  const unit = await unitOf(host, parent)
  const program: RunningProgram = {
    kind: 'apache',
    name: `Apache (${main})`,
    id: main,
    version: /Server version: Apache\/(\S+)/.exec(built)?.[1] ?? '',
    test: [...control, '-t'],
    reload: {
      by: 'command',
      argv: unit ? ['/usr/bin/systemctl', 'reload', unit] : [...control, '-k', 'graceful']
    },
    start: unit ? ['/usr/bin/systemctl', 'start', unit] : [...control, '-k', 'start'],
    began: workers.length === 0 ? null : Math.min(...workers.map(({ began }) => began)),
    isReplaced: parent.isReplaced,
    trouble: troubleOf(configs.exposed)
  }
  const { uses, ports } = readUses(directives, world.root)
  return {
    program,
    uses,
    configs: configs.seen,
    unreadable: configs.unreadable,
    exposed: configs.exposed,
    sockets: [],
    keepers: [],
    bufferSize: 0,
    ports
  }
}

interface Arguments {
  readonly config: string | null
  readonly root: string | null
  readonly defines: readonly string[]
  /** of -C and -c */
  readonly directives: readonly string[]
  /** those that another call must have too */
  readonly kept: readonly string[]
}

/** Reads `/usr/sbin/apache2 -d /srv -f httpd.conf -D SSL -k start`. */
export function argumentsOf(argv: readonly string[]): Arguments {
  const values = (option: string) => argv.flatMap((word, at) => (word === option ? (argv[at + 1] ?? []) : []))
  const kept = argv.flatMap((word, at) => (/^-[dfDcC]$/.test(word) ? [word, argv[at + 1] ?? ''] : []))
  return {
    config: values('-f').at(-1) ?? null,
    root: values('-d').at(-1) ?? null,
    directives: [...values('-C'), ...values('-c')],
    defines: values('-D').filter((define) => define !== 'FOREGROUND'),
    kept: kept.filter((word, at) => word !== 'FOREGROUND' && kept[at + 1] !== 'FOREGROUND')
  }
}

/** The configuration of its command line; null: only the program knows. */
export function namedConfigs({ argv }: Pick<Process, 'argv'>): readonly string[] | null {
  const { config } = argumentsOf(argv)
  return config?.startsWith('/') ? [posix.normalize(config)] : null
}

/** Debian's httpd needs variables that only its apache2ctl sets */
async function controlOf(
  files: HostFiles,
  { executable, given }: { readonly executable: string; readonly given: Arguments }
): Promise<string[]> {
  const wrapper = posix.join(posix.dirname(executable), 'apache2ctl')
  const standard = given.config === null && posix.basename(executable) === 'apache2'
  const program = standard && (await files.stat(wrapper)) ? wrapper : executable
  return [program, ...given.kept]
}

function staticModules(listed: string): Set<string> {
  const files = listed.split('\n').flatMap((line) => /^\s+((?:mod_)?\w+\.c)\s*$/.exec(line)?.[1] ?? [])
  return new Set(files.flatMap((file) => [file, `${file.replace(/^mod_|\.c$/g, '')}_module`]))
}

function variablesOf(text: string): [string, string][] {
  return [...text.matchAll(/^\s*(?:export\s+)?(\w+)=(\S*)/gm)].map(([, name = '', value = '']) => [
    name,
    value.replace(/\$\{?SUFFIX\}?/g, '').replace(/^(["'])(.*)\1$/, '$2')
  ])
}

/** Every virtual host that ends TLS, and all ports that httpd listens on. */
export function readUses(
  directives: readonly ApacheDirective[],
  root: string
): { uses: Use[]; ports: number[] } {
  const listens = directives
    .filter(({ name }) => name === 'listen')
    .map(({ args }) => addressOf(args[0] ?? ''))
  const ports = [...new Set(listens.map(({ port }) => port))].sort((a, b) => a - b)
  const hosts = directives.filter(({ name }) => name === 'virtualhost')
  const managed = managedDomains(directives)
  const firsts = new Map<string, ApacheDirective>()
  for (const host of hosts) {
    for (const arg of host.args) if (!firsts.has(arg)) firsts.set(arg, host)
  }
  const main: ApacheDirective = { name: 'server', args: [], file: '', line: 0, block: directives }
  const uses = hosts.flatMap((host): Use[] => {
    const engine = valuesOf(host, 'sslengine').at(-1) ?? valuesOf(main, 'sslengine').at(-1)
    if (engine?.toLowerCase() !== 'on') return []
    const names = [...valuesOf(host, 'servername'), ...aliasesOf(host)]
      .map(bareName)
      .filter((name) => name !== '')
    const isManaged = names.some((name) => managed.has(name.toLowerCase()))
    const pairs = pairsOf({ host, main, root }).map((pair) =>
      isManaged
        ? {
            ...pair,
            files: [],
            unmanaged: { code: 'managed-elsewhere' as const, why: 'mod_md manages its names (MDomain)' }
          }
        : pair
    )
    if (pairs.length === 0) return []
    const places: Listen[] = host.args.flatMap((arg) => {
      const { address, port } = addressOf(arg)
      const isDefault = firsts.get(arg) === host
      const each = port === 0 ? ports : [port]
      return each.map((port) => ({ address, port, isDefault, starttls: null }))
    })
    const where = `${host.file}:${host.line}`
    return [{ what: `virtual host ${names[0] ?? where}`, where, names, listens: places, pairs }]
  })
  return { uses: [...uses, ...mainServer({ main, hosts, listens, root })], ports }
}

interface Placed {
  readonly host: ApacheDirective
  readonly main: ApacheDirective
  readonly root: string
}

interface MainServer {
  readonly main: ApacheDirective
  readonly hosts: readonly ApacheDirective[]
  readonly listens: readonly { address: string; port: number }[]
  readonly root: string
}

/** the server outside of all virtual hosts answers on ports that none of them takes */
function mainServer({ main, hosts, listens, root }: MainServer): Use[] {
  if (valuesOf(main, 'sslengine').at(-1)?.toLowerCase() !== 'on') return []
  const taken = new Set(hosts.flatMap(({ args }) => args.map((arg) => addressOf(arg).port)))
  const free = listens.filter(({ port }) => !taken.has(port))
  const pairs = pairsOf({ host: main, main, root })
  if (free.length === 0 || pairs.length === 0) return []
  const first = main.block?.find(({ name }) => name === 'sslcertificatefile')
  const where = `${first?.file ?? ''}:${first?.line ?? 0}`
  const names = valuesOf(main, 'servername').map(bareName)
  const places = free.map((listen) => ({ ...listen, isDefault: true, starttls: null }))
  return [{ what: 'main server', where, names, listens: places, pairs }]
}

function valuesOf({ block }: ApacheDirective, name: string): string[] {
  return (block ?? []).filter((directive) => directive.name === name).map(({ args }) => args[0] ?? '')
}

function aliasesOf({ block }: ApacheDirective): string[] {
  return (block ?? []).filter(({ name }) => name === 'serveralias').flatMap(({ args }) => args)
}

/** ServerName may carry scheme and port */
function bareName(text: string): string {
  return text.replace(/^https?:\/\//, '').replace(/:\d+$/, '')
}

/** names of `MDomain a b auto` and `<MDomain a b>` */
function managedDomains(directives: readonly ApacheDirective[]): Set<string> {
  const words = directives
    .filter(({ name }) => name === 'mdomain' || name === 'mdomainset')
    .flatMap(({ args }) => args)
  return new Set(
    words.map((word) => word.toLowerCase()).filter((word) => word !== 'auto' && word !== 'manual')
  )
}

/** `*:443`, `_default_:443`, `10.0.0.5:443`, `[::1]:443`, `443`; port 0 stands for every port */
function addressOf(text: string): { address: string; port: number } {
  if (/^\d+$/.test(text)) return { address: '*', port: Number(text) }
  const [, host = '', port = '0'] = /^(\[[^\]]*\]|[^:]*)(?::(\d+|\*))?$/.exec(text) ?? []
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const isWild = ['', '*', '_default_', '0.0.0.0'].includes(bare)
  return { address: isWild ? '*' : bare === '::' ? '[::]' : bare, port: port === '*' ? 0 : Number(port) }
}

/** certificates and keys are paired by their order; a virtual host takes those of the main server if it has none */
function pairsOf({ host, main, root }: Placed): Pair[] {
  const own = valuesOf(host, 'sslcertificatefile')
  const from = own.length > 0 ? host : main
  const certificates = valuesOf(from, 'sslcertificatefile')
  const keys = valuesOf(from, 'sslcertificatekeyfile')
  const chain =
    valuesOf(host, 'sslcertificatechainfile').at(-1) ?? valuesOf(main, 'sslcertificatechainfile').at(-1)
  return certificates.map((certificate, at): Pair => {
    const key = keys[at] ?? certificate
    const path = (text: string) => posix.resolve(root, text)
    const reason = reasonOf({ certificate, key, chain, pairs: certificates.length })
    if (reason !== null) {
      const unmanaged = { code: 'unsupported' as const, why: reason }
      return { object: certificate, files: [], runtimeName: null, unmanaged }
    }
    const files: ConfiguredFile[] =
      path(key) === path(certificate)
        ? [{ role: 'combined', path: path(certificate) }]
        : [
            { role: 'cert', path: path(certificate) },
            { role: 'key', path: path(key) }
          ]
    if (chain !== undefined && path(chain) !== path(certificate))
      files.push({ role: 'chain', path: path(chain) })
    return { object: path(certificate), files, runtimeName: null, unmanaged: null }
  })
}

interface Written {
  readonly certificate: string
  readonly key: string
  readonly chain: string | undefined
  readonly pairs: number
}

function reasonOf({ certificate, key, chain, pairs }: Written): string | null {
  const odd = [certificate, key].find((path) => /^[a-z0-9]+:/i.test(path) || path.includes('${'))
  if (odd !== undefined) return `${odd} is no file that we can see`
  if (chain !== undefined && pairs > 1) return 'SSLCertificateChainFile serves several certificates at once'
  return null
}
