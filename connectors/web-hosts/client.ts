import { hash } from 'node:crypto'
import { Secret } from '../../core/secret.ts'
import { type Host, type Ran, script } from '../shared/host.ts'

/** One process as /proc shows it. */
export interface Process {
  readonly pid: number
  readonly parent: number
  /** file name of its program, at most 15 characters */
  readonly command: string
  readonly argv: readonly string[]
  /** when it began, milliseconds by the host's clock; good to 50 ms */
  readonly began: number
  /** systemd unit in whose control group it runs, or null */
  readonly unit: string | null
  /** it runs in a container that the login is not in itself */
  readonly contained: boolean
  /** its program; null: the login may not see it */
  readonly executable: string | null
  /** its working directory and root, null likewise */
  readonly cwd: string | null
  readonly root: string | null
}

/**
 * /proc of the named commands. First line: wall clock, uptime, ticks per second; second line: control groups of the
 * login; then a record for each process, its fields parted by 0x1f, its arguments by 0x1e, records by 0x1d. Clock and
 * uptime are read until they come within 30 ms of each other: on a busy host the shell may wait in between.
 */
const listing = [
  '{ cd /proc || exit 1; n=0',
  'while read -r a _ < uptime && now=$(date +%s.%N) && read -r up _ < uptime',
  'do n=$((n + 1)); [ $((${up%.*}${up#*.} - ${a%.*}${a#*.})) -le 3 ] && break; [ $n -ge 20 ] && break; done',
  'echo "$now $up $(getconf CLK_TCK)"',
  'tr "\\n" " " < self/cgroup; echo',
  'for p in [0-9]*; do read -r c < $p/comm || continue',
  'case " $* " in *" $c "*) ;; *) continue;; esac',
  'read -r s < $p/stat || continue',
  'printf "%s\\037" "$s"',
  'tr "\\000\\n" "\\036 " < $p/cmdline',
  'printf "\\037"',
  'tr "\\n" " " < $p/cgroup',
  'printf "\\037%s\\037%s\\037%s\\035" "$(readlink $p/exe)" "$(readlink $p/cwd)" "$(readlink $p/root)"',
  'done; } 2>/dev/null; exit 0'
].join('; ')

/** Processes with one of these commands. */
export async function listProcesses(host: Host, commands: readonly string[]): Promise<Process[]> {
  if (commands.length === 0) return []
  const ran = await host.run(script(listing, ...commands))
  const text = ran.stdout.toString()
  const [first = '', own = ''] = text.split('\n', 2)
  const [now = 0, uptime = 0, ticks = 100] = first.split(' ').map(Number)
  const boot = (Number.isFinite(now) ? now : 0) - uptime
  return text
    .slice(first.length + own.length + 2)
    .split('\x1d')
    .flatMap((record) => processOf(record, { boot, ticks: ticks || 100, container: containerOf(own) }))
}

/** The container of a process by its control groups: its id or name; null: none is seen. */
export function containerOf(cgroup: string): string | null {
  const [, id, name] =
    /(?:docker|containerd|kubepods|libpod)\S*?([0-9a-f]{64})|\/lxc(?:\.payload)?[./]([^/\s]+)/.exec(cgroup) ??
    []
  return id ?? name ?? /(?:docker|containerd|kubepods|libpod)[^/\s]*/.exec(cgroup)?.[0] ?? null
}

interface ListedOn {
  /** when the host started, seconds */
  readonly boot: number
  /** of its clock, per second */
  readonly ticks: number
  /** that the login is in */
  readonly container: string | null
}

