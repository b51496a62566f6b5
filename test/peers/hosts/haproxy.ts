import { pemOf } from '../certificates.ts'
import { accepting, startProcess } from '../process.ts'
import { childrenOf, makeFolder, pidIn, portsOf, stemOf, writer } from './files.ts'
import type { Family, HostedProgram, ProgramSpace, ServedSite, Site } from './program.ts'

/**
 * HAProxy in master-worker mode with an admin socket and the master's one. A site with both kinds of key has a
 * bundle (`X.pem.rsa`, `X.pem.ecdsa`); names come from the certificates.
 */
export async function startHaproxy({ folder, sites, freePort }: ProgramSpace): Promise<HostedProgram> {
  const tls = makeFolder(folder, 'tls')
  const ports = await portsOf(sites, freePort)
  const served = sites.map((site) => writeSite(tls, site, ports.get(site.listener) ?? 0))
  const config = writer(folder)('haproxy.cfg', configuration(folder, served))
  const pidFile = `${folder}/haproxy.pid`
  const args = ['-W', '-db', '-S', `${folder}/master.sock`, '-f', config, '-p', pidFile]
  // the master ends on SIGTERM, its workers with it
  const running = startProcess({ program: '/usr/sbin/haproxy', args, signal: 'SIGTERM' })
  for (const { port } of served) await accepting('127.0.0.1', port, running)
  // read once: a reload keeps the master's process, and writes the file anew for a moment
  const pid = await pidIn(pidFile)
  const master = () => pid
  return {
    name: 'haproxy',
    sites: served,
    config,
    folders: [tls],
    facts: { adminSocket: `${folder}/admin.sock`, masterSocket: `${folder}/master.sock`, pidFile },
    master,
    async reload() {
      process.kill(master(), 'SIGUSR2')
    },
    generation: () => childrenOf(master()).join(' '),
    stop: () => running.stop()
  }
}

function writeSite(tls: string, site: Site, port: number): ServedSite {
  const families = Object.keys(site.pairs) as Family[]
  const certificates: Partial<Record<Family, string>> = {}
  for (const family of families) {
    const certificate = site.pairs[family]
    if (!certificate) continue
    const file = families.length === 1 ? `${stemOf(site)}.pem` : `${stemOf(site)}.pem.${family}`
    certificates[family] = writer(tls)(file, pemOf(certificate.chain) + certificate.keyPem, 0o600)
  }
  return { ...site, port, certificates }
}

function configuration(folder: string, sites: readonly ServedSite[]): string {
  const listeners = [...new Set(sites.map(({ listener }) => listener))]
  const frontend = (listener: string) => {
    const here = sites.filter((site) => site.listener === listener)
    const files = [...new Set(here.map((site) => `${folder}/tls/${stemOf(site)}.pem`))]
    return `frontend ${listener}
  bind 127.0.0.1:${here[0]?.port ?? 0} ssl ${files.map((file) => `crt ${file}`).join(' ')}
  http-request return status 200 content-type text/plain string "${listener}"
`
  }
  return `global
  stats socket ${folder}/admin.sock mode 660 level admin expose-fd listeners
  stats timeout 30s
defaults
  mode http
  timeout client 10s
  timeout connect 10s
  timeout server 10s
${listeners.map(frontend).join('')}`
}
