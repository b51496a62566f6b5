import { isInstalled } from '../test/peers/process.ts'
import { makeFolder } from '../test/peers/hosts/files.ts'
import { startHaproxy } from '../test/peers/hosts/haproxy.ts'
import { startNginx } from '../test/peers/hosts/nginx.ts'
import type { HostedProgram, Site } from '../test/peers/hosts/program.ts'
import { startBigIpPair } from './big-ip-pair.ts'
import { startFileServer } from './file-server.ts'
import type { ManagedServer } from './servers.ts'

/** What runs, and how its connector reaches it. */
export interface Running {
  readonly port: number
  readonly connector: 'web-hosts' | 'f5-bigip'
  /** of its device */
  readonly settings: Readonly<Record<string, string | number | readonly string[]>>
  readonly secrets: Readonly<Record<string, string>>
  /** of two units, of which one serves */
  readonly pair?: UnitPair
  close(): Promise<void>
}

/** Two units, of which one serves. */
export interface UnitPair {
  /** name of the one that serves now */
  active(): string
  /** the other one serves from now on */
  failOver(): Promise<void>
}

/** A server that runs. */
export type Managed = ManagedServer & Running

/** Where servers are started. */
export interface ManagedSpace {
  /** an existing folder, that every user may enter */
  readonly folder: string
  readonly host: string
  readonly freePort: () => Promise<number>
}

const programs = {
  nginx: { path: '/usr/sbin/nginx', start: startNginx },
  haproxy: { path: '/usr/sbin/haproxy', start: startHaproxy }
} as const

/** Servers whose program is there; those of the demo's own always are. */
export function startable(servers: readonly ManagedServer[]): ManagedServer[] {
  return servers.filter(
    ({ program }) => program === 'files' || program === 'big-ip' || isInstalled(programs[program].path)
  )
}

/**
 * Starts a server with its files in a folder of its own; gives the error of a program of this machine that does not
 * start as it does elsewhere.
 */
export async function startManaged(server: ManagedServer, space: ManagedSpace): Promise<Managed | Error> {
  const { device, name, pairs, program } = server
  if (program === 'big-ip') {
    const where = { host: space.host, port: await space.freePort() }
    return { ...server, ...(await startBigIpPair(server, where)) }
  }
  const folder = makeFolder(space.folder, device)
  const site: Site = { names: [name], listener: device, pairs }
  if (program !== 'files') {
    const parts = { folder, sites: [site], freePort: space.freePort }
    const running = await programs[program].start(parts).catch((thrown: unknown) => asError(thrown))
    return running instanceof Error ? running : { ...server, ...reachedBy(running, program) }
  }
  const where = { host: space.host, port: await space.freePort() }
  const limit = server.mostBits === undefined ? {} : { mostBits: server.mostBits }
  const running = await startFileServer({ folder, site, where, ...limit })
  const [certificate = ''] = Object.values(running.site.certificates)
  const entry = [
    `name=${device}`,
    `cert="${certificate}"`,
    `key="${certificate.replace(/crt$/, 'key')}"`,
    `reload="${running.reload}"`,
    `served=${where.host}:${running.port}@${name}`
  ]
  return {
    ...server,
    port: running.port,
    ...local,
    settings: { place: 'local', programs: [], files: [entry.join(' ')] },
    close: () => running.close()
  }
}

const asError = (thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown)))

const local = { connector: 'web-hosts', secrets: {} } as const

function reachedBy(running: HostedProgram, program: 'nginx' | 'haproxy'): Running {
  const {
    sites: [site],
    config
  } = running
  return {
    port: site?.port ?? 0,
    ...local,
    settings: { place: 'local', programs: [program], configs: [config] },
    close: () => running.stop()
  }
}
