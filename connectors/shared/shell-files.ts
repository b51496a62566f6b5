import { hash } from 'node:crypto'
import { Fault } from '../../core/fault.ts'
import type { FileReads, FileStat, HostFiles, KnownOfHost } from './files.ts'
import { type Host, type Ran, saidBy, script } from './host.ts'

/**
 * Files by commands of a POSIX shell (GNU or busybox): for hosts without SFTP, for this machine, and for root by sudo.
 * Content goes by standard input and output only.
 */
export function shellFiles(host: Host, known: KnownOfHost = {}): HostFiles {
  return { ...readingFiles(host), ...writingFiles(host, known) }
}

/** The command's output; undefined when it says that something is not there. */
async function ask(host: Host, path: string, argv: readonly string[]): Promise<Ran | undefined> {
  const ran = await host.run(argv)
  if (ran.code === 0) return ran
  if (isMissing(ran)) return undefined
  throw fileFault(host.name, path, saidBy(ran))
}

async function must(host: Host, path: string, argv: readonly string[]): Promise<Ran> {
  const ran = await ask(host, path, argv)
  if (ran) return ran
  throw fileFault(host.name, path, 'No such file or directory')
}

function readingFiles(host: Host): FileReads {
  const reads: FileReads = {
    async stat(path) {
      const ran = await ask(host, path, ['stat', '-c', '%f %u %g %s', '--', path])
      return ran && statOf(ran.stdout.toString())
    },
    async read(path) {
      return (await ask(host, path, ['cat', '--', path]))?.stdout
    },
    async list(path) {
      const ran = await ask(host, path, ['ls', '-1A', '--', path])
      return ran && lines(ran).sort()
    },
    async readLink(path) {
      const ran = await host.run(['readlink', '--', path])
      return ran.code === 0 ? lines(ran)[0] : undefined
    },
    async realPath(path) {
      // readlink -f also answers for a last part that is not there
      const ran = await host.run(script('readlink -f -- "$1" && [ -e "$1" ]', path))
      return ran.code === 0 ? lines(ran)[0] : undefined
    },
    async hash(path) {
      const ran = await ask(host, path, ['sha256sum', '--', path])
      // a name with odd characters puts a backslash before the sum
      return ran && /[0-9a-f]{64}/.exec(ran.stdout.toString())?.[0]
    },
    async mtimes(paths) {
      if (paths.length === 0) return []
      const ran = await host.run(['stat', '-c', '%Y %y %n', '--', ...paths])
      const times = new Map(lines(ran).map(timeOf))
      return paths.map((path) => times.get(path) ?? 0)
    },
    async changedAfter(paths, time) {
      const times = await reads.mtimes(paths)
      return paths.filter((_path, at) => (times[at] ?? 0) > time)
    },
    async free(path) {
      const last = lines(await must(host, path, ['df', '-Pk', '--', path])).at(-1)
      return Number(last?.split(/\s+/)[3] ?? 0) * 1024
    },
    async unreadable(paths) {
      return lines(await host.run(script('for p; do [ -r "$p" ] || printf "%s\\n" "$p"; done', ...paths)))
    },
    async unwritable(directories) {
      if (directories.length === 0) return []
      const ran = await host.run(script(writable, ...directories))
      const may = new Set(ran.stdout.toString().split('\0'))
      return directories.filter((directory) => !may.has(directory))
    }
  }
  return reads
}

const writable = 'for p; do [ -d "$p" ] && [ -w "$p" ] && [ -x "$p" ] && printf "%s\\000" "$p"; done; exit 0'

