import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../ports.ts'
import { accepting, startProcess } from '../process.ts'
import { makeFolder, writer } from './files.ts'

/** An sshd of a test host. */
export interface Sshd {
  readonly port: number
  readonly user: string
  /** OpenSSH format, no passphrase */
  readonly privateKey: string
  readonly password: string | null
  /** `SHA256:…` of the host key, as ssh-keygen shows it */
  readonly hostKey: string
  readonly log: () => string
  stop(): Promise<void>
}

/** Who signs in. */
export interface SshdOptions {
  readonly folder: string
  /**
   * root, or a login of its own that exists only for this sshd (in a mount namespace), with these lines in sudoers:
   * `%u` stands for its name
   */
  readonly login:
    { readonly root: true } | { readonly sudoers: readonly string[]; readonly password?: string }
  /** lines added to the configuration, e.g. `MaxSessions 1` */
  readonly lines?: readonly string[]
}

const loginName = 'deploy'
const loginId = 4242

/** Starts it on a free port of the loopback. */
export async function startSshd({ folder, login, lines = [] }: SshdOptions): Promise<Sshd> {
  const keys = makeFolder(folder, 'ssh')
  const write = writer(keys)
  const port = await freePort()
  const isRoot = 'root' in login
  for (const name of ['host', 'client']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(keys, name)])
  }
  write('authorized', readFileSync(join(keys, 'client.pub'), 'utf8'))
  const config = write(
    'sshd_config',
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${keys}/host`,
      'PidFile none',
      `AuthorizedKeysFile ${keys}/authorized`,
      'StrictModes no',
      'UsePAM no',
      `PermitRootLogin ${isRoot ? 'prohibit-password' : 'no'}`,
      `PasswordAuthentication ${isRoot ? 'no' : 'yes'}`,
      'MaxStartups 100',
      'Subsystem sftp internal-sftp',
      // bash reads ~/.bashrc for each command that sshd runs: what stands there is no part of a test
      ...(isRoot ? [`SetEnv HOME=${makeFolder(keys, 'home')}`] : []),
      ...lines,
      ''
    ].join('\n')
  )
  mkdirSync('/run/sshd', { recursive: true })
  const command = `exec /usr/sbin/sshd -D -e -f ${config}`
  const running = isRoot
    ? startProcess({ program: '/bin/sh', args: ['-c', command] })
    : startProcess(withLogin({ keys, login, command }))
  await accepting('127.0.0.1', port, running)
  const shown = execFileSync('ssh-keygen', ['-l', '-f', `${keys}/host.pub`]).toString()
  return {
    port,
    user: isRoot ? 'root' : loginName,
    privateKey: readFileSync(join(keys, 'client'), 'utf8'),
    password: isRoot ? null : (login.password ?? null),
    hostKey: shown.split(' ')[1] ?? '',
    log: () => running.output(),
    stop: () => running.stop()
  }
}

interface LoginParts {
  readonly keys: string
  readonly login: { readonly sudoers: readonly string[]; readonly password?: string }
  readonly command: string
}

/** The system's accounts are not touched: the sshd sees copies of their files, with one account more. */
function withLogin({ keys, login, command }: LoginParts) {
  const write = writer(keys)
  const home = makeFolder(keys, 'home')
  chownSync(home, loginId, loginId)
  const hash = login.password
    ? execFileSync('openssl', ['passwd', '-6', '-stdin'], { input: login.password }).toString().trim()
    : '*'
  const add = (file: string, line: string, mode: number) =>
    write(file, `${readFileSync(`/etc/${file}`, 'utf8').trimEnd()}\n${line}\n`, mode)
  add('passwd', `${loginName}:x:${loginId}:${loginId}::${home}:/bin/sh`, 0o644)
  add('shadow', `${loginName}:${hash}:19000:0:99999:7:::`, 0o640)
  add('group', `${loginName}:x:${loginId}:`, 0o644)
  const rules = login.sudoers.map((line) => line.replaceAll('%u', loginName))
  const path = write('sudoers', ['Defaults env_reset', ...rules, ''].join('\n'), 0o440)
  writeFileSync(join(keys, 'mounts.sh'), mounts(keys, path, command), { mode: 0o700 })
  return {
    program: 'unshare',
    args: ['--mount', '--propagation', 'private', '/bin/sh', join(keys, 'mounts.sh')]
  }
}

function mounts(keys: string, sudoers: string, command: string): string {
  const files = ['passwd', 'shadow', 'group'].map((file) => `mount --bind ${keys}/${file} /etc/${file}`)
  return ['set -e', ...files, `mount --bind ${sudoers} /etc/sudoers`, command, ''].join('\n')
}
