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
  /** real, effective, saved and file system user id; empty: it changed while it was looked at */
  readonly uids: readonly number[]
  /** who signed in and started it, by the audit's mark or its control group; null: nobody, or it is not seen */
  readonly session: number | null
  /** its program; null: the login may not see it */
  readonly executable: string | null
  /** the file of its program was replaced or removed since it began */
  readonly isReplaced: boolean
  /** its working directory and root, null likewise */
  readonly cwd: string | null
  readonly root: string | null
}

/**
 * /proc of the named commands. First line: wall clock, uptime, ticks per second; second line: control groups of the
 * login; then a record for each process, its fields parted by 0x1f, its arguments by 0x1e, records by 0x1d. Clock and
 * uptime are read until they come within 30 ms of each other: on a busy host the shell may wait in between.
 *
 * Any account can name a process as it likes. What parts the fields is taken out of them, so that no name makes up a
 * record; and the user ids are read before and after all else, with the places of program and stack (proc(5), stat
 * fields 22, 26, 28, 48: each start of a program changes them), so that what is put together belongs together.
 */
const listing = [
  '{ cd /proc || exit 1; n=0; z=$(printf "\\035\\036\\037")',
  'ids() { i=; while read -r k x; do case $k in Uid:) i=$x;; NSpid:) i="$i|$x"; return;; esac; done < $1/status; }',
  'own() { set -- ${1##*") "}; m="${20} ${24} ${26} ${46}"; }',
  'look() { read -r s < $1/stat && own "$s" && b=$m && ids $1 && u=$i && ' +
    'a=$(tr "\\000\\n\\035\\036\\037" "\\036    " < $1/cmdline) && g=$(tr "\\n\\035\\036\\037" "    " < $1/cgroup); ' +
    'e=$(readlink $1/exe); d=$(readlink $1/cwd); r=$(readlink $1/root); l=; read -r l < $1/loginuid; ' +
    'read -r t < $1/stat && own "$t" && ids $1 && [ "$b $u" = "$m $i" ]; }',
  'while read -r a _ < uptime && now=$(date +%s.%N) && read -r up _ < uptime',
  'do n=$((n + 1)); [ $((${up%.*}${up#*.} - ${a%.*}${a#*.})) -le 3 ] && break; [ $n -ge 20 ] && break; done',
  'echo "$now $up $(getconf CLK_TCK)"',
  'tr "\\n" " " < self/cgroup; echo',
  'for p in [0-9]*; do read -r c < $p/comm || continue',
  'case " $* " in *" $c "*) ;; *) continue;; esac',
  's=; a=; g=; e=; d=; r=; l=; look $p || look $p || look $p || u=',
  '[ -d $p ] || continue',
  'case $s$e$d$r in *[$z]*) s="$p (?) ${s##*") "}"; e="?"; d="?"; r="?";; esac',
  'printf "%s\\037%s\\037%s\\037%s\\037%s\\037%s\\037%s\\037%s\\035" "$s" "$a" "$g" "$e" "$d" "$r" "$u" "$l"',
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
  const [stat = '', cmdline = '', cgroup = '', executable = '', cwd = '', root = '', uids = '', login = ''] =
    record.split('\x1f')
  const [outer = '', inner = ''] = uids.split('|')
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
      // a process of a container has an id there besides the one that is seen from here (proc_pid_status(5), NSpid)
      contained: /\d\s+\d/.test(inner) || ![null, container].includes(containerOf(cgroup)),
      uids: outer.split(/\s+/).filter(Boolean).map(Number),
      session: sessionOf(login, cgroup),
      executable: executable.replace(replacedMark, '') || null,
      isReplaced: replacedMark.test(executable),
      cwd: cwd || null,
      root: root || null
    }
  ]
}

/** what the kernel puts behind the path of a file that is not at its path any more, as after an upgrade */
const replacedMark = / \(deleted\)$/

/** the mark of the audit stays with all that a sign-in starts (pam_loginuid(8)); 2³² - 1: started by no sign-in */
function sessionOf(login: string, cgroup: string): number | null {
  if (/^\d+$/.test(login) && Number(login) !== 0xffff_ffff) return Number(login)
  const [, slice] = /\/user-(\d+)\.slice/.exec(cgroup) ?? []
  return slice === undefined ? null : Number(slice)
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
  /** who signed in, where that is another one than works: sudo tells */
  readonly signedIn: number
  /** user ids of the accounts that were asked for; those that the host does not know are left out */
  readonly named: ReadonlyMap<string, number>
}

/** The user that commands and file operations run as, and the user ids of other accounts. */
export async function whoAmI(host: Host, accounts: readonly string[] = []): Promise<Login> {
  const asking = 'id -u; id -un; id -G; echo "${SUDO_UID-}"; for a; do id -u "$a" 2>/dev/null || echo; done'
  const ran = await host.run(script(asking, ...accounts))
  const [uid = '0', user = '', groups = '', behind = '', ...ids] = ran.stdout.toString().split('\n')
  const named = accounts.flatMap((account, at): [string, number][] => {
    const id = /^\d+$/.exec(ids[at] ?? '') ?? /^\d+$/.exec(account)
    return id ? [[account, Number(id[0])]] : []
  })
  return {
    uid: Number(uid),
    user,
    groups: groups.split(' ').map(Number),
    signedIn: /^\d+$/.test(behind) ? Number(behind) : Number(uid),
    named: new Map(named)
  }
}

/** Those of the programs that can be found by name, each with its path. */
export async function findExecutables(host: Host, names: readonly string[]): Promise<[string, string][]> {
  const ran = await host.run(script('for n; do echo "$n $(command -v -- "$n")"; done', ...names))
  return ran.stdout
    .toString()
    .split('\n')
    .flatMap((line): [string, string][] => {
      const [name = '', path = ''] = line.split(' ')
      return path.startsWith('/') ? [[name, path]] : []
    })
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