function writingFiles(host: Host, known: KnownOfHost): Omit<HostFiles, keyof FileReads> {
  const act = async (path: string, argv: readonly string[]) => void (await must(host, path, argv))
  return {
    async write(path, content, { mode, uid, gid }) {
      const bytes = Buffer.from(content.reveal())
      const sum = hash('sha256', bytes, 'hex')
      const argv = script(writing, path, octal(mode), `${uid}:${gid}`, String(bytes.length), sum)
      const ran = await host.run(argv, { stdin: content })
      if (ran.code === 0) return
      throw fileFault(host.name, path, saidBy(ran) || 'the bytes read back are not those sent')
    },
    makeDirectory: (path, { mode, uid, gid }) =>
      act(path, script(making, path, octal(mode), `${uid}:${gid}`)),
    makeLink: (path, to) => act(path, ['ln', '-s', '--', to, path]),
    makeHardLink: (path, of) => act(path, ['ln', '-T', '--', of, path]),
    rename: (from, to) => act(to, ['mv', '-fT', '--', from, to]),
    remove: (path) => act(path, ['rm', '-f', '--', path]),
    async removeDirectory(path) {
      const ran = await host.run(['rmdir', '--', path])
      if (ran.code === 0 || isMissing(ran) || /not empty/i.test(ran.stderr)) return
      throw fileFault(host.name, path, saidBy(ran))
    },
    async sync(directories) {
      if (directories.length > 0) await act(directories[0] ?? '', ['sync', ...directories])
    },
    async copyLabel(from, to) {
      known.labels ??= (await host.run(script('[ -e /sys/fs/selinux/enforce ]'))).code === 0
      if (known.labels) await act(to, script(labelling, from, to))
    }
  }
}

/** $1 path, $2 mode, $3 owner: both are only set where they differ, since the owner can only be set by root */
const giving = [
  '{ [ "$(stat -c %u:%g -- "$1")" = "$3" ] || chown "$3" -- "$1" || exit 1; }',
  '{ [ "$(stat -c %04a -- "$1")" = "$2" ] || chmod "$2" -- "$1" || exit 1; }'
].join('; ')

const making = `[ -d "$1" ] || (umask 077; mkdir -- "$1") || exit 1; ${giving}`

/**
 * $4 length, $5 SHA-256. `set -C` makes `>` exclusive. A file of another content is a remainder of ours that a broken
 * connection cut short: nothing refers to it, and it is made again.
 */
const writing = [
  'umask 077; set -C',
  'same() { [ "$(wc -c < "$1")" -eq "$4" ] && [ "$(sha256sum < "$1" | cut -c1-64)" = "$5" ]; }',
  'if [ -e "$1" ] && same "$@"; then cat > /dev/null; else rm -f -- "$1" && cat > "$1" || exit 1; fi',
  'same "$@" || exit 3',
  giving,
  'sync "$1"'
].join('; ')

const labelling = [
  'o=$(stat -c %C -- "$1" 2>/dev/null) || exit 0',
  'case $o in ""|"?"|*unlabeled*) exit 0;; esac',
  '[ "$o" = "$(stat -c %C -- "$2")" ] || chcon --reference="$1" -- "$2"'
].join('; ')

function lines({ stdout }: Ran): string[] {
  return stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

const kinds: Readonly<Record<number, FileStat['kind']>> = {
  0x8000: 'file',
  0x4000: 'directory',
  0xa000: 'link'
}

/** `81a4 0 0 12` */
function statOf(text: string): FileStat {
  const [raw = '0', uid = '0', gid = '0', size = '0'] = text.trim().split(' ')
  const bits = Number.parseInt(raw, 16)
  const kind = kinds[bits & 0xf000] ?? 'other'
  return { kind, mode: bits & 0o7777, uid: Number(uid), gid: Number(gid), size: Number(size) }
}

/** `1700000000 2023-11-14 22:13:20.123456789 +0000 /etc/hosts` */
function timeOf(line: string): [path: string, mtimeMs: number] {
  const [, seconds = '0', fraction = '', path = ''] = /^(\d+) \S+ [\d:]+(\.\d+)? \S+ (.*)$/.exec(line) ?? []
  return [path, (Number(seconds) + Number(`0${fraction}`)) * 1000]
}

function isMissing({ stderr }: Ran): boolean {
  return /No such file or directory|Not a directory|nonexistent/.test(stderr)
}

/** The fault for what the system said of a file. */
export function fileFault(host: string, path: string, said: string): Fault {
  const facts = { host, path }
  if (/Permission denied|Operation not permitted/i.test(said)) {
    return new Fault('device-right', `${path} on ${host}: ${said}. Give the login this right.`, facts)
  }
  if (/No space left|quota/i.test(said)) {
    return new Fault('device-full', `${path} on ${host}: no space is left on the device.`, facts)
  }
  if (/Read-only file system|resource busy/i.test(said)) {
    const why = 'A read-only system or a file that is mounted by itself (a container) cannot be switched'
    return new Fault('device-refused', `${path} on ${host}: ${said}. ${why}.`, facts)
  }
  return new Fault('device-refused', `${path} on ${host}: ${said}.`, facts)
}
