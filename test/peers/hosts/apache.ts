import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { accepting, startProcess } from '../process.ts'
import { keyBeside, makeFolder, pidIn, portsOf, writePairs, writer } from './files.ts'
import type { HostedProgram, ProgramSpace, ServedSite } from './program.ts'

const program = '/usr/sbin/apache2'
const modules = '/usr/lib/apache2/modules'

/** Apache httpd (event MPM) with a virtual host for each site. */
export async function startApache({ folder, sites, freePort }: ProgramSpace): Promise<HostedProgram> {
  const tls = makeFolder(folder, 'tls')
  makeFolder(folder, 'run')
  const ports = await portsOf(sites, freePort)
  const served = writePairs(tls, sites, ports)
  const config = writer(folder)('httpd.conf', configuration(folder, served, [...ports.values()]))
  const args = ['-d', folder, '-f', config]
  // a daemon, as everywhere: after a fault it can be started again, which a child in the foreground cannot
  const pidFile = `${folder}/httpd.pid`
  const stop = ['/bin/sh', '-c', `kill "$(cat ${pidFile})"; rm -f ${pidFile}`]
  const keeper = startProcess({ program: 'sleep', args: ['infinity'], stop })
  execFileSync(program, [...args, '-k', 'start'], { stdio: 'ignore' })
  for (const { port } of served) await accepting('127.0.0.1', port, keeper)
  await pidIn(pidFile)
  const master = () => Number(readFileSync(pidFile, 'utf8'))
  return {
    name: 'apache',
    sites: served,
    config,
    folders: [tls],
    facts: { pidFile, errorLog: `${folder}/error.log` },
    master,
    async reload() {
      // as logrotate does it: without a test before
      process.kill(master(), 'SIGUSR1')
    },
    // its workers come and go by themselves; at each (re)start it says that it goes on
    generation: () =>
      String(readFileSync(`${folder}/error.log`, 'utf8').split('resuming normal operations').length),
    stop: () => keeper.stop()
  }
}

function configuration(folder: string, sites: readonly ServedSite[], ports: readonly number[]): string {
  const load = ['mpm_event', 'authz_core', 'ssl', 'socache_shmcb', 'status']
  return `ServerRoot ${folder}
ServerName test.invalid
PidFile ${folder}/httpd.pid
DefaultRuntimeDir ${folder}/run
Mutex file:${folder}/run default
${load.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
ErrorLog ${folder}/error.log
LogLevel notice
${ports.map((port) => `Listen 127.0.0.1:${port}`).join('\n')}
${sites.map(virtualHost).join('')}`
}

function virtualHost({ names, port, certificates }: ServedSite): string {
  const [name = 'test.invalid', ...aliases] = names
  const pairs = Object.values(certificates).map(
    (path) => `  SSLCertificateFile ${path}\n  SSLCertificateKeyFile ${keyBeside(path)}\n`
  )
  return `<VirtualHost 127.0.0.1:${port}>
  ServerName ${name}
${aliases.length > 0 ? `  ServerAlias ${aliases.join(' ')}\n` : ''}  SSLEngine on
${pairs.join('')}</VirtualHost>
`
}
