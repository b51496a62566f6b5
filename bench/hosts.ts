import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Certificate, createAuthority, createCertificate, pemOf } from '../test/peers/certificates.ts'
import { shownAt } from '../test/peers/handshake.ts'
import { freePort } from '../test/peers/ports.ts'
import { accepting, startProcess, type Running } from '../test/peers/process.ts'

/** A Linux host with nginx and sshd, which sees no processes but its own. */
export interface BenchHost {
  readonly name: string
  readonly folder: string
  readonly config: string
  readonly sshPort: number
  readonly servers: readonly BenchServer[]
}

/** A server block with a certificate of its own. */
export interface BenchServer {
  readonly name: string
  readonly port: number
  /** paths of what it is configured to read */
  readonly certificate: string
  readonly key: string
  /** SHA-256 of the leaf that it had first, hex */
  readonly former: string
}

/** Hosts that are reached by one key. */
export interface BenchHosts {
  readonly hosts: readonly BenchHost[]
  /** OpenSSH private key of root */
  readonly identity: string
  readonly knownHosts: string
  /** commands and file transfers that their sshds have begun so far */
  commands(): number
  /** servers that show another certificate than at first */
  replaced(): Promise<number>
  stop(): Promise<void>
}

const former = createAuthority('Former Issuing', { issuer: createAuthority('Former Root') })

/** Why the hosts cannot be started here, or undefined. */
export function hostsMissing(find: (program: string) => string | undefined): string | undefined {
  const missing = ['nginx', 'sshd', 'ssh', 'scp', 'ssh-keygen', 'unshare'].filter((name) => !find(name))
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`
  return process.getuid?.() === 0 ? undefined : 'hosts are started as root only'
}

/** Starts `count` hosts with `each` server blocks in a folder. */
export async function startHosts(
  folder: string,
  { count, each }: { readonly count: number; readonly each: number }
): Promise<BenchHosts> {
  mkdirSync(folder, { recursive: true })
  for (const name of ['host', 'client']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)])
  }
  mkdirSync('/run/sshd', { recursive: true })
  const started: { readonly host: BenchHost; readonly running: Running }[] = []
  for (let nth = 1; nth <= count; nth++) started.push(await startHost(folder, { nth, each }))
  const hosts = started.map(({ host }) => host)
  const knownHosts = join(folder, 'known_hosts')
  const [type = '', key = ''] = readFileSync(join(folder, 'host.pub'), 'utf8').split(' ')
  writeFileSync(knownHosts, hosts.map(({ sshPort }) => `[127.0.0.1]:${sshPort} ${type} ${key}\n`).join(''))
  return {
    hosts,
    identity: join(folder, 'client'),
    knownHosts,
    commands: () => hosts.reduce((sum, host) => sum + sessionsOf(host), 0),
    replaced: () => replacedOn(hosts),
    stop: async () => void (await Promise.all(started.map(({ running }) => running.stop())))
  }
}

function sessionsOf({ folder }: BenchHost): number {
  return (
    readFileSync(`${folder}/sshd.log`, 'utf8').match(/Starting session: (command|subsystem)/g)?.length ?? 0
  )
}

async function replacedOn(hosts: readonly BenchHost[]): Promise<number> {
  let count = 0
  for (const { port, name, former } of hosts.flatMap(({ servers }) => servers)) {
    const shown = await shownAt({ port, name })
    if (/^[0-9a-f]{64}$/.test(shown) && shown !== former) count++
  }
  return count
}

async function startHost(
  home: string,
  { nth, each }: { readonly nth: number; readonly each: number }
): Promise<{ host: BenchHost; running: Running }> {
  const folder = join(home, `h${nth}`)
  for (const part of ['tls', 'root', 'tmp']) mkdirSync(join(folder, part), { recursive: true })
  const port = await freePort()
  const sshPort = await freePort()
  const servers = Array.from({ length: each }, (_, at) =>
    writeServer(folder, port, `s${at + 1}.h${nth}.test`)
  )
  const config = `${folder}/nginx.conf`
  writeFileSync(config, nginxConfig(folder, servers))
  writeFileSync(`${folder}/sshd_config`, sshdConfig(home, folder, sshPort))
  writeFileSync(`${folder}/sshd.log`, '')
  const start = `nginx -p ${folder} -c ${config} && exec /usr/sbin/sshd -D -E ${folder}/sshd.log -f ${folder}/sshd_config`
  const args = ['--pid', '--fork', '--kill-child', '--mount-proc', '/bin/sh', '-c', start]
  const running = startProcess({ program: 'unshare', args })
  await accepting('127.0.0.1', port, running)
  await accepting('127.0.0.1', sshPort, running)
  return { host: { name: `h${nth}`, folder, config, sshPort, servers }, running }
}

function writeServer(folder: string, port: number, name: string): BenchServer {
  const made: Certificate = createCertificate({ names: [name], issuer: former })
  const [certificate, key] = [`${folder}/tls/${name}.crt`, `${folder}/tls/${name}.key`]
  writeFileSync(certificate, pemOf(made.chain))
  writeFileSync(key, made.keyPem, { mode: 0o600 })
  return { name, port, certificate, key, former: made.fingerprint }
}

function nginxConfig(folder: string, servers: readonly BenchServer[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const blocks = servers.map(
    ({ name, port, certificate, key }) => `  server {
    listen 127.0.0.1:${port} ssl;
    server_name ${name};
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    return 200 "${name}";
  }
`
  )
  return `pid ${folder}/nginx.pid;
user root;
worker_processes 1;
error_log ${folder}/error.log notice;
events {}
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/tmp/${name};\n`).join('')}${blocks.join('')}}
`
}

function sshdConfig(home: string, folder: string, port: number): string {
  return `Port ${port}
ListenAddress 127.0.0.1
HostKey ${home}/host
PidFile none
AuthorizedKeysFile ${home}/client.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv HOME=${folder}/root
`
}