function processOf(record: string, { boot, ticks, container }: ListedOn): Process[] {
  const [stat = '', cmdline = '', cgroup = '', executable = '', cwd = '', root = ''] = record.split('\x1f')
  // the command stands in parentheses and may hold some itself: pid (command) state parent …
  const [, pid, command, rest] = /^(\d+) \((.*)\) (.*)$/s.exec(stat) ?? []
  if (pid === undefined || command === undefined || rest === undefined) return []
  const fields = rest.split(' ')
  const [state, parent] = fields
  if (state === 'Z' || state === 'X') return []
  return [
    {
      pid: Number(pid),
      parent: Number(parent),
      command,
      argv: cmdline.replace(/\x1e+$/, '').split('\x1e'),
      // field 22 of proc(5), counted from field 3
      began: (boot + Number(fields[19]) / ticks) * 1000,
      unit: /([^/\s]+\.service)(?:\/[^\s]*)?\s*$/.exec(cgroup)?.[1] ?? null,
      contained: ![null, container].includes(containerOf(cgroup)),
      // a program that was upgraded while it runs
      executable: executable.replace(/ \(deleted\)$/, '') || null,
      cwd: cwd || null,
      root: root || null
    }
  ]
}

/**
 * The systemd unit whose main process this is, or null. Whatever somebody starts inside of a service runs in its
 * control group too: such a program is not reloaded with the service.
 */
export async function unitOf(host: Host, { unit, pid }: Process): Promise<string | null> {
  if (unit === null) return null
  const ran = await host.run(['systemctl', 'show', '-p', 'MainPID', '--value', '--', unit])
  return ran.code === 0 && Number(ran.stdout.toString().trim()) === pid ? unit : null
}

/** Who the login is. */
export interface Login {
  readonly uid: number
  readonly user: string
  readonly groups: readonly number[]
}

/** The user that commands and file operations run as. */
export async function whoAmI(host: Host): Promise<Login> {
  const ran = await host.run(script('id -u; id -un; id -G'))
  const [uid = '0', user = '', groups = ''] = ran.stdout.toString().split('\n')
  return { uid: Number(uid), user, groups: groups.split(' ').map(Number) }
}

/** Where a program lies by name, or null. */
export async function findExecutable(host: Host, name: string): Promise<string | null> {
  const ran = await host.run(script('command -v -- "$1"', name))
  const path = ran.stdout.toString().trim()
  return ran.code === 0 && path.startsWith('/') ? path : null
}

/** Runs a program that only says something of itself; both its outputs. */
export async function ask(host: Host, argv: readonly string[]): Promise<string> {
  const ran = await host.run(argv)
  return `${ran.stdout.toString()}\n${ran.stderr}`
}

/** Sends a signal to the process whose id stands in a file. */
export function signalByPidFile(host: Host, signal: string, pidFile: string): Promise<Ran> {
  return host.run(script('read -r pid < "$2" && kill -s "$1" "$pid"', signal, pidFile))
}

/** Release of the kernel. */
export async function kernelRelease(host: Host): Promise<string> {
  return (await host.run(['uname', '-r'])).stdout.toString().trim()
}

/** Ports that something listens on with TCP. */
export async function listeningPorts(host: Host): Promise<Set<number>> {
  const ran = await host.run(script('cat /proc/net/tcp /proc/net/tcp6 2>/dev/null; exit 0'))
  const ports = new Set<number>()
  for (const line of ran.stdout.toString().split('\n')) {
    // proc_net_tcp: local address in hex, state 0A is LISTEN
    const [, port] = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A /.exec(line) ?? []
    if (port !== undefined) ports.add(Number.parseInt(port, 16))
  }
  return ports
}

/** Whether a socket is there and takes connections of the login, by its rights alone. */
export async function mayUseSocket(host: Host, path: string): Promise<boolean> {
  return (await host.run(script('[ -S "$1" ] && [ -w "$1" ]', path))).code === 0
}

/** A command of a line-based control socket with a PEM as its payload, which ends at the first empty line. */
export function withPayload(command: string, pem: Secret): Secret {
  const payload = pem
    .reveal()
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .join('\n')
  return new Secret(`${command} <<\n${payload}\n\n`)
}

/** Bytes that a request takes. */
export function lengthOf(request: Secret): number {
  return Buffer.byteLength(request.reveal())
}

/** PEM texts and a key as the content of one file, in this order. */
export function joined(texts: readonly (Secret | string)[]): Secret {
  return new Secret(texts.map((text) => (text instanceof Secret ? text.reveal() : text)).join(''))
}

/** SHA-256 of a secret text, lower-case hex. */
export function sha256Of(content: Secret): string {
  return hash('sha256', content.reveal(), 'hex')
}
