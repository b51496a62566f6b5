import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { webHosts } from '../../connectors/web-hosts/index.ts'
import { createAuthority, createCertificate, pemOf } from '../../test/peers/certificates.ts'
import type { Bench, Section } from '../context.ts'
import { devicesAtOnce as atOnce, replaceByEngine, replaceLimitMs as limitMs } from '../engine-work.ts'
import { hostsMissing, startHosts, type BenchHost, type BenchHosts, type BenchServer } from '../hosts.ts'
import { find, output, type Command } from '../process.ts'
import { replacementCells, type Replacements } from '../replacements.ts'
import type { Table } from '../table.ts'
import { replaceOnBigIps } from './replace-bigip.ts'

/** server blocks of a host */
const each = 10

/** What one way to replace the certificates took. */
interface Work extends Replacements {
  readonly commands: number
}

/** Certificates of many servers on many hosts, one for each, replaced over SSH; and of profiles on many BIG-IPs. */
export const replace: Section = {
  name: 'replace',
  about: 'certificates of many nginx servers replaced over SSH, and of many profiles on BIG-IPs',
  async run(bench) {
    const missing = hostsMissing(find)
    if (missing !== undefined) bench.progress(`without hosts: ${missing}`)
    const overSsh = missing === undefined ? [await replaceOverSsh(bench)] : []
    const { tables, goals } = await replaceOnBigIps(bench)
    return { tables: [...overSsh, ...tables], goals }
  }
}

async function replaceOverSsh(bench: Bench): Promise<Table> {
  const ways: Way[] = [{ name: 'ours', work: byEngine }]
  if (find('certbot')) ways.push({ name: 'scp, then certbot install --nginx', work: byCommands(certbot) })
  ways.push({ name: 'scp, then a deploy hook: nginx -t, reload', work: byCommands(hook) })
  const works: Work[] = []
  for (const way of ways) works.push(await onFreshHosts(bench, way))
  return tableOf(bench, works)
}

interface Way {
  readonly name: string
  readonly work: (bench: Bench, hosts: BenchHosts) => Promise<Pick<Work, 'seconds' | 'peakKb'>>
}

async function onFreshHosts(bench: Bench, { name, work }: Way): Promise<Work> {
  const count = bench.scale.hosts
  const hosts = await startHosts(join(bench.folder, `hosts-${name.replaceAll(/\W+/g, '-')}`), { count, each })
  try {
    bench.progress(`${count * each} targets on ${count} hosts: ${name}`)
    const done = await work(bench, hosts)
    return { name, ...done, commands: hosts.commands(), replaced: await hosts.replaced() }
  } finally {
    await hosts.stop()
  }
}

function byEngine(bench: Bench, { hosts, identity }: BenchHosts): Promise<Pick<Work, 'seconds' | 'peakKb'>> {
  const devices = hosts.map(({ name, sshPort, config, servers }) => ({
    name,
    connector: webHosts.id,
    settings: { address: '127.0.0.1', port: sshPort, user: 'root', programs: ['nginx'], configs: [config] },
    targets: servers.map(({ certificate }) => `nginx:${certificate}`)
  }))
  return replaceByEngine(bench, { devices, secret: { name: 'key', file: identity }, events: 'target' })
}

/** Commands on the machine of the administrator that replace one certificate, the files of which lie in a folder. */
type Commands = (given: {
  readonly hosts: BenchHosts
  readonly host: BenchHost
  readonly server: BenchServer
  readonly files: string
}) => readonly Command[]

const former = createAuthority('Bench Issuing', { issuer: createAuthority('Bench Root') })

function byCommands(commands: Commands): Way['work'] {
  return async ({ folder, signal }, hosts) => {
    const files = (server: BenchServer) => join(folder, 'fresh', server.name)
    for (const server of hosts.hosts.flatMap(({ servers }) => servers)) writeFresh(files(server), server.name)
    const queue = new PQueue({ concurrency: atOnce })
    const start = performance.now()
    const jobs = hosts.hosts.map((host) =>
      queue.add(async () => {
        for (const server of host.servers) {
          for (const command of commands({ hosts, host, server, files: files(server) }))
            await output(command, { timeoutMs: limitMs, signal })
        }
      })
    )
    await Promise.all(jobs)
    return { seconds: (performance.now() - start) / 1_000, peakKb: null }
  }
}

function writeFresh(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true })
  const { chain, keyPem, pem } = createCertificate({ names: [name], issuer: former })
  writeFileSync(join(folder, 'fullchain.pem'), pemOf(chain))
  writeFileSync(join(folder, 'chain.pem'), pemOf(chain.slice(1)))
  writeFileSync(join(folder, 'cert.pem'), pem)
  writeFileSync(join(folder, 'privkey.pem'), keyPem, { mode: 0o600 })
}

function sshOptions({ identity, knownHosts }: BenchHosts): string[] {
  return ['-q', '-i', identity, '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'BatchMode=yes']
}

function remote(hosts: BenchHosts, { sshPort }: BenchHost, line: string): Command {
  return ['ssh', ...sshOptions(hosts), '-p', String(sshPort), 'root@127.0.0.1', line]
}

function copy(hosts: BenchHosts, { sshPort }: BenchHost, files: readonly string[], to: string): Command {
  return ['scp', ...sshOptions(hosts), '-P', String(sshPort), ...files, `root@127.0.0.1:${to}`]
}

/** what certbot's installer does: paths of the files into the configuration, a test, a reload, a second's wait */
const certbot: Commands = ({ hosts, host, server, files }) => {
  const to = `${host.folder}/root/${server.name}`
  const parts = ['cert', 'chain', 'fullchain', 'privkey'].map((name) => join(files, `${name}.pem`))
  const install = [
    'certbot install --nginx -n -q',
    `--nginx-server-root ${host.folder}`,
    `--config-dir ${host.folder}/root/le --work-dir ${host.folder}/root/work --logs-dir ${host.folder}/root/logs`,
    `--cert-path ${to}/cert.pem --chain-path ${to}/chain.pem`,
    `--fullchain-path ${to}/fullchain.pem --key-path ${to}/privkey.pem`,
    `-d ${server.name}`
  ].join(' ')
  return [remote(hosts, host, `mkdir -p ${to}`), copy(hosts, host, parts, to), remote(hosts, host, install)]
}

/** what deploy hooks of acme.sh and the like do */
const hook: Commands = ({ hosts, host, server, files }) => {
  const to = `${host.folder}/root`
  const line = [
    `cp ${to}/fullchain.pem ${server.certificate}`,
    `cp ${to}/privkey.pem ${server.key}`,
    `nginx -p ${host.folder} -c ${host.config} -t`,
    `nginx -p ${host.folder} -c ${host.config} -s reload`
  ].join(' && ')
  const parts = ['fullchain', 'privkey'].map((name) => join(files, `${name}.pem`))
  return [copy(hosts, host, parts, to), remote(hosts, host, line)]
}

function tableOf({ scale }: Bench, works: readonly Work[]): Table {
  const targets = scale.hosts * each
  return {
    title: `Certificates of ${targets} nginx servers on ${scale.hosts} hosts replaced over SSH, each another`,
    cells: replacementCells(works, targets, { what: 'commands', of: ({ commands }) => commands }),
    notes: [
      `${atOnce} hosts at a time. Ours makes the keys, has its own CA issue, plans, tests the configuration before and after, and proves each server by handshakes with TLS 1.2 and 1.3 before and after; the others put files in place that were made before, and prove nothing.`,
      'Commands: sessions of SSH, file transfers included; what SFTP does in one session counts once.'
    ]
  }
}
