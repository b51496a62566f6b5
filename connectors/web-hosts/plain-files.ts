import { Fault } from '../../core/fault.ts'
import type { ConfiguredFile, Reading, Reload, Role, Use } from './model.ts'

/** One entry of the settings: a pair of a program that we know nothing else of. */
export interface FilesEntry {
  readonly name: string
  readonly files: readonly ConfiguredFile[]
  readonly reload: Reload | null
  readonly test: readonly string[] | null
  readonly served: readonly { address: string; port: number; name: string | null; starttls: string | null }[]
}

const words = ['name', 'cert', 'key', 'chain', 'combined', 'reload', 'test', 'signal', 'pidfile', 'served']

/**
 * Reads `name=postfix cert=/etc/postfix/mail.crt key=/etc/postfix/mail.key reload="/usr/sbin/postfix reload"
 * served=mail.example:25/smtp`. `served` is address:port, with `/protocol` where TLS begins by a command and `@name`
 * for the server name to send; several are parted by commas. Throws a Fault settings-malformed.
 */
export function parseFilesEntry(text: string): FilesEntry {
  const given = new Map<string, string>()
  for (const [whole, name = '', quoted, bare] of text.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))|\S+/g)) {
    if (!words.includes(name)) throw malformed(text, `${whole} is none of ${words.join('=, ')}=`)
    given.set(name, quoted ?? bare ?? '')
  }
  const files: ConfiguredFile[] = (['cert', 'key', 'chain', 'combined'] as const).flatMap((role: Role) => {
    const path = given.get(role)
    if (path === undefined) return []
    if (!path.startsWith('/')) throw malformed(text, `${role}=${path} is no absolute path`)
    return [{ role, path }]
  })
  const roles = files.map(({ role }) => role).join(' ')
  if (!/^(cert key( chain)?|combined)$/.test(roles)) {
    throw malformed(text, 'it needs cert= and key= (and perhaps chain=), or combined=')
  }
  return {
    name: given.get('name') ?? files[0]?.path ?? '',
    files,
    reload: reloadOf(given, text),
    test: argvOf(given.get('test')),
    served: (given.get('served') ?? '')
      .split(',')
      .filter(Boolean)
      .map((place) => placeOf(place, text))
  }
}

function argvOf(command: string | undefined): string[] | null {
  const argv = (command ?? '').split(/\s+/).filter((word) => word !== '')
  return argv.length === 0 ? null : argv
}

function reloadOf(given: ReadonlyMap<string, string>, text: string): Reload | null {
  const argv = argvOf(given.get('reload'))
  const signal = given.get('signal')?.replace(/^SIG/, '')
  const pidFile = given.get('pidfile')
  if (argv) {
    if (!argv[0]?.startsWith('/'))
      throw malformed(text, `reload=${argv.join(' ')} needs the absolute path of its program`)
    return { by: 'command', argv }
  }
  if (signal === undefined && pidFile === undefined) return null
  if (!/^[A-Z0-9]+$/.test(signal ?? '') || !pidFile?.startsWith('/')) {
    throw malformed(text, 'signal=HUP needs pidfile=/absolute/path beside it')
  }
  return { by: 'signal', signal: signal ?? 'HUP', pidFile }
}

function placeOf(text: string, entry: string): FilesEntry['served'][number] {
  const [, host = '', port, protocol, name] =
    /^(\[[^\]]+\]|[^:/@]+):(\d+)(?:\/([a-z0-9]+))?(?:@(\S+))?$/.exec(text) ?? []
  if (port === undefined) throw malformed(entry, `served=${text} is no address:port`)
  const address = host.replace(/^\[(.*)\]$/, '$1')
  return { address, port: Number(port), name: name ?? null, starttls: protocol ?? null }
}

function malformed(entry: string, what: string): Fault {
  return new Fault('settings-malformed', `files: ${what}, in: ${entry}`, { field: 'files', entry })
}

/** The entries as programs that run as far as we know; entries of one name are pairs that are served together. */
export function readFiles(entries: readonly FilesEntry[]): Reading[] {
  const byName = new Map<string, FilesEntry[]>()
  for (const entry of entries) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry])
  return [...byName].map(([name, members]) => ({
    program: {
      kind: 'files',
      name,
      id: name,
      version: '',
      test: members.find(({ test }) => test)?.test ?? null,
      reload: members.find(({ reload }) => reload)?.reload ?? null,
      start: null,
      began: null,
      isReplaced: false,
      trouble: null
    },
    uses: [useOf(name, members)],
    configs: [],
    unreadable: [],
    exposed: [],
    sockets: [],
    keepers: [],
    bufferSize: 0,
    ports: []
  }))
}

function useOf(name: string, members: readonly FilesEntry[]): Use {
  const served = members.flatMap((entry) => entry.served)
  return {
    what: name,
    where: 'settings of the device',
    names: [],
    listens: served.map((place) => ({
      address: place.address,
      port: place.port,
      isDefault: place.name === null,
      starttls: place.starttls,
      only: place.name
    })),
    pairs: members.map(({ files }) => ({
      object: files[0]?.path ?? '',
      files,
      runtimeName: null,
      unmanaged: null
    }))
  }
}
