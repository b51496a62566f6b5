import { Fault } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import { type Host, type Ran, saidBy, shown } from './host.ts'

const passwordWanted = /a (terminal|password) is required|no tty present/
const notAllowed =
  /not in the sudoers file|is not allowed to (run|execute)|may not run sudo|incorrect password attempt/

/**
 * The same host with every command run as root by sudo. It is asked without a password first, so that a password is
 * never written to the input of a command that sudo lets through without one. Faults: device-right, which shows the
 * line that sudoers needs.
 */
export function throughSudo(host: Host, password: Secret | undefined): Host {
  return {
    name: host.name,
    talk: (socket, request) => host.talk(socket, request),
    async run(argv, options = {}) {
      const first = await host.run(['sudo', '-n', '--', ...argv], options)
      if (!refused(first)) return first
      if (!password || !passwordWanted.test(first.stderr)) throw denied(host, argv, first)
      const { stdin = '' } = options
      const payload = stdin instanceof Secret ? stdin.reveal() : stdin
      const second = await host.run(['sudo', '-k', '-S', '-p', '', '--', ...argv], {
        ...options,
        stdin: new Secret(`${password.reveal()}\n${payload}`)
      })
      if (refused(second)) throw denied(host, argv, second)
      return second
    }
  }
}

/** May the login run this by sudo, tested without running it? */
export async function sudoAllows(
  host: Host,
  password: Secret | undefined,
  argv: readonly string[]
): Promise<boolean> {
  const first = await host.run(['sudo', '-k', '-n', '-l', '--', ...argv])
  if (first.code === 0) return true
  if (!password || !passwordWanted.test(first.stderr)) return false
  const second = await host.run(['sudo', '-k', '-S', '-p', '', '-l', '--', ...argv], {
    stdin: new Secret(`${password.reveal()}\n`)
  })
  return second.code === 0
}

/** The line that sudoers needs for these commands. */
export function sudoersLine(user: string, commands: readonly (readonly string[])[]): string {
  // these have a meaning in sudoers (sudoers(5), Command list)
  const escaped = commands.map((argv) => argv.map((word) => word.replace(/[,:=\\*?[\] ]/g, '\\$&')).join(' '))
  return `${user} ALL=(root) NOPASSWD: ${escaped.join(', ')}`
}

function refused({ code, stderr }: Ran): boolean {
  return code === 1 && /^sudo: |in the sudoers file|is not allowed to|may not run sudo/m.test(stderr)
    ? passwordWanted.test(stderr) || notAllowed.test(stderr)
    : false
}

function denied(host: Host, argv: readonly string[], ran: Ran): Fault {
  const user = host.name.includes('@') ? (host.name.split('@')[0] ?? 'the login') : 'the login'
  return new Fault(
    'device-right',
    `sudo does not run ${shown(argv)} (${saidBy(ran)}). Add to sudoers: ${sudoersLine(user, [argv])}`,
    { command: shown(argv) }
  )
}
