import { posix } from 'node:path'
import { ask, type Process, unitOf } from './client.ts'
import { ConfigFiles } from './config-files.ts'
import { type Listen, type Pair, type Reading, type RunningProgram, troubleOf, type Use } from './model.ts'
import { type Directive, parseNginx, readNginxConfig } from './nginx-config.ts'
import type { Looking, Master, Running } from './trust.ts'

/** Masters of nginx among the processes. */
export function nginxMasters(processes: readonly Process[]): Master[] {
  return processes
    .filter(({ argv }) => argv[0]?.startsWith('nginx: master process'))
    .map((process) => ({ kind: 'nginx', process, argv0: titleOf(process.argv[0] ?? '').argv0 }))
}

/** A master of nginx with its configuration read. */
export async function readNginx({ host, files, trust }: Looking, running: Running): Promise<Reading> {
  const { master, processes, executable } = running
  const { options } = titleOf(master.argv[0] ?? '')
  const built = await ask(host, [executable, '-V'])
  const builtIn = (name: string) => new RegExp(`--${name}=(\\S+)`).exec(built)?.[1]
  const prefix = options.get('-p') ?? builtIn('prefix') ?? '/usr/local/nginx'
  const main = posix.resolve(prefix, options.get('-c') ?? builtIn('conf-path') ?? 'conf/nginx.conf')
  const base = [executable, ...[...options].flat()]
  const unit = await unitOf(host, master)
  const workers = processes.filter(({ parent, argv }) => parent === master.pid && isWorker(argv))
  const configs = new ConfigFiles(files, trust.paths)
  const directives = await readNginxConfig(configs, main)
  // the command line can load as much as a file
  const given = parseNginx(options.get('-g') ?? '', main)
  const loading = [...given, ...directives].filter(({ name }) => ['load_module', 'include'].includes(name))
  await configs.loads(
    loading.map(({ name, args }) =>
      posix.resolve(name === 'include' ? posix.dirname(main) : prefix, args[0] ?? '')
    )
  )
  const program: RunningProgram = {
    kind: 'nginx',
    name: `nginx (${main})`,
    id: main,
    version: /nginx version: \S*?\/(\S+)/.exec(built)?.[1] ?? '',
    test: [...base, '-t'],
    reload: {
      by: 'command',
      argv: unit ? ['/usr/bin/systemctl', 'reload', unit] : [...base, '-s', 'reload']
    },
    start: null,
    began: workers.length === 0 ? null : Math.min(...workers.map(({ began }) => began)),
    isReplaced: master.isReplaced,
    trouble: troubleOf(configs.exposed)
  }
  const { uses, ports } = readUses(directives, posix.dirname(main))
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

/** Old workers that still serve long transfers say that they are shutting down. */
export function isWorker(argv: readonly string[]): boolean {
  return argv[0]?.trim() === 'nginx: worker process'
}

/** `nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf -g daemon on; master_process on;` */
export function titleOf(title: string): { argv0: string; options: Map<string, string> } {
  const [argv0 = '', ...words] = title
    .replace(/^nginx: master process\s*/, '')
    .trim()
    .split(' ')
  const options = new Map<string, string>()
  let open = ''
  for (const word of words) {
    if (/^-[pcge]$/.test(word)) {
      open = word
      options.set(open, '')
    } else if (open !== '') options.set(open, `${options.get(open) ?? ''} ${word}`.trim())
  }
  return { argv0, options }
}

/** The configuration that a master says it was started with; null: only the program knows. */
export function namedConfigs({ argv }: Pick<Process, 'argv'>): readonly string[] | null {
  const config = titleOf(argv[0] ?? '').options.get('-c')
  return config?.startsWith('/') ? [posix.normalize(config)] : null
}

/** Every server that ends TLS, and all ports that nginx listens on. */
export function readUses(directives: readonly Directive[], root: string): { uses: Use[]; ports: number[] } {
  const servers = directives
    .filter(({ name, block }) => block && ['http', 'stream', 'mail'].includes(name))
    .flatMap((context) =>
      (context.block ?? [])
        .filter(({ name, block }) => block && name === 'server')
        .map((server) => ({ context, server }))
    )
  const firsts = new Map<string, Directive>()
  for (const { server } of servers) {
    for (const { args } of all(server, 'listen')) {
      const key = keyOf(args)
      if (!firsts.has(key) || args.some((arg) => /^default(_server)?$/.test(arg))) firsts.set(key, server)
    }
  }
  const uses = servers.flatMap(({ context, server }) => {
    const listens = listensOf({ context, server, firsts })
    const pairs = pairsOf({ context, server, root })
    if (listens.length === 0 || pairs.length === 0) return []
    const names = all(server, 'server_name').flatMap(({ args }) => args)
    const shown = names.find((name) => name !== '' && name !== '_') ?? `of ${server.file}:${server.line}`
    return [{ what: `server ${shown}`, where: `${server.file}:${server.line}`, names, listens, pairs }]
  })
  const ports = servers.flatMap(({ server }) =>
    all(server, 'listen').flatMap(({ args }) => addressOf(args[0] ?? '')?.port ?? [])
  )
  return { uses, ports: [...new Set(ports)].sort((a, b) => a - b) }
}

function all({ block }: Directive, name: string): Directive[] {
  return (block ?? []).filter((directive) => directive.name === name)
}

/** a level that sets a directive replaces what the levels above say */
function inherited({ context, server }: Placed, name: string): Directive[] {
  const own = all(server, name)
  return own.length > 0 ? own : all(context, name)
}

interface Placed {
  readonly context: Directive
  readonly server: Directive
}

function listensOf({
  context,
  server,
  firsts
}: Placed & { firsts: ReadonlyMap<string, Directive> }): Listen[] {
  const isOn = inherited({ context, server }, 'ssl').at(-1)?.args[0] === 'on'
  const startsClear = ['on', 'only'].includes(
    inherited({ context, server }, 'starttls').at(-1)?.args[0] ?? ''
  )
  const protocol = all(server, 'protocol').at(-1)?.args[0] ?? ''
  return all(server, 'listen').flatMap(({ args }) => {
    const [place = '', ...words] = args
    // QUIC is no TCP: its certificates are those of the same server's TLS
    const isTls = (isOn || words.includes('ssl')) && !words.includes('quic')
    const starttls = !isTls && context.name === 'mail' && startsClear ? protocol : null
    const address = addressOf(place)
    if ((!isTls && starttls === null) || !address) return []
    const everywhere = address.address === '[::]' && words.includes('ipv6only=off')
    return [
      {
        ...address,
        address: everywhere ? '*' : address.address,
        isDefault: firsts.get(keyOf(args)) === server,
        starttls: starttls === '' ? null : starttls
      }
    ]
  })
}

/** the same for all ways to write an address */
function keyOf([place = '']: readonly string[]): string {
  const address = addressOf(place)
  return address ? `${address.address} ${address.port}` : place
}

/** `443`, `*:443`, `10.0.0.5:443`, `[::]:443`, `localhost`; undefined for a Unix socket */
function addressOf(place: string): { address: string; port: number } | undefined {
  if (place.startsWith('unix:')) return undefined
  if (/^\d+$/.test(place)) return { address: '*', port: Number(place) }
  const [, host = '', port = '80'] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(place) ?? []
  if (host === '[::]') return { address: host, port: Number(port) }
  const address = host.replace(/^\[(.*)\]$/, '$1')
  return { address: address === '0.0.0.0' ? '*' : address, port: Number(port) }
}

/** key i belongs to certificate i */
function pairsOf(placed: Placed & { root: string }): Pair[] {
  const value = ({ args }: Directive) => args[0] ?? ''
  const certificates = inherited(placed, 'ssl_certificate').map(value)
  const keys = inherited(placed, 'ssl_certificate_key').map(value)
  const staple = inherited(placed, 'ssl_stapling_file').map(value)
  return certificates.map((certificate, at) => {
    const key = keys[at] ?? certificate
    const path = (text: string) => posix.resolve(placed.root, text)
    const reason = reasonOf(certificate, key, staple)
    if (reason !== null) {
      const unmanaged = { code: 'unsupported' as const, why: reason }
      const object = /^[a-z]+:|\$/.test(certificate) ? certificate : path(certificate)
      return { object, files: [], runtimeName: null, unmanaged }
    }
    const files =
      path(certificate) === path(key)
        ? [{ role: 'combined' as const, path: path(key) }]
        : [
            { role: 'cert' as const, path: path(certificate) },
            { role: 'key' as const, path: path(key) }
          ]
    return { object: path(certificate), files, runtimeName: null, unmanaged: null }
  })
}

function reasonOf(certificate: string, key: string, staples: readonly string[]): string | null {
  for (const path of [certificate, key]) {
    if (path.includes('$'))
      return `its path holds a variable (${path}), so that nginx opens it at each handshake`
    const [, source] = /^(data|engine|store):/.exec(path) ?? []
    if (source !== undefined) return `it does not come from a file (${source}:)`
  }
  const [staple] = staples
  return staple === undefined
    ? null
    : `ssl_stapling_file ${staple} belongs to the certificate and would be stale: remove it first`
}
